"""The tables of docs/results.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from experiments import compare
from experiments.judge import RIGHT, UNJUDGED
from experiments.plan import Comparison, Row

TESTS = {"ferplus": "PublicTest, FERPlus", "fer2013": "PublicTest, FER2013", "strangers": "strangers"}
COLUMNS = (
    "row",
    "faces",
    "validation",
    *TESTS.values(),
    "tricks: accuracy, mean gap, worst",
    "parameters",
    "file, MB",
    "training, min",
    "a run costs",
    "742 pictures, s",
    "short run",
)
UNKNOWN = "–"


@dataclass(frozen=True)
class Price:
    """Of an hour of a machine that trains, with and without a GPU."""

    per_hour: float
    gpu_per_hour: float
    currency: str

    def of(self, result: dict) -> str:
        """What a run costs."""
        per_hour = self.gpu_per_hour if on_gpu(result) else self.per_hour
        return f"{seconds_of(result) / 3600 * per_hour:.2f} {self.currency}" if per_hour else UNKNOWN


def on_gpu(result: dict) -> bool:
    """Whether it was trained on one."""
    return result["threads"] == 0


def seconds_of(result: dict) -> float:
    """How long a training took: on a CPU the processor's time over the threads, since the wall's clock counts
    what else the machine did; on a GPU by the wall's clock, whoever shared it."""
    return result["wall_s"] if on_gpu(result) else result["cpu_s"] / result["threads"]


def minutes_of(result: dict) -> str:
    """For a table."""
    return f"{seconds_of(result) / 60:.1f}{' GPU' if on_gpu(result) else ''}"


def per_cent(value: float | None) -> str:
    """A share."""
    return UNKNOWN if value is None else f"{100 * value:.1f} %"


def reached(result: dict) -> list[str]:
    """Validation, the test sets and tricks."""
    test, tricks = result["test"], result.get("tricks")
    drawn = UNKNOWN
    if tricks:
        accuracy = sum(tricks["accuracy"].values()) / len(tricks["accuracy"])
        drawn = f"{per_cent(accuracy)}, {tricks['mean_gap']:.3f}, {tricks['worst'].replace('_', ' ')}"
    return [
        f"{per_cent(result['validation']['accuracy'])}, {result['validation']['macro_recall']:.3f}",
        *(
            f"{per_cent(test[t]['accuracy_judged'])}, {test[t]['macro_recall']:.3f}" if t in test else UNKNOWN
            for t in TESTS
        ),
        drawn,
    ]


def line(row: Row, result: dict, price: Price) -> list[str]:
    """A row of the table of all rows."""
    speeds = [f"{s['wall_s']:.0f} ({form})" for form, s in result.get("speed", {}).items()]
    return [
        f"`{row.id}`",
        f"{result['training_faces']:,}",
        *reached(result),
        f"{result['parameters_with_norm_statistics']:,}",
        f"{result['file_bytes'] / 1e6:.1f}" if "file_bytes" in result else UNKNOWN,
        minutes_of(result),
        price.of(result),
        "; ".join(speeds) or UNKNOWN,
        row.short or "no",
    ]


def brief(rows: Iterable[Row], found: dict[str, dict]) -> str:
    """What the rows of one question differ in, and what they reached."""
    columns = ("row", "what", "validation", *TESTS.values(), "tricks")
    return table(columns, ((f"`{row.id}`", row.what, *reached(found[row.id])) for row in rows))


def table(columns: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Markdown."""
    columns = list(columns)
    every = [columns, ["---"] * len(columns), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in every) + "\n"


def differences(pairs: list[Comparison], found: dict[str, dict]) -> str:
    """What a group's comparisons say."""
    lines = []
    for pair in pairs:
        if pair.before not in found or pair.after not in found:
            continue
        before, after = found[pair.before]["test"], found[pair.after]["test"]
        cells = [pair.what]
        for test in TESTS:
            if test not in before or test not in after:
                cells.append(UNKNOWN)
                continue
            d = compare.difference(before[test], after[test])
            points = f"{100 * d.gain:+.1f} [{100 * d.low:+.1f}, {100 * d.high:+.1f}]"
            cells.append(f"**{points}**" if d.is_sure else points)
        lines.append([*cells, f"`{pair.before}` → `{pair.after}`"])
    if not lines:
        return ""
    return (
        "Percentage points of accuracy on the same pictures, those that both judge; bold where the interval "
        "excludes zero:\n\n" + table(["gain of", *TESTS.values(), "rows"], lines)
    )


def whole_pictures(found: dict[str, dict]) -> str:
    """How a net without alignment does on pictures that alignment rejects."""
    result, aligned = found.get("compact-whole-pictures"), found.get("compact")
    if not result or not aligned:
        return ""
    lines = []
    for test, name in TESTS.items():
        if test not in result["test"]:
            continue
        one, other = result["test"][test], aligned["test"][test]
        rejected = [mine for mine, its in zip(one["right"], other["right"], strict=True) if its == UNJUDGED]
        share = per_cent(rejected.count(RIGHT) / len(rejected)) if rejected else UNKNOWN
        lines.append(
            (
                name,
                f"{per_cent(other['accuracy_judged'])} of {other['judged']}",
                f"{per_cent(one['accuracy_judged'])} of {one['judged']}",
                f"{share} of {len(rejected)}",
            )
        )
    columns = ("", "aligned: accepted faces", "whole pictures: all", "whole pictures: those the gate rejects")
    return table(columns, lines)
