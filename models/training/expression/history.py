"""What a training run went through so far; it lies in last.pt, so that an interruption loses none of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class History:
    """Grows with every epoch."""

    losses: list[float] = field(default_factory=list)
    """Of every step."""
    epochs: list[dict[str, float]] = field(default_factory=list)
    """Of every epoch: loss, and nll, accuracy and macro_recall on the calibration split."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    """Of all threads of this process; on a busy machine they tell more than the wall's clock."""

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Adds the time of what is done inside."""
        wall, cpu = time.monotonic(), time.process_time()
        yield
        self.wall_s += time.monotonic() - wall
        self.cpu_s += time.process_time() - cpu

    def stored(self) -> dict:
        """As last.pt holds it."""
        return dataclasses.asdict(self)
