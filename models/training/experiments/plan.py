"""The plan of experiments, read from plan.toml into typed rows."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expression.config import Config, ConfigError, parse, tables
from expression.config import load as read_config

from experiments import ExperimentError

PLAN = Path(__file__).with_name("plan.toml")
TRAINING = Path(__file__).parents[1]
ORIGINAL, AUGMENTED, WHOLE, SIXTEENTH, QUARTER, ALL = PACKS = (
    "original", "augmented", "whole", "sixteenth", "quarter", "all",
)  # fmt: skip
"""What a row may learn from; packs.py makes them."""
NET, LAST_LAYER, FACES = KINDS = ("net", "last-layer", "faces")
"""What a row trains: a net by SGD, the last layer to convergence on kept features, or a backbone that learns
dlib's face-recognition embedding."""


@dataclass(frozen=True)
class Row:
    """One experiment."""

    id: str
    groups: tuple[str, ...]
    what: str
    """What it varies, as the table says it."""
    pack: str
    config: Config
    kind: str = NET
    start: str = ""
    """The row of kind `faces` whose weights it begins with; other starts are the configuration's."""
    short: str = ""
    """What a run with more time would do; empty for a run that is as long as it should be."""
    program: bool = False
    """Whether the net is exported, and judged on tricks and timed by the program."""


@dataclass(frozen=True)
class Comparison:
    """Two rows whose difference is a question of the account."""

    group: str
    what: str
    """What the second row has and the first has not."""
    before: str
    after: str


def comparisons(path: Path = PLAN) -> list[Comparison]:
    """What is compared, in the plan's order.

    # Errors
    ExperimentError where a comparison names no row."""
    known = {row.id for row in load(path)}
    found = []
    for table in read(path).get("compare", []):
        try:
            one = Comparison(**table)
        except TypeError as error:
            raise ExperimentError(f"{path}: compare: {error}") from error
        for name in (one.before, one.after):
            if name not in known:
                raise ExperimentError(f"{path}: compare {one.what!r}: no row {name!r}")
        found.append(one)
    return found


def read(path: Path) -> dict[str, Any]:
    """The file's tables."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ExperimentError(f"{path}: {error}") from error


def load(path: Path = PLAN) -> list[Row]:
    """The rows in their order.

    # Errors
    ExperimentError where the plan is not what it must be."""
    found = read(path)
    bases = found.pop("base", {})
    found.pop("compare", None)
    rows = []
    for table in found.pop("row", []):
        rows.append(row_of(f"{path}: row {table.get('id', len(rows) + 1)!r}", table, bases))
        check(path, rows)
    if found:
        raise ExperimentError(f"{path}: unknown table {sorted(found)[0]!r}")
    return rows


def row_of(where: str, table: dict[str, Any], bases: dict[str, dict]) -> Row:
    """A row from its table: the configuration of its base, which the plan or a file has, changed by `set`."""
    table = dict(table)
    base, changes = table.pop("base", ""), table.pop("set", {})
    if base.endswith(".toml"):
        try:
            bases = {base: tables(read_config(TRAINING / base))}
        except ConfigError as error:
            raise ExperimentError(f"{where}: {error}") from error
    if base not in bases:
        raise ExperimentError(f"{where}: no base {base!r}; there are: {', '.join(bases)}")
    try:
        config = parse(merged(bases[base], changes))
        row = Row(**table | {"groups": tuple(table.get("groups", ())), "config": config})
    except TypeError as error:
        raise ExperimentError(f"{where}: {error}") from error
    for name, value, known in (("pack", row.pack, PACKS), ("kind", row.kind, KINDS)):
        if value not in known:
            raise ExperimentError(f"{where}: unknown {name} {value!r}; there are: {', '.join(known)}")
    return row


def check(path: Path, rows: list[Row]) -> None:
    """Refuses a last row that does not go with those before it."""
    *before, row = rows
    where = f"{path}: row {row.id!r}"
    if row.id in {r.id for r in before}:
        raise ExperimentError(f"{where}: there are two of them")
    if not row.groups:
        raise ExperimentError(f"{where}: needs groups")
    if row.start:
        begun = next((r for r in before if r.id == row.start and r.kind == FACES), None)
        if begun is None:
            raise ExperimentError(f"{where}: start {row.start!r} is no row of kind {FACES!r} before it")
        if begun.config.net.architecture != row.config.net.architecture:
            raise ExperimentError(f"{where}: start {row.start!r} has another architecture")
    if row.kind != NET and row.config.net.architecture == "residual":
        raise ExperimentError(f"{where}: kind {row.kind!r} is for the published architectures")
    if row.program and row.kind == FACES:
        raise ExperimentError(f"{where}: a net of kind {FACES!r} tells no expressions")


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Nested tables, the second one's keys over the first one's."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def selected(rows: list[Row], only: list[str], group: str) -> list[Row]:
    """The rows that are asked for, all of them where nothing is."""
    for name in only:
        if name not in {row.id for row in rows}:
            raise ExperimentError(f"--only {name}: no such row; there are: {', '.join(r.id for r in rows)}")
    groups = {g: None for row in rows for g in row.groups}
    if group and group not in groups:
        raise ExperimentError(f"--group {group}: no such group; there are: {', '.join(groups)}")
    return [r for r in rows if (not only or r.id in only) and (not group or group in r.groups)]


def with_start(row: Row, weights: Path) -> Row:
    """The row with the file that it begins with."""
    start = dataclasses.replace(row.config.start, weights=str(weights))
    return dataclasses.replace(row, config=dataclasses.replace(row.config, start=start))
