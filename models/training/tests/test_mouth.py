"""What is drawn before mouths hides them, and little else."""

import numpy as np
import pytest
from fit_check import mouth
from fit_check.train import SIDE

LIPS = (slice(82, 89), slice(51, 62))
EYES = (slice(34, 46), slice(29, 83))


def face() -> np.ndarray:
    """Stripes: whatever is drawn over them changes them."""
    rows = np.arange(SIDE)[:, None] + np.zeros((1, SIDE), int)
    return np.where(rows // 4 % 2 == 0, 90, 160).astype(np.uint8)


@pytest.mark.parametrize("cover", mouth.COVERS)
def test_a_cover_hides_the_mouth(cover):
    walls = [np.random.default_rng(9).integers(0, 255, (200, 300)).astype(np.uint8)]
    hidden, seen_eyes = [], []
    for seed in range(40):
        changed = np.abs(cover(face(), np.random.default_rng(seed), walls).astype(int) - face()) > 6
        hidden.append(changed[LIPS].mean())
        seen_eyes.append(1 - changed[EYES].mean())
    assert np.mean(hidden) > 0.75, "the lips show"
    assert np.mean(seen_eyes) > 0.75, "the eyes are covered"


def test_the_same_seed_draws_the_same():
    walls = [np.full((50, 50), 7, np.uint8)]
    for cover in mouth.COVERS:
        once, again = (cover(face(), np.random.default_rng(3), walls) for _ in range(2))
        assert np.array_equal(once, again)
