"""A followed driver who puts something on: `python -m landmarks.worn --data DATA --meshes FILE`.

landmarks.tricks shows stills, where a covered face must be found anew in each. Here the cabin clips run as a
sequence, and from the third second on the driver wears sunglasses, a mask, or a hand before the face, drawn
at the face mesh's points of each frame. Prints how often the face is still found and accepted, why not, how
often the accepted eye line is level, and the median quality of what is accepted.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from expression.prepare import ROOT

from landmarks.judge import CLIPS, analyzed
from landmarks.mesh_points import NEAREST
from landmarks.tricks import LEVEL_DEG, TRICKS, Case

# From this frame on the trick is worn, and so many frames of each clip are looked at.
FROM, FRAMES = 60, 240
# What can be put on, and the seed of its drawing: a hand lies before the mouth or over an eye.
WORN = {
    "sunglasses": ("sunglasses", 3),
    "mask": ("mask", 3),
    "hand, mouth": ("hand", 3),
    "hand, eye": ("hand", 1),
}


def dressed(clip: Path, meshes: dict[str, np.ndarray], trick: str, seed: int) -> Iterator[Case]:
    """The clip's frames; the drawing is the same in each, and follows the face."""
    video, points = cv2.VideoCapture(str(clip)), None
    for number in range(FRAMES):
        read = video.read()
        if not read[0]:
            return
        picture = cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY)
        mesh = meshes.get(f"{clip.stem}/{number}")
        points = points if mesh is None else mesh[NEAREST, :2]
        if number >= FROM and points is not None:
            picture = TRICKS[trick](picture, points, np.random.default_rng(seed))
        yield Case(clip.stem, trick, picture, np.zeros((68, 2)) if points is None else points)


def looked_at(binary: Path, made: list[Case], settings: list[str]) -> list[Case]:
    """The frames from FROM on, with what the daemon's alignment makes of them as parts of a video."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.avi"
        size = made[0].picture.shape[::-1]
        video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 29.97, size)
        for case in made:
            video.write(cv2.cvtColor(case.picture, cv2.COLOR_GRAY2BGR))
        video.release()
        for case, line in zip(made, analyzed(binary, path, settings), strict=True):
            case.line = line
    return made[FROM:]


def row(name: str, frames: list[Case]) -> str:
    """One line of the table."""
    accepted = [case for case in frames if case.line["accepted"]]
    off = [180.0 if (deg := case.off_deg()) is None else deg for case in accepted]
    level = np.mean(np.array(off) <= LEVEL_DEG) if off else np.nan
    quality = np.median([case.line["quality"] for case in accepted]) if accepted else np.nan
    reasons = Counter(case.line["reason"] for case in frames if not case.line["accepted"])
    why = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    seen = np.mean([case.line["face"] is not None for case in frames])
    return f"{name:24}{seen:>8.3f}{len(accepted) / len(frames):>10.3f}{level:>8.3f}{quality:>9.2f}   {why}"


def main() -> None:
    """Command line."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--data", type=Path, required=True, help="folder with cabin")
    parser.add_argument("--meshes", type=Path, required=True, help="what landmarks.mesh wrote")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/cabinmood")
    parser.add_argument("--set", action="append", default=[], help="handed to analyze")
    arguments = parser.parse_args()
    stored = np.load(arguments.meshes)
    meshes = dict(zip(*stored.values(), strict=True))
    print(f"{'':24}{'found':>8}{'accepted':>10}{'level':>8}{'quality':>9}   why not")
    for clip in CLIPS:
        path = arguments.data / "cabin" / f"{clip}.avi"
        for name, (trick, seed) in WORN.items():
            made = list(dressed(path, meshes, trick, seed))
            print(row(f"{clip}, {name}", looked_at(arguments.binary, made, arguments.set)), flush=True)


if __name__ == "__main__":
    main()
