"""A camera, as far as the kernel's readers can tell: plays raw YUYV frames into a v4l2loopback device.

python3 feeder.py DEVICE FRAMES WIDTH HEIGHT FPS

Plays FRAMES again and again, says `feeding` once the first frame is in, and obeys lines on its standard
input: `hold` repeats the present frame as a hung sensor does, `play` goes on. Ends when its input ends."""

import fcntl
import itertools
import os
import select
import struct
import sys
import time
from collections.abc import Iterator

# From linux/videodev2.h: ioctl numbers and the values that go with them.
VIDIOC_S_FMT = 0xC0D05605
VIDIOC_S_PARM = 0xC0CC5616
V4L2_BUF_TYPE_VIDEO_OUTPUT = 2
V4L2_FIELD_NONE = 1
V4L2_COLORSPACE_SRGB = 8
YUYV = int.from_bytes(b"YUYV", "little")


def set_format(camera: int, width: int, height: int, fps: int) -> None:
    """struct v4l2_format, its union aligned to 8 bytes, and struct v4l2_streamparm."""
    size = width * height * 2
    pix = (width, height, YUYV, V4L2_FIELD_NONE, width * 2, size, V4L2_COLORSPACE_SRGB)
    fcntl.ioctl(camera, VIDIOC_S_FMT, struct.pack("I4x7I172x", V4L2_BUF_TYPE_VIDEO_OUTPUT, *pix))
    capability, mode = 0, 0
    parm = (capability, mode, 1, fps)
    fcntl.ioctl(camera, VIDIOC_S_PARM, struct.pack("I4I184x", V4L2_BUF_TYPE_VIDEO_OUTPUT, *parm))


def frames(path: str, size: int) -> Iterator[bytes]:
    """Each frame once."""
    with open(path, "rb") as raw:
        while len(frame := raw.read(size)) == size:
            yield frame


def is_told_to_end(until: float, holding: bool) -> tuple[bool, bool]:
    """Obeys what comes in until that moment: whether to end, and whether to hold the frame."""
    while (left := until - time.monotonic()) > 0:
        if not select.select([sys.stdin], [], [], left)[0]:
            break
        line = os.read(sys.stdin.fileno(), 64)
        if not line:
            return True, holding
        holding = line.split()[-1] == b"hold"
    return False, holding


def main(device: str, path: str, *numbers: str) -> None:
    width, height, fps = map(int, numbers)
    camera = os.open(device, os.O_RDWR)
    set_format(camera, width, height, fps)
    clip = itertools.cycle(frames(path, width * height * 2))
    frame = next(clip)
    holding, start = False, time.monotonic()
    for count in itertools.count(1):
        os.write(camera, frame)
        if count == 1:
            print("feeding", flush=True)
        # By the clock and not by pauses, so that a late frame makes no later one late.
        ended, holding = is_told_to_end(start + count / fps, holding)
        if ended:
            return
        frame = frame if holding else next(clip)


if __name__ == "__main__":
    main(*sys.argv[1:])
