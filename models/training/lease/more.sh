#!/usr/bin/env bash
# The second call, within the half minute that the machine waits: LEASE/second, which the rows wait for.
#   lease/more.sh WORK
set -uo pipefail
cd "$(dirname "$0")/.."
PYTHONPATH=. "${PYTHON:-python3}" -m lease.unpack "${LEASE:-../../.lease}/second" "$1" && touch "$1/second.done"
