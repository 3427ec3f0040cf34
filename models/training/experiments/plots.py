"""The plots of docs/results.md."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402, after the backend that needs no screen

SIZE_INCHES, DOTS_AN_INCH = (6.4, 3.6), 100
SMOOTHED_STEPS = 40
"""Over which a loss curve shows the mean; single batches differ by more than the curves do."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito's, which the colour-blind can tell apart."""


def smooth(losses: list[float | None]) -> tuple[np.ndarray, np.ndarray]:
    """Steps, and the mean of the losses before each; a diverged run's missing ones stay missing."""
    values = np.array([np.nan if v is None else v for v in losses], float)
    width = min(SMOOTHED_STEPS, len(values))
    means = np.convolve(values, np.ones(width) / width, mode="valid")
    return np.arange(width, len(values) + 1), means


def losses(path: Path, results: dict[str, dict], title: str) -> None:
    """Training losses by step, above; validation accuracy by pass as dots on the right-hand axis."""
    figure, axes = pyplot.subplots(figsize=SIZE_INCHES, layout="constrained")
    other = axes.twinx()
    for (name, result), colour in zip(results.items(), COLOURS * 2, strict=False):
        steps, means = smooth(result["losses"])
        axes.plot(steps, means, color=colour, label=name, linewidth=1.5)
        passes = [epoch.get("accuracy") for epoch in result["history"]]
        at = np.linspace(0, result["steps"], len(passes) + 1)[1:]
        shown = [(x, y) for x, y in zip(at, passes, strict=True) if y is not None]
        if shown:
            other.plot(*zip(*shown, strict=True), "o--", color=colour, markersize=4, linewidth=0.5)
    axes.set(xlabel="step", ylabel=f"training loss, mean of {SMOOTHED_STEPS} steps", title=title)
    axes.set_ylim(0, 2.6)
    other.set(ylabel="validation accuracy (dots)", ylim=(0, 1))
    axes.legend(fontsize="small", loc="lower left")
    save(figure, path)


def amount(path: Path, results: dict[str, dict]) -> None:
    """Accuracy over the number of faces learned from."""
    figure, axes = pyplot.subplots(figsize=SIZE_INCHES, layout="constrained")
    ordered = sorted(results.values(), key=lambda r: r["training_faces"])
    faces = [r["training_faces"] for r in ordered]
    for (test, name), colour in zip(SETS.items(), COLOURS, strict=False):
        known = [r for r in ordered if test in r["test"]]
        if not known:
            continue
        reached = np.array([r["test"][test]["accuracy_judged"] for r in known])
        axes.plot(faces, reached, "o-", color=colour, label=name)
    axes.set(xscale="log", xlabel="faces learned from", ylabel="accuracy of the judged", ylim=(0, 1))
    axes.set_xticks(faces, [f"{n:,}" for n in faces])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    save(figure, path)


SETS = {
    "ferplus": "PublicTest, FERPlus's majority",
    "fer2013": "PublicTest, FER2013's labels",
    "strangers": "strangers",
}


def save(figure: pyplot.Figure, path: Path) -> None:
    """A small PNG without the time of day in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS_AN_INCH, metadata={"Software": None})
    pyplot.close(figure)
