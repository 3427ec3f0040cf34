"""Alignment against dlib's HOG detector and 68-point landmarks, on the same footage in one run:
`make compare-align`.

One thread each. Prints a table: milliseconds a frame (detection, landmarks and, for Cabinmood, tracking,
pose, quality and warp), frames with a full search apart; availability; jitter of the eye centres on stills
that differ by sensor noise and a shift of less than a pixel; error on held-out photographs. dlib's model
learned from these very photographs, so its error there is better than it deserves.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import dlib
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models/training"))
from detector.faces import is_held_out, pictures, true_points  # noqa: E402
from landmarks.judge import eyes, is_that_face, points_off  # noqa: E402

# Every so many frames of a clip; a still is a frame that is searched anew.
EVERY = 3
# Photographs for the jitter, copies of each, and the noise of a sensor in daylight, in grey values. With two
# dozen photographs the peers change places by chance.
STEADY, COPIES, NOISE = 60, 8, 2.0


@dataclass
class Findings:
    """What one of the two made of pictures."""

    milliseconds: list[float] = field(default_factory=list)
    # Landmarks [68, 2] or None, picture by picture.
    points: list[np.ndarray | None] = field(default_factory=list)

    def availability(self) -> float:
        """The share of pictures with a face."""
        return float(np.mean([points is not None for points in self.points]))


class Dlib:
    """What the original system used."""

    def __init__(self, model: Path) -> None:
        self.detect, self.predict = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model))

    def look(self, grey: np.ndarray, to: Findings) -> None:
        """One picture; the largest face counts."""
        began = time.perf_counter()
        found = self.detect(grey, 0)
        parts = self.predict(grey, max(found, key=lambda r: r.width())).parts() if found else None
        to.milliseconds.append(1000 * (time.perf_counter() - began))
        to.points.append(np.array([(p.x, p.y) for p in parts], float) if parts else None)


def ours(binary: Path, source: Path) -> tuple[Findings, dict]:
    """What `cabinmood analyze` finds, and its figures of the stage."""
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "summary.json"
        command = [binary, "analyze", source, "--summary", summary]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        stage = json.loads(summary.read_text())["stages"]["align"]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    points = [np.array(line["landmarks"]) if line["landmarks"] else None for line in lines]
    return Findings(points=points), stage


def frames(clip: Path) -> list[np.ndarray]:
    """Every few frames of a clip in grey."""
    video, found, number = cv2.VideoCapture(str(clip)), [], 0
    while (read := video.read())[0]:
        if number % EVERY == 0:
            found.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY))
        number += 1
    return found


def stills(folder: Path, shown: list[np.ndarray]) -> Path:
    """The pictures as files, in order; raw, so that reading them takes no core away from what is timed."""
    folder.mkdir()
    for number, picture in enumerate(shown):
        cv2.imwrite(str(folder / f"{number:05}.pgm"), picture)
    return folder


def row(name: str, *cells: str) -> None:
    """A line of the table."""
    print(f"{name:38}" + "".join(f"{cell:>22}" for cell in cells), flush=True)


def spread(milliseconds: list[float]) -> str:
    """Median and 99th percentile."""
    return f"{np.median(milliseconds):.2f} / {np.percentile(milliseconds, 99):.2f}"


def of_stage(stage: dict) -> str:
    """The same of a summary's stage."""
    return f"{stage['median_ms']:.2f} / {stage['p99_ms']:.2f}"


def compare_clips(binary: Path, peer: Dlib, clips: list[Path], work: Path) -> None:
    """Speed and availability."""
    for clip in clips:
        found, stage = ours(binary, clip)
        shown = frames(clip)
        _, full = ours(binary, stills(work / clip.stem, shown))
        theirs = Findings()
        for grey in shown:
            peer.look(grey, theirs)
        row(f"{clip.stem}: ms a frame, median / p99", of_stage(stage), spread(theirs.milliseconds))
        row("  every frame a full search", of_stage(full), spread(theirs.milliseconds))
        row("  times faster", f"{np.median(theirs.milliseconds) / stage['median_ms']:.1f}", "1")
        row("  availability", f"{found.availability():.3f}", f"{theirs.availability():.3f}")


def shaken(picture: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The picture moved by less than a pixel, with a sensor's noise, and by how much."""
    shift = rng.uniform(0, 1, 2)
    matrix = np.hstack([np.eye(2), shift[:, None]])
    moved = cv2.warpAffine(picture, matrix, picture.shape[::-1], flags=cv2.INTER_CUBIC)
    return np.clip(moved + rng.normal(0, NOISE, moved.shape), 0, 255).astype(np.uint8), shift


def jitter(points: list[np.ndarray | None], shifts: list[np.ndarray]) -> list[float]:
    """Standard deviation of the eye centres of each photograph's copies, over the inter-ocular distance."""
    found = []
    for first in range(0, len(points), COPIES):
        copies = range(first, first + COPIES)
        centers = [eyes(points[i]) - shifts[i] for i in copies if points[i] is not None]
        if len(centers) == COPIES:
            between = np.linalg.norm(np.mean(centers, 0)[1] - np.mean(centers, 0)[0])
            found.append(float(np.sqrt(np.var(centers, 0).sum(1).mean()) / between))
    return found


def compare_photographs(binary: Path, peer: Dlib, data: Path, work: Path) -> None:
    """Steadiness and error."""
    truth = true_points(data)
    held = [named for named in pictures(data / "landmarks68/images.tar") if is_held_out(named[0])]
    rng = np.random.default_rng(1)
    copies = [shaken(picture, rng) for _, picture in held[:STEADY] for _ in range(COPIES)]
    shifts = [shift for _, shift in copies]
    found, _ = ours(binary, stills(work / "steady", [picture for picture, _ in copies]))
    theirs = Findings()
    for picture, _ in copies:
        peer.look(picture, theirs)
    both = [jitter(one.points, shifts) for one in (found, theirs)]
    row("jitter of the eye centres, median", *(f"{np.median(one):.4f} ({len(one)})" for one in both))

    found, _ = ours(binary, stills(work / "held", [picture for _, picture in held]))
    theirs = Findings()
    for _, picture in held:
        peer.look(picture, theirs)
    cells = []
    for one in (found, theirs):
        both = [(points, truth[name]) for (name, _), points in zip(held, one.points, strict=True)]
        known = [(points, true) for points, true in both if points is not None and is_that_face(points, true)]
        errors = [points_off(points, true) for points, true in known]
        cells.append(f"{np.mean(errors):.4f} ({len(errors)})")
    row(f"mean error on {len(held)} held-out photographs", *cells)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    data = Path(os.environ.get("CABINMOOD_DATA", ROOT.parent / "shared/data"))
    predictor = ROOT / "third_party/dlib/shape_predictor_68_face_landmarks.dat"
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/cabinmood")
    parser.add_argument("--predictor", type=Path, default=predictor)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    peer = Dlib(arguments.predictor)
    clips = sorted((arguments.data / "cabin").glob("*.avi"))
    clips = clips or sorted((ROOT / "third_party/footage").glob("*.mp4"))
    row("", "Cabinmood", f"dlib {dlib.__version__}")
    with tempfile.TemporaryDirectory() as work:
        compare_clips(arguments.binary, peer, clips, Path(work))
        if (arguments.data / "landmarks68").is_dir():
            compare_photographs(arguments.binary, peer, arguments.data, Path(work))
        else:
            print(
                f"No photographs: landmarks68/ is not in {arguments.data}; give the data's folder with --data"
            )


if __name__ == "__main__":
    main()
