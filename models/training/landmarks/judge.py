"""How far the daemon's landmarks are off: `python -m landmarks.judge --data DATA --meshes FILE`.

On landmarks68's held-out fifth against what people marked, over the distance of the outer eye corners; on
the cabin clips the eye centres against the face mesh, over the inter-ocular distance. Faces are found by
`cabinmood analyze`, as in the daemon; one that is not found has no error and is counted as such.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np
from detector.faces import is_held_out, pictures, true_points
from expression.prepare import ROOT

from landmarks.mesh_points import NEAREST

# Eye centres that are off by less than this part of their distance are where they should be.
NEAR = 0.10
OUTER_CORNERS = (36, 45)
# Beyond this yaw the far eye is out of sight, and no model knows where it is.
LARGEST_YAW_DEG = 45.0
CLIPS = ("driver-1", "driver-2", "driver-3")


def analyzed(binary: Path, source: Path, settings: list[str]) -> list[dict]:
    """The lines of `cabinmood analyze`."""
    flags = [flag for setting in settings for flag in ("--set", setting)]
    command = [binary, "analyze", source, *flags]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def eyes(points: np.ndarray) -> np.ndarray:
    """The eye centres [2, 2] of 68 or five landmarks, the one on the picture's left first."""
    left, right = (slice(36, 42), slice(42, 48)) if len(points) == 68 else (slice(2, 4), slice(0, 2))
    return np.array([points[left].mean(0), points[right].mean(0)])


def eyes_off(points: np.ndarray, truth: np.ndarray) -> float:
    """The larger error of the two eye centres over the inter-ocular distance."""
    true = eyes(truth)
    return float(np.linalg.norm(eyes(points) - true, axis=1).max() / np.linalg.norm(true[1] - true[0]))


def corners_apart(truth: np.ndarray) -> float:
    """Distance of the outer eye corners."""
    return float(np.linalg.norm(truth[OUTER_CORNERS[0]] - truth[OUTER_CORNERS[1]]))


def is_that_face(points: np.ndarray, truth: np.ndarray) -> bool:
    """Whether points are those of the marked face, and not of another one in the photograph."""
    return np.linalg.norm(eyes(points).mean(0) - eyes(truth).mean(0)) <= corners_apart(truth)


def points_off(points: np.ndarray, truth: np.ndarray) -> float:
    """The mean error of 68 points over the distance of the outer eye corners."""
    return float(np.linalg.norm(points - truth, axis=1).mean() / corners_apart(truth))


def yaw_deg(mesh: np.ndarray) -> float:
    """How far a mesh [478, 3] looks aside: by the depth of its outer eye corners."""
    left, right = (mesh[NEAREST[corner]] for corner in OUTER_CORNERS)
    return float(np.degrees(np.arctan2(left[2] - right[2], right[0] - left[0])))


def on_photographs(binary: Path, data: Path, settings: list[str]) -> None:
    """Prints the errors on the held-out fifth."""
    truth = true_points(data)
    with tempfile.TemporaryDirectory() as folder:
        for name, picture in pictures(data / "landmarks68" / "images.tar"):
            if is_held_out(name):
                cv2.imwrite(str(Path(folder) / f"{Path(name).stem}.png"), picture)
        lines = analyzed(binary, Path(folder), settings)
    known = {Path(name).stem: points for name, points in truth.items()}
    errors, off, others = [], [], 0
    for line in lines:
        points, true = line["landmarks"], known[Path(line["file"]).stem]
        if points is None:
            continue
        points = np.array(points)
        if not is_that_face(points, true):
            others += 1
            continue
        off.append(eyes_off(points, true))
        if len(points) == len(true):
            errors.append(points_off(points, true))
    print(f"landmarks68, held out: {len(lines)} pictures, {len(off)} faces found, {others} times another one")
    say("  error of the points over the outer eye corners' distance", errors)
    say("  error of the eye centres over theirs", off)


def on_clips(binary: Path, data: Path, meshes: dict[str, np.ndarray], settings: list[str]) -> None:
    """Prints how far the eye centres are from the mesh's on each clip."""
    for clip in CLIPS:
        lines = analyzed(binary, data / "cabin" / f"{clip}.avi", settings)
        off = []
        for line in lines:
            mesh = meshes.get(f"{clip}/{line['frame']}")
            if line["landmarks"] and mesh is not None and abs(yaw_deg(mesh)) <= LARGEST_YAW_DEG:
                off.append(eyes_off(np.array(line["landmarks"]), mesh[NEAREST, :2]))
        found = sum(line["face"] is not None for line in lines)
        accepted = sum(line["accepted"] for line in lines)
        print(f"{clip}: {len(lines)} frames, {found} with a face, {accepted} accepted")
        print(f"  {len(off)} frames turned by at most {LARGEST_YAW_DEG:.0f} degrees")
        say(f"  eyes off; {np.mean(np.array(off) < NEAR):.3f} within {NEAR:.0%}", off)


def say(what: str, errors: list[float]) -> None:
    """One line of figures."""
    if errors:
        mean, (median, p95) = np.mean(errors), np.percentile(errors, (50, 95))
        print(f"{what}: mean {mean:.4f}, median {median:.4f}, 95th percentile {p95:.4f}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with landmarks68 and cabin")
    parser.add_argument("--meshes", type=Path, help="what landmarks.mesh wrote; without it no clips")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/cabinmood")
    parser.add_argument("--set", action="append", default=[], help="handed to analyze")
    arguments = parser.parse_args()
    on_photographs(arguments.binary, arguments.data, arguments.set)
    if arguments.meshes:
        stored = np.load(arguments.meshes)
        on_clips(arguments.binary, arguments.data, dict(zip(*stored.values(), strict=True)), arguments.set)


if __name__ == "__main__":
    main()
