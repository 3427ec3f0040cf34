#!/usr/bin/env bash
# Whether the nets run on the CUDA provider, and how fast, on a machine that has a GPU (sm_90: H100, H200) and
# little else: docs/testing.md.
#   tests/device/cuda.sh pack         here: bench, ONNX Runtime and models into .lease/cuda
#   tests/device/cuda.sh run FOLDER   there: unpacks FOLDER and runs the bench; the log goes to $OUT, too
set -euo pipefail
export ORT_DISABLE_TELEMETRY=1
root=$(cd "$(dirname "$0")/../.." && pwd)
version=$(sed -n 's/^onnxruntime-gpu==\([0-9.]*\).*/\1/p' "$root/setup/gpu-pins.txt")
limit=$((45 << 20))
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT

pack() {
    cd "$root"
    local out=.lease/cuda wheels=third_party/onnxruntime-gpu bench
    local wheel=$wheels/onnxruntime_gpu-$version-cp311-cp311-manylinux_2_28_x86_64.whl
    mkdir -p "$out/models" "$wheels" "$files/lib"
    echo '*' >"$out/.gitignore"

    sed -n '/^onnxruntime-gpu/,/[^\]$/p' setup/gpu-pins.txt >"$files/pins.txt"
    grep -q "sha256:$(sha256sum "$wheel" 2>/dev/null | cut -d' ' -f1)\>" "$files/pins.txt" ||
        python3 -m pip download --quiet --no-deps --require-hashes --dest "$wheels" --only-binary=:all: \
            --implementation cp --python-version 3.11 --abi cp311 --platform manylinux_2_28_x86_64 \
            -r "$files/pins.txt"
    python3 -m zipfile -e "$wheel" "$files/wheel"
    local capi=$files/wheel/onnxruntime/capi
    cp "$files/wheel/onnxruntime/"{LICENSE,ThirdPartyNotices.txt} "$capi/libonnxruntime.so.$version" \
        "$capi"/libonnxruntime_providers_{shared,tensorrt}.so "$files/lib"
    python3 tests/device/thin.py "$capi/libonnxruntime_providers_cuda.so" \
        "$files/lib/libonnxruntime_providers_cuda.so"

    bench=$("${CARGO:-cargo}" bench --locked -p classify --bench providers --no-run --message-format json |
        sed -n 's/.*"name":"providers".*"executable":"\([^"]*\)".*/\1/p')
    strip -o "$files/providers" "$bench"
    if [ -f models/training/runs/pupil/best.pt ] && [ ! -f "$out/models/expression-fp16.toml" ]; then
        (cd models/training && ../../.venv/bin/python -m expression.export --run runs/pupil --form fp16 \
            --out "../../$out/models/expression-fp16.toml")
    fi
    tar -C "$files" --owner=0 --group=0 -c providers lib | xz --x86 --lzma2=preset=6 >"$out/bench.tar.xz"
    ls -l "$out"/bench.tar.xz "$out"/models/*
    local size
    size=$(du -sb --apparent-size "$out" | cut -f1)
    echo "cabinmood: $out holds $size bytes, at most $limit can be carried"
    [ "$size" -lt "$limit" ]
}

run() {
    local folder libraries
    folder=$(realpath "$1")
    # Python, since not every machine has xz.
    python3 -W ignore -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' \
        "$folder/bench.tar.xz" "$files"

    # NVIDIA's libraries as PyTorch's packages bring them, and the driver's where the loader does not look.
    libraries=$(python3 -c 'import nvidia; print(*nvidia.__path__, sep="\n")' 2>/dev/null |
        xargs -r -d '\n' -I{} find -L {} -name 'lib*.so*' -not -path '*/stubs/*' -printf '%h\n' |
        sort -u | paste -sd:) || true
    [ -n "$libraries" ] || echo "cabinmood: python3 has no NVIDIA packages"
    export LD_LIBRARY_PATH="$files/lib:$libraries:${LD_LIBRARY_PATH:-}:/usr/local/nvidia/lib64:/usr/local/nvidia/lib"

    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
    echo "libraries: $libraries"
    ldd "$files/lib/libonnxruntime_providers_cuda.so" | grep -E 'libcu|not found' || true
    nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits -lms 100 \
        >"$files/samples" 2>/dev/null &
    local sampler=$! result=0
    timeout 240 "$files/providers" --runtime "$files/lib/libonnxruntime.so.$version" --require cuda \
        "$root/models/expression.toml" "$folder"/models/*.toml || result=$?
    kill "$sampler" 2>/dev/null || true
    awk -F, '{ if ($1 > load) load = $1; if ($2 > memory) memory = $2 }
        END { printf "GPU meanwhile: at most %d %% busy, %d MiB in use\n", load, memory }' "$files/samples"
    echo "exit status $result"
    return "$result"
}

case "${1:-} $#" in
    "pack 1") pack ;;
    "run 2") run "$2" 2>&1 | tee "${OUT:-$files}/cuda.txt" ;;
    *) sed -n '4,5s/^# *//p' "$0" >&2; exit 64 ;;
esac
