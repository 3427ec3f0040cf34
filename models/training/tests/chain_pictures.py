"""Raw pictures for the whole chain: a fixed sample of FER2013 where it is at hand, and drawn faces."""

import csv
import hashlib
import os
import tarfile
from pathlib import Path

import cv2
from drawn_faces import face
from expression import LABELS

DATA = Path(os.environ.get("CABINMOOD_DATA") or Path(__file__).resolve().parents[3] / "../shared/data")
FER = DATA / "fer2013plus"
PHOTOGRAPHS = 30
"""Of each class."""
DRAWN = 24
"""Of each class: a small net learns these, so that its answers are no guesses and compare well."""
FIRST_SEED = 50_000
"""Other drawings than the other tests have."""


def sample() -> dict[str, str]:
    """Name in FER2013's archive -> class: of each class the training pictures with the lowest hashes."""
    with (FER / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["usage"] == "Training"]
    rows.sort(key=lambda row: hashlib.sha256(row["image"].encode()).digest())
    of = {label: [row["image"] for row in rows if row["fer2013_label"] == label] for label in LABELS}
    return {f"Training/{name}": label for label in LABELS for name in of[label][:PHOTOGRAPHS]}


def write(raw: Path) -> set[str]:
    """Fills class folders; returns the files' paths below `raw`."""
    for label in LABELS:
        (raw / label).mkdir(parents=True)
        for i in range(DRAWN):
            picture = face(label, FIRST_SEED + 1000 * LABELS.index(label) + i, 112)
            cv2.imwrite(str(raw / label / f"drawn{i}.png"), picture)
    if FER.is_dir():
        wanted = sample()
        with tarfile.open(FER / "images.tar") as archive:
            for member in archive:
                label = wanted.pop(member.name.removeprefix("./"), None)
                if label:
                    target = raw / label / Path(member.name).name
                    target.write_bytes(archive.extractfile(member).read())
        assert not wanted, f"{FER}: labels.csv names pictures that images.tar lacks"
    return {path.relative_to(raw).as_posix() for path in raw.rglob("*.png")}
