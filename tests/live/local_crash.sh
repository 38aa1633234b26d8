#!/bin/sh
# SPDX-License-Identifier: MIT
# Local servers whose owner is killed at any moment: no server stays, and no
# directory.
# shellcheck disable=SC2016,SC2317 # for the inner shells; called below
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/local.sh
. "$SOURCE_DIR/tests/support/local.sh"

need_programs postgres
need_programs mariadb
mkdir migrations
echo 'create table a (x int); insert into a values (7);' >migrations/001.sql

# shared memory that is nobody's any more: its makers are dead
segments() {
	ipcs -mp 2>/dev/null | awk '$3 ~ /^[0-9]+$/ { print $1, $3 }' |
		while read -r id maker; do
			! grep -qx "$maker" "$tmp/pids" 2>/dev/null ||
				echo "$id"
		done
}
all_gone() {
	wait_for 60 no_servers || fail "$1: servers are left: $(servers)"
	wait_for 60 no_session || testenv gc >"$tmp/out" 2>"$tmp/err"
	nothing_left "$1"
	no_server "$1"
}

# killed while the template is made (the first ones), and while slots start
for db in postgres mariadb; do
	for pause in 0.3 1.3; do
		"$TESTENV_BIN" exec --db "$db" --backend local \
			--migrations migrations -- sleep 60 >"$tmp/out" \
			2>"$tmp/err" </dev/null &
		pid=$!
		sleep "$pause"
		servers >>"$tmp/pids"
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
		all_gone "$db, killed after $pause s"
	done
done

# killed together with its watchdog, while the command runs: the kernel alone
# ends the servers, and gc removes what they leave
for db in postgres mariadb; do
	"$TESTENV_BIN" exec --db "$db" --backend local \
		--migrations migrations -- sh -c 'echo $$ >command; sleep 60' \
		>"$tmp/out" 2>"$tmp/err" </dev/null &
	pid=$!
	wait_for 60 test -s command || fail "$db: the command does not run"
	some_server || fail "$db: no server runs"
	servers >>"$tmp/pids"
	# shellcheck disable=SC2046 # one word each
	kill -KILL "$pid" $(pgrep -P "$pid" testenv-watch) \
		"$(cat command)"
	wait "$pid" 2>/dev/null
	rm -f command
	wait_for 60 no_servers || fail "$db: servers are left: $(servers)"
	run 0 testenv gc
	nothing_left "$db, without a watchdog"
	no_server "$db, without a watchdog"
done

[ -z "$(segments)" ] || fail "shared memory is left: $(segments)"

# the template that is left is right
run 0 testenv exec --db postgres --backend local --migrations migrations -- \
	psql -Atc 'select x from a'
out_is 7
finish
