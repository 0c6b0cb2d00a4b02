#!/bin/bash
# First process of a lab host, in fresh namespaces: it builds the host's view of the world and becomes its systemd.
# usage: hostinit.sh NAME ADDRESS/LENGTH SWITCH LAYERS(a:b) FOLDER
set -eu
name=$1 address=$2 switch=$3 lower=$4 data=$5
root=$data/root
mount --make-rprivate /
ip link set lo up
ip link add eth0 address "02:00:00:00:00:${name#h}0" type veth peer name "v-$name" netns "$switch"
ip -n "$switch" link set "v-$name" master br0 up
ip addr add "$address" dev eth0
ip link set eth0 up
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$data/upper,workdir=$data/work" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net" # may be written: it belongs to the network namespace
mount --rbind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys" # may not: it belongs to the whole machine
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for d in null zero full random urandom tty; do cp -a "/dev/$d" "$root/dev/$d"; done
mkdir -p "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for pair in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${pair%:*}" "$root/dev/${pair#*:}"; done
touch "$root/dev/console"
mount --bind /dev/null "$root/dev/console"
if [ -b "$data/shared" ]; then cp -a "$data/shared" "$root/dev/shared"; fi
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t mqueue mqueue "$root/dev/mqueue"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
if [ -f "$data/small.img" ]; then # a disk of its own for the database, that can be full: see small_disks in lab.py
    owner=$(stat -c %u:%g "$root/var/lib/etcd")
    mount -o loop "$data/small.img" "$root/var/lib/etcd"
    chown "$owner" "$root/var/lib/etcd"
fi
hostname "$name"
cd "$root"
mkdir -p mnt/old
pivot_root . mnt/old
umount -l /mnt/old
# Not for a host: the machine's clock, kernel modules, raw I/O.
exec setpriv --bounding-set -sys_time,-sys_module,-sys_rawio,-sys_boot \
    env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 /sbin/init
