#!/usr/bin/env bash
# The first call on a lent machine: lays out .lease/first, begins to make the experiments' archives, and runs
# every step for a minute on .lease/small.
#   lease/probe.sh WORK RETURN
set -uo pipefail
cd "$(dirname "$0")/.."
work=$1 small=$1-small return=$2 lease=../../.lease
export PYTHONPATH=. PYTHONUNBUFFERED=1
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
echo "$(nproc) cores; $(free -g | awk '/Mem/ {print $2}') GB; $(df -h --output=avail "$(dirname "$work")" | tail -1)"
python3 -c 'import torch, torchvision, timm, cv2, onnx, numpy
print(torch.__version__, torchvision.__version__, timm.__version__, cv2.__version__, numpy.__version__)'
mkdir -p "$work"
python3 -m lease.unpack $lease/first "$work" || exit
setsid python3 -m lease.packs "$work" >"$work/packs.log" 2>&1 &
python3 -m lease.unpack $lease/small/first $lease/small/second "$small" && python3 -m lease.packs "$small" || exit
. lease/share.sh
python3 -m lease.short_plan 4 64 >"$small/plan.toml"
date +%T
PLAN=$small/plan.toml lease/train.sh "$small" 70 "$return"
tail -n 4 "$small"/log/*
cat "$small"/runs/*/log.csv | cut -c1-60 | tail -n 60
cat "$work/packs.log"; ls "$work"
