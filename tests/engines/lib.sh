# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# lib.sh: what the *-up scripts and `down` share; sourced, does nothing by itself.
# Prints nothing on stdout but what `daemon` and `begin` say: the engine's address.
# Leaves all under $E: NAME/{pid,log,lock,undo,run/,data/} per engine, caches in *.tar and *.root.
E=${TESTENV_ENGINES_DIR:-/var/tmp/testenv-engines}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin

say() { echo "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

# need PKG...: installs the Debian packages that are missing, and nothing they only recommend.
need() {
  m=
  for p; do
    dpkg-query -W -f='${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || m="$m $p"
  done
  [ -n "$m" ] || return 0
  say "installing$m"
  # shellcheck disable=SC2086 # $m is a list
  (flock 7; apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
    -o DPkg::Lock::Timeout=300 --no-install-recommends $m) 7>"$E/apt.lock" >"$E/apt.log" 2>&1 9>&- ||
    { tail -5 "$E/apt.log" >&2; die "cannot install$m"; }
}

# answers ADDRESS: does an engine (unix://) or a registry (http://) answer there?
answers() {
  case $1 in
    unix://*) curl -fs -m 5 -o /dev/null --unix-socket "${1#unix://}" http://d/_ping ;;
    *) curl -s -m 5 -o /dev/null "$1" ;;
  esac
}

# born PID: when the process began, in ticks since the boot. A zombie, which
# stays where process 1 does not reap, is not there.
born() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'
}

# alive: is the process in $D/pid still the one that `daemon` started?
alive() {
	pid=$(cat "$D/pid" 2>/dev/null) && [ -n "$pid" ] &&
		now=$(born "$pid") && [ -n "$now" ] &&
		[ "$now" = "$(cat "$D/born" 2>/dev/null)" ]
}

