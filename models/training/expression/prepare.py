"""Raw pictures -> faces aligned by `cabinmood align` -> one archive for training.

    python -m expression.prepare [--data DIR] [--binary FILE] [--out DIR]

Leaves DIR/aligned/{fer,faces,web} (crops and index.csv, for calibration and judging), DIR/pack.npz, the
tight crops that could not be aligned, as they came, in DIR/unaligned.npz, and DIR/report.json. PublicTest and
web-expressions are aligned for the judge and never enter an archive.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dataset.align import BINARY, ROOT, accepted, align, as_they_came, read_grey
from dataset.split import number_of
from tqdm import tqdm

from expression.duplicates import groups, thumbnails
from expression.labels import NO_LABEL, VOTE_COLUMNS, class_of
from expression.pack import CALIBRATION, TRAIN, Pack

PACK, UNALIGNED, REPORT = "pack.npz", "unaligned.npz", "report.json"
DECIDING = ("face-hog.bin", "landmarks-68.bin")
"""Of models/, what finds and aligns faces."""
CALIBRATION_PERCENT = 8
DOUBTFUL_MATCH = 6.0
"""match_mae from which a recovered FER2013 label is doubted (the data's README)."""


@dataclass(frozen=True)
class Set:
    """One data set: where its pictures are, and whether they are tight crops."""

    name: str
    folder: str
    crops: bool


FER = Set("fer", "fer2013plus", crops=True)
FACES = Set("faces", "faces", crops=False)
WEB = Set("web", "web-expressions", crops=True)


@dataclass(frozen=True)
class Row:
    """A labelled picture of a set, aligned or not."""

    source: str
    usage: str
    votes: tuple[int, ...]
    label: int


def rows_of(data: Path, which: Set) -> list[Row]:
    """The labelled rows of a set, in its own order."""
    with (data / which.folder / "labels.csv").open(newline="") as file:
        if which is not FER:
            return [Row(r["image"], "", (0,) * 10, class_of(r["label"])) for r in csv.DictReader(file)]
        return [
            Row(
                f"{r['usage']}/{r['image']}",
                r["usage"],
                tuple(int(r[c]) for c in VOTE_COLUMNS),
                class_of(r["fer2013_label"]) if float(r["match_mae"]) < DOUBTFUL_MATCH else NO_LABEL,
            )
            for r in csv.DictReader(file)
        ]


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a tar's plain files; the folder appears only when it is whole."""
    partial = folder.with_suffix(".partial")
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.isfile():
                continue
            path = partial / member.name
            if not path.resolve().is_relative_to(partial.resolve()):
                sys.exit(
                    f"{archive}: {member.name} leads out of the folder; the archive is not what it should be"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tar.extractfile(member).read())
    partial.rename(folder)


def align_set(binary: Path, data: Path, which: Set, out: Path) -> None:
    """Unpacks a set and has the daemon's own alignment cut its faces, unless that was done before."""
    raw, aligned = out / "raw" / which.name, out / "aligned" / which.name
    if not raw.is_dir():
        unpack(data / which.folder / "images.tar", raw)
    if not (aligned / "index.csv").is_file():
        align(binary, raw, aligned, which.crops)


def archives(out: Path) -> list[Path]:
    """What a net that is to judge all tight crops learns from."""
    return [out / name for name in (PACK, UNALIGNED) if name == PACK or (out / name).is_file()]


def is_calibration(picture: np.ndarray) -> bool:
    """Decided by the content's hash, so that it never changes with the order or the number of files."""
    return number_of(picture.tobytes()) % 100 < CALIBRATION_PERCENT


def build(data: Path, out: Path) -> tuple[dict[str, list], dict[str, int]]:
    """The rows of both archives, and the counts of what was left out and why."""
    rows = [(which, row) for which in (FER, FACES) for row in rows_of(data, which)]
    # The test side comes first: a group's leader is its first picture, so what equals one of it is dropped.
    rows.sort(key=lambda r: r[1].usage != "PublicTest")
    raw = [
        read_grey(out / "raw" / which.name / row.source)
        for which, row in tqdm(rows, "read", leave=False, disable=None)
    ]
    leaders = groups(thumbnails(raw))
    crops = {which.name: accepted(out / "aligned" / which.name) for which in (FER, FACES)}
    whole = as_they_came(out / "aligned" / FER.name)

    counts = dict.fromkeys(("test", "duplicate", "duplicate_of_test", "unlabelled", "rejected"), 0)
    kept = {PACK: [], UNALIGNED: []}
    for i, (which, row) in enumerate(tqdm(rows, "pack", leave=False, disable=None)):
        leader = leaders[i]
        crop = crops[which.name].get(row.source)
        if row.usage == "PublicTest":
            counts["test"] += 1
        elif rows[leader][1].usage == "PublicTest":
            counts["duplicate_of_test"] += 1
        elif leader != i:
            counts["duplicate"] += 1
        elif which is FACES and row.label == NO_LABEL:
            counts["unlabelled"] += 1
        elif crop is None and (which is not FER or row.source not in whole):
            counts["rejected"] += 1
        else:
            # Photographs of known people stay in training whole: a person is never on both sides.
            split = CALIBRATION if which is FER and is_calibration(raw[i]) else TRAIN
            face = read_grey(crop or whole[row.source])
            rows_kept = kept[PACK if crop else UNALIGNED]
            rows_kept.append((face, f"{which.name}/{row.source}", row.votes, row.label, split))
    for name, suffix in ((PACK, ""), (UNALIGNED, "_unaligned")):
        splits = [row[-1] for row in kept[name]]
        counts[f"train{suffix}"] = splits.count(TRAIN)
        counts[f"calibration{suffix}"] = splits.count(CALIBRATION)
    return kept, counts


def made_of(data: Path) -> str:
    """A digest of what decides the archives: the tables of labels, and the models that find and align faces.
    The archives' own digests will not do, since on another kind of processor a few grey levels of their faces
    differ."""
    tables = [data / one.folder / "labels.csv" for one in (FER, FACES)]
    files = [*(path for path in tables if path.is_file()), *(ROOT / "models" / name for name in DECIDING)]
    return hashlib.sha256("".join(digest_of_file(path) for path in files).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 of its bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def default_data() -> Path:
    """$CABINMOOD_DATA, or the folder beside the checkout."""
    return Path(os.environ.get("CABINMOOD_DATA", ROOT.parent / "shared" / "data"))


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Aligns the pictures and packs them for training.")
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--binary", type=Path, default=BINARY)
    parser.add_argument("--out", type=Path, default=ROOT / "models/training/runs/data")
    parser.add_argument("--limit-mib", type=float, default=52)
    options = parser.parse_args(arguments)
    if not (options.data / FER.folder / "labels.csv").is_file():
        sys.exit(f"{options.data}: no {FER.folder}/labels.csv there; give the data's folder with --data")
    for which in (FER, FACES, WEB):
        if (options.data / which.folder).is_dir():
            align_set(options.binary, options.data, which, options.out)
    kept, counts = build(options.data, options.out)
    quality = Pack.of(kept[PACK]).save(options.out / PACK, options.limit_mib)
    (options.out / UNALIGNED).unlink(missing_ok=True)
    if kept[UNALIGNED]:
        Pack.of(kept[UNALIGNED]).save(options.out / UNALIGNED, options.limit_mib)
    report = counts | {"webp_quality": quality, "made_of": made_of(options.data)}
    (options.out / REPORT).write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
