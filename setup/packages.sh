#!/usr/bin/env bash
# Installs the Debian packages that are missing, of packages.txt or of the list given:
#   setup/packages.sh [LIST]
# Without root it names them and stops.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# Rust comes from no list: not every Debian 12 has one that is new enough.
[ $# -gt 0 ] || command -v cargo >/dev/null || {
    echo "cabinmood: cargo is missing; install Rust 1.89 or newer first (https://rustup.rs)" >&2
    exit 69
}
mapfile -t wanted < <(grep -v '^#' "${1:-$here/packages.txt}")
missing=()
for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "cabinmood: these Debian packages are missing; install them as root, then try again:" >&2
    echo "    apt-get update && apt-get install --no-install-recommends --no-remove ${missing[*]}" >&2
    exit 69
fi
echo "cabinmood: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends --no-remove "${missing[@]}" >/dev/null
