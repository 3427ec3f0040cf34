"""Lays MediaPipe's face mesh (Apache-2.0) over the pictures: `make landmark-meshes`.

    python landmarks/mesh.py --data DATA --out meshes.npz

Runs in an environment of its own (landmarks/mesh-requirements.txt), since MediaPipe wants an older numpy.
Leaves names [N] (set/file, or clip/frame) and points [N, 478, 3]: x and y in pixels, (0, 0) the centre of
the first pixel, and the depth in the same unit, away from the camera.
"""

import argparse
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import mediapipe
import numpy as np

SETS = ("landmarks68", "faces")
CLIPS = ("driver-1", "driver-2", "driver-3")
# Low: every picture shows a face, and the one nearest to its middle is the one that is meant.
CONFIDENCE = 0.3
MOST_FACES = 3


def pictures(data: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and picture (BGR) of everything that may be marked."""
    for folder in SETS:
        with tarfile.open(data / folder / "images.tar") as tar:
            for member in sorted((m for m in tar.getmembers() if m.isfile()), key=lambda m: m.name):
                content = np.frombuffer(tar.extractfile(member).read(), np.uint8)
                yield f"{folder}/{Path(member.name).name}", cv2.imdecode(content, cv2.IMREAD_COLOR)
    for clip in CLIPS:
        video = cv2.VideoCapture(str(data / "cabin" / f"{clip}.avi"))
        number = 0
        while (read := video.read())[0]:
            yield f"{clip}/{number}", read[1]
            number += 1


def mesh(net: mediapipe.solutions.face_mesh.FaceMesh, picture: np.ndarray) -> np.ndarray | None:
    """The mesh of the face nearest to the picture's middle."""
    height, width = picture.shape[:2]
    found = net.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).multi_face_landmarks or []
    middle = np.array([width / 2, height / 2])
    # Depth is in units of the picture's width, as x is.
    meshes = [
        np.array([(p.x * width - 0.5, p.y * height - 0.5, p.z * width) for p in face.landmark])
        for face in found
    ]
    return min(meshes, key=lambda m: np.linalg.norm(m[:, :2].mean(0) - middle), default=None)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with landmarks68, faces and cabin")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    net = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True,
        max_num_faces=MOST_FACES,
        refine_landmarks=True,
        min_detection_confidence=CONFIDENCE,
    )
    marked = {name: mesh(net, picture) for name, picture in pictures(arguments.data)}
    marked = {name: points.astype(np.float32) for name, points in marked.items() if points is not None}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(arguments.out, names=np.array(list(marked)), points=np.stack(list(marked.values())))
    print(f"{len(marked)} faces marked")


if __name__ == "__main__":
    main()
