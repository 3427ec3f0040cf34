#!/usr/bin/env bash
# Makes a Python environment with the exact packages of a requirements file; where that is done already, it
# does nothing. Without arguments: .venv, what the training code, its tests and the dependency check run with.
#   setup/python.sh [FOLDER REQUIREMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-.venv}
requirements=${2:-models/training/requirements.txt}
stamp=$folder/.requirements.sha256
wanted=$(sha256sum <"$requirements")
[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || exit 0

echo "cabinmood: installing $requirements into $folder (minutes and up to 6 GB the first time)"
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet -r "$requirements"
echo "$wanted" >"$stamp"
