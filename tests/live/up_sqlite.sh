#!/bin/sh
# SPDX-License-Identifier: MIT
# Sessions in the background, on files: no engine needed.
# shellcheck disable=SC2016,SC2094,SC2120 # for inner shells; on purpose
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
trap 'testenv down --all >/dev/null 2>&1; rm -rf "$tmp"' EXIT
export XDG_RUNTIME_DIR="$tmp/run" TESTENV_CACHE_DIR="$tmp/cache"
runtime=$XDG_RUNTIME_DIR/testenv
project=$tmp/project
other=$tmp/other
mkdir -m 700 "$XDG_RUNTIME_DIR"
mkdir -p "$project/mig" "$project/below" "$other"
cd "$project" || exit 1
project=$(pwd -P)
echo 'CREATE TABLE t (a int); INSERT INTO t VALUES (7);' >mig/001.sql
db='--db sqlite --migrations mig --workers 2'

# up [OPTION...]: a session of the usual configuration
up() {
	# shellcheck disable=SC2086 # words
	testenv up $db "$@"
}

# the session's id, and its process, as status tells them
id_of() {
	testenv status --json | sed -n 's/.*"session":.*"\(.*\)".*/\1/p'
}
pid_of() {
	testenv status --json | sed -n 's/.*"pid":[^0-9]*\([0-9]*\).*/\1/p'
}

# nothing_left: no directory, no file and no process of any session
nothing_left() {
	for dir in "$runtime" "$TESTENV_CACHE_DIR/sessions"; do
		left=$(find "$dir" -mindepth 1 2>/dev/null)
		[ -z "$left" ] || fail "$1: left behind: $left"
	done
	# the folder is in the arguments of nobody else
	left=$(pgrep -f "testenv up.*--export MARK=$tmp" || :)
	[ -z "$left" ] || fail "$1: processes left behind: $left"
}

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

# --- without a session -----------------------------------------------------
for command in env wait status logs shell ctest-spec; do
	run 17 testenv $command
	out_is ''
	err_is "testenv: no session runs for '$project'
hint: 'testenv up' starts one"
done
run 17 testenv env --session nosuch
err_is "testenv: no session 'nosuch' runs
hint: 'testenv up' starts one"
run 17 testenv down --session nosuch
run 0 testenv down
err_is "testenv: no session runs here"
run 0 testenv down --all
err_is ''
run 0 testenv status --all
out_is ''
run 0 testenv status --json
[ "$(tr -d ' \t\n' <"$tmp/out")" = '{"sessions":[]}' ] || fail 'status --json: empty'
run 2 testenv env --format yaml
err_is "testenv: unknown format 'yaml'
hint: one of: sh, fish, dotenv, json, github, gitlab, cmake"
run 2 testenv up --db sqlite --wait --no-wait
err_is "testenv: --wait and --no-wait exclude each other"
run 2 testenv up --db sqlite --idle-timeout soon
err_is "testenv: --idle-timeout 'soon' is no duration
hint: as in 90s, 30m, 2h; 'never' for no limit"

# --- one life ----------------------------------------------------------------
run 0 up --export MARK="$tmp"
err_is ''
id=$(id_of)
out_has "^session $id: ready, [0-9]+ s, $project\$"
out_has '^  db: sqlite, backend sqlite, by file, 1 migration \(plain SQL\), migrated now$'
out_has "^    0 +$tmp/cache/sessions/$id/db-0-[a-z0-9]*/app.sqlite\$"
out_has "^    1 +$tmp/cache/sessions/$id/db-1-[a-z0-9]*/app.sqlite\$"
[ "$(stat -c %a "$runtime/$id")" = 700 ] || fail 'run directory is not 0700'
cp "$tmp/out" first

# a second time is the same answer
run 0 up --export MARK="$tmp"
err_is "testenv: session '$id' of this configuration runs already"
sed 's/ready, [0-9]* s/ready, N s/' <first >a
sed 's/ready, [0-9]* s/ready, N s/' <"$tmp/out" >b
cmp -s a b || fail 'a second up answers differently'
run 0 testenv wait
out_is ''
err_is ''

