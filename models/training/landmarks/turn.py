"""Turns a photographed head: the face mesh has depth, so its triangles can be drawn as they would lie on a
head that looks aside, the nearer over the farther ones (Zhu et al., CVPR 2016, so train on large poses)."""

import cv2
import numpy as np
from scipy.spatial import Delaunay

# Beyond the face the picture is bent less and less: rings of the face's outline, grown by so much about its
# middle, take so large a part of the outline's movement.
RINGS = ((1.25, 0.6), (1.6, 0.2), (2.2, 0.0))
# The mesh's points of the face without the irises; the tip of the nose and the outer corners of the eyes.
FACE = 468
NOSE, LEFT, RIGHT = 4, 33, 263
# A face whose nose lies further off the middle, in parts of its eyes' distance, looks aside already.
ASIDE = 0.05


def rotated(points: np.ndarray, yaw_deg: float) -> np.ndarray:
    """Mesh points [N, 3] after a turn about the head's upright axis; positive to the picture's right."""
    middle = points[:FACE].mean(0)
    angle = np.radians(yaw_deg)
    x, y, z = (points - middle).T
    turned = np.stack([np.cos(angle) * x - np.sin(angle) * z, y, np.sin(angle) * x + np.cos(angle) * z], 1)
    return turned + middle


def side(points: np.ndarray) -> int:
    """Where a face looks: to the picture's left (-1), to its right (1), or neither."""
    middle = (points[LEFT] + points[RIGHT]) / 2
    off = (points[NOSE] - middle)[0] / np.linalg.norm((points[RIGHT] - points[LEFT])[:2])
    return 0 if abs(off) < ASIDE else int(np.sign(off))


def _surroundings(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points around the face, before and after the turn, [M, 3] each; deeper than all of the face."""
    outline = cv2.convexHull(before[:, :2].astype(np.float32), returnPoints=False).ravel()
    middle = before[:, :2].mean(0)
    depth = max(before[:, 2].max(), after[:, 2].max())
    old, new = [], []
    for growth, share in RINGS:
        ring = middle + growth * (before[outline, :2] - middle)
        moved = ring + share * (after[outline, :2] - before[outline, :2])
        for points, to in ((ring, old), (moved, new)):
            to.append(np.column_stack([points, np.full(len(points), depth + growth)]))
    return np.concatenate(old), np.concatenate(new)


def turned(picture: np.ndarray, points: np.ndarray, yaw_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """The picture with the head turned further, and the mesh [N, 3] on it."""
    moved = rotated(points, yaw_deg)
    old_ring, new_ring = _surroundings(points[:FACE], moved[:FACE])
    old, new = np.concatenate([points[:FACE], old_ring]), np.concatenate([moved[:FACE], new_ring])
    triangles = Delaunay(old[:, :2]).simplices
    # The farthest first, so that the nearest is drawn last.
    triangles = triangles[np.argsort(-new[triangles, 2].mean(1), kind="stable")]
    result = picture.copy()
    for corners in triangles:
        _draw(picture, old[corners, :2].astype(np.float32), new[corners, :2].astype(np.float32), result)
    return result, moved


def _draw(picture: np.ndarray, source: np.ndarray, target: np.ndarray, result: np.ndarray) -> None:
    """One triangle, from its place in the picture to its place in the result; its back is not drawn."""
    if _area(source) * _area(target) <= 0:
        return
    height, width = result.shape
    low = np.maximum(np.floor(target.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(target.max(0)).astype(int) + 1, [width, height])
    if (high <= low).any():
        return
    size = tuple(int(v) for v in high - low)
    matrix = cv2.getAffineTransform(source, target - low.astype(np.float32))
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    patch = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=border)
    mask = np.zeros(size[::-1], np.uint8)
    cv2.fillConvexPoly(mask, np.round(target - low).astype(np.int32), 255)
    region = result[low[1] : high[1], low[0] : high[0]]
    region[mask > 0] = patch[mask > 0]


def _area(triangle: np.ndarray) -> float:
    (ax, ay), (bx, by) = triangle[1] - triangle[0], triangle[2] - triangle[0]
    return float(ax * by - ay * bx)
