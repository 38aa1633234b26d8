# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# lease.sh - lease and reset in containers; sourced by tests/live/lease_*.sh,
# which say $db and how to run a statement there.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=../live/lib.sh
. "$SOURCE_DIR/tests/live/lib.sh"
# shellcheck source=exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
trap 'testenv down --all >/dev/null 2>&1; rm -rf "$tmp"' EXIT
: "${db:?the database}" "${client:?runs \$* there}"

for tool in curl jq "${client%% *}"; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
mkdir mig
echo 'CREATE TABLE t (x int); INSERT INTO t VALUES (7);' >mig/1.sql
# sql STATEMENT, for the inner shells
printf '#!/bin/sh\nexec %s\n' "$client" >sql
chmod +x sql
PATH=$tmp:$PATH
# x WORKERS COMMAND...: inside `exec`
# shellcheck disable=SC2317 # called through run
x() {
	workers=$1
	shift
	testenv exec --db "$db" --migrations mig --require container \
		--fallback none --workers "$workers" -- "$@"
}

# alone, and no server stays
testenv lease --db "$db" --migrations mig --require container \
	--fallback none -- sh -c 'echo "$TESTENV_SESSION"; sql "select x from t"
	exit 3' >out 2>err </dev/null
code=$?
[ "$code" = 3 ] || [ -s out ] ||
	skip "no $db in a container on this machine: $(tail -n 1 err)"
[ "$code" = 3 ] || fail "alone: exit code $code"
what=alone
out_has '^7$'
nothing_left alone "$(head -n 1 out)"

# --workers 1: one for the command, one beside it, and no third
run 0 x 1 sh -c 'echo "$TESTENV_SESSION" >session
	sql "insert into t values (1)"
	"$TESTENV_BIN" lease -- "$TESTENV_BIN" lease --wait 300ms -- true; echo $?
	"$TESTENV_BIN" reset; echo $?; sql "select count(*) from t"'
out_is '125
0
1'
err_is 'testenv: no database became free in time: all 2 are in use
hint: --workers gives the session more'
nothing_left 'no third database' "$(cat session)"

# who waits gets it when the holder is killed, and sees nothing of it
run 0 x 1 sh -c 'echo "$TESTENV_SESSION" >session; sql "select 1" >first
	"$TESTENV_BIN" lease -- sh -c "sql \"insert into t values (1)\"
	: >ran; sleep 60; : '"$mark"'" & holder=$!
	while [ ! -e ran ]; do sleep 0.02; done
	"$TESTENV_BIN" lease -- sh -c "sql \"select x from t\"" & waiter=$!
	until "$TESTENV_BIN" status | grep -q "1 waiting"; do sleep 0.02; done
	kill -KILL $holder; wait $waiter; echo $?'
out_is '7
0'
wait_for 30 not_marked || fail 'the command of a killed lease runs'
nothing_left 'a killed holder' "$(cat session)"

# two databases: apart, status tells whose, a reset keeps the address
run 0 x 2 sh -c 'echo "$TESTENV_SESSION" >session
	"$TESTENV_BIN" lease --worker a -- sh -c "sql \"insert into t values (1)\"
	: >one; while [ ! -e two ]; do sleep 0.02; done; sql \"select sum(x) from t\"" &
	while [ ! -e one ]; do sleep 0.02; done
	"$TESTENV_BIN" lease --worker b -- sh -c "sql \"insert into t values (2)\"
	sql \"select sum(x) from t\"; \"\$TESTENV_BIN\" status
	\"\$TESTENV_BIN\" reset; sql \"select sum(x) from t\"; : >two"; wait'
out_has ' leased  a .* lease held by pid'
out_has ' leased  b .* lease held by pid'
[ "$(grep '^[0-9]*$' out | xargs)" = '9 7 8' ] || fail 'not apart, or no reset'
password=$(testenv status --all | grep -ci password)
[ "$password" = 0 ] || fail 'status shows a password'
run 0 x 2 sh -c 'i=0; while [ $i -lt 20 ]; do i=$((i + 1))
	"$TESTENV_BIN" lease -- sql "insert into t values (1); select sum(x) from t" ||
	exit 1; done'
[ "$(sort -u out)" = 8 ] || fail 'twenty: not fresh'
nothing_left 'two databases' "$(cat session)"

finish
