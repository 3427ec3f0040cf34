#!/usr/bin/env bash
# From the event to the frame on a real bus, beside a bare sender: in the guest, on vcan0.
set -euo pipefail
cd "$(dirname "$0")/../.."
bench=$(cargo bench --locked --no-run --message-format=json -p publish --bench can_latency |
    .venv/bin/python -c 'import json, sys; print(next(p for line in sys.stdin if (p := json.loads(line).get("executable"))))')
tests/vm/guest -t 120 bash -euc '
    insmod "$GUEST_MODULES/vcan.ko"
    ip link add vcan0 type vcan
    ip link set vcan0 up
    "$1" --interface vcan0' bench "$bench"
