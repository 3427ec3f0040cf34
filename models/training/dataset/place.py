"""The folder that a data set is written to: refused where it holds something else, replaced as a whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from dataset import DatasetError

MADE_BY = "dataset.build"
# report.json comes last: where it is, the rest is whole.
OWNED = ("original", "augmented", "test", "sheets", "pictures.csv", "report.html", "report.json")
"""What a build writes into OUT and replaces there; whatever else lies in it stays."""


def check(raw: Path, out: Path) -> None:
    """Refuses folders that a build would go wrong with."""
    if not raw.is_dir():
        raise DatasetError(f"{raw}: not a folder; give the folder with the class folders")
    if out.resolve().is_relative_to(raw.resolve()) or raw.resolve().is_relative_to(out.resolve()):
        raise DatasetError(f"{out}: may not lie in {raw}, nor around it; choose another OUT")
    if out.exists() and not (out.is_dir() and (is_built(out) or not any(out.iterdir()))):
        raise DatasetError(f"{out}: holds something else than a whole data set; choose another OUT")


def is_built(out: Path) -> bool:
    """Whether a folder holds a whole data set made here."""
    try:
        return json.loads((out / "report.json").read_text(encoding="utf-8")).get("made_by") == MADE_BY
    except (OSError, ValueError):
        return False


def replace(out: Path, folder: Path) -> None:
    """Moves what was built into OUT, in place of an earlier build."""
    out.mkdir(parents=True, exist_ok=True)
    for name in reversed(OWNED):
        old = out / name
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)
    for name in OWNED:
        if (folder / name).exists():
            (folder / name).rename(out / name)