# what can be asked
run 0 testenv env
out_has "^export DATABASE_URL='sqlite:///$tmp/cache/sessions/$id/db-0-[a-z0-9]*/app.sqlite'\$"
out_has "^export TESTENV_URL_1='sqlite:///$tmp/cache/sessions/$id/db-1-[a-z0-9]*/app.sqlite'\$"
out_has "^export TESTENV_SOCKET='$runtime/$id/supervisor.sock'\$"
out_has "^export TESTENV_BACKEND='sqlite'\$"
out_has_not '^unset'
run 0 env PGSERVICE=x "$TESTENV_BIN" env
out_has '^unset PGSERVICE$'
run 0 testenv env --slot 1 --format dotenv
out_has "^DATABASE_URL=sqlite:///$tmp/cache/sessions/$id/db-1-[a-z0-9]*/app.sqlite\$"
run 2 testenv env --slot 2
err_is 'testenv: there is no slot 2'
run 2 testenv env --slot two
err_is "testenv: --slot 'two' is no number"
run 0 testenv env --format fish
out_has "^set -gx TESTENV_SLOT '0'\$"
run 0 testenv env --format cmake
out_has '^set\(ENV\{TESTENV_SLOT\} \[\[0\]\]\)$'
run 0 testenv env --format gitlab
out_has '^TESTENV_SLOT=0$'
run 0 testenv env --format json
python3 -c 'import json,sys; json.load(sys.stdin)["DATABASE_URL"]' <"$tmp/out" ||
	fail 'env --format json is no JSON'
run 0 testenv env --format github
out_has '^TESTENV_SLOT=0$'
: >github
run 0 env GITHUB_ENV="$tmp/project/github" "$TESTENV_BIN" env --format github
out_is ''
grep -q '^TESTENV_SLOT=0$' github || fail 'GITHUB_ENV was not written'
GITHUB_ENV=$PWD/github "$TESTENV_BIN" env --format github >>github
[ "$(grep -c '^TESTENV_SLOT=0$' github)" = 2 ] ||
	fail 'GITHUB_ENV led from stdout was written twice'
[ "$(testenv env | sh -c 'eval "$(cat)"; echo "$TESTENV_SESSION"')" = "$id" ] ||
	fail 'sh does not read back what env prints'

run 0 testenv ctest-spec
out_is '{"version": {"major": 1, "minor": 0}, "local": [{"db": [{"id": "0", "slots": 1}, {"id": "1", "slots": 1}]}]}'
cp "$tmp/out" spec
run 0 testenv ctest-spec -o spec.json
out_is ''
cmp -s spec spec.json || fail 'ctest-spec -o: another text'
run 19 testenv logs
err_is "testenv: service 'db' is a SQLite file and has no log"
run 2 testenv logs nosuch
err_is "testenv: session '$id' has no service 'nosuch'"
run 2 testenv logs db.2
err_is "testenv: service 'db' has no slot 2
hint: its slots are 0 to 1"
run 2 testenv logs --tail x
err_is "testenv: --tail 'x' is no number of lines"
if command -v sqlite3 >/dev/null; then
	run 0 testenv shell -c 'INSERT INTO t VALUES (8); SELECT sum(a) FROM t'
	out_is 15
	run 0 testenv shell db.1 -c 'SELECT sum(a) FROM t'
	out_is 7
	if testenv shell -c 'SELECT nonsense' 2>"$tmp/err"; then
		fail 'shell with a bad statement succeeds'
	fi
	err_has 'no such column'
fi
mkdir empty-path
run 127 env PATH="$PWD/empty-path" "$TESTENV_BIN" shell -c 'SELECT 1'
err_has "^testenv: there is no 'sqlite3' on this machine\$"
err_has "^hint: install package 'sqlite3'; the database is '$tmp/cache/"

# found from below, by id from anywhere, from elsewhere not at all
cd below || exit 1
run 0 testenv env
cd "$other" || exit 1
run 17 testenv env
err_has "^hint: choose one with --session: $id \($project, ready\)\$"
run 0 testenv env --session "$id"
run 0 testenv status --all
out_has "^session $id: ready"
run 0 env TESTENV_SESSION="$id" "$TESTENV_BIN" env
run 17 env TESTENV_SESSION=gone "$TESTENV_BIN" env

