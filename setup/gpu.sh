#!/usr/bin/env bash
# ONNX Runtime for NVIDIA's GPUs, with CUDA and cuDNN, or TensorRT: the shared libraries of the packages that
# gpu-pins.txt lists, in one folder.
#   setup/gpu.sh FOLDER cuda|tensorrt
# TensorRT is in NVIDIA's own index, whose address is taken from TENSORRT_INDEX_URL.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 2 ] || { echo "setup/gpu.sh FOLDER cuda|tensorrt" >&2; exit 64; }
folder=$1
part=$2
machine=$(uname -m)
# The platforms that wheels name; pip takes the newest that one has.
platforms=()
for tag in manylinux_2_34 manylinux_2_28 manylinux_2_27 manylinux2014 manylinux_2_17 manylinux2010 manylinux_2_12; do
    platforms+=(--platform "${tag}_$machine")
done
index=()
case $part in
    cuda) ;;
    tensorrt)
        [ "$machine" = x86_64 ] || { echo "cabinmood: no TensorRT is pinned for $machine" >&2; exit 69; }
        [ -n "${TENSORRT_INDEX_URL:-}" ] || {
            echo "cabinmood: TENSORRT_INDEX_URL is not set; give the address of NVIDIA's index of Python packages" >&2
            exit 64
        }
        index=(--index-url "$TENSORRT_INDEX_URL")
        ;;
    *) echo "cabinmood: $part: there is cuda and tensorrt" >&2; exit 64 ;;
esac

packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
sed -n "/^# \[$part\]/,/^# [^[]/p" setup/gpu-pins.txt | grep -v '^#' >"$packages/pins.txt"
python3 -m pip download --quiet --no-cache-dir --no-deps --require-hashes --only-binary=:all: \
    --implementation cp --python-version 3.11 --abi cp311 "${platforms[@]}" \
    "${index[@]}" --dest "$packages" -r "$packages/pins.txt"
python3 setup/unpack_libraries.py "$packages" "$folder"
