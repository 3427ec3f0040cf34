#!/usr/bin/env bash
# Trains the reference nets and exports them as int8, so that `--model NAME` finds them: those that have no
# manifest in models/ yet, or those that are named. A training that was stopped goes on, a finished run
# (models/training/runs/NAME) is only exported.
#   models/training/reference_models.sh [alexnet | vgg16 | resnet101 | lite0]…
set -euo pipefail
cd "$(dirname "$0")"
python=../../.venv/bin/python
pack=runs/data/pack.npz

known=(alexnet vgg16 resnet101 lite0)
names=("$@")
if [ $# -eq 0 ]; then
    for name in "${known[@]}"; do [ -f "../$name.toml" ] || names+=("$name"); done
fi
for name in "${names[@]}"; do
    [[ " ${known[*]} " == *" $name "* ]] || { echo "cabinmood: no net $name; there are: ${known[*]}" >&2; exit 64; }
done
[ ${#names[@]} -gt 0 ] || { echo "cabinmood: all reference models are there; name those to export again"; exit 0; }
[ -f "$pack" ] || {
    echo "cabinmood: models/training/$pack is missing; \`python -m expression.prepare --data FOLDER\` makes it" >&2
    exit 66
}
for name in "${names[@]}"; do
    echo "cabinmood: $name (models/training/runs/$name)"
    "$python" -m expression.train --config "configs/$name.toml" --pack "$pack" --out "runs/$name"
    "$python" -m expression.export --run "runs/$name" --out "../$name.toml" --form int8
done
