#!/usr/bin/env bash
# Runs a script in a stack of layers; images.py calls it in name spaces of its own.
#   enter.sh LOWER UPPER FOLDER USER "HOST:INSIDE …" SCRIPT [NAME=VALUE…]
# LOWER as overlay takes it; without UPPER the root is read-only. @LAYERS:INSIDE binds another stack.
set -euo pipefail
lower=$1 upper=$2 folder=$3 user=$4 binds=$5 script=$6
shift 6
number=0
# A file system in memory, so that nothing of the work is left anywhere.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/root
if [ -n "$upper" ]; then
    work=$PWD/$upper.work
    mkdir -p "$work"
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" /mnt/root
else
    mkdir /mnt/none
    mount -t overlay overlay -o "lowerdir=/mnt/none:$lower" /mnt/root
fi
root=/mnt/root
mount -t proc proc $root/proc
mount -t tmpfs -o mode=755 tmpfs $root/dev
for node in null zero full random urandom tty; do
    : >$root/dev/$node
    mount --bind /dev/$node $root/dev/$node
done
ln -s /proc/self/fd $root/dev/fd
for name in stdin stdout stderr; do ln -s "/proc/self/fd/$((number++))" $root/dev/$name; done
mkdir $root/dev/pts
mount -t devpts -o newinstance,ptmxmode=666 devpts $root/dev/pts
ln -s pts/ptmx $root/dev/ptmx
mkdir -m 1777 $root/dev/shm
mount -t tmpfs -o mode=1777 tmpfs $root/dev/shm
# Folders that Docker, too, gives a program that may write nothing else: --tmpfs.
[ -n "$upper" ] || mount -t tmpfs -o mode=1777 tmpfs $root/tmp
owner=$(stat -c '%u:%g' $root/run/cabinmood 2>/dev/null || true)
if [ -z "$upper" ] && [ -n "$owner" ]; then
    mount -t tmpfs -o "mode=755,uid=${owner%:*},gid=${owner#*:}" tmpfs $root/run/cabinmood
fi
# Binds are below /mnt, in memory, so that their places leave nothing in the layer.
mount -t tmpfs tmpfs $root/mnt
[ -z "$binds" ] || for bind in $binds; do
    outside=${bind%:*} inside=$root${bind##*:}
    case $inside in $root/mnt/?*) ;; *) echo "$bind: only folders below /mnt can be bound" >&2; exit 64 ;; esac
    if [ "${outside#@}" != "$outside" ]; then
        mkdir -p "$inside"
        mount -t overlay overlay -o "lowerdir=/mnt:${outside#@}" "$inside"
    elif [ -d "$outside" ]; then
        mkdir -p "$inside" && mount --bind "$outside" "$inside"
    else
        [ -e "$inside" ] || : >"$inside"
        mount --bind "$outside" "$inside"
    fi
done
[ ! -e $root/etc/resolv.conf ] || mount --bind /etc/resolv.conf $root/etc/resolv.conf
home=$(sed -n "s/^$user:\([^:]*:\)\{4\}\([^:]*\):.*/\2/p" $root/etc/passwd)
uid=$(sed -n "s/^$user:[^:]*:\([0-9]*\):.*/\1/p" $root/etc/passwd)
gid=$(sed -n "s/^$user:[^:]*:[0-9]*:\([0-9]*\):.*/\1/p" $root/etc/passwd)
groups=$(sed -n "s/^[^:]*:[^:]*:\([0-9]*\):\(.*,\)\?$user\(,.*\)\?$/\1/p" $root/etc/group | paste -sd,)

chroot --userspec="$uid:$gid" --groups="${groups:-$gid}" $root \
    env -i HOME="$home" "$@" sh -c 'cd "$1" && eval "$2"' sh "$folder" "$script"
