"""How far tricks move the eye line: `python -m landmarks.tricks --data DATA --meshes FILE [--sheet PNG]`.

The held-out photographs of landmarks68 and frames of the cabin clips are turned in their plane by up to 30
degrees and get sunglasses, a mask, a hand, light from one side, blur, a night's noise or an infrared camera's
tones, none of them drawn as for training. Each goes through `cabinmood analyze` as a still, so that no track
helps. The eye line is compared with the truth's: people's marks, or the face mesh on the clean frame. Prints
for each trick how many faces were found and accepted, and how far the eye line of the accepted ones is off.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from detector.faces import box_of, is_held_out, pictures, true_points
from expression.prepare import ROOT

from landmarks.judge import CLIPS, LARGEST_YAW_DEG, analyzed, eyes, is_that_face, yaw_deg
from landmarks.mesh_points import NEAREST

LARGEST_ROLL_DEG = 30.0
# An eye line that is off by less is level enough for a crop.
LEVEL_DEG = 5.0
# Every so many frames of a clip.
EVERY = 15
# A photograph is cut so far around the face, in widths of its box: others in it would take its place.
AROUND = 0.8
# The side of a tile of the contact sheet.
TILE_PX = 150


@dataclass
class Case:
    """A picture with a trick, the true points on it, and what came of it."""

    set: str
    trick: str
    picture: np.ndarray
    points: np.ndarray
    line: dict | None = None

    def found(self) -> np.ndarray | None:
        """The eye centres that were found, if of this face."""
        points = self.line and self.line["landmarks"]
        if not points or not is_that_face(np.array(points), self.points):
            return None
        return eyes(np.array(points))

    def off_deg(self) -> float | None:
        """How far the eye line leans from the truth's."""
        found = self.found()
        if found is None:
            return None
        lean = [np.arctan2(*(pair[1] - pair[0])[::-1]) for pair in (found, eyes(self.points))]
        return float(np.degrees(abs((lean[0] - lean[1] + np.pi) % (2 * np.pi) - np.pi)))


def rolled(picture: np.ndarray, points: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Turned about the face's middle; beyond the edges is more of the same."""
    x, y = points.mean(0)
    matrix = cv2.getRotationMatrix2D((x, y), degrees, 1.0)
    size = picture.shape[::-1]
    border = cv2.BORDER_REPLICATE
    turned = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)
    return turned, points @ matrix[:, :2].T + matrix[:, 2]


def filled(picture: np.ndarray, shape: np.ndarray, shade: float, opaque: float = 1.0) -> np.ndarray:
    """The picture with a polygon drawn on it."""
    mask = np.zeros(picture.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(shape).astype(np.int32)], 255, cv2.LINE_AA)
    part = opaque * mask.astype(np.float32) / 255
    return np.clip(picture * (1 - part) + shade * part, 0, 255).astype(np.uint8)


