#!/usr/bin/env bash
# Makes .venv with the exact packages of models/training/requirements.txt: what the training code,
# its tests and the dependency check run with. Where that is done already, it does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=.venv/.requirements.sha256
wanted=$(sha256sum <models/training/requirements.txt)
[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || exit 0

echo "cabinmood: installing the training tools into .venv (about 6 GB; minutes the first time)"
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet -r models/training/requirements.txt
echo "$wanted" >"$stamp"
