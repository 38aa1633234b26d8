#!/bin/sh
# SPDX-License-Identifier: MIT
# exec beside `up`: the running session of the same configuration is used, and
# stays; any other is not touched.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
trap 'testenv down --all >/dev/null 2>&1; rm -rf "$tmp"' EXIT

run 0 testenv up --db sqlite
up=$(sessions)

run 0 testenv exec --db sqlite -- sh -c 'echo "$TESTENV_SESSION"; sqlite3 \
	"${DATABASE_URL#sqlite:///}" "create table t(x)"'
out_is "$up"
[ "$(sessions)" = "$up" ] || fail 'the session is gone, or not alone'
# one session, but another owner: it sees nothing of what the first made
run 0 testenv exec --db sqlite -- sh -c 'sqlite3 \
	"${DATABASE_URL#sqlite:///}" "create table t(x); select count(*) from t"'
out_is 0
# a command that asks before it is known to run keeps the database it got
for _ in 1 2 3 4 5 6 7 8 9 10; do
	run 0 testenv exec --db sqlite -- sh -c 'p=${DATABASE_URL#sqlite:///}
		sqlite3 "$p" "create table z(x)" &&
		sqlite3 "$p" "select count(*) from z"'
	out_is 0
done
run 3 testenv exec --db sqlite -- sh -c 'exit 3'
run 127 testenv exec --db sqlite -- no-such-command
run 124 testenv exec --db sqlite --timeout 300ms -- sh -c "sleep 60; : $mark"
run 0 testenv exec --db sqlite -- sh -c "setsid sh -c 'sleep 60; : $mark' &"
wait_for 30 not_marked || fail 'a process is left'
# the command's own variables are no part of the configuration
run 0 testenv exec --db sqlite --env A=b -- sh -c 'echo "$A$TESTENV_SESSION"'
out_is "b$up"

# a killed exec takes its command along, and leaves the session alone
"$TESTENV_BIN" exec --db sqlite -- sh -c ": >ready; sleep 60; : $mark" &
pid=$!
wait_for 60 test -e ready || fail 'the command never ran'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
wait_for 30 not_marked || fail 'a process of the killed exec is left'
run 7 testenv exec --db sqlite -- sh -c '[ -e "${DATABASE_URL#sqlite:///}" ] &&
	exit 7'

# another exec's own session is not joined, for that may end at any time; only
# what runs in it does
run 0 testenv down
"$TESTENV_BIN" exec --db sqlite -- sh -c 'echo "$TESTENV_SESSION" >first
	until [ -e second ]; do sleep 0.02; done; "$TESTENV_BIN" exec \
	--db sqlite -- sh -c "echo \$TESTENV_SESSION" >inside' &
pid=$!
wait_for 60 test -s first || fail 'the first exec never ran'
run 0 testenv exec --db sqlite -- sh -c 'echo "$TESTENV_SESSION"'
[ "$(cat out)" != "$(cat first)" ] || fail 'the session of an exec was joined'
run 0 testenv status
out_has "^session $(cat first): ready"
run 17 testenv env
run 0 testenv env --session "$(cat first)"
run 0 testenv down
run 0 testenv up --db sqlite
up=$(testenv status | sed -n 's/^session \([^:]*\):.*/\1/p' |
	grep -v "$(cat first)")
[ -n "$up" ] || fail 'up took the session of an exec for its own'
: >second
wait "$pid" || fail 'the first exec failed'
[ "$(cat inside)" = "$(cat first)" ] || fail 'an inner exec went elsewhere'
[ "$(sessions)" = "$up" ] || fail 'not only the one of up is left'

# another configuration is another session
mkdir migrations
echo 'create table u(x);' >migrations/1.sql
run 0 testenv exec --db sqlite --migrations migrations -- \
	sh -c 'echo "$TESTENV_SESSION"'
[ "$(cat out)" != "$up" ] || fail 'another configuration was joined'
[ "$(sessions)" = "$up" ] || fail 'the other session is left'

run 0 testenv down
nothing_left down
run 0 testenv exec --db sqlite -- sh -c 'echo "$TESTENV_SESSION"'
[ "$(cat out)" != "$up" ] || fail 'a session that is down was joined'
nothing_left 'a private one'

finish
