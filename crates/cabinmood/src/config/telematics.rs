//! [telematics]: mood episodes to a fleet's broker.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use publish::telematics::{
    MAX_PAYLOAD, MAX_TOPIC, Retry, StoreOptions, SyncPolicy, TelematicsOptions, TlsFiles, UploadRate,
    VEHICLE, is_topic, is_vehicle_id,
};
use wire::episode::{EpisodeHeader, EpisodeLimits};
use wire::{Gate, Group, Policy, Reach};

use super::Section;
use super::purpose;
use crate::clock;

const TOPIC: &str = "cabinmood/{vehicle}/mood";
const _: () = assert!(TOPIC.len() <= MAX_TOPIC && VEHICLE.len() == "{vehicle}".len());

/// Mood episodes to a fleet's broker.
#[derive(Debug, Clone)]
pub struct Telematics {
    options: TelematicsOptions,
    /// What leaves the vehicle.
    pub gate: Gate,
}

impl Telematics {
    /// `None` where it is switched off; and the folder of episodes, which there may be from before.
    pub(super) fn read(keys: &mut Section<'_>, policy: Policy) -> (Option<Self>, PathBuf) {
        let enabled = keys.flag(
            "enabled",
            false,
            "Whether to send mood episodes to a broker outside of the vehicle. docs/telematics.md says what is in them.",
        );
        let (host, port) = read_broker(keys);
        let tls = read_files(keys);
        let vehicle_id = keys.word(
            "vehicle_id",
            (String::new(), ""),
            "1 to 64 letters, digits, '-', '_' or '.', or nothing while telematics is off",
            "The vehicle: in every episode, in the topic, and the MQTT client's id. Two vehicles with one id throw each other's connections out.",
            |text| (text.is_empty() || is_vehicle_id(text)).then(|| text.to_owned()),
        );
        let topic = keys.word(
            "topic",
            (TOPIC.to_owned(), TOPIC),
            "a topic of at most 256 bytes with {vehicle} in it, without wildcards",
            "Where episodes are published; {vehicle} stands for telematics.vehicle_id.",
            |text| is_topic(text).then(|| text.to_owned()),
        );
        let (store, store_options, sync) = read_store(keys);
        let (limits, max_message_bytes, rate) = read_conditions(keys);
        let retry = read_retry(keys);
        let gate = purpose::gate(keys, policy, Reach::Beyond, enabled);
        if enabled {
            let may = policy.forbids(Group::Expression, Reach::Beyond).is_none();
            if may && !gate.carries(Group::Expression) {
                let why =
                    "an episode is an expression: add \"expression\", or set telematics.enabled = false";
                keys.refuse("carries", why);
            }
            for (name, value) in [("host", &host), ("vehicle_id", &vehicle_id)] {
                if value.is_empty() {
                    keys.refuse(name, "must be set where telematics.enabled = true");
                }
            }
        }
        let header = EpisodeHeader {
            vehicle_id: vehicle_id.into(),
            purpose: policy.purpose.name().into(),
            run: "".into(),
        };
        let folder = store.clone();
        let telematics = enabled.then(|| Self {
            gate,
            options: TelematicsOptions {
                host,
                port,
                tls,
                topic,
                header,
                limits,
                max_message_bytes,
                store,
                store_options,
                sync,
                rate,
                retry,
                is_synchronised: Arc::new(clock::is_synchronised),
            },
        });
        (telematics, folder)
    }

    /// The options for this run, of which `run` is the name that no other has.
    pub fn options(&self, run: Arc<str>) -> TelematicsOptions {
        let mut options = self.options.clone();
        options.header.run = run;
        options
    }
}

fn read_broker(keys: &mut Section<'_>) -> (String, u16) {
    let host = keys.text(
        "host",
        "",
        "a name or an address, or nothing while telematics is off",
        "The broker, by the name or address that is in its certificate. It must speak MQTT 5 over TLS.",
    );
    let port =
        keys.integer("port", 8883, 1..=u16::MAX, "(a TCP port)", "The broker's port for MQTT over TLS.");
    (host, port)
}

