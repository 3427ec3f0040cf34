"""What slow readers do to the pipeline: `make bench-load`.

Plays a clip to the real daemon again and again, by turns alone and under load, and compares how many
frames a second come out, and what processor time each took. The load is 50 subscribers of the socket, half
of which never read while the others read a line a second; scrapers of the metrics that ask and never read,
in nearly all places that there are; one that reads a byte at a time; and one that scrapes as Prometheus
does, once a second; and telematics, with a broker that is dead. In both cases one quick subscriber counts the
frames.

Two clips: the one at its own pace, as a camera gives it, and the same with so short a time between frames
that the pipeline has always one waiting: there the frame rate is what the processor can do, and any work
that the load makes shows, but so does whatever else the machine does. `--set KEY=VALUE` goes to the daemon
under load alone.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
from pathlib import Path

import cv2

ROOT = Path(__file__).resolve().parents[1]
SUBSCRIBERS, SCRAPERS = 50, 8
# Beyond what any processor here can align and classify.
FLOOD_FPS = 500.0
# The first frames come while caches are cold and the engine warms up.
WARM_UP_S = 1.0
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


def write_clip(source: Path, path: Path, fps: float, seconds: float) -> None:
    """The source's frames forwards and backwards until the time is full, so that the face never jumps."""
    video = cv2.VideoCapture(str(source))
    frames = []
    while (got := video.read())[0]:
        frames.append(got[1])
    height, width = frames[0].shape[:2]
    out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
    there_and_back = frames + frames[-2:0:-1]
    for number in range(int(fps * seconds)):
        out.write(there_and_back[number % len(there_and_back)])
    out.release()


def connect(path: Path, buffer: int | None = None) -> socket.socket:
    """A connection that keeps as little as the kernel allows."""
    link = socket.socket(socket.AF_UNIX)
    if buffer:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    link.settimeout(5)
    link.connect(str(path))
    return link


def dead_broker(folder: Path) -> list[str]:
    """Settings of a vehicle in a hurry whose broker is not there: it is refused, and soon tries again."""
    key, certificate = folder / "vehicle.key", folder / "vehicle.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=truck", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    # TCP's port multiplexer: nobody serves it, and nobody is given it.
    settings = {"enabled": "true", "host": "127.0.0.1", "port": 1, "vehicle_id": "truck"}
    settings |= {"store": folder / "store", "ca": certificate, "cert": certificate, "key": key}
    settings |= {"min_duration_s": 0, "sync_s": 1, "retry_first_s": 0.1, "retry_max_s": 1}
    return [f"telematics.{name}={value}" for name, value in settings.items()]


class Load:
    """All slow readers, on one thread that mostly sleeps."""

    def __init__(self, mood: Path, metrics: Path) -> None:
        self.metrics, self.stop = metrics, threading.Event()
        self.subscribers = [connect(mood, 2048) for _ in range(SUBSCRIBERS)]
        self.stuck = [self.ask() for _ in range(SCRAPERS - 2)]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def ask(self) -> socket.socket:
        """A scraper that asked and has not read."""
        link = connect(self.metrics, 2048)
        link.sendall(REQUEST)
        return link

    def run(self) -> None:
        """Once a second: the slow ones read a little, who was broken off comes again, one scrapes in full."""
        sipping, scrapes = self.ask(), 0
        while not self.stop.wait(1.0):
            for link in self.subscribers[::2]:
                with contextlib.suppress(OSError):
                    link.recv(700)
            with contextlib.suppress(OSError):
                if not sipping.recv(1):
                    sipping = self.ask()
                with self.ask() as link:
                    while link.recv(65536):
                        pass
                scrapes += 1
                if scrapes % 5 == 0:
                    for link in self.stuck:
                        link.close()
                    self.stuck = [self.ask() for _ in range(SCRAPERS - 2)]
        sipping.close()

    def end(self) -> None:
        """Lets go of everything."""
        self.stop.set()
        self.thread.join()
        for link in self.subscribers + self.stuck:
            link.close()


def play(binary: Path, clip: Path, folder: Path, load: bool, settings: list[str]) -> tuple[float, float]:
    """Plays the clip once; the frames a second that came out, and the milliseconds of processor time each."""
    mood, metrics = folder / "mood.sock", folder / "metrics.sock"
    keys = [f"socket.path={mood}", f"metrics.path={metrics}", "metrics.enabled=true", *settings]
    command = [binary, "run", clip, *(word for key in keys for word in ("--set", key))]
    # A scratch home: nothing of the machine's own configuration counts.
    environment = {**os.environ, "HOME": str(folder)}
    daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    log = iter(daemon.stderr.readline, b"")
    if not any(b"metrics are served" in line for line in log):
        raise SystemExit(f"{command}: ended with {daemon.wait()}")
    threading.Thread(target=lambda: [None for _ in log], daemon=True).start()
    times, missed, slow = [], 0, None
    try:
        with connect(mood) as link, link.makefile() as lines:
            for line in lines:
                event = json.loads(line)
                missed += event.get("missed", 0)
                if event.get("frame_seq") is None:
                    continue
                if load and slow is None:
                    slow = Load(mood, metrics)
                times.append(event["published_at_ns"] / 1e9)
    finally:
        if slow:
            slow.end()
        daemon.send_signal(signal.SIGTERM)
        _, daemon.returncode, used = os.wait4(daemon.pid, 0)
    counted = [time for time in times if time - times[0] > WARM_UP_S]
    # What this reader missed was published all the same.
    rate = (len(counted) - 1 + missed) / (counted[-1] - counted[0])
    return rate, 1000 * (used.ru_utime + used.ru_stime) / (len(times) + missed)


def compare(name: str, clip: Path, arguments: argparse.Namespace, load_set: list[str], folder: Path) -> None:
    """Both cases by turns, and what they differ in."""
    runs: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for turn in range(arguments.rounds):
        # Once the one first, once the other, so that a machine that slows down favours neither.
        for load in (turn % 2 == 1, turn % 2 == 0):
            settings = load_set if load else []
            rate, cost = play(arguments.binary, clip, folder, load, settings)
            runs[load].append((rate, cost))
            case = "under load" if load else "alone"
            print(f"  {case:10} {rate:7.2f} frames/s, {cost:.2f} ms each", flush=True)
    for place, unit in enumerate(["frames/s", "ms of processor time a frame"]):
        alone, loaded = ([run[place] for run in runs[load]] for load in (False, True))
        middle, burdened = statistics.median(alone), statistics.median(loaded)
        change, spread = 100 * (burdened - middle) / middle, 100 * (max(alone) - min(alone)) / middle
        print(
            f"{name}: median {middle:.2f} {unit} alone, {burdened:.2f} under load: "
            f"{change:+.2f} % (the runs alone spread by {spread:.1f} %)",
            flush=True,
        )


def main() -> None:
    """Reads the arguments, makes the clips, compares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/cabinmood")
    parser.add_argument("--clip", type=Path, default=ROOT / "third_party/footage/single_face.mp4")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each case")
    parser.add_argument("--seconds", type=float, default=10, help="length of a run")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="under load alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        under_load = [*dead_broker(folder), *arguments.set]
        for title, fps in (("at the clip's pace", 30.0), ("as fast as it goes", FLOOD_FPS)):
            clip = folder / f"{fps:.0f}.mp4"
            write_clip(arguments.clip, clip, fps, arguments.seconds)
            print(f"{title}, {fps:.0f} frames/s offered:", flush=True)
            compare(title, clip, arguments, under_load, folder)


if __name__ == "__main__":
    main()
