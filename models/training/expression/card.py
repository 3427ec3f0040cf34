"""The model card: what the net was trained on, how it was judged, for whom it is worse."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from expression import LABELS, SIDE
from expression.backbones import IMAGENET
from expression.config import Config, parse
from expression.kept import BEST
from expression.nets import build

_SETS = {
    "ferplus_majority": "FER2013 PublicTest, rows with a single FERPlus top vote among the seven",
    "fer2013_label": "FER2013 PublicTest, original labels",
    "strangers": "web-expressions (strangers: tight, blurred, turned, noisily labelled)",
}

_CHAIN = " --chain"


@dataclass(frozen=True)
class Said:
    """What the card says besides the figures of the judge."""

    note: str = ""
    """On the training."""
    chain: str = ""
    """Of the whole chain, by `expression.chain`."""


def card(manifest: Path, figures: dict, made_of: dict, runs: list[Path], more: Said = Said()) -> str:  # noqa: B008, frozen
    """The card's Markdown."""
    table = tomllib.loads(manifest.read_text())
    trained = [_Trained.of(run) for run in runs]
    confusion = figures["ferplus_majority"]["confusion"]
    asked = _CHAIN if more.chain else ""
    worst = min(figures["ferplus_majority"]["per_class"].items(), key=lambda item: item[1])
    mean = f"The mean of the logits of {len(trained)} nets" if len(trained) > 1 else "A net"
    return f"""# {table["name"]}: seven expressions from an aligned face

Written by `python -m expression.judge`; the figures are measured, not typed.

**A reference model for evaluation.** The pictures it learned from (FER2013 with FERPlus votes, and news
photographs) came from web searches and carry no verified commercial training rights. Train it on pictures
of your own before you ship it; the commands below do that.

## What it is
{mean} for the 112x112 grey crops of `cabinmood align`:
{_lines(f"- {net.kind()}" for net in trained)}

It tells the expression *seen*, not a feeling, and it does not know the person: a face that looks angry at
rest is called angry.
`{table["file"]}`: {manifest.with_suffix(".onnx").stat().st_size / 1e6:.1f} MB;
{figures["ms_a_face_one_thread"]:.1f} ms a face on one CPU thread.

## What it learned from
{made_of["train"]} faces. {made_of["calibration"]} more from FER2013's Training, chosen by the hash of their
content, decided which epoch was kept, the classes' biases, and the temperature
({table["expression"]["temperature"]}). Left out: {made_of["duplicate"]} copies of another picture,
{made_of["duplicate_of_test"]} copies of a test picture, {made_of["rejected"]} that the quality gate
rejected. Tight crops that cannot be aligned are learned as they came ({made_of["train_unaligned"]}, and
{made_of["calibration_unaligned"]} of those that decide).
{_lines(f"- {net.learned()}" for net in trained)}
{more.note and f"- {more.note}"}

## How it was judged
As `cabinmood evaluate --crops` does it: a crop that cannot be aligned is judged as it came, upright, one that
the gate rejects for another reason counts as wrong. *Gated* is the accuracy where everything that the gate
rejects counts as wrong, as nothing is said of such faces in a car. Brackets: 95 % bootstrap interval.

| set | images | unaligned | rejected | accuracy | macro recall | gated | of the accepted | ECE |
|---|---|---|---|---|---|---|---|---|
{_lines(_row(_SETS[key], figures[key]) for key in _SETS)}

Recall of each class:

| set | {" | ".join(LABELS)} |
|---|{"---|" * len(LABELS)}
{_lines(_recall(_SETS[key], figures[key]) for key in _SETS)}

Confusion on {_SETS["ferplus_majority"]} (rows: truth, columns: answer; rejected faces are in neither):

| | {" | ".join(LABELS)} |
|---|{"---|" * len(LABELS)}
{_lines(_counts(label, row) for label, row in zip(LABELS, confusion, strict=True))}

{more.chain}
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
{_lines(dict.fromkeys(line for net in trained for line in net.commands()))}
{_exporting(manifest)}
python -m expression.judge --manifest ../{manifest.name} --run {_folders(trained)}{asked}
```
"""


