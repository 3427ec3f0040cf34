"""Counts what the detector finds: `python -m detector.judge --data DATA --model ../face-hog.toml`.

Every picture is searched for itself, nothing is followed: held-out people of faces/, all of landmarks68 with
its held-out fifth apart, the labelled frames of the cabin clips, and face-free pictures, never mined.
"""

import argparse
import tomllib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from detector import faces
from detector.faces import Face
from detector.hog import COARSE, FINE
from detector.search import find, iou
from detector.train import MAGIC, is_from_cabin

# Face-free pictures that no training ever sees.
COUNTED_ON = range(704, 1056)
# A box that overlaps the known face by this much has found it.
FOUND_IOU = 0.4


def read(manifest: Path) -> tuple[np.ndarray, np.ndarray, float]:
    """Both stages' SVMs and the score at which a face is believed."""
    keys = tomllib.loads(manifest.read_text())
    content = (manifest.parent / keys["file"]).read_bytes().removeprefix(MAGIC)
    values = np.frombuffer(content, "<f4").astype(np.float32)
    split = keys["detector"]["coarse"] * (COARSE.values + 1)
    coarse, fine = values[:split].reshape(-1, COARSE.values + 1), values[split:].reshape(-1, FINE.values + 1)
    return coarse, fine, keys["detector"]["start_score"]


def score(face: Face, coarse: np.ndarray, fine: np.ndarray) -> float:
    """The score of the best box on the face; below every threshold where there is none."""
    found = find(face.picture, coarse, fine)
    on_it = found[iou(found[:, :3], np.array([face.box])) >= FOUND_IOU] if len(found) else found
    return float(on_it[:, 3].max(initial=-np.inf))


def report(name: str, scores: Iterable[float], start: float) -> None:
    """One line: how many are found, and how many are sure enough to be believed."""
    values = np.array(list(scores))
    found, sure = np.mean(values > 0), np.mean(values >= start)
    print(f"{name}: {len(values)} pictures, above 0 {found:.4f}, sure {sure:.4f}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with landmarks68, faces, cabin, negatives"
    )
    parser.add_argument("--predictor", type=Path, help="dlib's 68-point model; without it faces/ is left out")
    parser.add_argument("--model", type=Path, required=True, help="the detector's manifest")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    coarse, fine, start = read(options.model)
    known = [*faces.landmark_faces(options.data), *faces.cabin_faces(options.data)]
    if options.predictor:
        known += [face for face in faces.news_faces(options.data, options.predictor) if face.is_held_out]
    groups: dict[str, list[float]] = {}
    for face in known:
        name = face.source.rsplit("_", 1)[0] if is_from_cabin(face) else "faces, held out"
        if face.source.startswith("helen"):
            name = "landmarks68, held out" if face.is_held_out else "landmarks68, trained on"
        groups.setdefault(name, []).append(score(face, coarse, fine))
    for name, values in sorted(groups.items()):
        report(name, values, start)
    empty = faces.negatives(options.data, COUNTED_ON)
    best = [find(picture, coarse, fine)[:, 3].max(initial=-np.inf) for picture in empty]
    report("face-free, false", best, start)


if __name__ == "__main__":
    main()
