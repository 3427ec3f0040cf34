#!/usr/bin/env bash
# Everything `make test` checks, in the order in which a fault is cheapest to find. Stops at the first.
set -euo pipefail
cd "$(dirname "$0")/.."
# ONNX Runtime would send telemetry; the program and .cargo/config.toml forbid it, here it is forbidden to Python.
export ORT_DISABLE_TELEMETRY=1
export CABINMOOD_DATA=${CABINMOOD_DATA:-$(realpath -m ../shared/data)}
export PATH="$PWD/.venv/bin:$PATH"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
step() { printf '\n== %s\n' "$*"; }

step format
cargo fmt --all --check
ruff check --quiet setup models/training tests docs
ruff format --quiet --check setup models/training tests docs

step "licences, bans and sources of dependencies"
cargo-deny --log-level error check --hide-inclusion-graph licenses bans sources

step clippy
cargo clippy --release --locked --workspace --all-targets -- --deny warnings

step "Rust tests"
cargo test --release --locked --workspace -- --show-output 2>&1 | tee "$log" | grep -vE '^(running 0 tests|)$'

step "Python tests of the training code"
python -m pytest -q models/training

# A test that cannot run for want of data says SKIPPED and why; here they are counted.
printf '\n%s tests skipped for want of data or tools (data looked for in %s)\n' \
    "$(grep -c '^SKIPPED' "$log" || true)" "$CABINMOOD_DATA"
grep '^SKIPPED' "$log" | sort | uniq -c || true
