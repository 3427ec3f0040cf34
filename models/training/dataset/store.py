"""How a data set lies on disk: sets to learn from, each as class folders of PNG, as an archive and with an
index; and the test split in a folder of its own, which nothing that trains reads.

    original/, augmented/   pack.npz, index.csv, train/CLASS/*.png, validation/CLASS/*.png
    test/                   index.csv, pictures/CLASS/* (as they came), aligned/CLASS/*.png
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from expression import LABELS
from expression.labels import NO_LABEL, VOTE_COLUMNS
from expression.pack import CALIBRATION, Pack, PackError
from expression.pack import TRAIN as TRAIN_ROW
from tqdm import tqdm

from dataset import DatasetError
from dataset.align import crop_of, read_grey
from dataset.balance import Variant
from dataset.pictures import Picture
from dataset.split import TRAIN, VALIDATION

INDEX_COLUMNS = ("file", "crop", "label", "split", "person", "origin", "draw")
TEST_COLUMNS = ("file", "picture", "crop", "label", "person", "rejected", *VOTE_COLUMNS)
_ROW = {TRAIN: TRAIN_ROW, VALIDATION: CALIBRATION}


@dataclass(frozen=True)
class Entry:
    """A face of a set: a picture's own, or a variant of it."""

    picture: Picture
    variant: Variant | None = None

    @property
    def source(self) -> str:
        """Its name in the archive; no picture's name ends like a variant's."""
        return self.picture.file + (f"#v{self.variant.number}" if self.variant else "")

    def path(self, ending: str) -> Path:
        """Where it lies in the class folders. Pictures of one name from two folders differ by their hash."""
        name = f"{Path(self.picture.file).stem}-{self.picture.sha256[:8]}"
        number = f"-v{self.variant.number}" if self.variant else ""
        return Path(LABELS[self.picture.kind]) / f"{name}{number}{ending}"


def write_set(folder: Path, entries: Sequence[Entry], aligned: Path, limit_mib: float) -> int:
    """Writes one set to learn from; returns the archive's quality."""
    rows, packed = [], []
    for entry in tqdm(entries, folder.name, leave=False, disable=None):
        picture, variant = entry.picture, entry.variant
        crop = read_grey(crop_of(aligned, picture.file))
        if variant:
            crop = variant.of(crop)
        path = Path(picture.split) / entry.path(".png")
        write_png(folder / path, crop)
        packed.append((crop, entry.source, picture.votes, picture.label, _ROW[picture.split]))
        origin = (picture.file, variant.draw) if variant else ("", "")
        rows.append((entry.source, path, LABELS[picture.kind], picture.split, picture.person, *origin))
    write_table(folder / "index.csv", INDEX_COLUMNS, rows)
    try:
        return Pack.of(packed).save(folder / "pack.npz", limit_mib)
    except PackError as error:
        raise DatasetError(str(error)) from error


def write_test(folder: Path, pictures: Iterable[Picture], raw: Path, aligned: Path) -> None:
    """Writes the test split, its rejected pictures too: whoever judges the whole chain counts them."""
    rows = []
    for picture in pictures:
        entry = Entry(picture)
        copy, crop = "pictures" / entry.path(Path(picture.file).suffix.lower()), ""
        (folder / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(raw / picture.file, folder / copy)
        # Kept, or a tight crop that could not be aligned and is judged as it came.
        if (cut := crop_of(aligned, picture.file)).is_file():
            crop = "aligned" / entry.path(".png")
            write_png(folder / crop, read_grey(cut))
        label = LABELS[picture.kind]
        rows.append((picture.file, copy, crop, label, picture.person, picture.detail, *picture.votes))
    write_table(folder / "index.csv", TEST_COLUMNS, rows)


def write_png(path: Path, picture: np.ndarray) -> None:
    """A PNG in a folder that is made where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture):
        raise DatasetError(f"{path}: cannot be written")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """A CSV table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(rows)


def exact_paths(folder: Path) -> dict[str, Path]:
    """Source -> the face as `align` cut it, of a set that was written here; empty for any other folder."""
    try:
        with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
            return {row["file"]: folder / row["crop"] for row in csv.DictReader(file)}
    except FileNotFoundError:
        return {}


def label_name(label: int) -> str:
    """A class's name; empty for NO_LABEL."""
    return "" if label == NO_LABEL else LABELS[label]
