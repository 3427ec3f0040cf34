"""How far the daemon's landmarks are off: `python -m landmarks.judge --data DATA --meshes FILE`.

On landmarks68's held-out fifth against what people marked, over the distance of the outer eye corners; on
the cabin clips the eye centres against the face mesh, over the inter-ocular distance, and the yaw beside
the one that OpenCV's solvePnP makes of the same landmarks. Faces are found by `cabinmood analyze`, as in the
daemon; one that is not found has no error and is counted as such.
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
# The generic face of the daemon's pose.rs: of the 68 points those that no expression moves far, in
# millimetres to the right, down and away.
RIGID = (45, 42, 36, 39, 27, 30, 31, 33, 35)
FACE_MM = np.array(
    [[45, 0, 13], [16.5, 1, 4], [-45, 0, 13], [-16.5, 1, 4], [0, -3, -7], [0, 36, -25]]
    + [[-14, 45, -5], [0, 47, -9], [14, 45, -5]]
)
# A cabin camera's focal length over the width of its picture, where nobody has told it.
FOCAL = 1.2
# Yaws are judged apart below and from this.
HALF_TURNED_DEG = 20.0
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


def solved_yaw_deg(points: np.ndarray, size: list[int]) -> float:
    """The yaw by solvePnP: a closed solution, refined by least squares."""
    width, height = size
    camera = np.array([[FOCAL * width, 0, width / 2], [0, FOCAL * width, height / 2], [0, 0, 1.0]])
    seen = points[list(RIGID)]
    _, turn, shift = cv2.solvePnP(FACE_MM, seen, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    turn, _ = cv2.solvePnPRefineLM(FACE_MM, seen, camera, None, turn, shift)
    toward = cv2.Rodrigues(turn)[0] @ [0, 0, -1]
    return float(np.degrees(np.arctan2(toward[0], -toward[2])))


def say_yaws(true: list[float], ours: list[float], solved: list[float]) -> None:
    """How far both are off, by how far the head is turned."""
    true, both = np.array(true), {"ours": np.array(ours), "solvePnP": np.array(solved)}
    turned = np.abs(true)
    for low, high in ((0, HALF_TURNED_DEG), (HALF_TURNED_DEG, LARGEST_YAW_DEG), (LARGEST_YAW_DEG, 90)):
        some = (turned >= low) & (turned < high)
        for name, yaws in both.items() if some.any() else ():
            # Both are signed as the mesh, or both against it.
            sign = np.sign(np.sum(yaws * true))
            median, p95 = np.percentile(np.abs(sign * yaws - true)[some], (50, 95))
            what = f"yaw {low:.0f} to {high:.0f} degrees, {some.sum()} frames, by {name}"
            print(f"  {what}: off by {median:.1f} degrees at the median, {p95:.1f} at the 95th percentile")


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


def on_clips(
    binary: Path, data: Path, meshes: dict[str, np.ndarray], clips: list[str], settings: list[str]
) -> None:
    """Prints how far eye centres and yaw are from the mesh's on each clip."""
    for clip in clips:
        lines = analyzed(binary, data / "cabin" / f"{clip}.avi", settings)
        off, yaws = [], ([], [], [])
        video = cv2.VideoCapture(str(data / "cabin" / f"{clip}.avi"))
        size = [int(video.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
        for line in lines:
            mesh = meshes.get(f"{clip}/{line['frame']}")
            if not line["landmarks"] or mesh is None:
                continue
            points = np.array(line["landmarks"])
            pose = (yaw_deg(mesh), line["pose"]["yaw_deg"], solved_yaw_deg(points, size))
            for all_of_them, yaw in zip(yaws, pose, strict=True):
                all_of_them.append(yaw)
            if abs(yaw_deg(mesh)) <= LARGEST_YAW_DEG:
                off.append(eyes_off(points, mesh[NEAREST, :2]))
        found = sum(line["face"] is not None for line in lines)
        accepted = sum(line["accepted"] for line in lines)
        print(f"{clip}: {len(lines)} frames, {found} with a face, {accepted} accepted")
        print(f"  {len(off)} frames turned by at most {LARGEST_YAW_DEG:.0f} degrees")
        say(f"  eyes off; {np.mean(np.array(off) < NEAR):.3f} within {NEAR:.0%}", off)
        say_yaws(*yaws)


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
    parser.add_argument("--clips", nargs="*", default=CLIPS)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/cabinmood")
    parser.add_argument("--set", action="append", default=[], help="handed to analyze")
    arguments = parser.parse_args()
    on_photographs(arguments.binary, arguments.data, arguments.set)
    if arguments.meshes:
        stored = np.load(arguments.meshes)
        meshes = dict(zip(*stored.values(), strict=True))
        on_clips(arguments.binary, arguments.data, meshes, arguments.clips, arguments.set)


if __name__ == "__main__":
    main()
