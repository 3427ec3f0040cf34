"""An ECU that listens: frames decoded by the daemon's DBC, in code that shares nothing with the daemon."""

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import can
import cantools
from e2e.p05 import e2e_p05_check
from e2e.p11 import e2e_p11_check
from processes import Stream

# AUTOSAR profile 11's counter goes from 0 to 14.
P11_COUNTS = 15


@dataclass(frozen=True)
class Heard:
    """A frame of one of the daemon's messages."""

    name: str
    at_ms: float
    """When the kernel took it, on the monotonic clock."""
    signals: dict[str, Any]
    data: bytes
    id: int

    @property
    def counter(self) -> int:
        """Of the end-to-end protection."""
        return self.signals[f"{self.name}Counter"]


def wall_clock_ahead_s() -> float:
    """Of the monotonic clock: frames bear wall-clock time. The closest of many looks, since between the
    two clocks of one look another program may run."""
    looks = [(time.monotonic(), time.time(), time.monotonic()) for _ in range(100)]
    before, wall, after = min(looks, key=lambda look: look[2] - look[0])
    return wall - (before + after) / 2


class Ecu:
    """Hears every bus there is, so that an interface may go and come back."""

    def __init__(self, binary: Path, *settings: str) -> None:
        command = [binary, "schema", "dbc"]
        for setting in settings:
            command += ["--set", setting]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        self._database = cantools.database.load_string(text, "dbc")
        self._messages = {message.frame_id: message for message in self._database.messages}
        self._offset_s = wall_clock_ahead_s()
        self._node = can.Bus("", interface="socketcan", fd=True)
        self.frames = Stream(self._read())

    def _read(self) -> Iterator[Heard | can.Message]:
        """The daemon's messages decoded, others as they are, until this leaves."""
        while True:
            try:
                frame = self._node.recv()
            except can.CanError:
                return
            message = self._messages.get(frame.arbitration_id)
            yield frame if frame.is_error_frame or message is None else self._decoded(frame, message)

    def _decoded(self, frame: can.Message, message: cantools.database.can.Message) -> Heard:
        values = message.decode(frame.data).items()
        return Heard(
            name=message.name.removeprefix("Cabinmood_"),
            at_ms=(frame.timestamp - self._offset_s) * 1000,
            signals={key: getattr(value, "name", value) for key, value in values},
            data=bytes(frame.data),
            id=frame.arbitration_id,
        )

    def until(self, name: str, what: str, fits: Callable[[Heard], bool] = lambda heard: True) -> Heard:
        """Waits for a frame of this message that fits."""
        return self.frames.until(what, lambda h: isinstance(h, Heard) and h.name == name and fits(h))

    def heard(self, name: str) -> list[Heard]:
        """All frames of this message that were looked at."""
        return [one for one in self.frames.seen if isinstance(one, Heard) and one.name == name]

    def is_intact(self, heard: Heard) -> bool:
        """Whether the checksum is that of the standard, by autosar-e2e."""
        attributes = self._database.get_message_by_name(f"Cabinmood_{heard.name}").dbc.attributes
        data_id = attributes["E2EDataId"].value
        if attributes["E2EProfile"].value == "P05":
            return e2e_p05_check(heard.data, data_id)
        return e2e_p11_check(bytearray(heard.data), data_id)

    def leave(self) -> None:
        """Ends listening."""
        self._node.shutdown()


def word(state: Heard) -> str:
    """What a State frame tells: its state, or for `unknown` the reason."""
    mood = state.signals["MoodState"]
    return state.signals["MoodReason"] if mood == "unknown" else mood
