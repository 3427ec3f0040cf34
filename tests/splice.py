"""Splices face-free pictures into a clip: `python splice.py CLIP PICTURES OUTPUT`.

100 frames of the clip, the first 30 pictures of the folder at the clip's size, and 100 more frames.
"""

import sys
from pathlib import Path

import cv2

BEFORE, AWAY = 100, 30


def main(clip: str, pictures: str, output: str) -> None:
    """Writes the spliced clip."""
    video = cv2.VideoCapture(clip)
    size = (int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(output, cv2.VideoWriter_fourcc(*"MJPG"), video.get(cv2.CAP_PROP_FPS), size)
    frames = [video.read()[1] for _ in range(2 * BEFORE)]
    away = sorted(path for path in Path(pictures).rglob("*") if path.is_file())[:AWAY]
    for frame in frames[:BEFORE]:
        writer.write(frame)
    for path in away:
        writer.write(cv2.resize(cv2.imread(str(path)), size))
    for frame in frames[BEFORE:]:
        writer.write(frame)
    writer.release()


if __name__ == "__main__":
    main(*sys.argv[1:])
