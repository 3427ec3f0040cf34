"""Lays a labelled set out as class folders, for `cabinmood evaluate`.

    python -m expression.class_folders --out DIR [--set fer|web] [--labels ferplus|original] [--data DIR]
        [--groups FILE.csv]

FER2013 gives its PublicTest: with `ferplus` the rows whose single top vote is one of the seven classes,
with `original` those with FER2013's own label. Pictures are copied, not changed. `--groups` writes the
share of FERPlus's ten votes that each picture's label got, a stand-in for how clear and how strong the
expression is, as `cabinmood evaluate --groups` reads it.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tarfile
from pathlib import Path

import numpy as np

from expression import LABELS
from expression.labels import NO_LABEL, majority, seven_votes
from expression.prepare import FER, WEB, default_data, rows_of


def classes_of(data: Path, which: str, labels: str) -> dict[str, int]:
    """Name in the set's archive -> class, of the rows that have one."""
    rows = rows_of(data, WEB if which == "web" else FER)
    if which == "fer":
        rows = [r for r in rows if r.usage == "PublicTest"]
    by_vote = which == "fer" and labels == "ferplus"
    truth = majority(np.array([r.votes for r in rows])) if by_vote else [r.label for r in rows]
    return {r.source: int(c) for r, c in zip(rows, truth, strict=True) if c != NO_LABEL}


def agreement(data: Path, classes: dict[str, int]) -> dict[str, float]:
    """Name in the archive -> the share of a picture's FERPlus votes that its class got."""
    rows = [r for r in rows_of(data, FER) if r.source in classes]
    votes = np.array([r.votes for r in rows])
    mine = seven_votes(votes)[np.arange(len(rows)), [classes[r.source] for r in rows]]
    shares = mine / np.maximum(votes.sum(axis=1), 1)
    return {r.source: float(share) for r, share in zip(rows, shares, strict=True)}


def write_groups(to: Path, shares: dict[str, float], classes: dict[str, int]) -> None:
    """A table for `cabinmood evaluate --groups`."""
    with to.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "agreement"])
        for source, share in shares.items():
            table.writerow([f"{LABELS[classes[source]]}/{Path(source).name}", f"{share:.2f}"])


def lay_out(archive: Path, classes: dict[str, int], out: Path) -> int:
    """Copies the pictures into their classes' folders; returns how many."""
    copied = set()
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if not member.isfile() or name not in classes:
                continue
            folder = out / LABELS[classes[name]]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / Path(name).name).write_bytes(tar.extractfile(member).read())
            copied.add(name)
    return len(copied)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", choices=("fer", "web"), default="fer")
    parser.add_argument("--labels", choices=("ferplus", "original"), default="ferplus")
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--groups", type=Path, help="a table of how far the voters agree (fer only)")
    options = parser.parse_args(arguments)
    if options.out.exists():
        sys.exit(f"{options.out}: exists already; delete it or choose another --out")
    if options.groups and options.set != "fer":
        sys.exit("--groups: only fer has votes; leave it out or take --set fer")
    archive = options.data / (WEB if options.set == "web" else FER).folder / "images.tar"
    classes = classes_of(options.data, options.set, options.labels)
    print(f"{lay_out(archive, classes, options.out)} of {len(classes)} pictures in {options.out}")
    if options.groups:
        write_groups(options.groups, agreement(options.data, classes), classes)


if __name__ == "__main__":
    main()
