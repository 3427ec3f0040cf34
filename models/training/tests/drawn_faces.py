"""Drawn faces whose mouth tells their label, for tests that need many."""

import cv2
import numpy as np
from expression import labels

MOUTH = {"angry": -6, "disgust": -3, "fear": 9, "happy": 12, "sad": -12, "surprise": 16, "neutral": 0}


def face(label: str, seed: int, side: int = 48) -> np.ndarray:
    """A drawing whose mouth tells its label."""
    draw = np.random.default_rng(seed)
    # The background differs, or all drawings would count as copies of one.
    picture = cv2.resize(
        draw.integers(0, 255, (7, 7)).astype(np.uint8), (112, 112), interpolation=cv2.INTER_CUBIC
    )
    cv2.ellipse(picture, (56, 56), (44, 54), 0, 0, 360, int(draw.integers(170, 220)), -1)
    for x in (35, 77):
        cv2.circle(picture, (x, 40), 5, 30, -1)
    bend = MOUTH[label]
    cv2.ellipse(
        picture,
        (56, 84 - bend // 2),
        (16, max(1, abs(bend))),
        0,
        *((0, 180) if bend > 0 else (180, 360)),
        20,
        3,
    )
    noisy = picture + draw.normal(0, 6, picture.shape)
    return cv2.resize(noisy.clip(0, 255).astype(np.uint8), (side, side), interpolation=cv2.INTER_AREA)


def votes(label: str) -> list[int]:
    """Eight of ten voters for the label, two for neutral."""
    word = next(w for w, own in labels.WORDS.items() if own == label)
    row = dict.fromkeys(labels.VOTE_COLUMNS, 0)
    row[word] += 8
    row["neutral"] += 2
    return [row[c] for c in labels.VOTE_COLUMNS]
