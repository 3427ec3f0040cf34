"""A plan whose rows take a few steps each, to see that everything runs.

python -m lease.short_plan STEPS BATCH > plan.toml
"""

from __future__ import annotations

import re
import sys

from experiments.plan import PLAN


def shortened(text: str, steps: int, batch: int) -> str:
    """A plan's text with two epochs of so many steps for each row."""
    text = re.sub(r"steps_an_epoch = \d+, |, steps_an_epoch = \d+", "", text)
    text = re.sub(r"\bepochs = \d+", f"epochs = 2, steps_an_epoch = {steps}", text)
    return re.sub(r"batch = \d+", f"batch = {batch}", text)


if __name__ == "__main__":
    sys.stdout.write(shortened(PLAN.read_text(), *map(int, sys.argv[1:])))
