#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration again and again on each database, and what is left after it:
# no container, no session's directory. SHOP_ROUNDS, 2 unless told.
set -u
# shellcheck source=../support/shop.sh
. "$SOURCE_DIR/tests/support/shop.sh"

rounds=${SHOP_ROUNDS:-2}
home=$(mktemp -d)
trap 'rm -rf "$log" "$home"' EXIT
mkdir -m 700 "$home/run" "$home/cache" "$home/project"
XDG_RUNTIME_DIR=$home/run
XDG_CACHE_HOME=$home/cache
export XDG_RUNTIME_DIR XDG_CACHE_HOME
: "${DOCKER_HOST:=unix:///var/run/docker.sock}"
export DOCKER_HOST

# ours, and only ours: containers of sessions of this project's directory
containers() {
	docker ps -aq --no-trunc \
		--filter "label=dev.testenv.project=$home/project" 2>/dev/null
}

nothing_left() {
	left=$(containers)
	[ -z "$left" ] || fail "left after $1: $left"
	find "$home/run" "$home/cache" -mindepth 1 ! -type d \
		! -path '*/testenv/sqlite/*.sqlite' ! -name '*.lock' \
		! -path '*/testenv/used/*' >"$log"
	find "$home/cache" -path '*/sessions/*' >>"$log"
	[ ! -s "$log" ] || fail "these files are left after $1"
}

build_shop
cd "$home/project" || exit 1
dialects=sqlite
for d in postgres mariadb; do
	if "$TESTENV_BIN" exec --db "$d" --require container --workers 1 \
		-- true >"$log" 2>&1 </dev/null; then
		dialects="$dialects $d"
	else
		tail -n 1 "$log"
	fi
done
for d in $dialects; do
	want=container
	[ "$d" != sqlite ] || want=sqlite
	round=0
	while [ "$round" -lt "$rounds" ]; do
		run_shop "$want" --db "$d" >/dev/null
		nothing_left "$d"
		round=$((round + 1))
	done
	echo "$d: $rounds rounds, nothing left"
done
