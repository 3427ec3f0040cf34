"""Every picture's split, and what copies would have done to it."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from expression import LABELS

from dataset import DatasetError
from dataset.pictures import DUPLICATE, Picture
from dataset.split import Shares, by_content, by_person


@dataclass(frozen=True)
class Settled:
    """What an earlier build used, and where."""

    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 -> split."""
    people: dict[str, str] = field(default_factory=dict)
    """Person -> split."""

    @classmethod
    def by(cls, earlier: Path) -> Settled:
        """Reads an earlier build's list of pictures."""
        try:
            with (earlier / "pictures.csv").open(newline="", encoding="utf-8") as file:
                used = [row for row in csv.DictReader(file) if row["split"]]
        except FileNotFoundError as error:
            message = f"--like {earlier}: no pictures.csv there; name a folder that was built"
            raise DatasetError(message) from error
        people = {row["person"]: row["split"] for row in used if row["person"]}
        return cls({row["sha256"]: row["split"] for row in used}, people)


def assign(found: list[Picture], shares: Shares, seed: int, settled: Settled) -> None:
    """Gives each of these pictures its split."""
    counts: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(LABELS), int))
    people = dict(settled.people)
    for picture in found:
        if picture.person:
            counts[picture.person][picture.kind] += 1
            if picture.sha256 in settled.files:
                # Nobody knew whose the picture was, then.
                people.setdefault(picture.person, settled.files[picture.sha256])
    chosen = by_person(counts, shares, seed, people) if counts else {}
    for picture in found:
        picture.split = (
            chosen.get(picture.person)
            or settled.files.get(picture.sha256)
            or by_content(picture.sha256, shares, seed)
        )


def moved_copies(found: list[Picture], shares: Shares, seed: int) -> int:
    """Copies that would have lain in another split than their original, had nobody looked for copies."""
    known = {p.file: p for p in found}
    people = {p.person: p.split for p in found if p.person and p.split}
    copies = [p for p in found if p.fate == DUPLICATE and known[p.detail].split]
    alone = (people.get(p.person) or by_content(p.sha256, shares, seed) for p in copies)
    return sum(split != known[p.detail].split for split, p in zip(alone, copies, strict=True))
