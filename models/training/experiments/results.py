"""The results of experiments: one small JSON a row, from which the table is made anywhere."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from expression.config import tables

from experiments import ExperimentError
from experiments.packs import Source
from experiments.plan import Row

RESULTS = Path(__file__).with_name("results")


def fingerprint(row: Row, rows: dict[str, Row], source: Source) -> str:
    """Changes with whatever would change a row's result: configuration, archive, or where it begins."""
    start = fingerprint(rows[row.start], rows, source) if row.start else ""
    known = [tables(row.config), row.kind, row.pack, source.known_as, start]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def read(row_id: str, folder: Path = RESULTS) -> dict | None:
    """A row's result, if there is one."""
    path = folder / f"{row_id}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ExperimentError(f"{path}: {error}; delete it and run the row again") from error


def write(result: dict, folder: Path = RESULTS) -> None:
    """Replaces a row's result whole or not at all; one line a key, so that a difference can be read."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['id']}.json"
    partial = path.with_suffix(".partial")
    lines = (f" {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in result.items())
    partial.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    os.replace(partial, path)