def own_frame(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The middle of the eyes, the vector from the one to the other, and one as long down the face."""
    left, right = eyes(points)
    across = right - left
    return (left + right) / 2, across, np.array([-across[1], across[0]])


def sunglasses(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Wayfarers: two trapezoids under a straight bar, with a streak of the sky in them."""
    middle, across, down = own_frame(points)
    shade = rng.uniform(5, 50)
    for side in (-1, 1):
        inner, outer = side * rng.uniform(0.14, 0.2), side * rng.uniform(0.88, 1.0)
        lens = np.array(
            [[inner, -0.24], [outer, -0.3], [outer * 0.93, 0.2], [side * 0.5, 0.32], [inner * 1.3, 0.2]]
        )
        picture = filled(picture, middle + lens @ np.array([across, down]), shade, rng.uniform(0.9, 1.0))
        streak = np.array([[0.35, -0.2], [0.5, -0.2], [0.4, 0.18], [0.3, 0.18]]) * [side, 1]
        picture = filled(picture, middle + streak @ np.array([across, down]), 200.0, 0.25)
    bar = np.array([[-0.98, -0.3], [0.98, -0.3], [0.98, -0.18], [-0.98, -0.18]])
    return filled(picture, middle + bar @ np.array([across, down]), shade)


def mask(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A surgical mask: from the ridge of the nose along the jaw, with pleats."""
    _, across, down = own_frame(points)
    jaw, nose = points[2:15], points[29]
    shape = np.vstack([jaw, points[14] - 0.1 * down, nose, points[2] - 0.1 * down])
    picture = filled(picture, shape, rng.uniform(110, 230))
    for fold in (0.35, 0.6, 0.85):
        ends = [a + fold * (points[8] - nose) + s * 0.45 * across for a, s in ((nose, -1), (nose, 1))]
        start, end = ([int(v) for v in place] for place in ends)
        cv2.line(picture, start, end, 90, max(1, int(np.linalg.norm(across) / 40)), cv2.LINE_AA)
    return picture


def hand(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Four fingers, as light as the cheek, before the mouth or over one eye."""
    middle, across, down = own_frame(points)
    cheeks = np.clip(points[1:16].astype(int), 0, np.array(picture.shape[::-1]) - 1)
    skin = float(np.median(picture[cheeks[:, 1], cheeks[:, 0]]))
    place = points[48:68].mean(0) if rng.random() < 0.5 else eyes(points)[rng.integers(2)]
    lean = rng.uniform(-0.7, 0.7)
    turn = np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
    axes = turn @ np.array([across, down])
    for finger in range(4):
        y = (finger - 1.5) * 0.24
        shape = np.array([[-1.4, y - 0.11], [0.5, y - 0.11], [0.6, y], [0.5, y + 0.11], [-1.4, y + 0.11]])
        picture = filled(picture, place + shape @ axes, np.clip(skin + rng.uniform(-15, 15), 30, 235))
    return picture


def side_light(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sun on one half of the face: a hard edge along the nose, up to eight times as bright."""
    middle, across, _ = own_frame(points)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    along = ((x - middle[0]) * across[0] + (y - middle[1]) * across[1]) / (across @ across)
    ratio, way = rng.uniform(3, 8), rng.choice([-1, 1])
    light = 1 / ratio + (1 - 1 / ratio) / (1 + np.exp(-way * along / 0.08))
    return np.clip(picture * light * rng.uniform(1.0, 1.5), 0, 255).astype(np.uint8)


def blur(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A moving head: a streak of up to a sixth of the distance of the eyes."""
    length = max(3, int(np.linalg.norm(own_frame(points)[1]) * rng.uniform(0.06, 0.16)) | 1)
    streak = np.zeros((length, length), np.float32)
    streak[length // 2] = 1
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), rng.uniform(0, 180), 1)
    streak = cv2.warpAffine(streak, turn, (length, length))
    return cv2.filter2D(picture, -1, streak / streak.sum(), borderType=cv2.BORDER_REPLICATE)


def night(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A twelfth to a quarter of the light, amplified two- to threefold with its photons' noise."""
    electrons = 40.0 * rng.uniform(1 / 12, 1 / 4) * picture / 8.0
    counted = rng.poisson(np.clip(electrons, 0, None)) + rng.normal(0, 1.5, picture.shape)
    return np.clip(counted * 8.0 / 40.0 * rng.uniform(6.0, 10.0), 0, 255).astype(np.uint8)


def infrared(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A camera with its own lamp: skin is pale and flat, what is far is dark, eyes lose their white."""
    middle, across, _ = own_frame(points)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    far = np.hypot(x - middle[0], y - middle[1]) / np.linalg.norm(across)
    lamp = np.exp(-((far / rng.uniform(2.0, 3.0)) ** 2))
    flat = 255 * (picture / 255.0) ** rng.uniform(0.4, 0.6)
    tones = 120 + (flat - 120) * rng.uniform(0.4, 0.7)
    return np.clip(tones * (0.15 + 1.1 * lamp) + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def nothing(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The roll alone."""
    return picture


TRICKS: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]] = {
    "roll alone": nothing,
    "sunglasses": sunglasses,
    "mask": mask,
    "hand": hand,
    "side light": side_light,
    "blur": blur,
    "night": night,
    "infrared": infrared,
}


def alone(picture: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a photograph about one face."""
    x, y, side = box_of(points)
    low = np.maximum(np.array([x, y]) - (0.5 + AROUND) * side, 0).astype(int)
    high = (np.array([x, y]) + (0.5 + AROUND) * side).astype(int)
    return np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]]), points - low


# What might help in bad light; the daemon does none of it, since none of it was measured to help.
PREPARATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "clahe": lambda picture: cv2.createCLAHE(2.0, (8, 8)).apply(picture),
    "smooth": lambda picture: cv2.GaussianBlur(picture, (0, 0), 1.0),
    "median": lambda picture: cv2.medianBlur(picture, 3),
}


def clean(data: Path, meshes: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(set, picture, 68 points) of the faces that tricks are played on."""
    truth = true_points(data)
    for name, picture in pictures(data / "landmarks68" / "images.tar"):
        if is_held_out(name):
            yield "photographs", *alone(picture, truth[name])
    for clip in CLIPS:
        video, number = cv2.VideoCapture(str(data / "cabin" / f"{clip}.avi")), 0
        while (read := video.read())[0]:
            mesh = meshes.get(f"{clip}/{number}")
            if number % EVERY == 0 and mesh is not None and abs(yaw_deg(mesh)) <= LARGEST_YAW_DEG:
                yield "cabin", cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY), mesh[NEAREST, :2]
            number += 1


def cases(data: Path, meshes: dict[str, np.ndarray], seed: int) -> list[Case]:
    """Every face with every trick, each with a roll of its own."""
    rng, made = np.random.default_rng(seed), []
    for kind, picture, points in clean(data, meshes):
        for trick, play in TRICKS.items():
            turned, moved = rolled(picture, points, rng.uniform(-LARGEST_ROLL_DEG, LARGEST_ROLL_DEG))
            made.append(Case(kind, trick, play(turned, moved, rng), moved))
    return made


def judge(binary: Path, made: list[Case], settings: list[str]) -> None:
    """Fills in what the daemon's alignment makes of the cases."""
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(made):
            cv2.imwrite(f"{folder}/{number:05}.png", case.picture)
        for line in analyzed(binary, Path(folder), settings):
            made[int(Path(line["file"]).stem)].line = line


def table(made: list[Case]) -> None:
    """Prints a line for each set and trick."""
    print(f"{'':26}{'faces':>7}{'found':>8}{'accepted':>10}{'level':>8}{'median':>9}{'95th':>8}   why not")
    for kind in ("photographs", "cabin"):
        for trick in TRICKS:
            some = [case for case in made if (case.set, case.trick) == (kind, trick)]
            if not some:
                continue
            accepted = [case for case in some if case.line["accepted"]]
            # An accepted face that is another one or none counts as not level.
            off = [180.0 if (deg := case.off_deg()) is None else deg for case in accepted]
            why = [case.line["reason"] for case in some if not case.line["accepted"]]
            reasons = ", ".join(f"{reason} {why.count(reason)}" for reason in sorted(set(why)))
            shares = [np.mean([case.found() is not None for case in some]), len(accepted) / len(some)]
            level = np.mean(np.array(off) <= LEVEL_DEG) if off else np.nan
            median, p95 = np.percentile(off, (50, 95)) if off else (np.nan, np.nan)
            print(
                f"{kind + ', ' + trick:26}{len(some):>7}{shares[0]:>8.3f}{shares[1]:>10.3f}{level:>8.3f}"
                f"{median:>8.1f}°{p95:>7.1f}°   {reasons}"
            )


def sheet(made: list[Case], to: Path, columns: int = 12) -> None:
    """A contact sheet: a row of each set and trick; the eye line green where accepted, else red."""
    rows = []
    for kind in ("photographs", "cabin"):
        for trick in TRICKS:
            some = [case for case in made if (case.set, case.trick) == (kind, trick)]
            picked = some[:: max(1, len(some) // columns)][:columns]
            rows.append(np.hstack([tile(case) for case in picked]) if len(picked) == columns else None)
    cv2.imwrite(str(to), np.vstack([row for row in rows if row is not None]))


def tile(case: Case) -> np.ndarray:
    """The face with the eye line that was found, and the reason."""
    middle, across, _ = own_frame(case.points)
    scale = TILE_PX / (3.2 * np.linalg.norm(across))
    origin = middle - 1.6 * np.linalg.norm(across)
    matrix = np.array([[scale, 0, -scale * origin[0]], [0, scale, -scale * origin[1]]])
    cut = cv2.warpAffine(case.picture, matrix, (TILE_PX, TILE_PX), flags=cv2.INTER_AREA)
    colour = cv2.cvtColor(cut, cv2.COLOR_GRAY2BGR)
    if case.line["landmarks"]:
        ends = eyes(np.array(case.line["landmarks"])) @ matrix[:, :2].T + matrix[:, 2]
        start, end = ([int(v) for v in place] for place in ends)
        cv2.line(colour, start, end, (0, 220, 0) if case.line["accepted"] else (0, 0, 255), 2, cv2.LINE_AA)
    text = f"{case.line['quality'] or 0:.2f}" if case.line["accepted"] else case.line["reason"]
    cv2.putText(colour, text, (3, TILE_PX - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 255, 255), 1, cv2.LINE_AA)
    return colour


def main() -> None:
    """Command line."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--data", type=Path, required=True, help="folder with landmarks68 and cabin")
    parser.add_argument("--meshes", type=Path, required=True, help="what landmarks.mesh wrote")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/cabinmood")
    parser.add_argument("--sheet", type=Path, help="a contact sheet (PNG)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--prepare", choices=PREPARATIONS, help="what is done to each picture before")
    parser.add_argument("--set", action="append", default=[], help="handed to analyze")
    arguments = parser.parse_args()
    stored = np.load(arguments.meshes)
    made = cases(arguments.data, dict(zip(*stored.values(), strict=True)), arguments.seed)
    if arguments.prepare:
        for case in made:
            case.picture = PREPARATIONS[arguments.prepare](case.picture)
    judge(arguments.binary, made, arguments.set)
    table(made)
    if arguments.sheet:
        sheet(made, arguments.sheet)


if __name__ == "__main__":
    main()
