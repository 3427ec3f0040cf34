"""The detector's two stages in Python, as the daemon runs them: for mining and for counting."""

from dataclasses import dataclass

import numpy as np

from detector.hog import CELL_PX, COARSE, FINE, Stage, blocks, resize, scores

# The smallest face that is looked for, as a share of the shorter side of the picture; the daemon begins at
# 0.2 unless it is told otherwise (align.smallest_face).
SMALLEST_FACE = 1 / 6
# Small pictures are enlarged no more than this: there is nothing new to see beyond.
LARGEST_UPSCALE = 2.0
# From one level of the pyramid to the next.
SCALE_STEP = 1.2
# The second stage looks at so many places at most.
MOST_PROPOSALS = 8
# The second stage moves its window by this much to each side, in its own pixels.
FINE_MARGIN_PX = CELL_PX
# Boxes that overlap more than this belong to the same face.
SAME_FACE_IOU = 0.35


@dataclass
class Level:
    """The features of a region of a picture, and where its windows lie."""

    features: np.ndarray
    stage: Stage
    # Picture pixels = origin + level pixels x step, edge to edge.
    origin: tuple[float, float]
    step: tuple[float, float]

    def box(self, column: int, row: int) -> tuple[float, float, float]:
        """The face box in a window: centre and side in the picture, edge to edge."""
        half = self.stage.window_px / 2
        x = self.origin[0] + (CELL_PX * column + half) * self.step[0]
        y = self.origin[1] + (CELL_PX * row + half) * self.step[1]
        return x, y, self.stage.box_px * (self.step[0] + self.step[1]) / 2


def describe(
    picture: np.ndarray, region: tuple[int, int, int, int], scale: float, stage: Stage, padding: int
):
    """Features of a region (x, y, width, height) of a picture at one scale."""
    x, y, w, h = region
    level = resize(picture[y : y + h, x : x + w], scale)
    step = (w / level.shape[1], h / level.shape[0])
    origin = (x - padding * step[0], y - padding * step[1])
    return Level(blocks(level, padding), stage, origin, step)


def pyramid(picture: np.ndarray) -> list[Level]:
    """All levels of a full search."""
    height, width = picture.shape
    shorter = min(height, width)
    scale = min(COARSE.box_px / (SMALLEST_FACE * shorter), LARGEST_UPSCALE)
    levels = []
    while scale * shorter >= COARSE.window_px - 2 * COARSE.padding_px:
        levels.append(describe(picture, (0, 0, width, height), scale, COARSE, COARSE.padding_px))
        scale /= SCALE_STEP
    return levels


def closer_look(picture: np.ndarray, box: tuple[float, float, float]) -> Level | None:
    """The second stage's view of a box (centre and side): its windows differ by a cell."""
    x, y, side = box
    level_px = FINE.window_px + 2 * FINE_MARGIN_PX
    size = round(level_px * side / FINE.box_px)
    scale = level_px / size
    left, top = round(x - size / 2), round(y - size / 2)
    right, bottom = min(left + size, picture.shape[1]), min(top + size, picture.shape[0])
    cut_left, cut_top = max(left, 0), max(top, 0)
    smallest = (FINE.window_px - 2 * FINE.padding_px) / scale
    if right - cut_left < smallest or bottom - cut_top < smallest:
        return None
    region = (cut_left, cut_top, right - cut_left, bottom - cut_top)
    whole = region == (left, top, size, size)
    return describe(picture, region, scale, FINE, 0 if whole else FINE.padding_px)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of squares given as centre and side, [..., 3]."""
    reach = (a[..., 2] + b[..., 2]) / 2
    smaller = np.minimum(a[..., 2], b[..., 2])
    across = np.clip(reach - np.abs(a[..., 0] - b[..., 0]), 0, smaller)
    down = np.clip(reach - np.abs(a[..., 1] - b[..., 1]), 0, smaller)
    return across * down / (a[..., 2] ** 2 + b[..., 2] ** 2 - across * down)


def suppress(found: np.ndarray) -> np.ndarray:
    """One box a face, best first, of boxes [n, 4] (centre, side, score): the mean weighted by score."""
    left = found[np.argsort(-found[:, 3], kind="stable")]
    faces = []
    while len(left):
        same = iou(left[:1], left) > SAME_FACE_IOU
        weights = np.maximum(left[same, 3:], 1e-9)
        faces.append([*(left[same, :3] * weights).sum(0) / weights.sum(), left[0, 3]])
        left = left[~same]
    return np.array(faces).reshape(-1, 4)


def boxes(level: Level, svms: np.ndarray, above: float = 0.0) -> np.ndarray:
    """Boxes [n, 4] (centre, side, score) of all windows of a level that score more than `above`."""
    best = scores(level.features, level.stage, svms).max(axis=2)
    return np.array([[*level.box(i, j), best[i, j]] for i, j in np.argwhere(best > above)]).reshape(-1, 4)


def propose(levels: list[Level], svms: np.ndarray) -> np.ndarray:
    """What the first stage hands to the second: boxes [n, 4], best first."""
    return suppress(np.concatenate([boxes(level, svms) for level in levels]))[:MOST_PROPOSALS]


def find(picture: np.ndarray, coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """All faces of a picture: boxes [n, 4] (centre, side, score above 0), best first."""
    looks = (closer_look(picture, tuple(box[:3])) for box in propose(pyramid(picture), coarse))
    found = [boxes(look, fine) for look in looks if look is not None]
    return suppress(np.concatenate([np.empty((0, 4)), *found]))
