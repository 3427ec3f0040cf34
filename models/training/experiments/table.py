"""Writes docs/results.md and its plots from the results of experiments.

    python -m experiments.table [--price-per-hour 0.40] [--currency EUR]

Needs no data and no training, only the JSONs in experiments/results. Its beginning stands in introduction.md;
what to take when is written by hand in conclusion.md and stands at its end.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dataset.align import ROOT

from experiments import plan, plots, results
from experiments.plan import FACES, Comparison, Row
from experiments.sections import COLUMNS, Price, brief, differences, line, minutes_of, table, whole_pictures

HERE = Path(__file__).parent
INTRODUCTION, CONCLUSION = HERE / "introduction.md", HERE / "conclusion.md"
QUESTIONS = {
    "six": "The six: three nets, two sets",
    "layers": "The last layer alone, or the whole net",
    "rate": "The learning rate of fine-tuning",
    "augmentation": "What augmentation brings",
    "alignment": "Aligned faces against whole pictures",
    "amount": "Accuracy over the amount of data",
    "weights": "Imported weights",
    "labels": "FER2013's own labels",
}
"""The groups of the plan, as headings, in their order."""


def introduction(found: dict[str, dict], price: Price) -> str:
    """What all rows have in common."""
    sample = sorted({str(r["tricks"]["images"]) for r in found.values() if "tricks" in r})
    threads = {0: "", 1: ", one thread"}
    devices = {r["device"] + threads.get(r["threads"], f", {r['threads']} threads") for r in found.values()}
    cost = (
        f"An hour is taken to cost {price.per_hour:.2f} {price.currency}, "
        f"{price.gpu_per_hour:.2f} with a GPU (`--price-per-hour`, `--gpu-price-per-hour`)."
    )
    return INTRODUCTION.read_text(encoding="utf-8").format(
        tricks=" or ".join(sample) or "some",
        devices="; ".join(sorted(devices)),
        price=cost if price.per_hour else "`make results PRICE=…` adds what a run costs.",
    )


def learned_faces(rows: list[Row], found: dict[str, dict]) -> str:
    """The backbones that other rows begin with."""
    lines = [
        (
            f"`{row.id}`",
            f"{found[row.id]['history'][-1]['cosine']:.3f}",
            minutes_of(found[row.id]),
            row.short or "no",
        )
        for row in rows
        if row.kind == FACES and row.id in found
    ]
    if not lines:
        return ""
    columns = ("row", "mean cosine on validation faces", "training, min", "short run")
    return "Backbones that learned dlib's face embedding first, without labels:\n\n" + table(columns, lines)


def pictures(group: str, found: dict[str, dict], folder: Path) -> str:
    """Draws a group's plot; returns the Markdown that shows it."""
    if group == "amount":
        plots.amount(folder / "experiments-amount.png", found)
    elif group in ("rate", "weights"):
        plots.losses(folder / f"experiments-{group}.png", found, QUESTIONS[group])
    else:
        return ""
    return f"![{QUESTIONS[group]}](pictures/experiments-{group}.png)\n"


def document(
    rows: list[Row], found: dict[str, dict], pairs: list[Comparison], price: Price, folder: Path
) -> str:
    """The whole page; its plots go to the folder."""
    judged = {row.id: row for row in rows if row.id in found and row.kind != FACES}
    missing = [f"`{row.id}`" for row in rows if row.id not in found]
    parts = [
        introduction(found, price),
        f"Not run so far: {', '.join(missing)}.\n" if missing else "",
        "## All rows\n",
        table(COLUMNS, (line(row, found[row.id], price) for row in judged.values())),
        learned_faces(rows, found),
    ]
    for group, heading in QUESTIONS.items():
        own = {row.id: found[row.id] for row in judged.values() if group in row.groups}
        if own:
            parts += [
                f"## {heading}\n",
                brief((judged[name] for name in own), found),
                differences([p for p in pairs if p.group == group], found),
                whole_pictures(found) if group == "alignment" else "",
                pictures(group, own, folder),
            ]
    if CONCLUSION.is_file():
        parts += ["## Which net to take when\n", CONCLUSION.read_text(encoding="utf-8")]
    return "\n".join(part for part in parts if part)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description="Writes the results of the experiments as a page with plots."
    )
    parser.add_argument("--plan", type=Path, default=plan.PLAN)
    parser.add_argument("--results", type=Path, default=results.RESULTS)
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--price-per-hour", type=float, default=0.0, help="of the machine that trains")
    parser.add_argument("--gpu-price-per-hour", type=float, default=0.0, help="of one with a GPU")
    parser.add_argument("--currency", default="EUR")
    options = parser.parse_args(arguments)
    rows = plan.load(options.plan)
    found = {row.id: result for row in rows if (result := results.read(row.id, options.results))}
    pairs = plan.comparisons(options.plan)
    price = Price(options.price_per_hour, options.gpu_price_per_hour, options.currency)
    page = options.docs / "results.md"
    page.write_text(document(rows, found, pairs, price, options.docs / "pictures"), encoding="utf-8")
    print(f"{page}: {len(found)} of {len(rows)} rows")


if __name__ == "__main__":
    main()
