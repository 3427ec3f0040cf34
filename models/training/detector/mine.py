"""Training one stage: SVMs, then the negatives that they take for faces, then the SVMs again."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detector.hog import Stage, scores, window
from detector.search import Level
from detector.svm import fit

# Times that the negatives are searched for what the SVMs take for a face.
ROUNDS = 4
# Hard negatives taken from one scene in a round.
HARDEST = 8
# A window that scores more than this is worth learning from (the margin of a negative is -1).
HARD_SCORE = -0.6
# Optimiser steps in a round and at the end.
STEPS, LAST_STEPS = 60, 150


@dataclass
class Scene:
    """A picture, or what of it lies away from a known face, to learn negatives from."""

    levels: list[Level]
    # A window that scores more may be a face that nobody marked, and is left alone.
    ceiling: float = np.inf


def random_windows(scenes: list[Scene], stage: Stage, each: int, rng: np.random.Generator) -> np.ndarray:
    """Some windows of every level of every scene [n, values]."""
    found = []
    for level in (level for scene in scenes for level in scene.levels):
        columns, rows = (n - stage.blocks + 1 for n in level.features.shape[:2])
        if columns > 0 and rows > 0:
            places = rng.integers((columns, rows), size=(each, 2))
            found += [window(level.features, stage, *place) for place in places]
    return np.array(found)


def hard_windows(scene: Scene, stage: Stage, svms: np.ndarray) -> list[tuple[float, int, int, int]]:
    """The windows of a scene that score most: (score, level, column, row), hardest first."""
    hard = []
    for number, level in enumerate(scene.levels):
        best = scores(level.features, stage, svms).max(axis=2)
        places = np.argwhere((best > HARD_SCORE) & (best < scene.ceiling))
        hard += [(float(best[i, j]), number, i, j) for i, j in places]
    return sorted(hard, reverse=True)[:HARDEST]


def train(
    stage: Stage,
    positives: np.ndarray,
    kinds: np.ndarray,
    scenes: list[Scene],
    cost: float,
    rng: np.random.Generator,
    log: Callable[[str], None],
) -> np.ndarray:
    """The stage's SVMs, float32 [kinds, values + 1].

    positives: [n, values], of kind kinds[n]; cost: the weight of errors against that of large weights.
    """
    targets = (kinds[:, None] == np.arange(kinds.max() + 1)).astype(np.int8)
    negatives = random_windows(scenes, stage, 2, rng)
    known, svms = set(), None
    for number in range(ROUNDS + 1):
        samples = np.vstack([positives, negatives])
        wanted = np.vstack([targets, np.full((len(negatives), targets.shape[1]), -1, np.int8)])
        svms = fit(samples, wanted, cost, svms, LAST_STEPS if number == ROUNDS else STEPS)
        own = (positives @ svms[:, :-1].T + svms[:, -1]).max(axis=1)
        found = 0
        if number < ROUNDS:
            fresh = []
            for index, scene in enumerate(scenes):
                for score, *place in hard_windows(scene, stage, svms):
                    found += score > 0
                    if (index, *place) not in known:
                        known.add((index, *place))
                        fresh.append(window(scene.levels[place[0]].features, stage, *place[1:]))
            negatives = np.vstack([negatives, *fresh])
        log(
            f"{stage.name} {number}: recall {np.mean(own > 0):.4f}, {found} false, {len(negatives)} negatives"
        )
    return svms
