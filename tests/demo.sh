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
# The socket appears once the models are loaded; a daemon that cannot start says why in its log.
until [ -S "$work/cabinmood.sock" ]; do
    kill -0 "$daemon" 2>/dev/null || { cat "$out/daemon.log" >&2; exit 70; }
    sleep 0.05
done
"$binary" watch --socket "$work/cabinmood.sock"
wait "$daemon" || { cat "$out/daemon.log" >&2; exit 70; }
daemon=
echo "Left to look at: $(ls -d "$out"/*.mp4 "$out"/*.avi "$out"/*.png 2>/dev/null | tr '\n' ' ')"
