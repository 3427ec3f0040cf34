"""What dlib finds: for each picture one line "FILE left top right bottom x y x y ...".

    dlib_points.py MODEL.dat FOLDER COUNT SOURCE...

SOURCE is an images.tar or a video. The pictures are written to FOLDER as grey PGM files, so that
whoever compares reads the very same pixels.
"""

import sys
import tarfile
from pathlib import Path

import cv2
import dlib
import numpy as np


def pictures(source, count):
    """Up to `count` grey pictures, evenly spread."""
    if source.suffix == ".tar":
        with tarfile.open(source) as tar:
            members = sorted((m for m in tar if m.isfile()), key=lambda m: m.name)
            for member in members[:: max(1, len(members) // count)][:count]:
                data = np.frombuffer(tar.extractfile(member).read(), np.uint8)
                yield cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    else:
        video = cv2.VideoCapture(str(source))
        frames = max(1, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
        for number in range(frames):
            found, frame = video.read()
            if not found:
                return
            if number % max(1, frames // count) == 0:
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)


def main():
    model, folder, count = dlib.shape_predictor(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    detector = dlib.get_frontal_face_detector()
    for source in map(Path, sys.argv[4:]):
        for number, grey in enumerate(pictures(source, count)):
            for face in detector(grey)[:1]:
                file = folder / f"{source.stem}-{number}.pgm"
                cv2.imwrite(str(file), grey)
                points = [f"{p.x} {p.y}" for p in model(grey, face).parts()]
                print(file, face.left(), face.top(), face.right(), face.bottom(), *points)


if __name__ == "__main__":
    main()
