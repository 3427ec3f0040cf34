"""Raw pictures in class folders -> data sets to learn from, an isolated test split, and a report.

    python -m dataset.build RAW OUT [--persons CSV | --person-pattern REGEX] [--votes CSV] [--corrections CSV]

RAW/CLASS/**: a class is one of the seven or FERPlus's word for it. Faces are cut by `cabinmood align`;
copies, rejected and unlabelled pictures are dropped and reported. Tables name pictures by their path in RAW.
docs/training.md tells what lies in OUT.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dataset import DatasetError, place, report
from dataset.align import BINARY, align, index
from dataset.assign import Settled, assign, moved_copies
from dataset.balance import variants
from dataset.pictures import (
    KEPT,
    NO_VOTES,
    REJECTED,
    drop_copies,
    files_in,
    other_endings,
    pictures,
)
from dataset.split import TEST, TRAIN, VALIDATION, Shares
from dataset.store import Entry, label_name, write_set, write_table, write_test
from dataset.tables import Correction, corrections_of, persons_by, persons_of, votes_of

PICTURE_COLUMNS = ("file", "sha256", "label", "person", "fate", "detail", "split")


@dataclass(frozen=True)
class Tables:
    """What is said of files, by their path in RAW."""

    persons: dict[str, str]
    votes: dict[str, tuple[int, ...]]
    corrections: dict[str, Correction]

    @classmethod
    def read(cls, options: argparse.Namespace, files: Collection[str]) -> Tables:
        """Reads those that are given."""
        persons = persons_of(options.persons, files) if options.persons else {}
        if options.person_pattern:
            persons = persons_by(options.person_pattern, files)
        corrections = {}
        for path in options.corrections:
            corrections |= corrections_of(path, files)
        return cls(persons, votes_of(options.votes, files) if options.votes else {}, corrections)


def build(options: argparse.Namespace, folder: Path) -> dict:
    """Builds all of it in a new folder; returns the report's figures."""
    raw, aligned = options.raw, folder / "aligned"
    # Alignment takes minutes: what is wrong with tables is told before.
    files = files_in(raw)
    tables = Tables.read(options, files)
    settled = Settled.by(options.like) if options.like else Settled()
    shares = Shares(options.validation_share, options.test_share)
    align(options.binary, raw, aligned, options.crops)

    looked_at = index(aligned)
    found = pictures(raw, looked_at, tables.persons, tables.votes, tables.corrections)
    drop_copies(found, raw, aligned, options.crops, settled.files)
    assign([p for p in found if p.fate in (KEPT, REJECTED)], shares, options.seed, settled)
    kept = [p for p in found if p.fate == KEPT]
    for split in (TRAIN, VALIDATION):
        if not any(p.split == split for p in kept):
            raise DatasetError(
                f"{raw}: nothing is left for {split} of {len(found)} pictures, {len(kept)} kept; "
                "more pictures, more persons or other shares are needed"
            )
    original = [Entry(p) for p in kept if p.split != TEST]
    training = [e.picture for e in original if e.picture.split == TRAIN]
    drawn = variants(training, options.seed, options.variants_at_most)
    augmented = original + [Entry(v.origin, v) for v in drawn]
    sets = {"original": original, "augmented": augmented}
    qualities = {
        name: write_set(folder / name, entries, aligned, options.limit_mib) for name, entries in sets.items()
    }
    write_test(folder / "test", [p for p in found if p.split == TEST], raw, aligned)
    listed = [(p.file, p.sha256, label_name(p.kind), p.person, p.fate, p.detail, p.split) for p in found]
    write_table(folder / "pictures.csv", PICTURE_COLUMNS, listed)
    settings = {k: shown(v) for k, v in vars(options).items()}
    settings["pictures_with_votes"] = sum(p.votes != NO_VOTES for p in found)
    return report.write(
        folder,
        report.Built(
            raw=raw,
            aligned=aligned,
            pictures=found,
            augmented=augmented,
            settings=settings,
            other_files=other_endings(files, {row.source for row in looked_at}),
            moved_copies=moved_copies(found, shares, options.seed),
            qualities=qualities,
        ),
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("raw", type=Path, metavar="RAW")
    made.add_argument("out", type=Path, metavar="OUT")
    who = made.add_mutually_exclusive_group()
    who.add_argument("--persons", type=Path, help="a CSV with the columns file and person")
    who.add_argument("--person-pattern", help="a regular expression: the person in a path")
    made.add_argument("--votes", type=Path, help="a CSV with the column file and FERPlus's ten")
    made.add_argument(
        "--corrections",
        type=Path,
        nargs="+",
        default=[],
        metavar="CSV",
        help="of the review page: file, action, label; later ones override earlier ones",
    )
    made.add_argument("--like", type=Path, help="an earlier OUT, whose pictures and persons keep their split")
    made.add_argument("--crops", action="store_true", help="the pictures are tight face crops")
    made.add_argument("--test-share", type=float, default=0.15)
    made.add_argument("--validation-share", type=float, default=0.1)
    made.add_argument("--variants-at-most", type=int, default=20, help="of one picture, in the augmented set")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--limit-mib", type=float, default=512, help="size of an archive")
    made.add_argument("--binary", type=Path, default=BINARY)
    return made


def shown(value: object) -> int | float | str:
    """An option in the report."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return value if isinstance(value, int | float) else str(value or "")


def check(options: argparse.Namespace) -> None:
    """Refuses what would go wrong later."""
    if options.validation_share <= 0:
        raise DatasetError("--validation-share: must be above 0; it decides which epoch is kept")
    if options.test_share < 0 or options.validation_share + options.test_share >= 1:
        raise DatasetError("--test-share: must be at least 0, and below 1 with --validation-share")
    if options.variants_at_most < 0:
        raise DatasetError("--variants-at-most: must be at least 0")
    place.check(options.raw, options.out)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = parser().parse_args(arguments)
    check(options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    # Beside OUT, so that a rename moves it, and removed whatever happens.
    with tempfile.TemporaryDirectory(prefix=f".{options.out.name}-", dir=options.out.parent) as partial:
        figures = build(options, Path(partial))
        place.replace(options.out, Path(partial))
    fates = ", ".join(f"{count} {fate}" for fate, count in figures["fates"].items() if count)
    print(f"{figures['pictures']} pictures: {fates}; read {options.out / 'report.html'}")


if __name__ == "__main__":
    main()
