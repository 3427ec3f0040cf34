"""Lays out what lease.pack packed, on the machine that trains.

    python -m lease.unpack FOLDER … WORK

WORK then has data/ as expression.prepare leaves it (the test pictures' faces only), shared/ with the labels,
experiments/ with embeddings and tricks, and site/ with the package of weights.
"""

from __future__ import annotations

import argparse
import shutil
import tarfile
from pathlib import Path

import numpy as np
from experiments.embed import A_FILE
from expression.pack import digest_of
from expression.prepare import PACK, REPORT, UNALIGNED


def unpack(folder: Path, work: Path) -> None:
    """One folder."""
    for path in folder.glob("*.tar*"):
        with tarfile.open(path) as tar:
            tar.extractall(work, filter="data")
    for name, to in ((PACK, "data"), (UNALIGNED, "data"), (REPORT, "data"), ("tricks.npz", "experiments")):
        if (folder / name).is_file():
            (work / to).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, work / to / name)


def part_embeddings(work: Path) -> None:
    """As experiments.embed keeps them."""
    whole = work / "embeddings.npy"
    if not whole.is_file():
        return
    own = work / "experiments/embeddings" / digest_of(work / "data" / PACK)[:16]
    own.mkdir(parents=True, exist_ok=True)
    known = np.load(whole).astype(np.float32)
    for start in range(0, len(known), A_FILE):
        np.save(own / f"{start:06}.npy", known[start : start + A_FILE])
    whole.unlink()


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Lays out what lease.pack packed.")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("work", type=Path)
    options = parser.parse_args(arguments)
    for folder in options.folders:
        unpack(folder, options.work)
    part_embeddings(options.work)


if __name__ == "__main__":
    main()
