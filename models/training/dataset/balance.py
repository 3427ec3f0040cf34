"""Balances the classes of the training split by drawn variants of their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from expression import LABELS
from expression.augment import Augment, AugmentConfig

from dataset.pictures import Picture
from dataset.split import number_of

CHANGES = AugmentConfig(
    contrast=0.25, brightness=0.1, gamma=0.3, side_light=0.15, noise=0.03, erase_probability=0.0
)
"""Turned, mirrored, moved, blurred, lit; more gently than in training, which changes these pictures again,
and without covers."""


@dataclass(frozen=True)
class Variant:
    """The `number`th variant of a picture; the same `draw` gives the same changes."""

    origin: Picture
    number: int
    draw: int

    def of(self, crop: np.ndarray) -> np.ndarray:
        """The changed face [112,112]."""
        face = torch.from_numpy(crop)[None, None].float() / 255
        changed = Augment(CHANGES, torch.Generator().manual_seed(self.draw))(face)
        return (changed[0, 0] * 255).round().to(torch.uint8).numpy()


def variants(training: Sequence[Picture], seed: int, at_most: int) -> Iterator[Variant]:
    """As many for each class as it lacks to the largest, no more than `at_most` of one picture. What is drawn
    depends on the picture and the seed alone."""
    classes = [
        sorted((p for p in training if p.kind == c), key=lambda p: p.sha256) for c in range(len(LABELS))
    ]
    most = max(map(len, classes))
    for own in classes:
        wanted = min(most - len(own), at_most * len(own))
        for place in range(wanted):
            origin, number = own[place % len(own)], place // len(own) + 1
            yield Variant(origin, number, number_of(f"{seed}/{origin.sha256}/{number}".encode()))
