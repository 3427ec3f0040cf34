"""Judges an exported net on people it has not seen and writes its model card.

    python -m expression.judge [--manifest FILE.toml] [--data DIR] [--aligned runs/data] [--run runs/compact]
        [--chain] [--note TEXT]

PublicTest is read here and nowhere else; web-expressions are strangers, nothing was trained or tuned on
them. A crop that cannot be aligned is judged as it came, as `cabinmood evaluate --crops` does; one that the
quality gate rejects for another reason counts as wrong. `--chain` also has `cabinmood evaluate` judge the
whole chain with tricks and by groups (ten minutes), for the card.
"""

from __future__ import annotations

import argparse
import json
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dataset.align import BINARY

from expression import LABELS, chain
from expression.card import Said, card
from expression.export import answers, session
from expression.labels import NO_LABEL, majority
from expression.measure import calibration_error, probabilities
from expression.prepare import (
    FER,
    REPORT,
    ROOT,
    WEB,
    Row,
    Set,
    accepted,
    as_they_came,
    default_data,
    read_grey,
    rows_of,
)

RESAMPLES = 1000
"""Of the bootstrap behind each 95 % interval."""


@dataclass(frozen=True)
class Answers:
    """What the model said of a set's faces: probabilities [N,7], and which rows had one."""

    rows: list[Row]
    judged: np.ndarray
    p: np.ndarray
    accepted: np.ndarray | None = None
    """Of the judged ones, those that the gate accepted; all of them where nothing is said."""


def ask(manifest: Path, which: Set, data: Path, aligned: Path, usage: str) -> Answers:
    """Runs the model on a set's crops."""
    with manifest.open("rb") as file:
        table = tomllib.load(file)
    rows = [row for row in rows_of(data, which) if row.usage == usage]
    passed = accepted(aligned / "aligned" / which.name)
    crops = as_they_came(aligned / "aligned" / which.name) | passed
    running = session(manifest.parent / table["file"])
    judged = np.array([row.source in crops for row in rows])
    pictures = np.stack([read_grey(crops[row.source]) for row in rows if row.source in crops])
    p = np.full((len(rows), len(LABELS)), np.nan, np.float32)
    p[judged] = probabilities(answers(running, pictures), table["expression"]["temperature"])
    return Answers(rows, judged, p, np.array([row.source in passed for row in rows]))


def verdict(said: Answers, truth: np.ndarray) -> dict:
    """Counts and rates against one set of labels; rows without a label are left out."""
    labelled = truth != NO_LABEL
    truth, judged, p = truth[labelled], said.judged[labelled], said.p[labelled]
    passed = judged if said.accepted is None else said.accepted[labelled]
    chosen = np.where(judged, np.nan_to_num(p).argmax(axis=1), NO_LABEL)
    right = chosen == truth
    confusion = [
        [int(((truth == t) & (chosen == c)).sum()) for c in range(len(LABELS))] for t in range(len(LABELS))
    ]
    recall = {n: float(right[truth == c].mean()) for c, n in enumerate(LABELS) if (truth == c).any()}
    draws = np.random.default_rng(0).integers(len(right), size=(RESAMPLES, len(right)))
    low, high = np.percentile(right[draws].mean(axis=1), (2.5, 97.5))
    return {
        "images": len(truth),
        "judged": int(judged.sum()),
        "rejected": int((~judged).sum()),
        "accuracy": float(right.mean()),
        "accuracy_interval": [float(low), float(high)],
        "accuracy_judged": float(right[judged].mean()),
        "unaligned": int((judged & ~passed).sum()),
        "accuracy_gated": float((right & passed).mean()),
        "accuracy_accepted": float(right[passed].mean()),
        "macro_recall": float(np.mean(list(recall.values()))),
        "per_class": recall,
        "confusion": confusion,
        "ece": calibration_error(p[judged], truth[judged]),
    }


def speed_ms(manifest: Path) -> float:
    """Median milliseconds a face on one thread."""
    with manifest.open("rb") as file:
        running = session(manifest.parent / tomllib.load(file)["file"])
    face = np.zeros((1, 112, 112), np.uint8)
    times = []
    for _ in range(200):
        began = time.perf_counter()
        answers(running, face)
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times))


def judge(manifest: Path, data: Path, aligned: Path) -> dict:
    """All figures of the card."""
    test = ask(manifest, FER, data, aligned, "PublicTest")
    votes = np.array([row.votes for row in test.rows])
    labels = np.array([row.label for row in test.rows])
    strangers = ask(manifest, WEB, data, aligned, "")
    return {
        "ferplus_majority": verdict(test, majority(votes)),
        "fer2013_label": verdict(test, labels),
        "strangers": verdict(strangers, np.array([row.label for row in strangers.rows])),
        "ms_a_face_one_thread": speed_ms(manifest),
    }


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Judges an exported net and writes its card.")
    parser.add_argument("--manifest", type=Path, default=ROOT / "models/expression.toml")
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--aligned", type=Path, default=ROOT / "models/training/runs/data")
    parser.add_argument("--run", type=Path, nargs="+", help="the training runs, for the card")
    parser.add_argument("--chain", action="store_true", help="judge the whole chain, too, for the card")
    parser.add_argument("--note", default="", help="what else the card's reader must know of the training")
    parser.add_argument("--binary", type=Path, default=BINARY)
    options = parser.parse_args(arguments)
    figures = judge(options.manifest, options.data, options.aligned)
    print(json.dumps(figures, indent=1))
    if options.run:
        made_of = json.loads((options.aligned / REPORT).read_text())
        said = chain.evaluate(options.binary, options.manifest, options.data) if options.chain else None
        more = Said(options.note, chain.section(said) if said else "")
        text = card(options.manifest, figures, made_of, options.run, more)
        options.manifest.with_suffix(".md").write_text(text)


if __name__ == "__main__":
    main()
