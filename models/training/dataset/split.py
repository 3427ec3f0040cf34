"""Who is learned from, who decides and who judges. A person is on one side only; where the person is not
known, the content's hash decides, so that added files never move others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")
_RANGE = 2**32
MOST_EXCHANGES = 200
MOST_COMPARED = 1000
"""Persons of a split whose exchange is tried; more need gigabytes."""


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
    """A split for each person, from their pictures per class, so that the classes of all splits come near to
    their shares; every class counts alike. `settled` are the persons whose split stays as it is."""
    total = np.sum(list(persons.values()), axis=0)
    worth = 1 / np.maximum(total, 1).astype(float) ** 2
    missing = np.outer(shares.of_all(), total)
    chosen = {person: settled[person] for person in persons if person in settled}
    for person, split in chosen.items():
        missing[SPLITS.index(split)] -= persons[person]
    open_ = [s for s, share in enumerate(shares.of_all()) if share > 0]
    # Those with most pictures come first, each to where most is missing of what they have.
    waiting = sorted(
        persons.keys() - chosen.keys(),
        key=lambda p: (-persons[p].sum(), number_of(f"{seed}/{p}".encode()), p),
    )
    members: dict[int, list[str]] = {s: [] for s in open_}
    for person in waiting:
        # (missing - n)^2 - missing^2, without the part that is the same for every split.
        best = max(open_, key=lambda s: float((worth * missing[s] * persons[person]).sum()))
        missing[best] -= persons[person]
        members[best].append(person)
    for s in open_:
        largest = max(members.values(), key=len)
        if not members[s] and SPLITS[s] not in chosen.values() and len(largest) > 1:
            # With few persons a small split would get nobody.
            moved = largest.pop()
            members[s].append(moved)
            missing[open_[list(members.values()).index(largest)]] += persons[moved]
            missing[s] -= persons[moved]
    refine(persons, members, missing, worth)
    return chosen | {person: SPLITS[s] for s, own in members.items() for person in own}


def refine(
    persons: Mapping[str, np.ndarray], members: dict[int, list[str]], missing: np.ndarray, worth: np.ndarray
) -> None:
    """Moves a person, or exchanges two, as long as that brings the splits nearer to what they should have: a
    rare class may have gone to one split whole."""
    nobody = np.zeros((1, len(worth)))
    for _ in range(MOST_EXCHANGES):
        best, change = None, -1e-9
        for a, b in permutations(members, 2):
            # The smallest persons come last, and they are what fine work is done with.
            first, second = members[a][-MOST_COMPARED:], members[b][-MOST_COMPARED:]
            if len(members[a]) < 2:
                continue
            there = np.vstack([*(persons[p] for p in second), nobody])
            given = np.stack([persons[p] for p in first])[:, None] - there[None]
            gain = (worth * given * (missing[a] - missing[b] + given)).sum(axis=2)
            i, j = np.unravel_index(gain.argmin(), gain.shape)
            if gain[i, j] < change:
                change, best = gain[i, j], (a, b, first[i], second[j] if j < len(second) else None)
        if best is None:
            return
        a, b, one, other = best
        for source, target, person in ((a, b, one), (b, a, other)):
            if person is not None:
                members[source].remove(person)
                members[target].append(person)
                missing[source] += persons[person]
                missing[target] -= persons[person]
