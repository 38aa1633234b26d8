#!/bin/sh
# SPDX-License-Identifier: MIT
# A session under load: memory flat, no descriptor lost, no owner with what
# another wrote. TESTENV_LOAD=full for the numbers of the promise.
full=${TESTENV_LOAD:-}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
each=100 at_once=4 connections=1000 processes=30 rounds=1 few=3
[ "$full" != full ] || {
	each=1000 at_once=16 connections=10000
	processes=1000 rounds=16 few=25
}
cd "$tmp" || exit 1
mkdir -m 700 migrations run
echo 'create table seen (k integer primary key, who varchar(80));' \
	>migrations/001_seen.sql
XDG_RUNTIME_DIR=$tmp/run
export XDG_RUNTIME_DIR
trap 'testenv down --all >/dev/null 2>&1; rm -rf "$tmp"' EXIT
command -v python3 >/dev/null || {
	echo 'no python3 here'
	exit 77
}

# under KIND COUNTS...: on the session that is up
under() {
	# shellcheck disable=SC2046 # no blanks in them
	run 0 env $(cat vars) python3 -B \
		"$SOURCE_DIR/tests/support/load.py" "$@"
	cat out
}

# up OPTION...
up() {
	run 0 testenv up "$@"
	run 0 testenv env --format json
	for name in DATABASE_URL TESTENV_SOCKET; do
		python3 -c 'import json, sys
print(sys.argv[1] + "=" + json.load(sys.stdin)[sys.argv[1]])' $name <out
	done >vars
	[ "$(wc -l <vars)" = 2 ] || fail 'no variables'
}

up --db sqlite --migrations migrations
under owners 1 "$each"
under owners 64 "$at_once"
run 0 testenv down

if testenv exec --db postgres --require container --fallback none -- true \
	>out 2>err </dev/null; then
	up --db postgres --migrations migrations
	under connections "$connections"
	run 0 testenv down
	# each process an owner; databases of one server, then a few servers
	up --db postgres --migrations migrations --owner process \
		--isolation database
	under routed 1 "$processes"
	under routed 64 "$rounds"
	run 0 testenv down
	up --db postgres --migrations migrations --owner process
	under routed 4 "$few"
	run 0 testenv down
else
	echo 'no postgres in a container on this machine: not shown'
fi
finish
