"""Trains the fit check: a logistic regression over the HOG of an aligned crop that tells crops whose
eyes lie where they should from crops that were cut from the wrong place.

    python -m fit_check.train --data DATA --meshes MESHES --output ../../crates/align/src/check

The faces are those that the landmarks are trained on (landmarks/samples.py): photographs with true eyes, and
photographs, turned heads and drivers with the eyes that the face mesh gives; MESHES is what landmarks/mesh.py
wrote. Right crops are cut at the eyes with a small error, wrong ones with a large shift, turn or change of
scale, or from pictures without a face (negatives 0704 and above are never read). Both kinds get sunglasses,
covered mouths, blur, noise and low light alike, so that the check learns alignment and not whether the eyes
are free. Every fifth face is held out. Writes weights.f32 (little-endian: 1764 weights and the bias) and
prints the held-out figures.
"""

import argparse
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from detector.faces import pictures
from landmarks.samples import annotated_faces, cabin_faces, news_faces, turned_faces
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

# The same figures as AlignedFace and the crate's check.rs.
SIDE, LEFT_EYE, RIGHT_EYE, EYES_PX = 112, np.array([35.0, 40.0]), np.array([77.0, 40.0]), 42.0
LONGEST_STEP_PX = 1.5
HOG_SIDE = 64
FIRST_HELD_OUT_NEGATIVE = 704

# What is still a good crop, and what is not, in parts of the inter-ocular distance, of the natural
# logarithm of the scale and in radians. Between the two nothing is taught.
GOOD_EYE_SIGMA = 0.025
BAD_SHIFT, BAD_LOG_SCALE, BAD_TURN = 0.30, 0.35, 0.40
RIGHT_PER_FACE, WRONG_PER_FACE, WRONG_PER_NEGATIVE = 2, 4, 12
# An annotated face has true eyes, and a driver's is what the check is for: they count more.
TIMES = 3


