# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # tmp and fail are lib.sh's
# integration.sh - sessions for the integrations' tests, scripted and real;
# sourced after lib.sh.
XDG_RUNTIME_DIR=$tmp/run
TESTENV_CACHE_DIR=$tmp/cache
SEEN=$tmp/seen
export XDG_RUNTIME_DIR TESTENV_CACHE_DIR SEEN
mkdir -m 700 "$XDG_RUNTIME_DIR"
mkdir "$SEEN" "$tmp/migrations"
echo 'create table t (x int);' >"$tmp/migrations/1.sql"
FAKE_PID=
# shellcheck disable=SC2034
real="--db sqlite --migrations $tmp/migrations"

at_exit() {
	[ -z "$FAKE_PID" ] || kill "$FAKE_PID" 2>/dev/null
	testenv down --all >/dev/null 2>&1
	rm -rf "$tmp"
}
trap at_exit EXIT

# within SECONDS COMMAND...: it succeeds before long
within() {
	tries=$(($1 * 20))
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.05
	done
}

# fake_up [MODE]: from now on TESTENV_SOCKET is a scripted one's
fake_up() {
	rm -rf "$tmp/fake"
	mkdir "$tmp/fake"
	/usr/bin/python3 "$SOURCE_DIR/tests/support/fake_supervisor.py" \
		"$tmp/fake" "$@" &
	export FAKE_PID=$!
	within 60 test -S "$tmp/fake/sock" || fail 'the fake does not start'
	export TESTENV_SOCKET="$tmp/fake/sock"
}

fake_down() {
	kill "$FAKE_PID" 2>/dev/null
	wait "$FAKE_PID" 2>/dev/null
	FAKE_PID=
	unset TESTENV_SOCKET
}

log_of() {
	grep "^$1 " "$tmp/fake/log"
}
log_has() {
	grep -Eq "$1" "$tmp/fake/log" || {
		cat "$tmp/fake/log"
		fail "$what: the log has no '$1'"
	}
}
# each lease was released, or ended with its connection
log_is_even() {
	[ "$(log_of lease | wc -l)" = "$(log_of '\(release\|closed\)' | wc -l)" ]
}

session_ids() {
	for dir in "$XDG_RUNTIME_DIR"/testenv/*/; do
		[ ! -d "$dir" ] || basename "$dir"
	done
}
nothing_is_there() {
	[ -z "$(session_ids)" ] &&
		[ -z "$(ls "$TESTENV_CACHE_DIR/sessions" 2>/dev/null)" ]
}
nothing_left() {
	nothing_is_there || fail "$1: a session is left: $(session_ids)"
}
