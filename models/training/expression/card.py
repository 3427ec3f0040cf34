"""The model card: what the net was trained on, how it was judged, for whom it is worse."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

import torch

from expression import LABELS, SIDE
from expression.backbones import IMAGENET
from expression.config import Config, parse
from expression.nets import build

_SETS = {
    "ferplus_majority": "FER2013 PublicTest, rows with a single FERPlus top vote among the seven",
    "fer2013_label": "FER2013 PublicTest, original labels",
    "strangers": "web-expressions (strangers: tight, blurred, turned, noisily labelled)",
}


def card(manifest: Path, figures: dict, made_of: dict, run: Path) -> str:
    """The card's Markdown."""
    table = tomllib.loads(manifest.read_text())
    stored = torch.load(run / "best.pt", map_location="cpu", weights_only=True)
    config = parse(stored["config"])
    parameters = sum(p.numel() for p in build(config.net).parameters())
    confusion = figures["ferplus_majority"]["confusion"]
    worst = min(figures["ferplus_majority"]["per_class"].items(), key=lambda item: item[1])
    return f"""# {table["name"]}: seven expressions from an aligned face

Written by `python -m expression.judge`; the figures are measured, not typed.

**A reference model for evaluation.** The pictures it learned from (FER2013 with FERPlus votes, and news
photographs) came from web searches and carry no verified commercial training rights. Train it on pictures
of your own before you ship it; the commands below do that.

## What it is
{_kind(config)}, {parameters / 1e6:.2f} M parameters, for the 112x112 grey crops of `cabinmood align`.
It tells the expression *seen*, not a feeling, and it does not know the person: a face that looks angry at
rest is called angry.
`{table["file"]}`: {manifest.with_suffix(".onnx").stat().st_size / 1e6:.1f} MB, weights stored as halves;
{figures["ms_a_face_one_thread"]:.1f} ms a face on one CPU thread.

## What it learned from
{made_of["train"]} faces. {made_of["calibration"]} more from FER2013's Training, chosen by the hash of their
content, decided which epoch was kept, how far the class prior is taken out, and the temperature
({table["expression"]["temperature"]}). Left out: {made_of["duplicate"]} copies of another picture,
{made_of["duplicate_of_test"]} copies of a test picture, {made_of["rejected"]} that the quality gate
rejected. Targets are FERPlus vote shares with {config.data.label_share:.0%} of the original label mixed in;
classes are balanced by sampling (power {config.data.sampling}) and logit adjustment ({config.data.adjust}).
Seed {config.train.seed}; epoch {stored["epoch"]} of {stored["epochs"]} was kept.{_taught(stored["teachers"])}

## How it was judged
A face that the gate rejects counts as wrong. Brackets: 95 % bootstrap interval.

| set | images | rejected | accuracy | macro recall | accuracy of the judged | ECE |
|---|---|---|---|---|---|---|
{_lines(_row(_SETS[key], figures[key]) for key in _SETS)}

Recall of each class:

| set | {" | ".join(LABELS)} |
|---|{"---|" * len(LABELS)}
{_lines(_recall(_SETS[key], figures[key]) for key in _SETS)}

Confusion on {_SETS["ferplus_majority"]} (rows: truth, columns: answer; rejected faces are in neither):

| | {" | ".join(LABELS)} |
|---|{"---|" * len(LABELS)}
{_lines(_counts(label, row) for label, row in zip(LABELS, confusion, strict=True))}

## For whom it is worse
- The rarest classes: {worst[0]} is found in {worst[1]:.0%} of its cases. Few pictures show them, and people
  agree least on them.
- Faces turned far to a side, covered or in poor light: the gate rejects the worst of them.
- People unlike those in the training pictures. FER2013 says nothing of age, sex or skin, so no figure by
  group can be given; measure on your own drivers before relying on it.
- Weak expressions: the training pictures are mostly posed or strong.

## Commands
```
cd models/training
python -m expression.prepare
{_training(run, stored["teachers"])}
python -m expression.export --run runs/{run.name}
python -m expression.judge --run runs/{run.name}
```
"""


def _kind(config: Config) -> str:
    net, start = config.net, config.start
    if net.architecture == "residual":
        side = SIDE // net.shrink
        return (
            f"A residual net with squeeze-and-excitation that begins by averaging its input to {side}x{side}"
        )
    origin = "weights learned on ImageNet" if start.weights == IMAGENET else Path(start.weights).name
    begun = f"trained on from {origin}" if start.weights else "trained from random weights"
    kept = f" (kept as they were: {', '.join(start.frozen)})" if start.frozen else ""
    return f"{net.architecture} for {net.side}x{net.side} pixels, {begun}{kept}"


def _taught(teachers: list[str]) -> str:
    if not teachers:
        return ""
    names = ", ".join(teachers)
    return f" Its targets are in part the mean opinion of larger nets ({names}), trained on the same faces."


def _training(run: Path, teachers: list[str]) -> str:
    common = "python -m expression.train --pack runs/data/pack.npz"
    lines = [f"{common} --config configs/{name}.toml --out runs/{name}" for name in teachers]
    taught = "".join(f" runs/{name}/best.pt" for name in teachers)
    last = f"{common} --config configs/{run.name}.toml --out runs/{run.name}"
    return "\n".join([*lines, last + (f" --teachers{taught}" if teachers else "")])


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _row(name: str, f: dict) -> str:
    low, high = f["accuracy_interval"]
    return (
        f"| {name} | {f['images']} | {f['rejected']} | {f['accuracy']:.3f} [{low:.3f}, {high:.3f}] "
        f"| {f['macro_recall']:.3f} | {f['accuracy_judged']:.3f} | {f['ece']:.3f} |"
    )


def _recall(name: str, f: dict) -> str:
    return (
        f"| {name} | "
        + " | ".join(f"{f['per_class'].get(label, float('nan')):.2f}" for label in LABELS)
        + " |"
    )


def _counts(label: str, row: list[int]) -> str:
    return f"| {label} | " + " | ".join(map(str, row)) + " |"