# exec joins the session of its own configuration
cd "$project" || exit 1
# shellcheck disable=SC2086,SC2016
run 0 testenv exec $db --export MARK="$tmp" -- sh -c 'echo "$TESTENV_SESSION"'
out_is "$id"

# two sessions of one project: which one?
run 0 testenv up --db sqlite
run 17 testenv env
err_has "^testenv: 2 sessions run for '$project'\$"
err_has '^hint: choose one with --session: '
run 17 testenv down
run 0 testenv down --session "$id"
run 0 testenv env
pid=$(pid_of)
run 0 testenv down
nothing_left 'down'
# one that nobody has waited for yet is a zombie, and has no files
[ ! -e "/proc/$pid/exe" ] || fail 'down returned before the process ended'

# --- starts that fail --------------------------------------------------------
printf 'CREATE TABLE x (a int);\nCREATE TABEL y;\n' >mig/002.sql
run 11 up
out_is ''
err_has '^testenv: .*002.sql:2: '
nothing_left 'a failed start'
run 0 up --no-wait
run 11 testenv wait
err_has '^testenv: .*002.sql:2: '
nothing_left 'a failed start, waited for'
run 17 testenv wait
run 0 up --no-wait
within 60 sh -c '"$TESTENV_BIN" status | grep -q ": failed"' ||
	fail 'status does not tell of the failure'
run 0 testenv status
out_has '002.sql:2: '
run 0 testenv down
nothing_left 'a failed start, put down'
run 0 up --no-wait
within 60 sh -c '"$TESTENV_BIN" status | grep -q ": failed"' || fail 'failed?'
rm mig/002.sql
run 0 up
out_has ': ready'
run 0 testenv down
nothing_left 'a start after a failed one'
run 3 testenv up --db sqlite --migrations nowhere
nothing_left 'no migrations'

# --- at once -----------------------------------------------------------------
pids=
for i in 1 2 3 4 5 6; do
	"$TESTENV_BIN" up --db sqlite --migrations mig >"$tmp/up$i" 2>&1 </dev/null &
	pids="$pids $!"
done
for pid in $pids; do
	wait "$pid" || fail 'one of six ups at once failed'
done
[ "$(testenv status --all | grep -c '^session')" = 1 ] ||
	fail 'six ups at once made more than one session'
[ "$(cat "$tmp"/up? | grep -c 'runs already')" = 5 ] ||
	fail 'five of six ups did not find the first'
pids=
for i in 1 2 3; do
	"$TESTENV_BIN" down >"$tmp/down$i" 2>&1 </dev/null &
	pids="$pids $!"
done
for pid in $pids; do
	wait "$pid" || fail 'one of three downs at once failed'
done
nothing_left 'three downs at once'

# --- ends it did not ask for -------------------------------------------------
for signal in TERM INT HUP QUIT; do
	run 0 up
	kill -$signal "$(pid_of)"
	within 60 sh -c '! "$TESTENV_BIN" status' || fail "SIG$signal: it runs on"
	within 60 sh -c '[ -z "$(ls "$1")" ]' sh "$runtime" || :
	nothing_left "SIG$signal"
done
run 0 up
kill -KILL "$(pid_of)"
within 60 sh -c '[ -z "$(ls "$1" "$2" | grep -v :)" ]' sh "$runtime" \
	"$TESTENV_CACHE_DIR/sessions" || fail 'SIGKILL: left behind'
