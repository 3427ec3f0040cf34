#!/usr/bin/env bash
# Trains everything side by side on one GPU: the experiments that are not done, a queue for each architecture,
# and the nets that ship. What has no fixed length is cut to the time.
#   lease/train.sh WORK SECONDS
# WORK is what lease.unpack laid out, LEASE/second's part of it perhaps later; in SECONDS all is over.
set -uo pipefail
work=$1 deadline=$(($(date +%s) + $2))
cd "$(dirname "$0")/.."
export PYTHONPATH=.:$work/site PYTHONUNBUFFERED=1 OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
plan=${PLAN:-experiments/plan.toml} python=${PYTHON:-python3}
mkdir -p "$work/log" "$work/results"
cp experiments/results/*.json "$work/results/"

# Minutes until SECONDS before the end.
left() { minutes $((deadline - $(date +%s) - $1)); }
minutes() { printf '%d.%02d' $(($1 / 60)) $(($1 % 60 * 100 / 60)); }
log() { echo "$(date +%T) $*" >>"$work/log/steps"; }

start() { # NAME COMMAND…
    local name=$1
    shift
    log "$name begins"
    timeout -s KILL "$((deadline - $(date +%s)))" "$python" -m "$@" >"$work/log/$name" 2>&1
    log "$name ends: $?"
}
rows() { # NAME ROW…
    local name=$1
    shift
    start "$name" experiments.run --plan "$plan" --data "$work/shared" --source "$work/data" \
        --out "$work/experiments" --results "$work/results" --binary "$work/no-program" --threads 2 --only "$@"
}
net() { # NAME MINUTES ARGUMENTS…
    local name=$1 minutes=$2
    shift 2
    start "$name" expression.train --config "configs/$name.toml" --pack "$work/data/pack.npz" \
        "$work/data/unaligned.npz" --out "runs/$name" --minutes "$minutes" "$@"
}

# The teachers first: what they teach waits for them.
nets() {
    net teacher-a "$(minutes $(($1 * 45 / 100)))" & local a=$!
    net teacher-b "$(minutes $(($1 * 45 / 100)))" & local b=$!
    wait $a $b
    net pupil-long "$(left 20)" --teachers runs/teacher-{a,b}/best.pt &
    net original-a "$(left 20)" &
    net original-b "$(left 20)" &
    wait
}

nets "$2" &
until [ -f "$work/packs.done" ] && [ -f "$work/second.done" ]; do sleep 0.5; done
rows resnet faces-resnet101 resnet101-original resnet101-augmented resnet101-last-original \
    resnet101-last-augmented resnet101-rate-0.01 &
rows lite0 lite0-scratch lite0-scratch-fast lite0-imagenet &
rows labels original-labels &
wait
touch "$work/train.done"
