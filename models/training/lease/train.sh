#!/usr/bin/env bash
# Trains everything side by side on one GPU: the experiments that are not done, a queue for each architecture,
# and the nets that ship. What has no fixed length is cut to the time.
#   lease/train.sh WORK SECONDS RETURN
# WORK is what lease.unpack laid out; in SECONDS all is over, and RETURN holds the results and the weights, in
# pieces of 16 MB.
set -uo pipefail
work=$1 deadline=$(($(date +%s) + $2)) return=$3
cd "$(dirname "$0")/.."
export PYTHONPATH=.:$work/site PYTHONUNBUFFERED=1 OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
plan=${PLAN:-experiments/plan.toml}
mkdir -p "$work/log" "$work/results" "$return"
cp experiments/results/*.json "$work/results/"

# Minutes until SECONDS before the end.
left() { minutes $((deadline - $(date +%s) - $1)); }
minutes() { printf '%d.%02d' $(($1 / 60)) $(($1 % 60 * 100 / 60)); }
log() { echo "$(date +%T) $*" >>"$work/log/steps"; }

start() { # NAME COMMAND…
    local name=$1
    shift
    log "$name begins"
    timeout -s KILL "$((deadline - $(date +%s) - 12))" python3 -m "$@" >"$work/log/$name" 2>&1
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
        "$work/data/unaligned.npz" --out "$work/runs/$name" --minutes "$minutes" "$@"
}
taught() {
    net teacher-a "$(minutes $(($1 * 36 / 100)))" & local a=$!
    net teacher-b "$(minutes $(($1 * 36 / 100)))" & local b=$!
    wait $a $b
    [ -f "$work/runs/teacher-a/best.pt" ] && [ -f "$work/runs/teacher-b/best.pt" ] || return
    net pupil-long "$(left 40)" \
        --teachers "$work"/runs/{teacher-a,teacher-b,robust}/best.pt
}

taught "$2" &
net original-wide "$(left 45)" &
net resnet101 "$(left 50)" &
until [ -f "$work/packs.done" ]; do sleep 0.5; done
rows resnet faces-resnet101 resnet101-original resnet101-augmented resnet101-last-original resnet101-last-augmented &
rows vgg faces-vgg16 vgg16-original vgg16-augmented vgg16-last-original vgg16-last-augmented &
rows alexnet faces-alexnet alexnet-original alexnet-augmented alexnet-last-original alexnet-last-augmented \
    alexnet-rate-0.01 alexnet-rate-0.1 alexnet-rate-0.0001 &
rows lite0 faces-lite0 lite0-faces lite0-scratch lite0-scratch-fast lite0-imagenet &
rows labels original-labels &
wait
python3 -m lease.give "$work" "$return" && log "given"
cat "$work/log/steps"
