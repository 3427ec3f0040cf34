"""Lays a labelled set out as class folders, for `cabinmood evaluate`.

    python -m expression.class_folders --out DIR [--set fer|web] [--labels ferplus|original] [--data DIR]

FER2013 gives its PublicTest: with `ferplus` the rows whose single top vote is one of the seven classes,
with `original` those with FER2013's own label. Pictures are copied, not changed.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from pathlib import Path

import numpy as np

from expression import LABELS
from expression.labels import NO_LABEL, majority
from expression.prepare import FER, WEB, default_data, rows_of


def classes_of(data: Path, which: str, labels: str) -> dict[str, int]:
    """Name in the set's archive -> class, of the rows that have one."""
    rows = rows_of(data, WEB if which == "web" else FER)
    if which == "fer":
        rows = [r for r in rows if r.usage == "PublicTest"]
    by_vote = which == "fer" and labels == "ferplus"
    truth = majority(np.array([r.votes for r in rows])) if by_vote else [r.label for r in rows]
    return {r.source: int(c) for r, c in zip(rows, truth, strict=True) if c != NO_LABEL}


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
    options = parser.parse_args(arguments)
    if options.out.exists():
        sys.exit(f"{options.out}: exists already; delete it or choose another --out")
    archive = options.data / (WEB if options.set == "web" else FER).folder / "images.tar"
    classes = classes_of(options.data, options.set, options.labels)
    print(f"{lay_out(archive, classes, options.out)} of {len(classes)} pictures in {options.out}")


if __name__ == "__main__":
    main()
