#!/usr/bin/env bash
# The first call on a lent machine: lays out LEASE/first, and begins to train, which goes on after it.
#   lease/begin.sh WORK SECONDS
# In SECONDS all training is over.
set -uo pipefail
cd "$(dirname "$0")/.."
work=$1 seconds=$2 lease=${LEASE:-../../.lease}
export PYTHONPATH=. PYTHONUNBUFFERED=1
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
echo "$(nproc) cores; $(free -g | awk '/Mem/ {print $2}') GB; $(df -h --output=avail "$(dirname "$work")" | tail -1)"
# Each call puts the copy of the project anew, so what goes on between calls runs from one of its own.
mkdir -p "$work/log" "$work/runs"
cp -r . "$work/training"
rm -rf "$work/training/runs"
ln -s ../runs "$work/training/runs"
"${PYTHON:=python3}" -m lease.unpack "$lease/first" "$work" || exit
. lease/share.sh
export PYTHON
cd "$work/training" || exit
setsid "$PYTHON" -m lease.packs "$work" >"$work/log/packs" 2>&1 </dev/null &
setsid lease/train.sh "$work" "$seconds" >"$work/log/train" 2>&1 </dev/null &
"$PYTHON" -c 'import torch, torchvision, timm, cv2, onnx, numpy
print(torch.__version__, torchvision.__version__, timm.__version__, cv2.__version__, numpy.__version__)'
