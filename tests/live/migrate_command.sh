#!/bin/sh
# SPDX-License-Identifier: MIT
# Migrations by a command of the project's own: what it sees, what its failure
# looks like, when its template is kept, and that nothing of it stays.
# shellcheck disable=SC2016,SC2317 # for inner shells; run calls them
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"

command -v sqlite3 >/dev/null || skip 'no sqlite3'
x() {
	testenv exec --db sqlite --backend sqlite "$@"
}
# what the tests see in it
sql='sqlite3 "${DATABASE_URL#sqlite:///}"'
cat >migrate.sh <<'EOS'
set -e
echo "$DATABASE_URL" >>ran
sqlite3 "$DB_PATH" "create table t (x); insert into t values ('$1')"
EOS

# once for all the slots of a session, again in the next
run 0 x --workers 3 --migrate 'sh migrate.sh a' -- sh -c "$sql 'select * from t'"
out_is a
run 0 x --migrate 'sh migrate.sh b' -- sh -c "$sql 'select * from t'"
out_is b
[ "$(wc -l <ran)" = 2 ] || fail 'the command ran another number of times'
grep -vq '^sqlite:////' ran && fail 'no URL of a file'
rm ran

# kept for as long as what it reads stays the same
mkdir -p in/__pycache__ in/.git
echo 1 >in/one
kept() {
	run 0 x --migrate 'sh migrate.sh c' --migrate-inputs in \
		--migrate-inputs 'mig*.sh' -- sh -c "$sql 'select * from t'"
	out_is c
	[ "$(wc -l <ran)" = "$1" ] || fail "$2: ran $(wc -l <ran) times"
}
kept 1 'a new one'
kept 1 'the same'
date >in/__pycache__/x
date >in/.git/x
kept 1 'what the command leaves behind'
echo 2 >in/one
kept 2 'a changed input'
mv in/one in/two
kept 3 'a renamed input'
run 125 x --migrate true --migrate-inputs 'nothing*' -- true
err_is "testenv: service 'db': input '$PWD/nothing*': there is no such file"

# behind the files, before the seeds, and their command last
mkdir sql
echo "create table steps (s text); insert into steps values ('file');" >sql/1.sql
echo "insert into steps values ('seed');" >seed.sql
step='sqlite3 "$DB_PATH" "insert into steps values"'
run 0 x --migrations sql --seed seed.sql \
	--migrate "$step\"('command')\"" --seed-command "$step\"('last')\"" -- \
	sh -c "$sql 'select group_concat(s) from steps'"
out_is file,command,seed,last

# where it runs, and what it sees there
cat >compose.yaml <<'EOS'
services:
  shop-db:
    image: postgres
    x-testenv:
      migrate: 'pwd >"$SEEN"; env >>"$SEEN"'
      migrate_inputs: [ migrate.sh, in ]
      export: { GO_DSN: "{path}" }
x-testenv:
  env: { WORD: given }
EOS
mkdir -p below
run 0 sh -c 'cd below && SEEN=$0/seen exec "$TESTENV_BIN" exec --backend sqlite \
	-- true' "$PWD"
[ "$(head -n 1 seen)" = "$PWD" ] || fail "ran in $(head -n 1 seen)"
for name in DATABASE_URL=sqlite:////.* SHOP_DB_URL=sqlite:////.* GO_DSN=/.* \
	WORD=given TESTENV_DIALECT=sqlite; do
	grep -qx "$name" seen || fail "no $name"
done
grep -q '^TESTENV_SESSION=' seen && fail 'a session that is not there yet'
rm compose.yaml

# a failure: the code, the last words, and no template
run 125 x --migrate 'seq 99; echo broken >&2; exit 7' -- touch ran2
err_has "^testenv: template of 'db': 'seq 99; echo broken >&2; exit 7' ended with exit code 7\$"
err_has '^  99$'
err_has '^  broken$'
grep -qx '  1' err && fail 'all of the output'
[ -e ran2 ] && fail 'the command ran all the same'
run 11 testenv up --db sqlite --backend sqlite --migrate 'kill -9 $$'
err_has "'kill -9 \\\$\\\$' was killed by signal 9 \(Killed\)"
run 125 x --migrate 'no-such-tool' -- true
err_has 'ended with exit code 127$'
err_has 'no-such-tool: not found'
run 125 x --migrations sql --migrate 'rm "$DB_PATH"' -- true
err_is "testenv: template of 'db': the database file is gone: a command of the \
migrations removed it"
run 125 x --migrate 'rm -r "${DB_PATH%/*}"' -- true
err_has 'the database file is gone'
run 125 x --start-timeout 5s --migrate 'sleep 600 & echo $! >late; wait' -- true
err_has "waiting for the command: timed out$"
err_has '^hint: give it more time with --start-timeout$'
gone() {
	wait_for 60 sh -c "! kill -0 $(cat "$1") 2>/dev/null" ||
		fail "$1: a process is left"
}
gone late
run 0 x --migrate 'sleep 600 & echo $! >daemon' -- true
gone daemon

# ended early, and killed
"$TESTENV_BIN" exec --db sqlite --backend sqlite --migrate \
	'sleep 600 & echo $! >under_way; wait' -- true 2>err &
wait_for 60 test -s under_way || fail 'it did not start'
kill -TERM $!
wait $!
code=$?
[ $code = 143 ] || fail "interrupted: $code"
gone under_way
rm under_way
"$TESTENV_BIN" exec --db sqlite --backend sqlite --migrate \
	'trap "" TERM; sleep 600 & echo $! >under_way; wait' -- true 2>err &
wait_for 60 test -s under_way || fail 'it did not start'
kill -KILL $!
wait $!
gone under_way
nothing_left 'commands'
finish
