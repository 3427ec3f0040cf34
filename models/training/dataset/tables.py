"""The tables that come with pictures: persons, FERPlus votes, corrections. Each row names a picture by its
path in the folder of raw pictures; a row that cannot be meant is an error with file and line."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from expression import LABELS
from expression.labels import MOST_VOTES, NO_LABEL, VOTE_COLUMNS, class_of

from dataset import DatasetError

KEEP, DROP, LABEL = ACTIONS = ("keep", "drop", "label")
CORRECTION_COLUMNS = ("file", "action", "label")


@dataclass(frozen=True)
class Correction:
    """What a reviewer decided; `label` is a class where the action is LABEL, else NO_LABEL."""

    action: str
    label: int = NO_LABEL


def rows(path: Path, columns: Collection[str], files: Collection[str]) -> Iterator[tuple[str, dict, str]]:
    """(where, row, file) of each row of a table with these columns, each of one of these files."""
    try:
        # Spreadsheets put a byte order mark in front.
        with path.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened)
            lacking = [c for c in columns if c not in (reader.fieldnames or ())]
            if lacking:
                raise DatasetError(f"{path}:1: no column {lacking[0]!r}; needed: {', '.join(columns)}")
            seen: dict[str, int] = {}
            for row in reader:
                where, file = f"{path}:{reader.line_num}", row["file"]
                if any(row[c] is None for c in columns):
                    raise DatasetError(f"{where}: fewer values than columns")
                if file not in files:
                    raise DatasetError(
                        f"{where}: no picture {file!r}; name it by its path in the folder of raw pictures"
                    )
                if file in seen:
                    raise DatasetError(f"{where}: {file!r} was already named in line {seen[file]}")
                seen[file] = reader.line_num
                yield where, row, file
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: {error}") from error


def persons_of(path: Path, files: Collection[str]) -> dict[str, str]:
    """file -> person; a row without a person is one that is not known."""
    named = rows(path, ("file", "person"), files)
    return {file: row["person"].strip() for _, row, file in named if row["person"].strip()}


def persons_by(pattern: str, files: Collection[str]) -> dict[str, str]:
    """file -> person: the first group of a regular expression found in the path, or all that it finds."""
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise DatasetError(f"--person-pattern {pattern!r}: {error}") from error
    found = {file: expression.search(file) for file in files}
    persons = {f: m[1] if expression.groups else m[0] for f, m in found.items() if m}
    persons = {file: person for file, person in persons.items() if person}
    if not persons:
        raise DatasetError(f"--person-pattern {pattern!r}: finds nobody in the names of {len(found)} files")
    return persons


def votes_of(path: Path, files: Collection[str]) -> dict[str, tuple[int, ...]]:
    """file -> FERPlus votes in the order of VOTE_COLUMNS."""
    votes = {}
    for where, row, file in rows(path, ("file", *VOTE_COLUMNS), files):
        try:
            numbers = tuple(int(row[c]) for c in VOTE_COLUMNS)
        except ValueError as error:
            raise DatasetError(f"{where}: {error}") from error
        if not all(0 <= n <= MOST_VOTES for n in numbers):
            raise DatasetError(f"{where}: votes are whole numbers from 0 to {MOST_VOTES}")
        votes[file] = numbers
    return votes


def corrections_of(path: Path, files: Collection[str]) -> dict[str, Correction]:
    """file -> correction, as the review page's download has them."""
    made = {}
    for where, row, file in rows(path, CORRECTION_COLUMNS, files):
        action, word = row["action"].strip().lower(), row["label"].strip().lower()
        if action not in ACTIONS:
            raise DatasetError(f"{where}: unknown action {action!r}; there are: {', '.join(ACTIONS)}")
        label = class_of(word) if action == LABEL else NO_LABEL
        if action == LABEL and label == NO_LABEL:
            raise DatasetError(f"{where}: unknown class {word!r}; there are: {', '.join(LABELS)}")
        made[file] = Correction(action, label)
    return made
