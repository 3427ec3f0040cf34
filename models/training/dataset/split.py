"""Who is learned from, who decides and who judges. A person is on one side only; where the person is not
known, the content's hash decides, so that added files never move others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")
_RANGE = 2**32


@dataclass(frozen=True)
class Shares:
    """Parts of all pictures; the rest is learned from."""

    validation: float
    test: float

    def of_all(self) -> np.ndarray:
        """In the order of SPLITS."""
        return np.array([1 - self.validation - self.test, self.validation, self.test])


def number_of(content: bytes) -> int:
    """A number below 2^32 that is drawn by the content alone."""
    return int.from_bytes(hashlib.sha256(content).digest()[:4])


def by_content(sha256: str, shares: Shares, seed: int) -> str:
    """The split of a picture of nobody in particular."""
    drawn = number_of(f"{seed}/{sha256}".encode()) / _RANGE
    if drawn < shares.test:
        return TEST
    return VALIDATION if drawn < shares.test + shares.validation else TRAIN


def by_person(
    persons: Mapping[str, np.ndarray], shares: Shares, seed: int, settled: Mapping[str, str]
) -> dict[str, str]:
    """A split for each person, from their pictures per class. Those with most pictures come first, and each
    goes where the classes of all splits come nearest to their shares; every class counts alike. `settled`
    are the persons whose split stays as it is."""
    total = np.sum(list(persons.values()), axis=0)
    worth = 1 / np.maximum(total, 1).astype(float) ** 2
    missing = np.outer(shares.of_all(), total)
    chosen = {person: settled[person] for person in persons if person in settled}
    for person, split in chosen.items():
        missing[SPLITS.index(split)] -= persons[person]
    open_ = [s for s, share in enumerate(shares.of_all()) if share > 0]
    waiting = sorted(
        persons.keys() - chosen.keys(),
        key=lambda p: (-persons[p].sum(), number_of(f"{seed}/{p}".encode()), p),
    )
    for person in waiting:
        # (missing - n)^2 - missing^2, without the part that is the same for every split.
        gain = [(worth * missing[s] * persons[person]).sum() for s in open_]
        best = open_[int(np.argmax(gain))]
        missing[best] -= persons[person]
        chosen[person] = SPLITS[best]
    return chosen
