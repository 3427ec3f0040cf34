"""Reads dlib's shape-predictor file (version 1): packed integers and floats, as crates/align reads them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Stage:
    """One stage of trees, all of one depth."""

    # Splits [trees, leaves - 1, 3]: first pixel, second pixel, threshold.
    splits: np.ndarray
    # Steps [trees, leaves, 2 * points], x and y in turn, in units of the face box.
    steps: np.ndarray
    # The point that each pixel hangs on, and its offset [pixels, 2].
    anchors: np.ndarray
    offsets: np.ndarray


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def integer(self) -> int:
        """A control byte (low nibble: length, top bit: sign) and the little-endian bytes."""
        control = self.content[self.at]
        end = self.at + 1 + (control & 0x0F)
        value = int.from_bytes(self.content[self.at + 1 : end], "little")
        self.at = end
        return -value if control & 0x80 else value

    def real(self) -> float:
        """A mantissa and an exponent of two."""
        mantissa = self.integer()
        return mantissa * 2.0 ** self.integer()

    def shape(self) -> list[float]:
        """A column vector."""
        rows, columns = abs(self.integer()), abs(self.integer())
        return [self.real() for _ in range(rows * columns)]

    def listed(self, read) -> list:  # noqa: ANN001
        """A length and as many of something."""
        return [read() for _ in range(self.integer())]


def read(path: Path) -> tuple[np.ndarray, list[Stage]]:
    """The mean shape [2 * points] and the stages of a model."""
    reader = _Reader(path.read_bytes())
    if reader.integer() != 1:
        raise ValueError(f"{path}: not a dlib shape predictor of version 1")
    mean = np.array(reader.shape())

    def split() -> tuple[int, int, float]:
        return reader.integer(), reader.integer(), reader.real()

    def tree() -> tuple[list, list]:
        return reader.listed(split), reader.listed(reader.shape)

    forests = reader.listed(lambda: reader.listed(tree))
    anchors = reader.listed(lambda: reader.listed(reader.integer))
    offsets = reader.listed(lambda: reader.listed(lambda: (reader.real(), reader.real())))
    stages = [
        Stage(
            splits=np.array([splits for splits, _ in forest]),
            steps=np.array([leaves for _, leaves in forest], np.float32),
            anchors=np.array(hooks),
            offsets=np.array(places),
        )
        for forest, hooks, places in zip(forests, anchors, offsets, strict=True)
    ]
    return mean, stages
