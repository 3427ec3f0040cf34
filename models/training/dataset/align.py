"""Faces are cut by `cabinmood align` and by nothing else, so that a net learns from what it will be shown."""

from __future__ import annotations

import csv
import subprocess
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dataset import DatasetError

ROOT = Path(__file__).resolve().parents[3]
BINARY = ROOT / "target/release/cabinmood"
SOME_UNREADABLE = 65
"""`align`'s exit code where it went through the folder but some files are no pictures."""
UNREADABLE = "unreadable"
"""The reason that `align` gives for those."""


@dataclass(frozen=True)
class Aligned:
    """What `align` says of one picture."""

    source: str
    accepted: bool
    reason: str
    """Why it was not accepted."""


def align(binary: Path, raw: Path, aligned: Path, crops: bool) -> None:
    """Cuts the faces of the pictures in `raw`; `crops`: they are tight face crops."""
    if not binary.is_file():
        raise DatasetError(f"{binary}: not there; build it with `make build` or name it with --binary")
    ended = subprocess.run([binary, "align", raw, aligned, *(["--crops"] if crops else [])]).returncode
    # 65 also tells that it did not begin, and then there is no index.
    if ended not in (0, SOME_UNREADABLE) or not (aligned / "index.csv").is_file():
        raise DatasetError(
            f"{binary} align {raw}: exit code {ended}; correct what it says above and run again"
        )


def index(aligned: Path) -> list[Aligned]:
    """All pictures that `align` looked at, in its order."""
    with (aligned / "index.csv").open(newline="") as file:
        return [
            Aligned(r["source"], r["accepted"].lower() in ("true", "1"), r["reason"])
            for r in csv.DictReader(file)
        ]


def crop_of(aligned: Path, source: str) -> Path:
    """Where `align` writes the face of a picture."""
    return (aligned / source).with_suffix(".png")


def accepted(aligned: Path) -> dict[str, Path]:
    """source -> crop, of the faces that the quality gate let pass."""
    return {row.source: crop_of(aligned, row.source) for row in index(aligned) if row.accepted}


def as_they_came(aligned: Path) -> dict[str, Path]:
    """source -> crop, of the tight crops that could not be aligned: `evaluate` judges them, too."""
    crops = {row.source: crop_of(aligned, row.source) for row in index(aligned) if not row.accepted}
    return {source: crop for source, crop in crops.items() if crop.is_file()}


def read_grey(path: Path) -> np.ndarray:
    """A grey picture; a missing or damaged one is an error that names it."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise DatasetError(f"{path}: not a picture; delete its folder and run again")
    return picture
