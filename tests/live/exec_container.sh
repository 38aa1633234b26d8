#!/bin/sh
# SPDX-License-Identifier: MIT
# exec on a real engine: whatever ends it, and whenever, no container stays.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"

for tool in curl jq psql python3; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
x() {
	testenv exec --db postgres --require container --fallback none "$@"
}
x -- true >out 2>err </dev/null ||
	skip "no postgres in a container on this machine: $(tail -n 1 err)"

# start OPTION... -- COMMAND: in the background, its pid in $pid, the session
# in $id once it has one. A background job of sh ignores INT and QUIT, and exec
# would keep to that: python puts them back.
start() {
	rm -f ready
	python3 -c 'import os, signal, sys
for s in signal.SIGINT, signal.SIGQUIT: signal.signal(s, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' "$TESTENV_BIN" exec --db postgres \
		--require container --fallback none "$@" >out 2>err </dev/null &
	pid=$!
	wait_for 60 one_session || fail "no session: $*"
	id=$(sessions)
}

ends_with() {
	wait "$pid" 2>/dev/null
	code=$?
	[ "$code" = "$1" ] || fail "$what: exit code $code, not $1"
	nothing_left "$what" "$id"
}

# the plain case
run 3 x -- sh -c 'psql -Atc "select 6 * 7"; echo "$TESTENV_SESSION"; exit 3'
out_has '^42$'
nothing_left 'exit code' "$(tail -n 1 out)"
run 124 x --timeout 300ms -- sh -c 'echo "$TESTENV_SESSION"; sleep 60'
nothing_left time-out "$(tail -n 1 out)"
# a script around the runner has a database beside those of the workers
run 0 x --workers 2 --start-timeout 60s -- sh -c 'for url in "$DATABASE_URL" \
	"$TESTENV_URL_0" "$TESTENV_URL_1"; do
	psql "$url" -Atc "select 5" || exit; done'
out_is "5
5
5"
run 127 x -- no-such-command
err_is "testenv: command 'no-such-command' not found"

# interrupted while it starts
for delay in 0 0.05 0.1 0.2 0.3; do
	for signal in INT TERM; do
		what="$signal after $delay s"
		start -- sh -c ": >ready; sleep 60; : $mark"
		sleep "$delay"
		kill -"$signal" "$pid"
		case $signal in
		INT) ends_with 130 ;;
		TERM) ends_with 143 ;;
		esac
	done
done
what='interrupted twice'
start -- sh -c "sleep 60; : $mark"
kill -INT "$pid"
sleep 0.02
kill -INT "$pid" 2>/dev/null
sleep 0.1
kill -TERM "$pid" 2>/dev/null
ends_with 130

# interrupted while the command runs, and again while it cleans up
what='interrupted in the run'
start -- sh -c ": >ready; exec sleep 60"
wait_for 60 test -e ready || fail "$what: it does not run"
kill -INT "$pid"
sleep 0.05
kill -INT "$pid" 2>/dev/null
kill -TERM "$pid" 2>/dev/null
ends_with 130

# killed while it starts
for delay in 0 0.02 0.05 0.1 0.15 0.2 0.3 0.4 0.5; do
	what="killed after $delay s"
	start --workers 2 -- sh -c ": >ready; (setsid sh -c 'sleep 60; : $mark' &)
		sleep 60; : $mark"
	sleep "$delay"
	kill -KILL "$pid"
	ends_with 137
done
# killed in the run, and in its end
for delay in 0 0.02 0.05 0.1; do
	what="killed $delay s before its end"
	start -- sh -c ": >ready; until [ -e go ]; do sleep 0.02; done"
	wait_for 60 test -e ready || fail "$what: it does not run"
	a_container_of "$id" || fail "$what: there is no container"
	: >go
	sleep "$delay"
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -f go
	nothing_left "$what" "$id"
done

# killed while it makes a template: nothing of it is used, or left
mkdir migrations
echo "create table unique_$$ (x int); select pg_sleep(0.2);" \
	>migrations/1.sql
for delay in 0.1 0.2 0.3 0.45 0.6; do
	what="killed in a template, after $delay s"
	start --rebuild --migrations migrations -- sh -c "sleep 60; : $mark"
	sleep "$delay"
	kill -KILL "$pid"
	ends_with 137
done
x --migrations migrations -- sh -c ": >ready; psql -Atc 'table unique_$$' &&
	until [ -e go ]; do sleep 0.02; done" >out 2>err </dev/null &
wait_for 60 test -e ready || fail "$what: no template afterwards"
# a second server may be under way: one ahead of demand
image=$(containers_of "$(sessions)" | head -n 1 | cut -d ' ' -f 2)
template=$(engine "http://engine/images/$image/json" | jq -r '.RepoTags[0]')
: >go
wait "$!" || fail "$what: exec failed"
rm -f go
case $template in
testenv/template:* | docker.io/testenv/template:*)
	engine -X DELETE "http://engine/images/$template?force=1" >/dev/null
	;;
*) fail "no template, but '$template'" ;;
esac

# two at once: the end of one, however hard, is nothing to the other
what='two at once'
start -- sh -c ': >ready; until [ -e go ]; do sleep 0.02; done
	psql -Atc "create table t(x int); insert into t values (7);
	select x from t"'
wait_for 60 test -e ready || fail "$what: the first does not run"
first=$pid first_id=$id
XDG_RUNTIME_DIR=$tmp/run2
mkdir -m 700 "$XDG_RUNTIME_DIR"
(
	start -- sh -c ": >ready2; sleep 60; : $mark"
	wait_for 60 test -e ready2 || fail "$what: the second does not run"
	kill -KILL "$pid"
	wait "$pid"
	wait_for 60 no_session || fail "$what: the second is left"
	wait_for 60 no_container_of "$id" || fail "$what: containers are left"
	exit "$failed"
) 2>/dev/null || failed=1
a_container_of "$first_id" || fail "$what: the first lost its container"
XDG_RUNTIME_DIR=$tmp/run
: >go
wait "$first" || fail "$what: the first failed"
nothing_left "$what" "$first_id"

finish
