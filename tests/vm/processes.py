"""Processes that a test starts, and waiting for what they say: on the thing itself, with a deadline."""

import json
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

# Nothing that a test waits for takes this long, also on a busy machine.
PATIENCE_S = 60.0


# As the service runs: it needs no more than a camera's node and a socket. (A missing interface would be
# looked for with modprobe, several times a second, on behalf of a program that may load modules.)
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


class Stream:
    """What a process says, piece by piece, read on a thread so that the process never waits for a test."""

    def __init__(self, source: Iterable[Any]) -> None:
        self.seen: list[Any] = []
        self._pieces: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self._read, args=(source,), daemon=True).start()

    def _read(self, source: Iterable[Any]) -> None:
        try:
            for piece in source:
                self._pieces.put(piece)
        except (OSError, ValueError):
            pass  # closed by the test's end
        self._pieces.put(None)

    def next(self, what: str, deadline: float) -> Any:
        """The next piece, at the latest at that moment of the monotonic clock."""
        try:
            piece = self._pieces.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"not in time: {what}; last: {self.seen[-3:]}") from None
        assert piece is not None, f"it ended before: {what}; last: {self.seen[-3:]}"
        self.seen.append(piece)
        return piece

    def so_far(self) -> list[Any]:
        """All that has come until now."""
        while not self._pieces.empty():
            self.next("what has come", time.monotonic() + PATIENCE_S)
        return self.seen

    def until(self, what: str, fits: Callable[[Any], bool], within_s: float = PATIENCE_S) -> Any:
        """Passes over pieces until one fits."""
        deadline = time.monotonic() + within_s
        while not fits(piece := self.next(what, deadline)):
            pass
        return piece


class Feeder:
    """A camera's other end: feeder.py in a process of its own, so that it can be killed."""

    def __init__(self, device: str, clip: Path, fps: int) -> None:
        script = Path(__file__).with_name("feeder.py")
        width, height = 640, 360  # of all the footage
        command = ["/usr/bin/python3", "-S", script, device, clip, str(width), str(height), str(fps)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        Stream(self._process.stdout).until("the first frame", lambda line: line == "feeding\n")

    def tell(self, word: str) -> None:
        """`hold` or `play`."""
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._process.kill()
        self._process.wait()


class Daemon:
    """A running `cabinmood run` with a socket of its own; its log goes to a file beside the guest's."""

    def __init__(self, binary: Path, folder: Path, log: Path, settings: Iterable[str]) -> None:
        self._path = folder / "mood.sock"
        command = [*UNPRIVILEGED, binary, "run"]
        for setting in (f"socket.path={self._path}", *settings):
            command += ["--set", setting]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.log = Stream(self._kept(log))
        self.log.until("listening", lambda line: "listening" in line)
        self.events = self.subscribe()

    def _kept(self, log: Path) -> Iterable[str]:
        with log.open("w") as file:
            for line in self._process.stderr:
                file.write(line)
                file.flush()
                yield line

    def subscribe(self) -> Stream:
        """A reader of its events, from the present state on."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self._path))
        lines = map(json.loads, connection.makefile())
        # A gap tells that this reader was too slow, on a machine that is busy elsewhere.
        return Stream(line for line in lines if line["schema"] == "cabinmood.event/1")

    def end(self) -> int:
        """Asks it to end; its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
