"""Pictures that are the same picture, so that none is on two sides of a split."""

from __future__ import annotations

import math

import cv2
import numpy as np

SAME = 0.96
"""Correlation of two 16x16 thumbnails from which they count as one picture. Found by looking: pairs above
are re-encoded, shifted by a pixel or mirrored copies, pairs below 0.97 are other pictures of like pose."""

SAME_FACE = 0.88
"""Correlation of two fingerprints of aligned faces from which they are one picture. Found by looking at all
pairs of 3,448 FER2013 faces and of 4,923 news photographs: above are copies, often of another cut, light or
watermark; the most alike pair of two people has 0.79. In one person's film it keeps the face's changes."""

_FINGERPRINT_SIDE = 32
_LIGHT_SIGMA = 3.0
"""What is coarser than this in a fingerprint is light, hair and the outline that all aligned faces share."""
_ROWS_AT_A_TIME = 2048


def thumbnails(pictures: list[np.ndarray]) -> np.ndarray:
    """[N,256] float32: thumbnails with zero mean and unit length, so that a product is a correlation."""
    small = np.stack([cv2.resize(p, (16, 16), interpolation=cv2.INTER_AREA) for p in pictures])
    flat = small.reshape(len(small), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return unit(flat)


def fingerprints(crops: np.ndarray) -> np.ndarray:
    """[N,1024] float32 of aligned faces [N,112,112]: their fine parts only, with unit length."""
    side = (_FINGERPRINT_SIDE, _FINGERPRINT_SIDE)
    flat = np.empty((len(crops), side[0] * side[1]), np.float32)
    for row, crop in zip(flat, crops, strict=True):
        small = cv2.resize(crop, side, interpolation=cv2.INTER_AREA).astype(np.float32)
        row[:] = (small - cv2.GaussianBlur(small, (0, 0), _LIGHT_SIGMA)).ravel()
    return unit(flat)


def unit(flat: np.ndarray) -> np.ndarray:
    """Rows of unit length."""
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def mirrored(prints: np.ndarray) -> np.ndarray:
    """Prints of the mirror images."""
    side = math.isqrt(prints.shape[1])
    return prints.reshape(-1, side, side)[:, :, ::-1].reshape(prints.shape)


def groups(thumbs: np.ndarray, same: float = SAME) -> np.ndarray:
    """[N] int: for each picture the index of the first picture of its group (itself, mostly)."""
    turned = mirrored(thumbs)
    leader = np.arange(len(thumbs))

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    for start in range(0, len(thumbs), _ROWS_AT_A_TIME):
        block = thumbs[start : start + _ROWS_AT_A_TIME]
        for other in (thumbs, turned):
            # Each pair is seen once: columns before the block were rows of an earlier block.
            rows, columns = np.nonzero(block @ other[start:].T > same)
            for a, b in zip(rows + start, columns + start, strict=True):
                low, high = sorted((find(a), find(b)))
                leader[high] = low
    return np.array([find(i) for i in range(len(thumbs))])


def originals(*kinds: tuple[np.ndarray, float]) -> np.ndarray:
    """[N] int: for each picture the first *kept* one that it is alike, itself where there is none. Two are
    alike where the prints of any kind correlate by more than the kind's number. Unlike a group, a film of
    small steps does not end as one picture: what is unlike all that are kept is kept."""
    count = len(kinds[0][0])
    original, kept = np.arange(count), []

    def alike(rows: slice, columns: slice | list[int]) -> np.ndarray:
        found = [
            side @ prints[columns].T > same
            for prints, same in kinds
            for side in (prints[rows], mirrored(prints[rows]))
        ]
        return np.logical_or.reduce(found)

    for start in range(0, count, _ROWS_AT_A_TIME):
        block = slice(start, start + _ROWS_AT_A_TIME)
        before, inside = alike(block, kept), alike(block, block)
        kept_before = len(kept)
        for i, (old, new) in enumerate(zip(before, inside, strict=True)):
            others = kept[kept_before:]
            if old.any():
                original[start + i] = kept[int(old.argmax())]
            else:
                original[start + i] = next((o for o in others if new[o - start]), start + i)
            if original[start + i] == start + i:
                kept.append(start + i)
    return original
