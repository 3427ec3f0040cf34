#!/usr/bin/env bash
# Measures the README's figures again and prints them: `make figures`. Needs the shared data
# ($CABINMOOD_DATA or ../shared/data) and a machine with nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${CABINMOOD_DATA:-$(realpath -m ../shared/data)}
[ -d "$data/cabin" ] || { echo "cabinmood: no cabin/ in $data; give the data's folder in CABINMOOD_DATA" >&2; exit 66; }
binary=$PWD/target/release/cabinmood
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say_summary() { # NAME SUMMARY: the figures of one `analyze --summary`
    .venv/bin/python - "$@" <<'PYTHON'
import json, sys
name, path = sys.argv[1:]
s = json.load(open(path))
stages = ", ".join(f"{k} {v['median_ms']:.2f}/{v['p99_ms']:.1f}" for k, v in s["stages"].items())
print(f"{name:12} {s['frames']:5} frames, {s['faces']} faces, availability {s['availability']:.3f}, "
      f"acceptance {s['acceptance']:.3f}, {s['frames_per_s']:.0f} frames/s; median/p99 ms: {stages}")
PYTHON
}

echo "== faces: analyze CLIP --summary"
for clip in driver-1 driver-2 driver-3; do
    "$binary" analyze "$data/cabin/$clip.avi" --output /dev/null --summary "$work/$clip.json"
    say_summary "$clip" "$work/$clip.json"
done

echo "== false alarms: analyze on the 352 face-free pictures that were never mined"
mkdir "$work/negatives"
tar --extract --file "$data/negatives/images.tar" --directory "$work/negatives"
find "$work/negatives" -type f | while IFS= read -r picture; do
    number=$(basename "$picture" | cut -d- -f1)
    [ "$((10#$number))" -ge 704 ] || rm "$picture"
done
"$binary" analyze "$work/negatives" --output /dev/null --summary "$work/negatives.json"
say_summary negatives "$work/negatives.json"

echo "== a face that is gone: 30 face-free pictures spliced into each clip after 100 frames"
for clip in driver-1 driver-2 driver-3; do
    .venv/bin/python tests/splice.py "$data/cabin/$clip.avi" "$work/negatives" "$work/spliced.avi"
    "$binary" analyze "$work/spliced.avi" --output "$work/spliced.ndjson"
    .venv/bin/python - "$clip" "$work/spliced.ndjson" <<'PYTHON'
import json, sys
name, path = sys.argv[1:]
seen = [json.loads(line)["face"] is not None for line in open(path)]
print(f"{name:12} faces in the 30: {sum(seen[100:130])}, the last {max([i + 1 for i, s in enumerate(seen[100:130]) if s], default=0)} "
      f"pictures after the splice; back {seen[130:].index(True)} frames after the driver is")
PYTHON
done

echo "== 742 photographs: analyze FOLDER, from its start to its end"
(cd models/training && ../../.venv/bin/python - "$data" "$work/photographs" <<'PYTHON'
import sys
from pathlib import Path
from experiments.program import timed_pictures
timed_pictures(*map(Path, sys.argv[1:]))
PYTHON
)
for _ in 1 2 3 4 5; do
    TIMEFORMAT="%R s"
    { time "$binary" analyze "$work/photographs" --output /dev/null --summary "$work/742.json"; } 2>&1
done
say_summary photographs "$work/742.json"

echo "== expressions: evaluate --crops"
for set in "fer ferplus" "fer original" "web original"; do
    read -r name labels <<<"$set"
    folder=$work/$name-$labels
    (cd models/training && ../../.venv/bin/python -m expression.class_folders \
        --set "$name" --labels "$labels" --data "$data" --out "$folder" >/dev/null)
    echo "-- $name, $labels labels"
    "$binary" evaluate "$folder" --crops | head -8
done

echo "== tricks: evaluate --crops --tricks"
for set in fer-ferplus web-original; do
    echo "-- $set"
    time "$binary" evaluate "$work/$set" --crops --tricks | tail -15
done

echo "== size of the committed model files"
git ls-files models | grep -vE 'training|\.(md|toml)$' | xargs du -cb | tail -1
