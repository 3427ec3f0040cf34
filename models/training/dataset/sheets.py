"""Contact sheets: many small pictures on one, each with its name, to see at a glance what was dropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

MOST_TILES = 60
SIDE = 96
CAPTION = 14
COLUMNS = 12
"""In single pictures; a pair is two wide."""
_INK, _PAPER = 0, 255
_LETTERS = 17
"""As many as fit below a picture."""

Tile = Sequence[tuple[Path | np.ndarray, str]]
"""One picture or several that belong together, each with its caption."""


def sample(tiles: Sequence, most: int = MOST_TILES) -> list:
    """Evenly spaced ones of a long list."""
    return [tiles[i * len(tiles) // most] for i in range(most)] if len(tiles) > most else list(tiles)


def sheet(tiles: Sequence[Tile]) -> np.ndarray:
    """A grey contact sheet of all these tiles."""
    drawn = [_draw(tile) for tile in tiles]
    in_a_row = max(1, COLUMNS // max(len(tile) for tile in tiles))
    while len(drawn) % in_a_row and len(drawn) > in_a_row:
        drawn.append(np.full_like(drawn[0], _PAPER))
    rows = [np.hstack(drawn[i : i + in_a_row]) for i in range(0, len(drawn), in_a_row)]
    return np.vstack(rows)


def _draw(tile: Tile) -> np.ndarray:
    height, gap = SIDE + CAPTION, 4
    drawn = np.full((height + gap, len(tile) * SIDE + 2 * gap), _PAPER, np.uint8)
    for place, (picture, caption) in enumerate(tile):
        if isinstance(picture, Path):
            picture = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
        left = gap + place * SIDE
        if picture is not None:
            drawn[:SIDE, left : left + SIDE] = _fitted(picture)
        text = caption.encode("ascii", "replace").decode()[-_LETTERS:]
        cv2.putText(drawn, text, (left + 1, SIDE + 10), cv2.FONT_HERSHEY_SIMPLEX, 0.3, _INK, 1, cv2.LINE_AA)
    return drawn


def _fitted(picture: np.ndarray) -> np.ndarray:
    """The whole picture in a square, its shape kept."""
    scale = (SIDE - 2) / max(picture.shape)
    size = [max(1, round(side * scale)) for side in picture.shape[::-1]]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square = np.full((SIDE, SIDE), _PAPER, np.uint8)
    square[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=way)
    return square
