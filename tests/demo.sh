#!/usr/bin/env bash
# The demo: the daemon plays a clip of a real face at its own pace, `watch` shows its moods beside
# it, and an annotated video and a timeline picture are left in demo-out/.
#   tests/demo.sh [CLIP]
set -euo pipefail
cd "$(dirname "$0")/.."
clip=${1:-third_party/footage/WolfgangLanger_Pexels.mp4}
out=demo-out
binary=target/release/cabinmood
work=$(mktemp -d)
daemon=
finish() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
mkdir -p "$out"

"$binary" run --source "$clip" --set socket.path="$work/cabinmood.sock" --annotate "$out" 2>"$out/daemon.log" &
daemon=$!
# Ends as the daemon ends: where that is no success, with its log, which says why, and its code.
follow() {
    local code=0
    wait "$daemon" || code=$?
    daemon=
    [ "$code" -eq 0 ] || { cat "$out/daemon.log" >&2; exit "$code"; }
}
# The socket appears before the models are loaded; until then the daemon tells `starting`.
until [ -S "$work/cabinmood.sock" ]; do
    kill -0 "$daemon" 2>/dev/null || { follow; exit 70; }
    sleep 0.05
done
# Where the daemon fails under it, its own words and code count.
"$binary" watch --socket "$work/cabinmood.sock" || { watched=$?; follow; exit "$watched"; }
follow
echo "Left to look at: $(ls -d "$out"/*.mp4 "$out"/*.avi "$out"/*.png 2>/dev/null | tr '\n' ' ')"