fn read_files(keys: &mut Section<'_>) -> TlsFiles {
    let mut file = |name, default: &'static str, why| {
        keys.word(name, (PathBuf::from(default), default), "the path of a PEM file", why, |text| {
            (!text.is_empty()).then(|| text.into())
        })
    };
    TlsFiles {
        ca: file(
            "ca",
            "/etc/cabinmood/telematics/ca.pem",
            "The authorities that may have signed the broker's certificate. The system's own are not asked.",
        ),
        cert: file(
            "cert",
            "/etc/cabinmood/telematics/vehicle.pem",
            "The vehicle's own certificate, followed by those between it and its authority.",
        ),
        key: file(
            "key",
            "/etc/cabinmood/telematics/vehicle.key",
            "The key of that certificate. Only the daemon's user should be able to read it.",
        ),
    }
}

fn read_store(keys: &mut Section<'_>) -> (PathBuf, StoreOptions, SyncPolicy) {
    const STORE: &str = "/var/lib/cabinmood/telematics";
    let store = keys.word(
        "store",
        (PathBuf::from(STORE), STORE),
        "an absolute path",
        "The folder in which episodes wait for the broker. It is made where it is missing, for the daemon's user only.",
        |text| text.starts_with('/').then(|| text.into()),
    );
    let store_mb = keys.integer(
        "store_mb",
        64_u64,
        1..=4096,
        "MiB",
        "How large the store may become; then the oldest episodes go. An hour without a broker takes a megabyte or two at one episode a second.",
    );
    let sync_s = keys.integer(
        "sync_s",
        10_u64,
        1..=300,
        "seconds",
        "How often what is new is made durable: so much a power cut may cost, and only what is durable is sent. Each time costs flash memory some ten kilobytes of the file system's own.",
    );
    let sync = SyncPolicy { interval: Duration::from_secs(sync_s), records: SyncPolicy::MOST_RECORDS };
    (store, StoreOptions::new(store_mb << 20), sync)
}

fn read_conditions(keys: &mut Section<'_>) -> (EpisodeLimits, usize, UploadRate) {
    let shortest_s = keys.number(
        "min_duration_s",
        1.0,
        0.0..=3600.0,
        "s",
        "Expressions that held for less are no episode: half a second to four is what most last (Ekman 2003), and short ones are the likeliest to be misjudged.",
    );
    let longest_s = keys.integer(
        "max_duration_s",
        300_u64,
        10..=3600,
        "seconds",
        "Longer ones are told in pieces, so that what a power cut may cost is bounded.",
    );
    let max_message_bytes = keys.integer(
        "max_message_bytes",
        4096,
        1024..=MAX_PAYLOAD,
        "bytes",
        "An episode with more is not sent, and counted. It has some 600.",
    );
    let mut rate = |name, default, greatest, unit, why| {
        let value = keys.integer(name, default, 0..=greatest, unit, why);
        (value > 0).then_some(value)
    };
    let records_per_s = rate(
        "max_records_per_s",
        200_u32,
        100_000,
        "episodes a second, 0 for no limit",
        "How fast a backlog is sent: at the default an hour at one a second in 18 s.",
    );
    let kb_per_s = rate(
        "max_kb_per_s",
        128_u32,
        100_000,
        "kilobytes a second, 0 for no limit",
        "How much of the mobile link a backlog may take.",
    );
    let in_flight = keys.integer(
        "max_in_flight",
        100_u16,
        1..=1000,
        "episodes",
        "How many are sent before the first of them is acknowledged; the broker may ask for fewer.",
    );
    let rate = UploadRate { records_per_s, bytes_per_s: kb_per_s.map(|kb| kb * 1000), in_flight };
    let limits = EpisodeLimits {
        shortest: Duration::from_secs_f32(shortest_s),
        longest: Duration::from_secs(longest_s),
    };
    (limits, max_message_bytes, rate)
}

fn read_retry(keys: &mut Section<'_>) -> Retry {
    let first_s = keys.number(
        "retry_first_s",
        2.0,
        0.1..=600.0,
        "s",
        "The longest first pause after a connection failed; each further bound is twice as long. The pause is drawn evenly between nothing and the bound, so that vehicles do not return all at once: take the number of vehicles over the connections a second that the broker accepts.",
    );
    let longest_s = keys.number("retry_max_s", 300.0, 1.0..=3600.0, "s", "The greatest such bound.");
    if longest_s < first_s {
        keys.refuse("retry_max_s", "must be at least telematics.retry_first_s");
    }
    Retry { first: Duration::from_secs_f32(first_s), longest: Duration::from_secs_f32(longest_s) }
}
