"""Pictures that are the same picture, so that none is on two sides of a split."""

from __future__ import annotations

import cv2
import numpy as np

SAME = 0.96
"""Correlation of two 16x16 thumbnails from which they count as one picture. Found by looking: pairs above
are re-encoded, shifted by a pixel or mirrored copies, pairs below 0.97 are other pictures of like pose."""

_ROWS_AT_A_TIME = 2048


def thumbnails(pictures: list[np.ndarray]) -> np.ndarray:
    """[N,256] float32: thumbnails with zero mean and unit length, so that a product is a correlation."""
    small = np.stack([cv2.resize(p, (16, 16), interpolation=cv2.INTER_AREA) for p in pictures])
    flat = small.reshape(len(small), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def groups(thumbs: np.ndarray, same: float = SAME) -> np.ndarray:
    """[N] int: for each picture the index of the first picture of its group (itself, mostly)."""
    mirrored = thumbs.reshape(-1, 16, 16)[:, :, ::-1].reshape(thumbs.shape)
    leader = np.arange(len(thumbs))

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    for start in range(0, len(thumbs), _ROWS_AT_A_TIME):
        block = thumbs[start : start + _ROWS_AT_A_TIME]
        for other in (thumbs, mirrored):
            # Each pair is seen once: columns before the block were rows of an earlier block.
            rows, columns = np.nonzero(block @ other[start:].T > same)
            for a, b in zip(rows + start, columns + start, strict=True):
                low, high = sorted((find(a), find(b)))
                leader[high] = low
    return np.array([find(i) for i in range(len(thumbs))])
