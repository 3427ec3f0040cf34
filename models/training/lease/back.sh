#!/usr/bin/env bash
# Waits until all training is over, but no longer than SECONDS, and gathers what there is by then. A later call
# gathers the rest.
#   lease/back.sh WORK SECONDS RETURN
set -uo pipefail
cd "$(dirname "$0")/.."
work=$1 until=$(($(date +%s) + $2))
until [ -f "$work/train.done" ] || [ "$(date +%s)" -ge "$until" ]; do sleep 0.5; done
cat "$work/log/steps"
tail -n 3 "$work"/log/*
tail -n 2 "$work"/runs/*/log.csv 2>/dev/null
PYTHONPATH=. "${PYTHON:-python3}" -m lease.give "$work" "$3"
