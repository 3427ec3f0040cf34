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
# Configurations name runs that others go on from by runs/NAME; here none are kept but those of the lease.
mkdir -p "$work/log" "$work/runs"
ln -sT "$work/runs" runs || exit
"${PYTHON:=python3}" -m lease.unpack "$lease/first" "$work" || exit
. lease/share.sh
export PYTHON
setsid "$PYTHON" -m lease.packs "$work" >"$work/log/packs" 2>&1 </dev/null &
setsid lease/train.sh "$work" "$seconds" >"$work/log/train" 2>&1 </dev/null &
"$PYTHON" -c 'import torch, torchvision, timm, cv2, onnx, numpy
print(torch.__version__, torchvision.__version__, timm.__version__, cv2.__version__, numpy.__version__)'
