#!/usr/bin/env bash
# `make test-vm`: builds the guest where that is not done yet, and runs the tests of this folder in it.
#   tests/vm/run.sh [pytest's arguments, instead of all tests]
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$PWD/.venv/bin/python
# On a machine with two processors the tests take about a minute.
limit_s=480

tests/vm/build.sh >/dev/null

# A guest that hides how its command ended would hide every failure below.
ends() { # STATUS [guest's options] COMMAND…
    local wanted=$1 status=0
    shift
    tests/vm/guest "$@" >/dev/null 2>&1 || status=$?
    [ "$status" = "$wanted" ] || { echo "cabinmood: \`guest $*\` ended with $status and not $wanted" >&2; exit 70; }
}
ends 7 bash -c 'exit 7'
ends 124 -t 2 sleep 60
ends 125 python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)'

folder=$(mktemp -d)
keep=
finish() {
    if [ -n "$keep" ]; then echo "cabinmood: the logs of the guest and its daemons are kept in $folder" >&2; else rm -rf "$folder"; fi
}
trap finish EXIT
for clip in single_face WolfgangLanger_Pexels; do
    "$python" tests/vm/footage.py "third_party/footage/$clip.mp4" "$folder/$clip.yuyv"
done

keep=yes
tests/vm/guest -t "$limit_s" -o "$folder" \
    "$python" -B -m pytest -v --color=no --tb=short -p no:cacheprovider --durations=5 "${@:-tests/vm}"
keep=
