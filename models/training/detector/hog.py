"""HOG features of whole pictures, and windows of them: what the daemon's detector computes.

A level (a picture at one scale) is described once: one call of OpenCV's HOGDescriptor whose window covers the
whole level gives 36 numbers for every block. A window is then a square of neighbouring blocks, in the order
that HOGDescriptor has for it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

CELL_PX = 8
BLOCK_VALUES = 36
# The face box (dlib's rectangle) is this share of a window; the rest is hair, ears, chin and background.
BOX_SHARE = 0.8


@dataclass(frozen=True)
class Stage:
    """The window of one stage of the detector."""

    name: str
    window_px: int
    # How far a window may reach beyond the picture, which is mirrored there.
    padding_px: int

    @property
    def blocks(self) -> int:
        """Blocks along a side of the window: 2x2 cells each, overlapping by one."""
        return self.window_px // CELL_PX - 1

    @property
    def values(self) -> int:
        """Features of a window."""
        return self.blocks**2 * BLOCK_VALUES

    @property
    def box_px(self) -> float:
        """Side of the face box that fills a window."""
        return self.window_px * BOX_SHARE


# The first stage looks everywhere; the second looks again, at twice the resolution, where the first saw
# something.
COARSE = Stage("coarse", 64, 16)
FINE = Stage("fine", 128, 32)


def resize(picture: np.ndarray, scale: float) -> np.ndarray:
    """The picture at another scale, by the same interpolation as the daemon's."""
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def blocks(level: np.ndarray, padding: int) -> np.ndarray:
    """Features of all blocks of a grey level, float32 [columns, rows, 36].

    Block (i, j) covers the 16x16 pixels at (8 i - padding, 8 j - padding); what is beyond the last whole cell
    on the right and below is in no block.
    """
    height, width = (side // CELL_PX * CELL_PX + 2 * padding for side in level.shape)
    hog = cv2.HOGDescriptor((width, height), (16, 16), (8, 8), (8, 8), 9)
    values = hog.compute(level, (8, 8), (padding, padding), [(-padding, -padding)])
    return values.reshape(width // CELL_PX - 1, height // CELL_PX - 1, BLOCK_VALUES)


def window(features: np.ndarray, stage: Stage, column: int, row: int) -> np.ndarray:
    """The features of one window of a level, in HOGDescriptor's order."""
    side = stage.blocks
    return features[column : column + side, row : row + side].reshape(-1)


def scores(features: np.ndarray, stage: Stage, svms: np.ndarray) -> np.ndarray:
    """Decision values of all windows under each SVM (weights and, last, bias): [columns, rows, SVMs].

    Every block is multiplied with every block's weights once; the products are summed up window by window.
    """
    side, count = stage.blocks, len(svms)
    columns, rows = (max(0, n - side + 1) for n in features.shape[:2])
    weights = svms[:, :-1].reshape(count, side * side, BLOCK_VALUES).transpose(2, 1, 0)
    products = (features.reshape(-1, BLOCK_VALUES) @ weights.reshape(BLOCK_VALUES, -1)).reshape(
        *features.shape[:2], side * side, count
    )
    total = np.zeros((columns, rows, count), np.float32)
    for i in range(side):
        for j in range(side):
            total += products[i : i + columns, j : j + rows, i * side + j]
    return total + svms[:, -1]
