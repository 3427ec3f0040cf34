"""Virtual CAN buses, and listening on them with python-can."""

import fcntl
import socket
import struct
import subprocess
import time
from collections.abc import Callable

import can

# From linux/if.h and linux/sockios.h: struct ifreq with flags in its union.
IFREQ = struct.Struct("16sh22x")
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 1


class Bus:
    """A vcan interface."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create(self) -> None:
        """Makes the interface, which is down at first."""
        _run("ip", "link", "add", self.name, "type", "vcan")

    def delete(self) -> None:
        """Takes it away."""
        _run("ip", "link", "delete", self.name)

    def up(self) -> None:
        """Lets frames pass."""
        self._set_flags(lambda flags: flags | IFF_UP)

    def down(self) -> None:
        """Stops it: sockets on it get ENETDOWN."""
        self._set_flags(lambda flags: flags & ~IFF_UP)

    def _set_flags(self, change: Callable[[int], int]) -> None:
        """At once, where starting `ip` takes a tenth of a second in the guest: tests measure from here."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as any_socket:
            request = IFREQ.pack(self.name.encode(), 0)
            _, flags = IFREQ.unpack(fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, IFREQ.pack(self.name.encode(), change(flags)))

    def fill(self) -> None:
        """Lets a byte a second through, so that the queue is full: a bus that nobody acknowledges."""
        limits = ("rate", "8bit", "burst", "20b", "limit", "20b")
        _run("tc", "qdisc", "add", "dev", self.name, "root", "tbf", *limits)

    def drain(self) -> None:
        """Lets everything through again."""
        _run("tc", "qdisc", "delete", "dev", self.name, "root")

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
