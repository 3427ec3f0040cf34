"""Two experiments on the same pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments import ExperimentError
from experiments.judge import RIGHT, UNJUDGED

RESAMPLES = 2000
"""Of the bootstrap behind each 95 % interval."""


@dataclass(frozen=True)
class Difference:
    """How much more often the second one is right, on the pictures that both judge."""

    pictures: int
    gain: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether the interval excludes that there is none."""
        return self.low > 0 or self.high < 0


def difference(before: dict, after: dict) -> Difference:
    """From two results' figures for one test set. Drawing pictures, not answers, keeps what the two have in
    common: both are right on easy faces.

    # Errors
    ExperimentError where they were judged on different pictures."""
    if before["pictures"] != after["pictures"]:
        raise ExperimentError("two results were judged on different pictures; run the older one again")
    first, second = (np.array(list(one["right"])) for one in (before, after))
    both = (first != UNJUDGED) & (second != UNJUDGED)
    gains = (second[both] == RIGHT).astype(float) - (first[both] == RIGHT)
    draws = np.random.default_rng(0).integers(len(gains), size=(RESAMPLES, len(gains)))
    low, high = np.percentile(gains[draws].mean(axis=1), (2.5, 97.5))
    return Difference(len(gains), float(gains.mean()), float(low), float(high))
