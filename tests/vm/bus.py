"""Virtual CAN buses, and listening on them with python-can."""

import subprocess
import time
from collections.abc import Callable

import can


class Bus:
    """A vcan interface."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create(self) -> None:
        """Makes the interface and brings it up."""
        _run("ip", "link", "add", self.name, "up", "type", "vcan")

    def delete(self) -> None:
        """Takes it away."""
        _run("ip", "link", "delete", self.name)

    def up(self) -> None:
        """Lets frames pass."""
        _run("ip", "link", "set", self.name, "up")

    def down(self) -> None:
        """Stops it: sockets on it get ENETDOWN."""
        _run("ip", "link", "set", self.name, "down")

    def join(self) -> can.BusABC:
        """A raw socket on it, classic and FD; to be used in a `with`."""
        return can.Bus(self.name, interface="socketcan", fd=True)


def _run(*words: str) -> None:
    subprocess.run(words, check=True)


def until(
    node: can.BusABC, what: str, fits: Callable[[can.Message], bool], within_s: float = 10.0
) -> can.Message:
    """Reads frames until one fits."""
    deadline = time.monotonic() + within_s
    while (message := node.recv(max(0.0, deadline - time.monotonic()))) is not None:
        if fits(message):
            return message
    raise AssertionError(f"no frame in time: {what}")
