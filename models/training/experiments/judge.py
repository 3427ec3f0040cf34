"""What an experiment's net says of people that it has not seen: PublicTest and the strangers.

An aligned net is judged on the faces that the gate accepted, one that learned from whole pictures on all
of them. Which pictures were answered rightly is kept as a string, a character a picture, so that two
experiments can be compared on the same pictures later.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from expression import LABELS
from expression.judge import Answers, verdict
from expression.labels import NO_LABEL, judged_by, majority
from expression.measure import logits_of, probabilities, scores
from expression.pack import CALIBRATION, Pack
from expression.prepare import FER, WEB, Row, Set, accepted, read_grey, rows_of
from torch import nn

from experiments.packs import Source, enlarged

RIGHT, WRONG, UNJUDGED = "1", "0", "-"
_SHOWN = (
    "images",
    "judged",
    "accuracy",
    "accuracy_interval",
    "accuracy_judged",
    "macro_recall",
    "per_class",
    "ece",
)


@dataclass(frozen=True)
class TestSet:
    """A test set's pictures, as a net sees them."""

    rows: list[Row]
    judged: np.ndarray
    """Which rows have a crop [N]."""
    crops: np.ndarray
    """Of those [M,112,112]."""
    truths: dict[str, np.ndarray]
    """By name, the classes that the rows are judged by [N]."""

    @classmethod
    def of(cls, which: Set, data: Path, source: Source, aligned: bool) -> TestSet:
        """Reads a set's test pictures."""
        rows = [r for r in rows_of(data, which) if r.usage == ("PublicTest" if which is FER else "")]
        found = accepted(source.data / "aligned" / which.name) if aligned else None
        judged = np.array([found is None or r.source in found for r in rows])
        if found is None:
            crops = [enlarged(read_grey(source.data / "raw" / which.name / r.source)) for r in rows]
        else:
            crops = [read_grey(found[r.source]) for r in rows if r.source in found]
        labels = np.array([r.label for r in rows])
        truths = {"strangers": labels}
        if which is FER:
            truths = {"ferplus": majority(np.array([r.votes for r in rows])), "fer2013": labels}
        return cls(rows, judged, np.stack(crops), truths)


def test_sets(data: Path, source: Source, aligned: bool) -> list[TestSet]:
    """PublicTest and, where they are at hand, the strangers."""
    there = [which for which in (FER, WEB) if (data / which.folder).is_dir()]
    return [TestSet.of(which, data, source, aligned) for which in there]


def judge(net: nn.Module, sets: list[TestSet], device: torch.device) -> dict[str, dict]:
    """Figures by the name of what is judged by: ferplus, fer2013, strangers."""
    figures = {}
    for one in sets:
        p = np.full((len(one.rows), len(LABELS)), np.nan, np.float32)
        p[one.judged] = probabilities(logits_of(net, one.crops, device))
        for name, classes in one.truths.items():
            said = verdict(Answers(one.rows, one.judged, p), classes)
            figures[name] = {key: rounded(said[key]) for key in _SHOWN} | pictures(one, p, classes)
    return figures


def pictures(one: TestSet, p: np.ndarray, classes: np.ndarray) -> dict[str, str]:
    """Which labelled pictures were answered rightly, and which pictures these are."""
    labelled = np.flatnonzero(classes != NO_LABEL)
    right = np.nan_to_num(p).argmax(axis=1) == classes
    marks = "".join((RIGHT if right[i] else WRONG) if one.judged[i] else UNJUDGED for i in labelled)
    names = "\n".join(one.rows[i].source for i in labelled)
    return {"right": marks, "pictures": hashlib.sha256(names.encode()).hexdigest()[:16]}


def validate(net: nn.Module, pack: Pack, label_share: float, device: torch.device) -> dict[str, float]:
    """On the validation split, which decides between epochs."""
    held = pack.part(CALIBRATION)
    right = judged_by(held.votes, held.labels, label_share)
    rows = right != NO_LABEL
    s = scores(logits_of(net, held.crops[rows], device), right[rows])
    reached = {"accuracy": s.accuracy, "macro_recall": s.macro_recall, "nll": s.nll}
    return {"images": int(rows.sum())} | rounded(reached)


def rounded(value: object) -> object:
    """Four digits say more than these samples can; what is no number (a diverged run's) is null."""
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value
