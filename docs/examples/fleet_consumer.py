"""Takes mood episodes from a broker into SQLite, each of them once.

Delivery from the vehicle is at least once, from the broker too (quality of service 1). What makes it
exactly once is here: an episode's event_id is the table's key, so that a second copy changes nothing,
and the broker is told only after the commit, so that a consumer that dies loses nothing. Several of
these may share the work: give each its own --client-id and all the same shared topic,
'$share/episodes/cabinmood/+/mood', and a database that they have in common.

    python fleet_consumer.py --host broker.example --ca ca.pem --cert me.pem --key me.key --db mood.sqlite
"""

import argparse
import json
import sqlite3
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SCHEMA = "cabinmood.episode/1"
TABLE = """
create table if not exists episode (
    event_id text primary key,
    vehicle_id text not null,
    purpose text not null,
    state text not null,
    start_utc_ns integer not null,
    clock_synchronised integer not null,
    duration_ms integer not null,
    confidence real not null,
    episode text not null
) without rowid
"""
INSERT = """
insert into episode values (:event_id, :vehicle_id, :purpose, :state, :start_utc_ns, :clock_synchronised,
    :duration_ms, :confidence, :episode) on conflict (event_id) do nothing
"""
# The broker keeps what is published for so long while no consumer is connected: a week.
SESSION_S = 7 * 24 * 3600


def parse(payload: bytes) -> dict:
    """The episode, or ValueError that says what is wrong with it."""
    try:
        episode = json.loads(payload)
    except ValueError as fault:
        raise ValueError(f"not JSON: {fault}") from None
    if not isinstance(episode, dict) or episode.get("schema") != SCHEMA:
        raise ValueError(f"not of schema {SCHEMA}")
    missing = {"event_id", "vehicle_id", "purpose", "state"} - episode.keys()
    if missing:
        raise ValueError(f"lacks {', '.join(sorted(missing))}")
    return episode


def store(database: sqlite3.Connection, payload: bytes) -> bool:
    """Stores an episode; whether it is new. Nanoseconds fit into SQLite's 64-bit integers."""
    row = parse(payload) | {"episode": payload.decode()}
    with database:
        return database.execute(INSERT, row).rowcount == 1


class Consumer:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.database = sqlite3.connect(args.db)
        self.database.execute("pragma journal_mode = wal")
        # A commit is on the disk before the broker is told.
        self.database.execute("pragma synchronous = full")
        self.database.execute(TABLE)
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, args.client_id, protocol=mqtt.MQTTv5, manual_ack=True
        )
        self.client.tls_set(args.ca, args.cert, args.key)
        self.client.on_connect = self.connected
        self.client.on_message = self.received

    def run(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_S
        self.client.connect(self.args.host, self.args.port, clean_start=False, properties=properties)
        self.client.loop_forever(retry_first_connection=True)

    def connected(self, client, _userdata, _flags, reason, _properties) -> None:
        if reason.is_failure:
            print(f"{self.args.host}: {reason}", file=sys.stderr)
            return
        client.subscribe(self.args.topic, qos=1)

    def received(self, client, _userdata, message) -> None:
        try:
            new = store(self.database, message.payload)
            print("new" if new else "again", message.topic, flush=True)
        except (ValueError, sqlite3.IntegrityError, sqlite3.ProgrammingError) as fault:
            # It will not get better: it is told and not asked for again.
            print(f"{message.topic}: {fault}", file=sys.stderr)
        # A database that cannot be written raises another error: this ends, and the message comes again.
        client.ack(message.mid, message.qos)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, default=8883)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--topic", default="cabinmood/+/mood")
    parser.add_argument("--client-id", default="fleet-consumer")
    parser.add_argument("--db", required=True)
    Consumer(parser.parse_args()).run()


if __name__ == "__main__":
    main()