# begin NAME [ADDRESS [LINE]]: names the engine and locks it; if it answers, prints LINE and ends.
begin() {
  N=$1 D=$E/$1 A=${2:-unix://$E/$1/run/docker.sock}
  L=${3:-$A}
  mkdir -p "$D/run"
  exec 9>"$D/lock"
  flock 9
  need curl
  if answers "$A"; then echo "$L"; exit 0; fi
  if alive; then die "$N runs (pid $pid) but does not answer; see $D/log, or run: down $N"; fi
  strays
  undo
}

# strays: ends what a dockerd that was killed has left (its containerd, shims, their containers) and
# its mounts. They carry the mark of `daemon` in their environment. A podman's containers are lost without
# the mount namespace of its service, so they go too.
strays() {
  case $N in docker* | node* | podman*) ;; *) return 0 ;; esac
  for f in /proc/[0-9]*/environ; do
    p=${f#/proc/}
    p=${p%/environ}
    if [ "$p" != $$ ] && { grep -qzxF "TESTENV_ENGINE=$D" "$f" ||
      { grep -qx conmon "/proc/$p/comm" && grep -qF "$D/" "/proc/$p/cmdline"; }; } 2>/dev/null; then
      # shellcheck disable=SC2046 # a list
      kill -9 $(cat "/proc/$p"/task/*/children 2>/dev/null) "$p" 2>/dev/null || true
    fi
  done
  while read -r _ m _; do
    case $m in "$D"/*) umount -l "$m" ;; esac
  done </proc/mounts
}

# later CMD: a line for `down` to run, the last one first.   undo: runs and forgets them.
later() { echo "$*" >>"$D/undo"; }
undo() {
  [ -f "$D/undo" ] || return 0
  tac "$D/undo" >"$D/undo.sh"
  rm -f "$D/undo"
  sh "$D/undo.sh" >/dev/null 2>&1 || true
}

# daemon CMD...: starts it in the background, waits until the engine answers, prints its line.
daemon() {
  # a dockerd without a bridge deletes docker0, which is the host engine's: not where it has a network of its own
  case " $* " in *' -b none '*) set -- unshare -n "$@" ;; esac
  rm -f "$D/pid"
  # shellcheck disable=SC2016
  TESTENV_ENGINE=$D setsid sh -c 'echo $$ >"$0"; exec "$@"' "$D/pid" "$@" \
    >"$D/log" 2>&1 </dev/null 9>&- &
  i=0
  until [ -s "$D/pid" ]; do sleep 0.01; done
  born "$(cat "$D/pid")" >"$D/born"
  until answers "$A"; do
    i=$((i + 1))
    if [ $i -gt 300 ] || { [ $i -gt 10 ] && ! alive; }; then
      tail -5 "$D/log" >&2
      die "$N did not come up; see $D/log"
    fi
    sleep 0.2
  done
  echo "$L"
}

# bridge DEV A.B: a bridge A.B.0.1/24 with NAT for A.B.0.0/16. An engine on it runs with
# --iptables=false, as two engines that write the same chains would break each other's.
bridge() {
  need iproute2 iptables
  ip link show "$1" >/dev/null 2>&1 || ip link add "$1" type bridge
  later_links "$2"
  ip addr replace "$2.0.1/24" dev "$1"
  ip link set "$1" up
  nat "$2"
}
# later_links A.B: a line for `down` to delete the bridges with an address in A.B.0.0/16.
later_links() {
  later "for i in \$(ip -o -4 addr | awk '\$4 ~ /^${1%.*}[.]${1#*.}[.]/ {print \$2}'); do ip link del \$i; done"
}
nat() {
  echo 1 >/proc/sys/net/ipv4/ip_forward
  rule filter FORWARD -s "$1.0.0/16" -j ACCEPT
  rule filter FORWARD -d "$1.0.0/16" -j ACCEPT
  rule nat POSTROUTING -s "$1.0.0/16" ! -d "$1.0.0/16" -j MASQUERADE
}
rule() {
  t=$1
  shift
  iptables -w -t "$t" -C "$@" 2>/dev/null || iptables -w -t "$t" -I "$@"
  later "iptables -w -t $t -D $*"
}

# rootfs SUITE: a Debian of that suite with docker and podman in $R, its tar kept.
rootfs() {
  R=$E/$1.root
  (
    flock 8
    [ ! -e "$R/.done" ] || exit 0
    if [ ! -s "$E/$1.tar" ]; then
      need mmdebstrap
      say "making $E/$1.tar"
      mmdebstrap --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
        --include=docker.io,iptables,iproute2,ca-certificates,podman,crun,netavark,aardvark-dns,procps \
        "$1" "$E/$1.new.tar" >"$E/$1.log" 2>&1 || { tail -5 "$E/$1.log" >&2; exit 1; }
      mv "$E/$1.new.tar" "$E/$1.tar"
    fi
    rm -rf "$R"
    mkdir -p "$R"
    tar -C "$R" -xf "$E/$1.tar"
    touch "$R/.done"
  ) 8>"$E/$1.lock" 9>&- || die "no $1 root file system"
}

# inroot CMD...: as `daemon`, but with $R as its root, in a mount namespace of its own.
inroot() { daemon unshare -m --propagation private "$here/in-root" "$R" "$@"; }

# docker_flags DEV A.B: the flags of a second dockerd, in $F.
docker_flags() {
  bridge "$1" "$2"
  mkdir -p "$D/data"
  # dockerd with --default-address-pool that finds its default network in this file deletes docker0,
  # which is the host engine's; so an engine that restarts has lost the networks made on it
  rm -rf "$D/exec" "$D/dockerd.pid" "$D/data/network/files"
  # shellcheck disable=SC2034
  F="--data-root $D/data --exec-root $D/exec --pidfile $D/dockerd.pid -H unix://$D/run/docker.sock
    -b $1 --iptables=false --ip6tables=false --default-address-pool base=$2.128.0/17,size=24"
}

# hard NAME MAX: this process's hard limit on NAME, or MAX where that is less, as SOFT:HARD.
hard() {
  h=$(sed -n "s/^Max $1  *[^ ]* *\([0-9]*\).*/\1/p" /proc/self/limits)
  [ -n "$h" ] && [ "$h" -lt "$2" ] || h=$2
  echo "$h:$h"
}

# podman_conf DEV A.B: writes the configuration of a podman of its own and exports where it is.
podman_conf() {
  mkdir -p "$D/data" "$D/networks"
  rm -rf "$D/runtime" # as after a boot: its containers are not running
  mkdir -p "$D/runtime"
  echo 1 >/proc/sys/net/ipv4/ip_forward
  cat >"$D/containers.conf" <<END
[containers]
# without CAP_SYS_RESOURCE the defaults, which raise limits, make every start fail
# (the same number twice: Podman 4.3 swaps soft and hard)
default_ulimits = ["nofile=$(hard "open files" 65536)", "nproc=$(hard processes 4096)"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "crun"
tmp_dir = "$D/runtime/libpod"
[network]
network_backend = "netavark"
# as the engines that share this machine's network; rules of both kinds would block each other
firewall_driver = "iptables"
network_config_dir = "$D/networks"
default_subnet = "$2.0.0/24"
default_subnet_pools = [{"base" = "$2.128.0/17", "size" = 24}]
END
  cat >"$D/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$D/data"
runroot = "$D/runtime/storage"
END
  cat >"$D/registries.conf" <<END
unqualified-search-registries = ["docker.io"]
[[registry]]
location = "127.0.0.1:5000"
insecure = true
[[registry]]
location = "127.0.0.1:5001"
insecure = true
END
  cat >"$D/networks/podman.json" <<END
{"name": "podman", "id": "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9",
 "driver": "bridge", "network_interface": "$1", "created": "2024-01-01T00:00:00Z",
 "subnets": [{"subnet": "$2.0.0/24", "gateway": "$2.0.1"}],
 "ipv6_enabled": false, "internal": false, "dns_enabled": false, "ipam_options": {"driver": "host-local"}}
END
  export CONTAINERS_CONF="$D/containers.conf" CONTAINERS_STORAGE_CONF="$D/storage.conf" \
    CONTAINERS_REGISTRIES_CONF="$D/registries.conf"
  later_links "$2"
}