def warp(grey, left, right):
    """Cuts a crop as the crate's warp.rs does: 112x112 grey with the eyes at their places."""
    step = (right - left) / EYES_PX
    samples = max(1, int(np.ceil(np.hypot(*step) / LONGEST_STEP_PX)))
    turn = np.array([[step[0], -step[1]], [step[1], step[0]]])
    origin = left + turn @ (0.5 / samples - 0.5 - LEFT_EYE)
    matrix = np.column_stack([turn / samples, origin])
    kind = cv2.INTER_CUBIC if np.hypot(*step) < 1 else cv2.INTER_LINEAR
    size = (SIDE * samples, SIDE * samples)
    flags = kind | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(grey, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return fine if samples == 1 else cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


class Sampler:
    """Draws crops and their features; one seed, one outcome."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.hog = cv2.HOGDescriptor((HOG_SIDE, HOG_SIDE), (16, 16), (8, 8), (8, 8), 9)

    def features(self, crop):
        return self.hog.compute(cv2.resize(crop, (HOG_SIDE, HOG_SIDE), interpolation=cv2.INTER_AREA)).ravel()

    def eyes(self, left, right, wrong):
        """Where the crop is cut: near the true eyes, or somewhere else."""
        rng, between = self.rng, np.linalg.norm(right - left)
        if not wrong:
            error = rng.normal(0, GOOD_EYE_SIGMA * between, (2, 2))
            return left + error[0], right + error[1]
        while True:
            shift = rng.uniform(0, 0.9) if rng.random() < 0.7 else 0.0
            log_scale = rng.normal(0, 0.35) if rng.random() < 0.6 else 0.0
            turn = rng.normal(0, 0.52) if rng.random() < 0.5 else 0.0
            if shift > BAD_SHIFT or abs(log_scale) > BAD_LOG_SCALE or abs(turn) > BAD_TURN:
                break
        way = rng.uniform(0, 2 * np.pi)
        center = (left + right) / 2 + shift * between * np.array([np.cos(way), np.sin(way)])
        cos, sin = np.exp(log_scale) * np.array([np.cos(turn), np.sin(turn)])
        half = np.array([[cos, -sin], [sin, cos]]) @ (right - left) / 2
        return center - half, center + half

    def cover(self, grey, left, right):
        """Draws sunglasses or something before the mouth on a part of the pictures."""
        kind = self.rng.random()
        if kind > 0.22:
            return grey
        grey, between = grey.copy(), np.linalg.norm(right - left)
        turn = np.degrees(np.arctan2(*(right - left)[::-1]))
        shade = int(self.rng.uniform(0, 60))
        if kind < 0.12:
            axes = (np.array([0.36, 0.26]) * between * self.rng.uniform(0.85, 1.2)).astype(int)
            for eye in (left, right):
                center = eye.astype(int).tolist()
                cv2.ellipse(grey, center, axes.tolist(), turn, 0, 360, shade, -1, cv2.LINE_AA)
            width = max(1, int(0.06 * between))
            cv2.line(grey, left.astype(int).tolist(), right.astype(int).tolist(), shade, width, cv2.LINE_AA)
        else:
            down = np.array([-(right - left)[1], (right - left)[0]])
            mouth = (left + right) / 2 + down * self.rng.uniform(0.9, 1.2)
            axes = (np.array([0.6, 0.35]) * between * self.rng.uniform(0.8, 1.3)).astype(int)
            shade = int(self.rng.uniform(20, 220))
            cv2.ellipse(grey, mouth.astype(int).tolist(), axes.tolist(), turn, 0, 360, shade, -1, cv2.LINE_AA)
        return grey

    def degrade(self, crop):
        """Low resolution, light and noise as cameras and data sets have them."""
        rng = self.rng
        scale = rng.uniform(0.3, 1.3)
        if scale < 1:
            side = max(30, int(SIDE * scale))
            small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
            crop = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        light = 255 * (crop / 255.0) ** rng.uniform(0.6, 1.7) * rng.uniform(0.3, 1.1) + rng.uniform(-10, 20)
        return np.clip(light + rng.normal(0, rng.uniform(0, 6), light.shape), 0, 255).astype(np.uint8)

    def face(self, grey, left, right, wrong):
        """Features of one crop of a face whose true eyes are known."""
        if self.rng.random() < 0.5:
            last = grey.shape[1] - 1
            grey = grey[:, ::-1].copy()
            left, right = np.array([last - right[0], right[1]]), np.array([last - left[0], left[1]])
        grey = self.cover(grey, left, right)
        return self.features(self.degrade(warp(grey, *self.eyes(left, right, wrong))))

    def no_face(self, grey):
        """Features of a crop of a picture that shows no face."""
        height, width = grey.shape
        between, turn = np.exp(self.rng.uniform(np.log(12), np.log(90))), self.rng.normal(0, 0.3)
        center = np.array([self.rng.uniform(0, width), self.rng.uniform(0, height)])
        half = between / 2 * np.array([np.cos(turn), np.sin(turn)])
        return self.features(self.degrade(warp(grey, center - half, center + half)))


def faces(data, meshes, rng):
    """All faces, and how often each is sampled."""
    for face in chain(annotated_faces(data), cabin_faces(data, meshes, [])):
        yield face, TIMES
    for face in chain(news_faces(data, meshes), turned_faces(data, meshes, rng)):
        yield face, 1


def gather(data, meshes, seed):
    """(features, right or not) of the training part and of the held-out part."""
    sampler, parts = Sampler(seed), {False: ([], []), True: ([], [])}

    def add(held_out, features, right):
        parts[held_out][0].append(features)
        parts[held_out][1].append(right)

    for number, (face, times) in enumerate(faces(data, meshes, sampler.rng)):
        left, right = face.points[36:42].mean(0), face.points[42:48].mean(0)
        for wrong in [False] * RIGHT_PER_FACE * times + [True] * WRONG_PER_FACE * times:
            add(number % 5 == 0, sampler.face(face.picture, left, right, wrong), not wrong)
    for name, grey in pictures(data / "negatives" / "images.tar"):
        number = int(name.split("-")[0])
        if number < FIRST_HELD_OUT_NEGATIVE:
            for _ in range(WRONG_PER_NEGATIVE):
                add(number % 5 == 0, sampler.no_face(grey), False)
    return [(np.array(x, np.float32), np.array(y)) for x, y in (parts[False], parts[True])]


def main():
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--meshes", type=Path, required=True, help="what landmarks.mesh wrote")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    stored = np.load(args.meshes)
    meshes = dict(zip(stored["names"], stored["points"], strict=True))
    (train, train_right), (test, test_right) = gather(args.data, meshes, args.seed)
    model = LogisticRegression(C=0.03, max_iter=300, class_weight="balanced").fit(train, train_right)
    decision = model.decision_function(test)
    right, wrong = decision[test_right], decision[~test_right]
    print(f"trained on {len(train)} crops; held out: {len(right)} right, {len(wrong)} wrong")
    print(f"area under the curve {roc_auc_score(test_right, decision):.4f}")
    for share in (1, 2, 5):
        at = np.percentile(right, share)
        passing = 100 * (wrong > at).mean()
        print(f"at {at:+.2f}: {share} % of the right ones refused, {passing:.2f} % of the wrong ones pass")
    args.output.mkdir(parents=True, exist_ok=True)
    np.r_[model.coef_[0], model.intercept_].astype("<f4").tofile(args.output / "weights.f32")


if __name__ == "__main__":
    main()
