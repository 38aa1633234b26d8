#!/bin/sh
# SPDX-License-Identifier: MIT
# exec without an engine: exit codes, signals, time, what is left behind.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"

x() {
	testenv exec --db sqlite --backend sqlite "$@"
}

# exit codes
run 0 x -- true
out_is ''
run 3 x -- sh -c 'exit 3'
run 125 x -- sh -c 'exit 125'
run 137 x -- sh -c 'kill -KILL $$'
run 130 x -- sh -c 'kill -INT $$'
run 127 x -- no-such-command
err_is "testenv: command 'no-such-command' not found"
run 127 x -- ./no-such-file
err_is "testenv: command './no-such-file' not found"
run 126 x -- /
err_is "testenv: cannot run '/': Is a directory"
: >plain
run 126 x -- ./plain
err_is "testenv: cannot run './plain': Permission denied"
echo "#!$tmp/missing" >lost
chmod +x lost
run 126 x -- ./lost
err_is "testenv: cannot run './lost': its interpreter is missing"
run 125 testenv exec
run 125 testenv exec --db nonsense -- true
# too few descriptors are said before anything is made
for n in 12 40; do
	run 125 sh -c 'ulimit -n '$n'; exec "$TESTENV_BIN" exec --db sqlite -- true'
	err_is "testenv: too few file descriptors: $n are allowed, 64 are needed
hint: 'ulimit -n' sets the limit"
done
run 0 sh -c 'ulimit -n 64; exec "$TESTENV_BIN" exec --db sqlite -- true'
nothing_left 'exit codes'

# arguments, input, output
run 0 x -- printf '%s|' a 'b c' '' --help -- '*'
out_is 'a|b c||--help|--|*|'
printf 'from outside' >input
what='standard input'
x -- cat <input >out 2>err || fail "$what"
out_is 'from outside'
run 0 x -- sh -c 'echo out; echo err >&2'
out_is out
err_has '^err$'
exec 7>seven
run 0 x -- sh -c 'echo handed on >&7'
exec 7>&-
[ "$(cat seven)" = 'handed on' ] || fail 'descriptor 7 was not handed on'

# the database is there, works, and is gone afterwards
run 0 x -- sh -c 'echo "${DATABASE_URL#sqlite:///}"; sqlite3 \
	"${DATABASE_URL#sqlite:///}" "create table t(x); insert into t values(7);
	select x from t"'
out_has '^7$'
[ ! -e "$(head -n 1 out)" ] || fail 'the database is left'
run 0 x --env GREETING='a b' -- sh -c 'echo "$GREETING" "$TESTENV_BACKEND"'
out_is 'a b sqlite'
run 0 x --env PATH=/nowhere -- /bin/sh -c 'echo $PATH'
out_is /nowhere
run 127 x --env PATH=/nowhere -- sh -c true

# a session in a session is another one
run 5 x -- sh -c 'echo $TESTENV_SESSION; "$TESTENV_BIN" exec --db sqlite \
	-- sh -c "echo \$TESTENV_SESSION; exit 5"'
[ "$(sort -u out | wc -l)" = 2 ] || fail 'the inner session is the outer one'
nothing_left nested

# time
run 124 x --timeout 300ms -- sh -c "sleep 60; : $mark"
run 124 x --timeout 300ms -- sleep 60
err_is "testenv: 'sleep' timed out after 0.3 s"
run 124 x --timeout 300ms -- sh -c 'trap "exit 0" TERM; sleep 60 & wait'
run 0 x --timeout 60 -- true
nothing_left time-out

# a command that takes no time waits for nothing: one of ten, for a busy machine
for _ in 1 2 3 4 5 6 7 8 9 10; do
	started=$(date +%s)
	run 0 x -- true
	took=$(($(date +%s) - started))
	[ "$took" -ge 4 ] || break
done
[ "$took" -lt 4 ] || fail "exec of true takes $took s"

# a database's name that would lead out of the session's directory
mkdir odd
cat >odd/compose.yaml <<'END'
services:
  db:
    image: postgres:15
    environment: { POSTGRES_DB: "../../../a b" }
END
run 0 x -f odd/compose.yaml -- sh -c 'echo "$TESTENV_URL_0"'
out_has '/\.\._\.\._\.\._a%20b\.sqlite$'
nothing_left 'odd name'

# migrations that make no table are kept, too
mkdir nothing
echo 'SELECT 1;' >nothing/1.sql
run 0 x --migrations nothing -- true
run 0 x --migrations nothing -- true
err_is ''

# what the command leaves running
run 0 x -- sh -c "sh -c 'sleep 60 # $mark' & exit 0"
nothing_left background
run 0 x -- sh -c "setsid sh -c 'sleep 60; : $mark' & exit 0"
nothing_left 'a daemon'
run 0 x -- sh -c "(setsid sh -c 'exec >/dev/null 2>&1; sleep 60; : $mark' &)"
nothing_left 'a daemon of a daemon'

# a pipe's reader waits for the command alone
what=pipe
timeout 60 sh -c '"$TESTENV_BIN" exec --db sqlite -- echo line | cat' >out ||
	fail pipe
out_is line

# signals are the command's
for signal in INT TERM HUP QUIT USR1 USR2; do
	rm -f ready
	# a background job of sh ignores INT and QUIT, which exec would keep
	python3 -c 'import os, signal, sys
for s in signal.SIGINT, signal.SIGQUIT: signal.signal(s, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' \
		"$TESTENV_BIN" exec --db sqlite -- sh -c "trap 'exit 42' $signal
		: >ready; while :; do sleep 0.02; : $mark; done" >out 2>err &
	pid=$!
	wait_for 60 test -e ready || fail "$signal: the command never ran"
	kill -"$signal" "$pid"
	wait "$pid"
	code=$?
	[ "$code" = 42 ] || fail "$signal: exit code $code, not 42"
done
rm -f ready
nothing_left signals

# killed at any time: the watchdog clears up
for delay in 0 0.003 0.004 0.005 0.006 0.007 0.008 0.01 0.012 0.015 0.02 0.04 \
	0.08 0.2; do
	"$TESTENV_BIN" exec --db sqlite -- sh -c \
		"(setsid sh -c 'sleep 60; : $mark' &) ; sleep 60; : $mark" \
		>out 2>err &
	pid=$!
	sleep "$delay"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	nothing_left "killed after $delay s"
	wait_for 60 sh -c '! ls -d "$XDG_RUNTIME_DIR"/testenv/.new-*' ||
		fail "killed after $delay s: a directory in the making is left"
done

finish