nothing_left 'SIGKILL'
# with its watchdog: then it is gc's turn
run 0 up
id=$(id_of)
pid=$(pid_of)
pkill -KILL -P "$pid" # its only child is the watchdog
kill -KILL "$pid"
run 17 testenv env
run 0 testenv gc --dry-run --host unix:///nowhere.sock
out_has "^session +$id +- +its owner is gone +removed\$"
[ -d "$runtime/$id" ] || fail 'gc --dry-run removes'
run 0 testenv gc --host unix:///nowhere.sock
nothing_left 'gc'
run 0 testenv gc --host unix:///nowhere.sock
out_has_not '^session|removed$'
run 0 up
pid=$(pid_of)
kill -STOP "$pid"
run 0 testenv status --all
out_is ''
kill -CONT "$pid"
within 60 testenv env || fail 'a stopped session does not come back'
run 0 testenv down
nothing_left 'a stopped session'
run 0 up --idle-timeout 300ms
within 60 sh -c '[ -z "$(ls "$1")" ]' sh "$runtime" ||
	fail 'an idle session does not end'
nothing_left 'an idle session'

# --- a start that is interrupted ---------------------------------------------
# seconds of work in one statement
echo 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c
	WHERE x < 400000000) INSERT INTO t SELECT count(*) FROM c;' >mig/002.sql
for signal in HUP TERM; do
	"$TESTENV_BIN" up --db sqlite --migrations mig >"$tmp/out" \
		2>"$tmp/err" </dev/null &
	pid=$!
	within 60 sh -c '"$TESTENV_BIN" status | grep -q ": starting"' ||
		fail "SIG$signal: it does not start"
	run 16 testenv env
	err_has '^testenv: session .* is still starting$'
	err_has "^hint: 'testenv wait' waits until it is ready\$"
	# INT is ignored in a background job of a script
	kill -$signal "$pid"
	wait "$pid"
	code=$?
	[ "$(kill -l $code)" = $signal ] || fail "SIG$signal during the start: exit code $code"
	nothing_left "SIG$signal during the start"
done
"$TESTENV_BIN" up --db sqlite --migrations mig >"$tmp/out" 2>&1 </dev/null &
pid=$!
within 60 sh -c '"$TESTENV_BIN" status | grep -q ": starting"' ||
	fail 'SIGKILL: it does not start'
kill -KILL "$pid"
wait "$pid"
within 60 sh -c '[ -z "$(ls "$1" "$2" | grep -v :)" ]' sh "$runtime" \
	"$TESTENV_CACHE_DIR/sessions" || fail 'up was killed: left behind'
run 0 up --no-wait
daemon=$(pid_of)
"$TESTENV_BIN" wait >"$tmp/out" 2>&1 </dev/null &
pid=$!
kill -KILL "$pid"
wait "$pid"
kill -KILL "$daemon"
within 60 sh -c '[ -z "$(ls "$1" "$2" | grep -v :)" ]' sh "$runtime" \
	"$TESTENV_CACHE_DIR/sessions" || fail 'killed during a start: left behind'
nothing_left 'killed during a start'
rm mig/002.sql

# --- a socket full of garbage ------------------------------------------------
run 0 up
id=$(id_of)
python3 - "$runtime/$id/supervisor.sock" <<'END' || fail 'garbage'
import os, socket, sys
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(sys.argv[1])
    return s
for i in range(50):
    s = connect()
    s.sendall(os.urandom(200))
    s.close()
many = [connect() for i in range(200)]
for s in many:
    s.sendall(b'{"op":"hello","version":1}\n{"op":"env"}\n')
for s in many:
    data = b''
    while data.count(b'\n') < 2:
        data += s.recv(65536)
    assert b'DATABASE_URL' in data, data
long = connect()
try:
    long.sendall(b'[' * (3 << 20))
except OSError:
    pass
assert b'line too long' in long.recv(4096)
END
run 0 testenv env
rm "$runtime/$id/supervisor.sock"
within 60 sh -c '[ -z "$(ls "$1")" ]' sh "$runtime" ||
	fail 'a session without its socket does not end'
nothing_left 'its socket was removed'

# descriptors and locks of the caller do not live on in the session
exec 9>"$tmp/lock"
flock 9
run 0 up
exec 9>&-
flock -n "$tmp/lock" true || fail "the caller's lock is held by the session"
# a reader of its output sees the end
out=$(up 2>/dev/null | cat)
[ -n "$out" ] || fail 'up into a pipe'
run 0 testenv down --all
nothing_left 'the end'

finish
