#!/usr/bin/env bash
# Builds the guest's kernel, User-Mode Linux, with v4l2loopback beside it, and prints the folder
# that holds them: linux, modules/vcan.ko, modules/v4l2loopback.ko. About 7 minutes of processor
# time the first time; the folder is kept, under a name that every input of the build goes into.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=linux-source-6.1
loopback=v4l2loopback-dkms
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cabinmood

say() { echo "cabinmood: $*" >&2; }
fail() { say "$*"; exit 69; }

version=$(dpkg-query -W -f='${Version}' "$source" 2>/dev/null) || fail "$source is not installed; run \`make test-vm\`"
inputs=$(cat "$here/build.sh" "$here/kernel.config" | sha256sum | cut -c -12)
built=$cache/guest-$version-$inputs
[ ! -e "$built/complete" ] || { echo "$built"; exit 0; }

mkdir -p "$cache"
# Two builds at once: the second waits for the first and takes what it made.
exec 9>"$cache/build.lock"
flock 9
[ ! -e "$built/complete" ] || { echo "$built"; exit 0; }

say "building the guest's kernel, $source $version (about 7 minutes of processor time, once)"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$cache/build.log
step() { # COMMAND...: runs it with its output in the log, and shows the end of that where it fails
    "$@" >>"$log" 2>&1 9>&- || { tail -n 25 "$log" >&2; fail "\`$*\` failed; all of it is in $log"; }
}
: >"$log"

step tar --extract --xz --file "/usr/src/$source.tar.xz" --directory "$work"
kernel=$work/$source
# This kernel keeps 2696 bytes for a process's vector registers. Processors with AMX have 11008, and
# refuse to have fewer restored. What is too much is never touched.
registers=$kernel/arch/x86/um/user-offsets.c
sed --in-place 's/(HOST_FP_SIZE, 2696)/(HOST_FP_SIZE, 12288)/' "$registers"
grep --quiet '(HOST_FP_SIZE, 12288)' "$registers" || fail "$registers is not as expected"
make=(make --directory "$kernel" ARCH=um --jobs "$(nproc)")
step env KCONFIG_ALLCONFIG="$here/kernel.config" "${make[@]}" allnoconfig
# Kconfig drops without a word what it does not know or what lacks something it depends on.
refused=$(grep --invert-match '^#' "$here/kernel.config" | grep . |
    grep --invert-match --fixed-strings --line-regexp --file "$kernel/.config" || true)
[ -z "$refused" ] || fail "the kernel does not take these options of tests/vm/kernel.config:" $refused
step "${make[@]}" linux modules

# The package is only unpacked: installed, it would build itself for the machine's own kernel.
(cd "$work" && step apt-get download "$loopback")
step dpkg-deb --extract "$work/$loopback"_*.deb "$work/loopback"
module=$(echo "$work/loopback/usr/src/v4l2loopback-"*)
step "${make[@]}" M="$module" modules

rm -rf "$built"
mkdir -p "$built/modules"
cp "$kernel/linux" "$built/linux"
cp "$kernel/drivers/net/can/vcan.ko" "$module/v4l2loopback.ko" "$built/modules/"
strip --strip-debug "$built/linux" "$built"/modules/*.ko
touch "$built/complete"
echo "$built"
