"""Faces to learn from: where they are, how they are turned, whether the mouth is wide open."""

import csv
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import dlib
import numpy as np

from detector.hog import CELL_PX, Stage, blocks, resize, window

# dlib's rectangle about 68 landmarks, fitted on landmarks68 where dlib's detector fires: its centre is their
# mean, moved up by this share of the side, and its side this multiple of the root of their extent's area.
BOX_RISE = 0.046
BOX_SIDE = 1.071
# A head is turned where the nose tip lies this far from the middle between the sides of the jaw (0) to one
# side (1), and a mouth open where the lips are this far apart, as a share of the face.
TURNED = 0.3
OPEN = 0.12
# A head is tilted where the line of the eyes is further than this from level, in degrees.
TILTED_DEG = 12.0
# iBUG's 68 points in a mirrored picture.
MIRRORED = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    + [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    + [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
)


@dataclass
class Face:
    """A picture with one known face."""

    picture: np.ndarray
    # Centre and side of dlib's rectangle; (0, 0) is the centre of the first pixel.
    box: tuple[float, float, float]
    # Turned to the picture's left (-1), to its right (1), or neither.
    turn: int
    is_open: bool
    # Angle of the line of the eyes, in degrees, positive where its right end is the lower one.
    roll_deg: float
    source: str
    # The 68 landmarks [68, 2], where they are known.
    points: np.ndarray | None = None

    def mirrored(self) -> "Face":
        """The same face in a mirror."""
        x, y, side = self.box
        box = (self.picture.shape[1] - 1 - x, y, side)
        picture = np.ascontiguousarray(self.picture[:, ::-1])
        points = self.points
        if points is not None:
            points = points[MIRRORED] * [-1, 1] + [self.picture.shape[1] - 1, 0]
        return Face(picture, box, -self.turn, self.is_open, -self.roll_deg, self.source, points)

    @property
    def is_held_out(self) -> bool:
        """Whether this face is kept for judging: a fifth, all pictures of a person on one side."""
        return is_held_out(self.source)


def is_held_out(name: str) -> bool:
    """The same by the picture's name, which begins with the person's."""
    return zlib.crc32(name.rsplit("_", 1)[0].encode()) % 5 == 0


def box_of(points: np.ndarray) -> tuple[float, float, float]:
    """Centre and side of dlib's rectangle about 68 landmarks [68, 2]."""
    side = BOX_SIDE * float(np.sqrt(np.prod(points.max(0) - points.min(0))))
    x, y = points.mean(0)
    return float(x), float(y) - BOX_RISE * side, side


def turn_of(points: np.ndarray) -> float:
    """How far the nose tip is off the middle of the jaw: -1 (picture's left) to 1, 0 a frontal face."""
    eyes = points[42:48].mean(0) - points[36:42].mean(0)
    level = points @ (eyes / np.linalg.norm(eyes))
    left, right = level[1:4].mean(), level[13:16].mean()
    return float((2 * level[30] - left - right) / max(right - left, 1e-3))


def roll_of(points: np.ndarray) -> float:
    """Angle of the line of the eyes, in degrees."""
    x, y = points[42:48].mean(0) - points[36:42].mean(0)
    return float(np.degrees(np.arctan2(y, x)))


def mouth_of(points: np.ndarray) -> float:
    """Distance between the inner lips over the size of the face."""
    return float(np.linalg.norm(points[62] - points[66]) / np.sqrt(np.prod(points.max(0) - points.min(0))))


def _from_landmarks(picture: np.ndarray, points: np.ndarray, source: str) -> Face:
    turn = turn_of(points)
    side = int(np.sign(turn)) if abs(turn) > TURNED else 0
    return Face(picture, box_of(points), side, mouth_of(points) > OPEN, roll_of(points), source, points)


def pictures(archive: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and grey picture of everything in an images.tar."""
    with tarfile.open(archive) as tar:
        for member in sorted((m for m in tar.getmembers() if m.isfile()), key=lambda m: m.name):
            data = np.frombuffer(tar.extractfile(member).read(), np.uint8)
            yield Path(member.name).name, cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def true_points(data: Path) -> dict[str, np.ndarray]:
    """The points that people marked in landmarks68, [68, 2] a picture."""
    with open(data / "landmarks68" / "landmarks.csv", newline="") as file:
        return {row[0]: np.array(row[1:], float).reshape(68, 2) for row in list(csv.reader(file))[1:]}


def landmark_faces(data: Path) -> Iterator[Face]:
    """landmarks68: annotated by people."""
    points = true_points(data)
    for name, picture in pictures(data / "landmarks68" / "images.tar"):
        yield _from_landmarks(picture, points[name], name)


def news_faces(data: Path, predictor: Path) -> Iterator[Face]:
    """faces: dlib finds the face in the middle and marks it; pictures where it finds none are left out."""
    detector = dlib.get_frontal_face_detector()
    predict = dlib.shape_predictor(str(predictor))
    for name, picture in pictures(data / "faces" / "images.tar"):
        center = dlib.point(picture.shape[1] // 2, picture.shape[0] // 2)
        found = [r for r in detector.run(picture, 0, -0.5)[0] if r.contains(center)]
        if found:
            points = np.array([(p.x, p.y) for p in predict(picture, found[0]).parts()], float)
            yield _from_landmarks(picture, points, name)


def cabin_faces(data: Path) -> Iterator[Face]:
    """Frames of the cabin clips, with boxes from cabin_boxes.csv."""
    with open(Path(__file__).with_name("cabin_boxes.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    for clip in sorted({row["clip"] for row in rows}):
        wanted = {int(row["frame"]): row for row in rows if row["clip"] == clip}
        video = cv2.VideoCapture(str(data / "cabin" / f"{clip}.avi"))
        for number in range(max(wanted) + 1):
            read, frame = video.read()
            if not read:
                raise ValueError(f"{clip}.avi ends before frame {number}")
            if row := wanted.get(number):
                x, y, side = (float(row[key]) for key in ("x", "y", "side"))
                picture = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
                box = (x + side / 2, y + side / 2, side)
                yield Face(picture, box, int(row["turn"]), row["open"] == "1", 0.0, f"{clip}_{number}")


def negatives(data: Path, numbers: range) -> list[np.ndarray]:
    """The face-free pictures of these numbers."""
    return [p for name, p in pictures(data / "negatives" / "images.tar") if int(name[:4]) in numbers]


def sample(face: Face, stage: Stage, rng: np.random.Generator, turn_deg: float) -> np.ndarray:
    """The features of a window on a face, a little off in place and size, turned clockwise."""
    scale = stage.box_px / face.box[2] * float(np.exp(rng.uniform(-0.08, 0.08)))
    level = resize(face.picture, scale)
    steps = np.array([level.shape[1] / face.picture.shape[1], level.shape[0] / face.picture.shape[0]])
    center = (np.array(face.box[:2]) + 0.5) * steps - 0.5
    # Off by up to half a step of the window; a margin of one cell gives the outer pixels their gradients.
    off = rng.uniform(-CELL_PX / 2, CELL_PX / 2, 2)
    side = stage.window_px + 2 * CELL_PX
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = side / 2 - 0.5 + off - turn @ center
    matrix = np.hstack([turn, (shift if turn_deg else np.round(shift))[:, None]])
    patch = cv2.warpAffine(
        level, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return window(blocks(patch, 0), stage, 1, 1)
