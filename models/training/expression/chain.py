"""What `cabinmood evaluate` says of a model on PublicTest: the whole chain, with tricks and groups."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from expression.class_folders import agreement, classes_of, lay_out, write_groups
from expression.prepare import FER


def evaluate(binary: Path, manifest: Path, data: Path) -> dict:
    """The JSON object of `evaluate --crops --tricks --groups` on the rows with a single FERPlus top vote."""
    classes = classes_of(data, FER.name, "ferplus")
    with tempfile.TemporaryDirectory() as folder:
        pictures, groups = Path(folder) / "pictures", Path(folder) / "groups.csv"
        lay_out(data / FER.folder / "images.tar", classes, pictures)
        write_groups(groups, agreement(data, classes), classes)
        command = [binary, "evaluate", pictures, "--crops", "--tricks", "--groups", groups, "--json"]
        said = subprocess.run([*command, "--model", manifest.resolve()], stdout=subprocess.PIPE, check=True)
    return json.loads(said.stdout)


def section(said: dict) -> str:
    """The model card's part."""
    return "\n".join([*_tricks(said), *_answering(said), *_groups(said)])


def _tricks(said: dict) -> Iterator[str]:
    kinds = {name: one for name, one in said["tricks"].items() if isinstance(one, dict)}
    low, high = said["tricks"]["mean_gap_interval"]
    yield "## Tricks"
    yield "Drawn on the pictures before alignment (`cabinmood evaluate --tricks`; docs/evaluation.md), where"
    yield "the clean face is accepted. *Rejected* is what the gate rejects; on such tight crops it is judged"
    yield "as it came, in a car it is not judged. A gap is the accuracy lost; the mean is"
    yield f"{said['tricks']['mean_gap']:.3f} [{low:.3f}, {high:.3f}]."
    yield ""
    yield "| trick | rejected | accuracy | gap | accuracy of the accepted |"
    yield "|---|---|---|---|---|"
    for name, one in kinds.items():
        low, high = one["gap_interval"]
        yield (
            f"| {name.replace('_', ' ')} | {one['rejected_share']:.0%} | {one['accuracy']:.3f} "
            f"| {one['gap']:.3f} [{low:.3f}, {high:.3f}] | {_share(one['accuracy_accepted'])} |"
        )
    yield ""


def _answering(said: dict) -> Iterator[str]:
    yield "## Answering only when sure"
    yield "Accuracy of the most confident answers, when so many of the pictures are answered at all."
    yield ""
    yield "| answered | accuracy |"
    yield "|---|---|"
    for point in said["selective"]["by_confidence"]:
        if round(100 * point["coverage"]) in (20, 40, 60, 80, 95):
            low, high = point["interval"]
            yield f"| {point['coverage']:.0%} | {point['accuracy']:.3f} [{low:.3f}, {high:.3f}] |"
    yield ""


def _groups(said: dict) -> Iterator[str]:
    yield "## Groups"
    yield "By what alignment measures, and by the share of FERPlus's voters who agree with the label"
    yield "(`agreement`, a stand-in for how strong the expression is)."
    yield ""
    yield "| group | | images | rejected | accuracy | accuracy of the judged |"
    yield "|---|---|---|---|---|---|"
    for kind, groups in said["groups"].items():
        for one in groups:
            interval = f"[{one['low']:.3f}, {one['high']:.3f}]"
            yield (
                f"| {kind} | {one['group']} | {one['images']} | {one['rejected']} "
                f"| {one['accuracy']:.3f} {interval} | {_share(one['accuracy_judged'])} |"
            )
    yield ""


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
