"""A page that shows where a model and the labels disagree most, and takes corrections.

    python -m dataset.review --pack OUT/original/pack.npz (--run RUN | --manifest FILE.toml) --out DIR

Leaves DIR/index.html with DIR/faces/*.webp, to be opened in a browser, and DIR/predictions.csv. The page's
button saves corrections.csv, which `dataset.build --corrections` applies.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from expression import LABELS
from expression.calibrate import fit_temperature
from expression.export import answers, session
from expression.kept import BEST, load_net
from expression.labels import NO_LABEL, seven_votes, truth
from expression.measure import logits_of, probabilities
from expression.pack import CALIBRATION, Pack, PackError
from tqdm import tqdm

from dataset import DatasetError
from dataset.store import write_table

VARIANT = re.compile(r"#v\d+$")
"""The end of a variant's name in an archive: nobody need look at it beside its origin."""
QUALITY = 85
PREDICTION_COLUMNS = ("file", "split", "label", "choice", "p_label", "p_choice", "votes_entropy", *LABELS)
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Opinion:
    """What a model says of an archive's rows; arrays of one length."""

    pack: Pack
    filed: np.ndarray
    """What each is judged by: the voters' majority, else its label, else the class with most votes."""
    p: np.ndarray
    """Probabilities [N,7]."""

    @property
    def p_label(self) -> np.ndarray:
        """Of the class that each is filed under."""
        return self.p[np.arange(len(self.p)), self.filed]

    @property
    def disagreement(self) -> np.ndarray:
        """Probability of the model's choice, less that of the label: 0 where they are the same."""
        return self.p.max(axis=1) - self.p_label

    @property
    def entropy(self) -> np.ndarray:
        """Of the votes, in bits; NaN where nobody voted."""
        total = self.pack.votes.sum(axis=1, keepdims=True).astype(float)
        share = np.divide(self.pack.votes, total, out=np.zeros(self.pack.votes.shape), where=total > 0)
        bits = -(share * np.log2(np.where(share > 0, share, 1))).sum(axis=1)
        return np.where(total[:, 0] > 0, np.abs(bits), np.nan)


def labelled(pack: Pack) -> tuple[Pack, np.ndarray]:
    """The rows that can be filed and are no variants, and their classes."""
    filed = truth(pack.votes, pack.labels)
    filed = np.where(filed == NO_LABEL, pack.labels, filed)
    seven = seven_votes(pack.votes)
    filed = np.where((filed == NO_LABEL) & seven.any(axis=1), seven.argmax(axis=1), filed)
    rows = (filed != NO_LABEL) & np.array([VARIANT.search(source) is None for source in pack.sources])
    columns = (pack.crops, pack.sources, pack.votes, pack.labels, pack.splits)
    return Pack(*(column[rows] for column in columns), digest=pack.digest), filed[rows]


def by_run(run: Path, pack: Pack, filed: np.ndarray) -> np.ndarray:
    """Probabilities of a training run's net, as sure as it is right on the validation split."""
    try:
        net = load_net(run / BEST, torch.device("cpu"))[0].eval()
    except FileNotFoundError as error:
        raise DatasetError(f"{run}: no best.pt there; name the folder that expression.train wrote") from error
    logits = logits_of(net, pack.crops, torch.device("cpu"), mirrored=True)
    held = pack.splits == CALIBRATION
    return probabilities(logits, fit_temperature(logits[held], filed[held]) if held.any() else 1.0)


def by_manifest(manifest: Path, pack: Pack) -> np.ndarray:
    """Probabilities of an exported model."""
    try:
        table = tomllib.loads(manifest.read_text())
        running = session(manifest.parent / table["file"])
        temperature = table["expression"]["temperature"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"{manifest}: no manifest of an expression model ({error})") from error
    crops = tqdm(pack.crops, "judge", leave=False, disable=None)
    logits = np.concatenate([answers(running, crop[None]) for crop in crops])
    return probabilities(logits, temperature)


def write(out: Path, opinion: Opinion, model: str) -> None:
    """Writes page, faces and predictions, those first that model and label disagree on most."""
    pack, entropy = opinion.pack, opinion.entropy
    order = np.lexsort((pack.sources, opinion.p_label, -opinion.disagreement))
    (out / "faces").mkdir(parents=True, exist_ok=True)
    rows, table = [], []
    for i in tqdm(order, "review", leave=False, disable=None):
        face = f"faces/{i:06}.webp"
        written = cv2.imwrite(str(out / face), pack.crops[i], [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
        if not written:
            raise DatasetError(f"{out / face}: cannot be written")
        source, label, p = str(pack.sources[i]), LABELS[opinion.filed[i]], opinion.p[i]
        split = "validation" if pack.splits[i] == CALIBRATION else "train"
        bits = None if np.isnan(entropy[i]) else round(float(entropy[i]), 2)
        votes = None if bits is None else pack.votes[i].tolist()
        shown = [round(float(v), 3) for v in p]
        rows.append([source, face, split, label, shown, votes, bits])
        choice = LABELS[int(p.argmax())]
        known = "" if bits is None else bits
        table.append((source, split, label, choice, f"{opinion.p_label[i]:.4f}", f"{p.max():.4f}", known,
                      *(f"{v:.4f}" for v in p)))  # fmt: skip
    write_table(out / "predictions.csv", PREDICTION_COLUMNS, table)
    data = {"labels": LABELS, "rows": rows, "model": model, "key": f"cabinmood-review-{pack.digest[:16]}"}
    (out / "index.html").write_text(page(data), encoding="utf-8")


def page(data: dict) -> str:
    """The page with its script and data inside; only the faces lie beside it."""
    text = (HERE / "review.html").read_text(encoding="utf-8")
    # "<" as its JSON escape: no file name ends the script.
    stored = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    script = (HERE / "review.js").read_text(encoding="utf-8")
    before, between, after = re.split("/\\*DATA\\*/|/\\*SCRIPT\\*/", text)
    return before + stored + between + script + after


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True)
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--run", type=Path, help="a training run's folder")
    model.add_argument("--manifest", type=Path, help="an exported model, such as ../expression.toml")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        pack, filed = labelled(Pack.load(options.pack))
    except PackError as error:
        raise DatasetError(str(error)) from error
    if not len(filed):
        raise DatasetError(f"{options.pack}: no row has a label or a vote for one of the classes")
    p = by_run(options.run, pack, filed) if options.run else by_manifest(options.manifest, pack)
    opinion = Opinion(pack, filed, p)
    write(options.out, opinion, str(options.run or options.manifest))
    other = int((opinion.disagreement > 0).sum())
    print(
        f"{len(filed)} pictures, {other} where the model chooses another class; open {options.out}/index.html"
    )


if __name__ == "__main__":
    main()
