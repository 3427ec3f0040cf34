"""A plan whose rows take a few steps each, to see that everything runs.

python -m lease.short_plan STEPS BATCH > plan.toml
"""

from __future__ import annotations

import re
import sys

from experiments.plan import PLAN

if __name__ == "__main__":
    steps, batch = sys.argv[1:]
    text = re.sub(r"steps_an_epoch = \d+, |, steps_an_epoch = \d+", "", PLAN.read_text())
    text = re.sub(r"epochs = \d+", f"epochs = 2, steps_an_epoch = {steps}", text)
    text = re.sub(r"(warmup_)epochs = 2, steps_an_epoch = \d+", r"\1epochs = 1", text)
    sys.stdout.write(re.sub(r"batch = \d+", f"batch = {batch}", text))
