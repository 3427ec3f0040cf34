"""Trains what tells a covered mouth: a logistic regression over the same HOG as the fit check.

    python -m fit_check.mouth --data DATA --meshes MESHES --aligned runs/data/aligned/fer \\
        --output ../../crates/align/src/check

Crops are cut at the true eyes of the faces that the fit check learns from, and FER2013's aligned crops add
mouths of every expression. Each is shown as it is, and with something drawn before the mouth: cloth, a thing,
fingers or a fist, textured with parts of pictures without a face (negatives 0704 and above are never read).
Every fifth face is held out. Writes mouth.f32 (little-endian: 1764 weights and the bias) and prints the
held-out figures, from which the gate's threshold is taken.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from dataset.align import accepted
from detector.faces import pictures
from fit_check.train import EYES_PX, FIRST_HELD_OUT_NEGATIVE, LEFT_EYE, RIGHT_EYE, SIDE, Sampler, faces, warp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

# Where the mouth is in a crop, and where the cheeks are that a hand is as light as.
MOUTH = np.array([56.0, 85.0])
CHEEKS = (slice(52, 72), slice(20, 92))
# Of FER2013's crops every so many are taken.
FER_EVERY = 3
# A textured cover has this share of its contrast from a picture.
TEXTURE = (0.0, 0.6)


def texture(rng: np.random.Generator, walls: list[np.ndarray]) -> np.ndarray:
    """A part of a picture without a face, about 0."""
    wall = walls[rng.integers(len(walls))]
    side = int(rng.uniform(0.25, 1.0) * min(wall.shape))
    y, x = (int(rng.integers(length - side + 1)) for length in wall.shape)
    part = cv2.resize(wall[y : y + side, x : x + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return part.astype(np.float32) - part.mean()


def cloth(crop: np.ndarray, rng: np.random.Generator, walls: list[np.ndarray]) -> np.ndarray:
    """From the nose down: a scarf, a collar, a mask; with folds and a fall of light."""
    columns = np.linspace(rng.uniform(-10, 14), SIDE - rng.uniform(-10, 14), 9)
    bow = rng.uniform(-14, 10) * (np.linspace(-1, 1, 9) ** 2)
    top = rng.uniform(56, 74) + bow + rng.normal(0, 1.5, 9)
    shape = np.vstack([np.column_stack([columns, top]), [SIDE + 10, SIDE + 10], [-10, SIDE + 10]])
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE
    tone = rng.uniform(20, 235) + rng.uniform(-60, 60) * (x - 0.5) + rng.uniform(-60, 60) * (y - 0.5)
    waves = np.sin((y + rng.uniform(-0.4, 0.4) * x + rng.uniform(-0.5, 0.5) * x * x) * rng.uniform(10, 50))
    tone += rng.uniform(0, 18) * waves + rng.uniform(*TEXTURE) * texture(rng, walls)
    return painted(crop, shape, tone)


def thing(crop: np.ndarray, rng: np.random.Generator, walls: list[np.ndarray]) -> np.ndarray:
    """A cup, a telephone, bread: a turned box or ellipse."""
    center, half = MOUTH + rng.normal(0, 4, 2), rng.uniform((20, 14), (38, 30))
    around = np.linspace(0, 2 * np.pi, 40)
    power = rng.choice([1.0, 0.3])
    circle = np.column_stack([np.cos(around), np.sin(around)])
    corners = np.sign(circle) * np.abs(circle) ** power * half
    turn = rng.uniform(0, np.pi) if rng.random() < 0.5 else rng.normal(0, 0.2)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    tone = rng.uniform(15, 240) + rng.uniform(0, 1.0) * texture(rng, walls)
    return painted(crop, center + corners @ matrix.T, tone)


def fingers(crop: np.ndarray, rng: np.random.Generator, walls: list[np.ndarray]) -> np.ndarray:
    """A hand: three to five round fingers beside one another, or a fist, as light as the cheeks."""
    skin = float(np.median(crop[CHEEKS])) + rng.normal(0, 12)
    way = rng.uniform(0, 2 * np.pi)
    along, across = np.array([np.cos(way), np.sin(way)]), np.array([-np.sin(way), np.cos(way)])
    count, wide = int(rng.integers(3, 6)), rng.uniform(9, 15)
    done = crop.astype(np.float32)
    if rng.random() < 0.3:
        palm = tuple(int(v) for v in MOUTH + rng.normal(0, 4, 2) + 12 * along)
        axes, lean = rng.uniform((22, 18), (36, 30)), np.degrees(way)

        def fist(mask: np.ndarray, grow: float) -> None:
            cv2.ellipse(mask, palm, tuple(int(a * grow) for a in axes), lean, 0, 360, 255, -1)

        done = rounded(done, fist, skin, rng)
    for finger in range(count):
        root = MOUTH + (finger - (count - 1) / 2) * wide * across + rng.normal(0, 1.5, 2)
        tip, far = root - rng.uniform(4, 20) * along, root + 90 * along
        ends = [tuple(int(v) for v in place) for place in (tip, far)]
        done = rounded(
            done, lambda mask, grow, e=ends: cv2.line(mask, *e, 255, max(1, int(wide * grow))), skin, rng
        )
    return np.clip(done, 0, 255).astype(np.uint8)


def rounded(
    picture: np.ndarray, draw: Callable[[np.ndarray, float], None], skin: float, rng: np.random.Generator
) -> np.ndarray:
    """A round limb: its rim lies in its own shade."""
    for grow, share in ((1.0, rng.uniform(0.55, 0.9)), (0.8, rng.uniform(0.85, 1.0)), (0.5, 1.0)):
        mask = np.zeros(picture.shape, np.uint8)
        draw(mask, grow)
        part = cv2.GaussianBlur(mask, (0, 0), 1.2).astype(np.float32) / 255
        picture = picture * (1 - part) + share * skin * part
    return picture


def painted(crop: np.ndarray, shape: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """A polygon of a tone that varies from place to place."""
    mask = np.zeros(crop.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(shape).astype(np.int32)], 255, cv2.LINE_AA)
    part = cv2.GaussianBlur(mask, (0, 0), 0.7).astype(np.float32) / 255
    return np.clip(crop * (1 - part) + tone * part, 0, 255).astype(np.uint8)


COVERS = (cloth, thing, fingers)


def crops(
    sampler: Sampler, data: Path, meshes: dict[str, np.ndarray], aligned: Path
) -> Iterator[tuple[int, np.ndarray]]:
    """(the face's number, a crop of it as the daemon cuts it)."""
    number = 0
    for number, (face, times) in enumerate(faces(data, meshes, sampler.rng)):
        left, right = face.points[36:42].mean(0), face.points[42:48].mean(0)
        for _ in range(times):
            yield number, warp(face.picture, *sampler.eyes(left, right, wrong=False))
    for more, path in enumerate(sorted(accepted(aligned).values())[::FER_EVERY], number + 1):
        crop = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        yield more, warp(crop, *sampler.eyes(LEFT_EYE, RIGHT_EYE, wrong=False))


def gather(
    data: Path, meshes: dict[str, np.ndarray], aligned: Path, seed: int
) -> list[tuple[np.ndarray, ...]]:
    """(features, which cover: 0 is none) of the training part and of the held-out part."""
    sampler, parts = Sampler(seed), {False: ([], []), True: ([], [])}
    rng = sampler.rng
    walls = [grey for name, grey in pictures(data / "negatives" / "images.tar")
             if int(name.split("-")[0]) < FIRST_HELD_OUT_NEGATIVE]  # fmt: skip
    for number, crop in crops(sampler, data, meshes, aligned):
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        if rng.random() < 0.15:
            crop = sunglasses(crop, rng)
        kind = int(rng.integers(len(COVERS))) + 1
        features, kinds = parts[number % 5 == 0]
        for cover, shown in ((0, crop), (kind, COVERS[kind - 1](crop, rng, walls))):
            features.append(sampler.features(sampler.degrade(shown)))
            kinds.append(cover)
    return [(np.array(x, np.float32), np.array(y)) for x, y in (parts[False], parts[True])]


def sunglasses(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two dark ellipses: covered eyes are no covered mouth."""
    crop, axes = crop.copy(), tuple(int(v) for v in rng.uniform(0.2, 0.42, 2) * EYES_PX)
    for eye in (LEFT_EYE, RIGHT_EYE):
        cv2.ellipse(
            crop, tuple(int(v) for v in eye), axes, 0, 0, 360, int(rng.uniform(0, 70)), -1, cv2.LINE_AA
        )
    return crop


def main() -> None:
    """Command line."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--meshes", type=Path, required=True, help="what landmarks.mesh wrote")
    parser.add_argument(
        "--aligned", type=Path, required=True, help="FER2013 as expression.prepare aligned it"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=17)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    stored = np.load(options.meshes)
    meshes = dict(zip(stored["names"], stored["points"], strict=True))
    (train, kinds), (test, held) = gather(options.data, meshes, options.aligned, options.seed)
    model = LogisticRegression(C=0.03, max_iter=300).fit(train, kinds == 0)
    free = model.decision_function(test)
    print(f"trained on {len(train)} crops; held out {len(test)}")
    print(f"area under the curve {roc_auc_score(held == 0, free):.4f}")
    for share in (0.25, 0.5, 1, 2):
        at = np.percentile(free[held == 0], share)
        told = ", ".join(
            f"{cover.__name__} {(free[held == k] < at).mean():.3f}" for k, cover in enumerate(COVERS, 1)
        )
        print(f"at {at:+.2f}: {share} % of the free ones refused; told as covered: {told}")
    np.r_[model.coef_[0], model.intercept_].astype("<f4").tofile(options.output / "mouth.f32")


if __name__ == "__main__":
    main()
