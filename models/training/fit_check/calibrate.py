"""Finds what the daemon's quality is made of: `python -m fit_check.calibrate --data DATA --meshes FILE`.

The probability that the eyes lie where the crop has them is a logistic regression of what `cabinmood analyze`
tells of a face: the fit check's margin, the spread of the landmarks, the detector's score. It is fitted on
faces that neither trees nor check learned (landmarks68's held-out fifth) and on drivers, turned by up to 30
degrees and drawn upon as for training. A fit is right where the eye centres are off by less than 15 % of
their distance and their line by less than 8 degrees. Every second face is left out of the regression; on
those the script prints how often a fit is right, by the probability that it was given.

Prints the constants of the crate's gate.rs.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from detector.faces import box_of, is_held_out, pictures, true_points
from expression.prepare import ROOT
from landmarks.judge import analyzed, eyes, eyes_off, is_that_face
from landmarks.samples import Sample, cabin_faces, cut, rolled, varied
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

RIGHT_OFF, RIGHT_DEG = 0.15, 8.0
LARGEST_ROLL_DEG = 30.0
# Pictures of a photograph and of a driver's frame.
PHOTOGRAPH_TIMES, DRIVER_TIMES = 12, 3
# What is more than this says nothing more: margins of the fit check and scores of the detector.
MOST_MARGIN, MOST_SCORE = 4.0, 2.0
COLUMNS = ("margin", "spread", "score")


def faces(data: Path, meshes: dict[str, np.ndarray]) -> Iterator[tuple[Sample, int]]:
    """Faces, and how many pictures are made of each."""
    truth = true_points(data)
    for name, picture in pictures(data / "landmarks68" / "images.tar"):
        if is_held_out(name):
            yield cut(picture, truth[name], cv2.BORDER_REPLICATE), PHOTOGRAPH_TIMES
    for sample in cabin_faces(data, meshes, []):
        yield sample, DRIVER_TIMES


def drawn(sample: Sample, rng: np.random.Generator) -> Sample:
    """The face turned, and as the trees' training has it."""
    turned = rolled(sample, rng.uniform(-LARGEST_ROLL_DEG, LARGEST_ROLL_DEG))
    return varied(replace(turned, box=box_of(turned.points)), rng)


def lean_deg(pair: np.ndarray) -> float:
    """How the line through two eyes leans."""
    return float(np.degrees(np.arctan2(*(pair[1] - pair[0])[::-1])))


def is_right(points: np.ndarray, truth: np.ndarray) -> bool:
    """Whether a crop cut by these landmarks is a crop of the face."""
    if not is_that_face(points, truth) or eyes_off(points, truth) >= RIGHT_OFF:
        return False
    off = lean_deg(eyes(points)) - lean_deg(eyes(truth))
    return abs((off + 180) % 360 - 180) < RIGHT_DEG


def judged(binary: Path, data: Path, meshes: dict[str, np.ndarray], seed: int) -> tuple[np.ndarray, ...]:
    """(what is known of each fit [n, 3], whether it is right [n], the face's number [n])."""
    rng, truth = np.random.default_rng(seed), []
    with tempfile.TemporaryDirectory() as folder:
        for number, (sample, times) in enumerate(faces(data, meshes)):
            for _ in range(times):
                face = drawn(sample, rng)
                cv2.imwrite(f"{folder}/{len(truth):06}.png", face.picture)
                truth.append((number, face.points))
        lines = analyzed(binary, Path(folder), [])
    known, right, numbers = [], [], []
    for line, (number, points) in zip(lines, truth, strict=True):
        if line["landmarks"]:
            margin, score = min(line["fit_margin"], MOST_MARGIN), min(line["face"]["score"], MOST_SCORE)
            known.append((margin, line["fit_spread"], score))
            right.append(is_right(np.array(line["landmarks"]), points))
            numbers.append(number)
    return np.array(known), np.array(right), np.array(numbers)


def main() -> None:
    """Command line."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--data", type=Path, required=True, help="folder with landmarks68 and cabin")
    parser.add_argument("--meshes", type=Path, required=True, help="what landmarks.mesh wrote")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/cabinmood")
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    stored = np.load(arguments.meshes)
    meshes = dict(zip(*stored.values(), strict=True))
    known, right, numbers = judged(arguments.binary, arguments.data, meshes, arguments.seed)
    fitted = numbers % 2 == 0
    model = LogisticRegression(C=1e3, max_iter=1000).fit(known[fitted], right[fitted])
    print(f"{len(right)} fits, {right.mean():.3f} right")
    print(f"FIT_BIAS {model.intercept_[0]:.3f}")
    for name, weight in zip(COLUMNS, model.coef_[0], strict=True):
        print(f"{name.upper()}_WEIGHT {weight:.3f}")
    for name, column in zip(COLUMNS, known.T, strict=True):
        print(f"median {name} of what is right: {np.median(column[right]):.3f}")
    held, truth = model.predict_proba(known[~fitted])[:, 1], right[~fitted]
    columns = zip(COLUMNS, known[~fitted].T, strict=True)
    alone = [f"{name} {roc_auc_score(truth, column):.3f}" for name, column in columns]
    print(f"left out: area under the curve {roc_auc_score(truth, held):.3f}; {', '.join(alone)}")
    for low, high in ((0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 1)):
        some = (held >= low) & (held < high)
        if some.any():
            print(f"told {low:.2f} to {high:.2f}: {some.sum():>5} fits, {truth[some].mean():.3f} right")


if __name__ == "__main__":
    main()
