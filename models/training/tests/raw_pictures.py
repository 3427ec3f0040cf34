"""A made folder of raw pictures, what the builder makes of it, and how to read that."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from dataset import build
from dataset.align import BINARY
from drawn_faces import face
from expression import LABELS

EACH = dict(zip(LABELS, (30, 14, 30, 50, 30, 30, 40), strict=True))
BLACK = 25
TOTAL = sum(EACH.values()) + BLACK + 4
BY_NAME = ("--person-pattern", r"(p\d+)_")

needs_binary = pytest.mark.skipif(not BINARY.is_file(), reason=f"{BINARY} is not built; make build")


def write_raw(raw: Path) -> None:
    """224 drawn faces of 25 persons, and what a folder of pictures holds besides."""
    for label, count in EACH.items():
        # One folder has FERPlus's word for its class.
        folder = raw / ("happiness" if label == "happy" else label)
        folder.mkdir(parents=True)
        for i in range(count):
            picture = face(label, 1000 * LABELS.index(label) + i, 112)
            cv2.imwrite(str(folder / f"p{i % 25}_{i}.png"), picture)
    first = cv2.imread(str(raw / "angry/p0_0.png"), cv2.IMREAD_GRAYSCALE)
    # The same file under another class; and one again mirrored, darker, smaller and as JPEG.
    shutil.copy(raw / "angry/p0_0.png", raw / "sad/p20_again.png")
    again = cv2.resize(cv2.flip(first, 1), (90, 90), interpolation=cv2.INTER_AREA) * 0.7
    cv2.imwrite(str(raw / "angry/p21_mirrored.jpg"), again.astype(np.uint8))
    for i in range(BLACK):
        cv2.imwrite(str(raw / f"fear/p{i}_black.png"), np.full((112, 112), i, np.uint8))
    (raw / "happiness/p1_broken.png").write_text("no picture")
    (raw / "happiness/p1_other.heic").write_text("not looked at")
    (raw / "contempt").mkdir()
    cv2.imwrite(str(raw / "contempt/p1_x.png"), face("sad", 77, 112))


def run(raw: Path, out: Path, *more: str) -> dict:
    """Builds and reads the report."""
    build.main([str(raw), str(out), "--crops", *map(str, more)])
    return json.loads((out / "report.json").read_text())


def table(path: Path) -> list[dict]:
    """The rows of a CSV."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def judged(built: Path, *more: str) -> dict:
    """What the daemon's chain makes of the test split."""
    command = [BINARY, "evaluate", built / "test/pictures", "--crops", "--json", *more]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def write_csv(path: Path, *rows: tuple) -> Path:
    """Header and rows."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path