@dataclass(frozen=True)
class _Trained:
    """One of the nets that the file holds."""

    run: Path
    config: Config
    epoch: int
    epochs: int
    teachers: list[str]
    unfolded: dict[str, str] | None
    """Of a net that was never trained here, the exported file and the configuration of its shape."""

    @classmethod
    def of(cls, run: Path) -> _Trained:
        stored = torch.load(run / BEST, map_location="cpu", weights_only=True)
        kept = {key: stored[key] for key in ("epoch", "epochs", "teachers")}
        return cls(run, parse(stored["config"]), **kept, unfolded=stored.get("unfolded"))

    @classmethod
    def beside(cls, run: Path, name: str) -> _Trained | None:
        """Another run, if its weights are still there."""
        other = run.with_name(name)
        return cls.of(other) if (other / BEST).is_file() else None

    @property
    def name(self) -> str:
        """Of its run and of its configuration."""
        return self.run.name

    def kind(self) -> str:
        """What it is made of."""
        net, start = self.config.net, self.config.start
        parameters = sum(p.numel() for p in build(net).parameters())
        size = f"{self.name}: {parameters / 1e6:.2f} M parameters"
        if net.architecture == "residual":
            side = SIDE // net.shrink
            begins = f"begins by averaging to {side}x{side}" if net.shrink > 1 else f"sees all {side}x{side}"
            return f"{size}, residual with squeeze-and-excitation; {begins}"
        origin = "weights learned on ImageNet" if start.weights == IMAGENET else Path(start.weights).name
        begun = f"trained on from {origin}" if start.weights else "trained from random weights"
        kept = f"; {', '.join(start.frozen)} stay as they were" if start.frozen else ""
        return f"{size}, {net.architecture} at {net.side}x{net.side} pixels, {begun}{kept}"

    def learned(self) -> str:
        """How it was trained."""
        data, train = self.config.data, self.config.train
        labels = f"FERPlus vote shares with {data.label_share:.0%} of the original label mixed in"
        if data.label_share == 1:
            labels = "FER2013's original labels alone"
        return (
            f"{self.name}: {labels}; "
            f"classes balanced by sampling (power {data.sampling}) and logit adjustment ({data.adjust}); "
            f"seed {train.seed}; epoch {self.epoch} of {self.epochs} was kept.{_taught(self.teachers)}"
            f"{f' It goes on from {self._earlier_net()}.' if self.earlier else ''}"
        )

    def commands(self) -> list[str]:
        """What trains it, and before it all that it learned from."""
        if self.unfolded:
            made = f"expression.unfold {self.unfolded['file']} --config {self.unfolded['config']}"
            return [f"python -m {made} --pack runs/data/pack.npz --out runs/{self.name}"]
        lines = []
        for name in filter(None, (self.earlier, *self.teachers)):
            other = _Trained.beside(self.run, name)
            lines += other.commands() if other else [_command(name)]
        taught = "".join(f" runs/{teacher}/best.pt" for teacher in self.teachers)
        return [*lines, _command(self.name) + (f" --teachers{taught}" if taught else "")]

    def _earlier_net(self) -> str:
        """For a reader."""
        earlier = _Trained.beside(self.run, self.earlier)
        if earlier and earlier.unfolded:
            return f"the net in {Path(earlier.unfolded['file']).name}"
        return f"the run {self.earlier}"

    @property
    def earlier(self) -> str:
        """The run that a residual net goes on from."""
        goes_on = self.config.net.architecture == "residual" and self.config.start.weights
        return Path(self.config.start.weights).parent.name if goes_on else ""


def _exporting(manifest: Path) -> str:
    """The command that wrote the manifest, as its first line tells it."""
    first = manifest.read_text().splitlines()[0]
    return first.partition("`")[2].partition("`")[0] or f"# {manifest.name} does not tell how it was exported"


def _folders(trained: list[_Trained]) -> str:
    return " ".join(f"runs/{net.name}" for net in trained)


def _command(name: str) -> str:
    packs = "runs/data/pack.npz runs/data/unaligned.npz"
    return f"python -m expression.train --pack {packs} --config configs/{name}.toml --out runs/{name}"


def _taught(teachers: list[str]) -> str:
    if not teachers:
        return ""
    names = ", ".join(teachers)
    return f" Its targets are in part the mean opinion of other nets ({names}), trained on the same faces."


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _row(name: str, f: dict) -> str:
    low, high = f["accuracy_interval"]
    return (
        f"| {name} | {f['images']} | {f['unaligned']} | {f['rejected']} "
        f"| {f['accuracy']:.3f} [{low:.3f}, {high:.3f}] | {f['macro_recall']:.3f} "
        f"| {f['accuracy_gated']:.3f} | {f['accuracy_accepted']:.3f} | {f['ece']:.3f} |"
    )


def _recall(name: str, f: dict) -> str:
    return (
        f"| {name} | "
        + " | ".join(f"{f['per_class'].get(label, float('nan')):.2f}" for label in LABELS)
        + " |"
    )


def _counts(label: str, row: list[int]) -> str:
    return f"| {label} | " + " | ".join(map(str, row)) + " |"
