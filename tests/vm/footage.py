"""Decodes a clip into the raw YUYV frames that the guest's camera is fed with:

python footage.py CLIP OUTPUT

Done before the guest starts, so that decoding takes nothing from its one processor."""

import sys
from pathlib import Path

import cv2
import numpy as np


def yuyv(picture: np.ndarray) -> bytes:
    """Luma of every pixel, colour of every other one."""
    y, v, u = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb))
    packed = np.empty((*y.shape, 2), np.uint8)
    packed[..., 0] = y
    packed[:, 0::2, 1] = u[:, 0::2]
    packed[:, 1::2, 1] = v[:, 0::2]
    return packed.tobytes()


def main(clip: str, output: str) -> None:
    media = cv2.VideoCapture(clip)
    count = 0
    with Path(output).open("wb") as raw:
        while (picture := media.read()[1]) is not None:
            raw.write(yuyv(picture))
            count += 1
    if count == 0:
        sys.exit(f"cabinmood: no picture in {clip}")


if __name__ == "__main__":
    main(*sys.argv[1:])
