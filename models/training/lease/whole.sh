#!/usr/bin/env bash
# The second call, within the half minute that the machine waits: the training itself.
#   lease/whole.sh WORK SECONDS RETURN
set -uo pipefail
cd "$(dirname "$0")/.."
PYTHONPATH=. python3 -m lease.unpack ../../.lease/second "$1" || exit
. lease/share.sh
lease/train.sh "$1" "$2" "$3"
tail -n 3 "$1"/log/*
