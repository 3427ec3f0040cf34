"""What a GPU machine needs, as two folders that are carried there one after the other.

    python -m lease.pack [--data DIR] [--small]

first   the archives that nets learn from, and the test sets' labels
second  the test sets' faces, dlib's embeddings, the tricks, and ImageNet's weights

`--small` takes a few rows of everything: enough to see that each step runs, but for tricks and ImageNet.
"""

from __future__ import annotations

import argparse
import csv
import io
import shutil
import tarfile
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
from dataset.align import ROOT, crop_of, index, read_grey
from expression.backbones import PACKAGE, PACKAGE_FILE
from expression.pack import CALIBRATION, TRAIN, Pack
from expression.prepare import FER, PACK, REPORT, UNALIGNED, WEB, default_data

EXACT = 101
"""A WebP quality above 100 loses nothing."""
SMALL = {TRAIN: 300, CALIBRATION: 80}
SMALL_TEST = 60


class Tar:
    """A tar file that is being filled, compressed where its name says so."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.tar = tarfile.open(path, "w:xz" if path.suffix == ".xz" else "w")  # noqa: SIM115, closed by the with statement's user

    def __enter__(self) -> Tar:
        return self

    def __exit__(self, *_: object) -> None:
        self.tar.close()

    def add(self, name: str, content: bytes) -> None:
        """A file of that name and content."""
        member = tarfile.TarInfo(name)
        member.size = len(content)
        self.tar.addfile(member, io.BytesIO(content))


def first(data: Path, source: Path, out: Path, small: bool) -> None:
    """Archives as they are, and labels."""
    folder = out / "first"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in (PACK, UNALIGNED):
        if small:
            whole = Pack.load(source / name)
            whole.taken(few(whole)).save(folder / name, 512)
        else:
            shutil.copyfile(source / name, folder / name)
    shutil.copyfile(source / REPORT, folder / REPORT)
    with Tar(folder / "labels.tar.xz") as tar:
        for one in (FER, WEB):
            tar.add(f"shared/{one.folder}/labels.csv", (data / one.folder / "labels.csv").read_bytes())
            tar.add(f"data/aligned/{one.name}/index.csv", index_of(source / "aligned" / one.name, small))


def few(pack: Pack) -> np.ndarray:
    """The numbers of some rows of each split."""
    of = {split: np.flatnonzero(pack.splits == split) for split in SMALL}
    return np.concatenate([of[split][:: max(1, len(of[split]) // count)] for split, count in SMALL.items()])


def tested(aligned: Path, small: bool) -> list[str]:
    """The test pictures of a set of which there is a crop."""
    names = [row.source for row in index(aligned) if not row.source.startswith("Training/")]
    names = [name for name in names if crop_of(aligned, name).is_file()]
    return names[:: len(names) // SMALL_TEST] if small else names


def index_of(aligned: Path, small: bool) -> bytes:
    """`cabinmood align`'s index of the test pictures, without the landmarks."""
    names = set(tested(aligned, small))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("source", "accepted", "reason"))
    writer.writerows((r.source, r.accepted, r.reason) for r in index(aligned) if r.source in names)
    return text.getvalue().encode()


def second(source: Path, experiments: Path, out: Path, small: bool) -> None:
    """Everything else."""
    folder = out / "second"
    shutil.rmtree(folder, ignore_errors=True)
    with Tar(folder / "crops.tar") as tar:
        for one in (FER, WEB):
            for name in tested(source / "aligned" / one.name, small):
                crop = read_grey(crop_of(source / "aligned" / one.name, name))
                coded = cv2.imencode(".webp", crop, [cv2.IMWRITE_WEBP_QUALITY, EXACT])[1]
                # OpenCV reads a picture by its content, whatever its name ends in.
                tar.add(f"data/aligned/{one.name}/{Path(name).with_suffix('.png')}", coded.tobytes())
    pack = Pack.load(source / PACK)
    with Tar(folder / "embeddings.tar.xz") as tar:
        known = [
            np.load(path) for path in sorted((experiments / "embeddings" / pack.digest[:16]).glob("0*.npy"))
        ]
        rows = few(pack) if small else np.arange(len(pack.crops))
        buffer = io.BytesIO()
        np.save(buffer, np.concatenate(known)[rows].astype(np.float16))
        tar.add("embeddings.npy", buffer.getvalue())
    if small:
        return
    shutil.copyfile(experiments / "tricks.npz", folder / "tricks.npz")
    with Tar(folder / "site.tar") as tar:
        package = metadata.distribution(PACKAGE)
        for path in (PACKAGE_FILE, *(str(f) for f in package.files if ".dist-info" in str(f))):
            tar.add(f"site/{path}", Path(str(package.locate_file(path))).read_bytes())


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    runs = ROOT / "models/training/runs"
    parser = argparse.ArgumentParser(description="Packs what a GPU machine needs.")
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--source", type=Path, default=runs / "data")
    parser.add_argument("--experiments", type=Path, default=runs / "experiments")
    parser.add_argument("--out", type=Path, default=ROOT / ".lease")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args(arguments)
    out = options.out / "small" if options.small else options.out
    first(options.data, options.source, out, options.small)
    second(options.source, options.experiments, out, options.small)
    for name in ("first", "second"):
        size = sum(path.stat().st_size for path in (out / name).iterdir())
        print(f"{out / name}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
