"""Faces to grow the trees on: pictures with 68 known points, changed as cameras and drivers change them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from detector.faces import MIRRORED, box_of, is_held_out, pictures, true_points

from landmarks.mesh_points import Translation
from landmarks.turn import side, turned

# The picture is cut this far around the face and brought to this size: what lies beyond, no tree looks at.
MARGIN = 0.6
FACE_PX = 150.0
# How far a sample's box is off in place and size: the detector's scales lie 20 % apart, and it is refined
# from frame to frame.
PLACE_SIGMA, SIZE_SIGMA = 0.04, 0.07
# A head is turned in the picture's plane by up to this much; beyond, the aligner turns the box.
LARGEST_ROLL_DEG = 16.0
# A head is turned aside by so much more than the picture has it.
FURTHER_YAW_DEG = (12.0, 42.0)
# Of each set every so many pictures are turned aside; of the cabin clips every so many frames are taken.
TURNED_EVERY = {"landmarks68": 1, "faces": 1}
CABIN_EVERY = 6
# How often a sample gets each change.
ROLLED, SHADED, BLURRED, NOISY, GLASSES, RIMS, COVERED = 0.6, 0.25, 0.25, 0.25, 0.12, 0.3, 0.12
# What is put beyond the end of a tight picture.
BORDERS = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101)


@dataclass(frozen=True)
class Sample:
    """A grey picture of a face, its points [68, 2] and the box (centre x, y and side) it is looked for in."""

    picture: np.ndarray
    points: np.ndarray
    box: tuple[float, float, float]


def annotated_faces(data: Path) -> Iterator[Sample]:
    """The faces of landmarks68 that may be trained on, with the points that people marked."""
    truth = true_points(data)
    for name, picture in pictures(data / "landmarks68" / "images.tar"):
        if not is_held_out(name):
            yield cut(picture, truth[name])


def translation(data: Path, meshes: dict[str, np.ndarray]) -> Translation:
    """From the mesh to the 68 points, learned on the faces that may be trained on."""
    known = {
        name: points
        for name, points in true_points(data).items()
        if not is_held_out(name) and f"landmarks68/{name}" in meshes
    }
    return Translation([meshes[f"landmarks68/{name}"][:, :2] for name in known], list(known.values()))


def news_faces(data: Path, meshes: dict[str, np.ndarray]) -> Iterator[Sample]:
    """The faces of faces/ that may be trained on, with the points that the mesh gives."""
    translate = translation(data, meshes)
    for number, (name, picture) in enumerate(pictures(data / "faces" / "images.tar")):
        mesh = meshes.get(f"faces/{name}")
        if mesh is not None and not is_held_out(name):
            # These pictures are tight: beyond them is darkness, as at a frame's end, or more of the same.
            yield cut(picture, translate(mesh[:, :2]), BORDERS[number % len(BORDERS)])


def turned_faces(data: Path, meshes: dict[str, np.ndarray], rng: np.random.Generator) -> Iterator[Sample]:
    """Faces that look aside: few in any set, many in a cabin. Heads of the pictures are turned further."""
    translate = translation(data, meshes)
    for folder, every in TURNED_EVERY.items():
        for number, (name, picture) in enumerate(pictures(data / folder / "images.tar")):
            mesh = meshes.get(f"{folder}/{name}")
            if mesh is None or is_held_out(name) or number % every:
                continue
            # The way it looks already: of the other cheek the picture does not show enough.
            way = side(mesh) or rng.choice([-1, 1])
            picture, mesh = turned(picture, mesh, way * rng.uniform(*FURTHER_YAW_DEG))
            yield cut(picture, translate(mesh[:, :2]), cv2.BORDER_REPLICATE)


def cabin_faces(data: Path, meshes: dict[str, np.ndarray], without: list[str]) -> Iterator[Sample]:
    """Drivers, as the mesh has them."""
    translate = translation(data, meshes)
    clips = sorted({name.split("/")[0] for name in meshes if name.startswith("driver")} - set(without))
    for clip in clips:
        video = cv2.VideoCapture(str(data / "cabin" / f"{clip}.avi"))
        number = 0
        while (read := video.read())[0]:
            mesh = meshes.get(f"{clip}/{number}")
            if mesh is not None and number % CABIN_EVERY == 0:
                yield cut(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY), translate(mesh[:, :2]))
            number += 1


def cut(picture: np.ndarray, points: np.ndarray, border: int = cv2.BORDER_CONSTANT) -> Sample:
    """The face and what surrounds it, at one size."""
    x, y, side = box_of(points)
    scale = FACE_PX / side
    size = round(FACE_PX * (1 + 2 * MARGIN))
    matrix = np.array([[scale, 0, size / 2 - scale * x], [0, scale, size / 2 - scale * y]])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    # warpAffine does not average: a large picture is reduced before.
    if scale < 0.6:
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method)
        fx, fy = small.shape[1] / picture.shape[1], small.shape[0] / picture.shape[0]
        matrix = matrix @ np.array([[1 / fx, 0, 0.5 / fx - 0.5], [0, 1 / fy, 0.5 / fy - 0.5], [0, 0, 1]])
        picture, points = small, (points + 0.5) * [fx, fy] - 0.5
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    grey = cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)
    return Sample(grey, moved, box_of(moved))


def mirrored(sample: Sample) -> Sample:
    """The same face in a mirror."""
    width = sample.picture.shape[1]
    points = sample.points[MIRRORED] * [-1, 1] + [width - 1, 0]
    return Sample(np.ascontiguousarray(sample.picture[:, ::-1]), points, box_of(points))


def varied(sample: Sample, rng: np.random.Generator) -> Sample:
    """The face as a camera in a cabin may see it: turned, in bad light, blurred, covered in part."""
    if rng.random() < ROLLED:
        sample = rolled(sample, rng.uniform(-LARGEST_ROLL_DEG, LARGEST_ROLL_DEG))
    grey = sample.picture.astype(np.float32)
    kind = rng.random()
    if kind < GLASSES:
        glasses(grey, sample.points, rng)
    elif kind < GLASSES + RIMS:
        rims(grey, sample.points, rng)
    elif kind < GLASSES + RIMS + COVERED:
        covered(grey, sample.points, rng)
    if rng.random() < SHADED:
        grey = shaded(grey, rng)
    if rng.random() < BLURRED:
        grey = cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.5, 4.0))
    if rng.random() < NOISY:
        grey = grey * rng.uniform(0.2, 1.0) + rng.normal(0, rng.uniform(1, 10), grey.shape)
    x, y, side = box_of(sample.points)
    shift = rng.normal(0, PLACE_SIGMA, 2) * side
    box = (x + shift[0], y + shift[1], side * float(np.exp(rng.normal(0, SIZE_SIGMA))))
    return replace(sample, picture=np.clip(grey, 0, 255).astype(np.uint8), box=box)


def rolled(sample: Sample, degrees: float) -> Sample:
    """The picture turned about the face's middle."""
    x, y, _ = sample.box
    matrix = cv2.getRotationMatrix2D((x, y), degrees, 1.0)
    size = sample.picture.shape[::-1]
    grey = cv2.warpAffine(
        sample.picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    points = sample.points @ matrix[:, :2].T + matrix[:, 2]
    return Sample(grey, points, box_of(points))


def shaded(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light from one side: brightness falls off across the picture."""
    height, width = grey.shape
    way = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    along = ((x - width / 2) * np.cos(way) + (y - height / 2) * np.sin(way)) / (0.2 * width)
    return grey * (1 - rng.uniform(0.3, 0.9) / (1 + np.exp(-along)))


def glasses(grey: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> None:
    """Draws dark glasses: two ellipses and a bridge."""
    shade, wide = rng.uniform(0, 90), rng.uniform(0.75, 1.15)
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    between = np.linalg.norm(right - left)
    lean = float(np.degrees(np.arctan2(*(right - left)[::-1])))
    axes = (max(1, int(0.36 * wide * between)), max(1, int(0.25 * wide * between)))
    for eye in (left, right):
        place = tuple(int(v) for v in eye + rng.normal(0, 0.03 * between, 2))
        cv2.ellipse(grey, place, axes, lean, 0, 360, shade, -1, cv2.LINE_AA)
    ends = [tuple(int(v) for v in eye) for eye in (left, right)]
    cv2.line(grey, *ends, shade, max(1, int(0.06 * between)), cv2.LINE_AA)


def rims(grey: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> None:
    """Draws clear glasses: a rounded frame about each eye as wide as that eye is seen, bridge, temples, and
    light that falls back from the lenses."""
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    between = np.linalg.norm(right - left)
    across = (right - left) / between
    down = np.array([-across[1], across[0]]) * between
    shade, width = rng.uniform(0, 120), max(1, round(rng.uniform(0.02, 0.1) * between))
    wide, high = rng.uniform(0.9, 1.3), rng.uniform(0.17, 0.3)
    drop, square = rng.uniform(0.0, 0.08), rng.uniform(2.0, 5.0)
    turns = np.linspace(0, 2 * np.pi, 40)
    # Between an ellipse and a rectangle.
    outline = np.stack([np.cos(turns), np.sin(turns)], 1)
    outline = np.sign(outline) * np.abs(outline) ** (2 / square)
    reflected = rng.random() < 0.4
    for eye, ear in ((points[36:42], points[0]), (points[42:48], points[16])):
        half = 0.5 * np.ptp(eye @ across) * wide * 1.75
        middle = eye.mean(0) + drop * down
        lens = middle + outline[:, :1] * half * across + outline[:, 1:] * high * down
        shape = lens.round().astype(np.int32)
        if reflected:
            mask = cv2.fillPoly(np.zeros(grey.shape, np.uint8), [shape], 255) > 0
            grey[mask] += rng.uniform(0.1, 0.6) * (rng.uniform(120, 250) - grey[mask])
        cv2.polylines(grey, [shape], True, shade, width, cv2.LINE_AA)
        outer = lens[np.argmin(np.linalg.norm(lens - ear, axis=1))]
        cv2.line(grey, *(tuple(int(v) for v in end) for end in (outer, ear)), shade, width, cv2.LINE_AA)
    inner = [eye.mean(0) + (drop - 0.3 * high) * down for eye in (points[39:40], points[42:43])]
    cv2.line(grey, *(tuple(int(v) for v in end) for end in inner), shade, width, cv2.LINE_AA)


def covered(grey: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> None:
    """Draws something before a part of the face: an ellipse of one brightness, or of noise."""
    _, _, side = box_of(points)
    at = points[rng.integers(len(points))] + rng.normal(0, 0.1 * side, 2)
    axes = tuple(int(v) for v in rng.uniform(0.12, 0.38, 2) * side)
    mask = np.zeros(grey.shape, np.uint8)
    cv2.ellipse(mask, tuple(int(v) for v in at), axes, rng.uniform(0, 180), 0, 360, 255, -1)
    fill = rng.uniform(10, 230) + rng.normal(0, rng.uniform(0, 25), grey.shape)
    grey[mask > 0] = cv2.GaussianBlur(fill.astype(np.float32), (0, 0), 1.5)[mask > 0]
