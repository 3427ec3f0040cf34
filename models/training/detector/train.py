"""Trains the face detector: `python -m detector.train --data ../../../shared/data --out ..`.

Writes face-hog.bin and its manifest face-hog.toml. Everything random comes from --seed.
"""

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from landmarks.samples import glasses

from detector import faces, mine
from detector.faces import Face
from detector.hog import COARSE, FINE, Stage
from detector.mine import Scene
from detector.search import closer_look, iou, propose, pyramid

MAGIC = b"CMFHOG1\n"
# What the SVMs of each stage learn: a frontal face, one turned to the picture's left or right, a wide open
# mouth, a head tilted anticlockwise or clockwise, or dark glasses.
KINDS = ("front", "left", "right", "open", "anticlockwise", "clockwise", "glasses")
# Level faces are turned about so much, in degrees, for variety.
SWAY_DEG = 7.0
# And once by an angle from this range, in degrees, to make a tilted one.
TILT_DEG = (12.0, 28.0)
# Weight of the errors against that of large weights.
COARSE_COST = 0.003
FINE_COST = 0.01
# Side of the boxes that the trained detector finds, over the window: faces a little larger in the window
# score more, so this is more than BOX_SHARE; fitted on landmarks68.
FOUND_SHARE = 0.84
# Negatives that may be mined; the others are only counted on.
MINED = range(704)
# The decision value, as trained, that counts as 0: the first stage lets through what may be a face, the
# second what is one where a face was a moment ago.
COARSE_ZERO = -0.35
FINE_ZERO = -0.3
# What a face must score, above that 0, to be believed without a past.
START_SCORE = 0.68
# A proposal on a picture of a face that overlaps the face less than this is a negative for the second stage.
BESIDE_IOU = 0.3
# Every so many news pictures give such negatives.
BESIDE_EVERY = 3


def kind(face: Face) -> int:
    """Which SVM learns this face."""
    if abs(face.roll_deg) > faces.TILTED_DEG:
        return KINDS.index("clockwise" if face.roll_deg > 0 else "anticlockwise")
    if face.is_open:
        return KINDS.index("open")
    return KINDS.index({0: "front", -1: "left", 1: "right"}[face.turn])


def is_from_cabin(face: Face) -> bool:
    """Whether the face is a driver's."""
    return face.source.startswith("driver")


def is_from_news(face: Face) -> bool:
    """Whether the face is one of the many of faces/."""
    return not face.source.startswith(("driver", "helen"))


def copies(face: Face) -> int:
    """How often a face is sampled: the rarer its kind, the more often."""
    return 6 if is_from_cabin(face) else 1 if kind(face) == 0 else 2


def with_glasses(face: Face, rng: np.random.Generator) -> Face:
    """The face with dark glasses, drawn at its landmarks."""
    grey = face.picture.astype(np.float32)
    glasses(grey, face.points, rng)
    return replace(face, picture=np.clip(grey, 0, 255).astype(np.uint8))


def samples(known: list[Face], stage: Stage, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features [n, values] and kinds [n] of all faces and their mirror images."""
    found, kinds = [], []

    def add(face: Face, name: str, turn_deg: float) -> None:
        found.append(faces.sample(face, stage, rng, turn_deg))
        kinds.append(KINDS.index(name))

    for face in [*known, *(face.mirrored() for face in known)]:
        own = KINDS[kind(face)]
        for number in range(copies(face)):
            sways = number % 2 == 1 or rng.random() < 0.3
            add(face, own, rng.normal(0, SWAY_DEG) if sways else 0.0)
        if own != "front":
            continue
        tilt = rng.uniform(*TILT_DEG)
        for name, turn in (("anticlockwise", -tilt), ("clockwise", tilt)):
            add(face, name, turn - face.roll_deg)
        if face.points is not None:
            add(with_glasses(face, rng), "glasses", rng.normal(0, SWAY_DEG))
    return np.array(found), np.array(kinds)


def looks(picture: np.ndarray, coarse: np.ndarray, face: Face | None) -> Scene:
    """Where the first stage sees a face that is none."""
    proposals = propose(pyramid(picture), coarse)
    if face is not None:
        proposals = proposals[iou(proposals[:, :3], np.array([face.box])) < BESIDE_IOU]
    found = (closer_look(picture, tuple(box[:3])) for box in proposals)
    return Scene([look for look in found if look is not None], np.inf if face is None else 0.0)


def raised(svms: np.ndarray, zero: float) -> np.ndarray:
    """The same SVMs with another decision value counted as 0."""
    moved = svms.copy()
    moved[:, -1] -= zero
    return moved


def train(
    known: list[Face], empty: list[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Both stages' SVMs, [kinds, values + 1] each."""
    scenes = [Scene(pyramid(picture)) for picture in empty]
    positives, kinds = samples(known, COARSE, rng)
    coarse = raised(mine.train(COARSE, positives, kinds, scenes, COARSE_COST, rng, print), COARSE_ZERO)
    scenes = [looks(view, coarse, None) for p in empty for view in (p, np.ascontiguousarray(p[:, ::-1]))]
    news = [face for face in known if is_from_news(face)]
    others = [face for face in known if not is_from_news(face)]
    scenes += [looks(face.picture, coarse, face) for face in [*others, *news[::BESIDE_EVERY]]]
    positives, kinds = samples(known, FINE, rng)
    fine = mine.train(FINE, positives, kinds, scenes, FINE_COST, rng, print)
    return coarse, raised(fine, FINE_ZERO)


def write(folder: Path, coarse: np.ndarray, fine: np.ndarray) -> None:
    """face-hog.bin and face-hog.toml."""
    content = MAGIC + coarse.astype("<f4").tobytes() + fine.astype("<f4").tobytes()
    (folder / "face-hog.bin").write_bytes(content)
    lines = [
        'name = "face-hog"',
        'kind = "detector"',
        'file = "face-hog.bin"',
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        'licence = "reference model for evaluation: no verified commercial rights to the training pictures"',
        'card = "face-hog.md"',
        "",
        "[detector]",
        f"coarse = {len(coarse)}",
        f"fine = {len(fine)}",
        f"box_share = {FOUND_SHARE}",
        f"start_score = {START_SCORE}",
    ]
    (folder / "face-hog.toml").write_text("\n".join(lines) + "\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with landmarks68, faces, cabin, negatives"
    )
    parser.add_argument("--predictor", type=Path, required=True, help="dlib's 68-point model, to mark faces/")
    parser.add_argument("--out", type=Path, required=True, help="where the model and its manifest go")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", nargs="*", default=[], help="cabin clips left out, to be judged on")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    known = [
        *faces.landmark_faces(options.data),
        *faces.news_faces(options.data, options.predictor),
        *faces.cabin_faces(options.data),
    ]
    known = [face for face in known if face.source.rsplit("_", 1)[0] not in options.without]
    known = [face for face in known if is_from_cabin(face) or not face.is_held_out]
    coarse, fine = train(known, faces.negatives(options.data, MINED), np.random.default_rng(options.seed))
    write(options.out, coarse, fine)


if __name__ == "__main__":
    main()
