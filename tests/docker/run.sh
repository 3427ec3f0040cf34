#!/usr/bin/env bash
# `make test-docker`: the steps of setup/docker/Dockerfile in a chroot, and the daemon in the image that comes
# of it, as an unprivileged user, without network, its root read-only.
#   tests/docker/run.sh [cabinmood | cuda | training]…    cabinmood, unless told otherwise
# CABINMOOD_BINARY=FILE takes a program that was built on a Debian 12, instead of half an hour's build.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" -eq 0 ] || { echo "cabinmood: chroot and mounts need root" >&2; exit 77; }
images() { python3 tests/docker/images.py "$@"; }
fail() { echo "cabinmood: $*" >&2; exit 70; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A file that gets no permission from being a temporary one.
chmod 755 "$work"
cp third_party/footage/single_face.mp4 "$work/clip.mp4"

daemon() { # TARGET: what every runtime image must do
    local target=$1 moods tool
    images run "$target" --version
    images run "$target" check --set camera.wait=true
    # The mood of the clip's frames, happy but for its end.
    images run --bind "$work:/mnt/work" "$target" analyze /mnt/work/clip.mp4 --format csv >"$work/moods.csv"
    moods=$(grep -c ',happy,$' "$work/moods.csv" || true)
    [ "$moods" -gt 40 ] || fail "$target: of the demo's clip $moods frames are told to be happy"
    # Its own command begins as on a bare machine, and ends with the configuration's code where that is wrong.
    local code=0
    images run "$target" run --set camera.fps=0 2>"$work/said" || code=$?
    [ "$code" -eq 78 ] || fail "$target: a wrong configuration ends with $code and not 78"
    [ "$(images run --shell "$target" 'id -un')" = cabinmood ] || fail "$target: runs as another user"
    images run --shell "$target" 'touch /run/cabinmood/x' || fail "$target: the socket's folder cannot be written"
    for tool in cc gcc g++ make cargo rustc python3 pip3; do
        ! images run --shell "$target" "command -v $tool" || fail "$target: has $tool, which it does not need"
    done
    echo "ok: $target, $moods frames of the clip happy"
}

# What the loader does not find; the driver's library comes from the host.
missing() { # TARGET LIBRARY
    images run --shell "$1" "ldd /usr/lib/cabinmood/$2" | sed -n 's/^\s*\(\S*\) => not found/\1/p' | sort -u
}

for target in "${@:-cabinmood}"; do
    images build "$target"
    case $target in
        cabinmood) daemon "$target" ;;
        cuda)
            daemon "$target"
            [ "$(missing cuda libonnxruntime_providers_cuda.so)" = libcuda.so.1 ] ||
                fail "cuda: not found: $(missing cuda libonnxruntime_providers_cuda.so)"
            echo "ok: cuda, all but the driver is there"
            ;;
        training)
            images run --writable --shell training 'cd /src && make -n dataset RAW=a OUT=b >/dev/null'
            images run --writable --shell training \
                'cd /src && ORT_DISABLE_TELEMETRY=1 .venv/bin/python -m pytest -q models/training/tests/test_chain.py' |
                tee "$work/tested"
            grep -q '8 passed' "$work/tested" || fail "training: the chain's tests did not all run"
            ;;
        *) fail "$target: there is no test of this image" ;;
    esac
done
