#!/bin/sh
# SPDX-License-Identifier: MIT
# lease and reset on files: no engine needed.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
trap 'testenv down --all >/dev/null 2>&1; rm -rf "$tmp"' EXIT
command -v sqlite3 >/dev/null || skip 'no sqlite3'

mkdir mig
echo 'CREATE TABLE t (x); INSERT INTO t VALUES (7);' >mig/1.sql
# sql STATEMENT: in the database of DATABASE_URL, for the inner shells
cat >sql <<'END'
#!/bin/sh
exec sqlite3 "${DATABASE_URL#sqlite:///}" "$*"
END
chmod +x sql
PATH=$tmp:$PATH
db='--db sqlite --migrations mig'
# alone OPTION...: with a session of its own; x OPTION...: inside `exec`
alone() {
	# shellcheck disable=SC2086,SC2317 # words; called through run
	testenv lease $db "$@"
}
x() {
	# shellcheck disable=SC2086,SC2317 # words; called through run
	testenv exec $db -- "$@"
}
# one owner, one file
# shellcheck disable=SC2317 # called through run
x_owner() {
	# shellcheck disable=SC2086 # words
	testenv exec $db --owner command -- "$@"
}

# what is wrong
run 125 testenv lease -- true
err_is "testenv: no session runs for '$(pwd -P)'
hint: 'testenv up' starts one, or say which database: --db postgres"
run 125 testenv lease
run 125 alone --format yaml
run 125 alone --format sh -- true
err_is 'testenv: --format is for a lease without a command'
run 125 alone --wait soon -- true
err_is "testenv: --wait 'soon' is no duration up to 24h"
run 125 alone --keep always -- true
run 17 testenv reset
run 125 alone --session nosuch -- true
err_has "no session 'nosuch' runs"

# exit codes
run 0 alone -- true
run 3 alone -- sh -c 'exit 3'
run 137 alone -- sh -c 'kill -KILL $$'
run 127 alone -- no-such-command
run 126 alone -- /
run 124 alone --timeout 300ms -- sleep 60
err_has "^testenv: 'sleep' timed out after 0.3 s"
run 124 alone --timeout 300ms -- sh -c "setsid sleep 60 & sleep 60; : $mark"
run 0 alone -- sh -c "setsid sh -c 'sleep 60; : $mark' & exit 0"
nothing_left 'exit codes'

# the variables, the directory
run 0 alone --worker gw3 --env A='b c' -- sh -c 'echo "$A|$TESTENV_WORKER"
	[ -n "$TESTENV_LEASE" ] && [ -S "$TESTENV_SOCKET" ] &&
	[ -d "$TESTENV_SCRATCH" ] && [ -z "$(ls -A "$TESTENV_SCRATCH")" ] &&
	: >"$TESTENV_SCRATCH/file" && echo "$TESTENV_SCRATCH" && sql "select x from t"'
out_has '^b c[|]gw3$'
out_has '^7$'
[ ! -e "$(sed -n 2p out)" ] || fail 'the scratch directory is left'
nothing_left variables

# two at once see different data, and the next sees none of it
run 0 x sh -c '"$TESTENV_BIN" lease -- sh -c "sql \"insert into t values (1)\"
	: >one; while [ ! -e two ]; do sleep 0.02; done; sql \"select x from t\"" &
	while [ ! -e one ]; do sleep 0.02; done
	"$TESTENV_BIN" lease -- sh -c "sql \"insert into t values (2)
	returning x\"; sql \"select count(*) from t where x = 1\"; : >two"
	wait; "$TESTENV_BIN" lease -- sql "select count(*) from t"'
out_is '2
0
7
1
1'
run 0 x sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	"$TESTENV_BIN" lease -- sql "insert into t values ($i); select count(*)
	from t" || exit 1; done'
[ "$(sort out | uniq -c | tr -d ' ')" = 202 ] || fail 'twenty: not fresh'

# reset
run 0 alone -- sh -c 'sql "insert into t values (8)"; "$TESTENV_BIN" reset &&
	sql "select count(*) from t"; sql "insert into t values (9)"
	"$TESTENV_BIN" reset "$TESTENV_LEASE" && sql "select x from t"'
out_is '1
7'
run 0 x sh -c '"$TESTENV_BIN" lease -- sh -c "sql \"insert into t values (8)\"
	echo \$TESTENV_LEASE >id; while [ ! -e done ]; do sleep 0.02; done
	sql \"select count(*) from t\"" & while [ ! -s id ]; do sleep 0.02; done
	"$TESTENV_BIN" reset "$(cat id)"; echo $?; : >done; wait'
out_is '0
1'
# the one file of a command that is the owner; at a prompt, the session's
run 0 x_owner sh -c 'sql "insert into t values (8)"; "$TESTENV_BIN" reset &&
	sql "select x from t"'
out_is 7
run 0 testenv up --db sqlite --migrations mig
run 0 testenv env
cp out variables
printf '#!/bin/sh\n. ./variables\nexec "$@"\n' >prompt
chmod +x prompt
run 0 prompt sql 'insert into t values (8)'
run 0 testenv reset
run 0 prompt sql 'select x from t'
out_is 7
run 0 prompt sql 'insert into t values (8)'
run 0 prompt "$TESTENV_BIN" reset
run 0 prompt sql 'select x from t'
out_is 7
run 0 testenv down
# who has none, or waits for one, is told so at once
run 0 x sh -c '"$TESTENV_BIN" reset; echo $?'
out_is 19
err_is "testenv: 'master' has no database yet
hint: an owner gets its database with its first connection"
run 19 x "$TESTENV_BIN" reset postgres://user@prod/data
err_has "^testenv: the URL leads to no database of session"
err_has "^hint: only databases that testenv made can be named"
run 19 x "$TESTENV_BIN" reset abcdefghij
err_has "^testenv: session '[a-z0-9]*' has no lease 'abcdefghij'$"

# held by standard input
run 0 x sh -c 'mkfifo in; "$TESTENV_BIN" lease <in >url & exec 9>in
	while [ ! -s url ]; do sleep 0.02; done
	file=$(cat url); file=${file#sqlite:///}
	sqlite3 "$file" "select x from t"; echo line >&9
	"$TESTENV_BIN" status | grep "lease held by pid $!" | wc -l
	exec 9>&-; wait $!; echo $?
	"$TESTENV_BIN" status | grep "lease held by pid $!" | wc -l'
out_is '7
1
0
0'
run 0 alone --format json
jq -e .TESTENV_LEASE out >/dev/null || fail 'no TESTENV_LEASE in the JSON'
run 143 x sh -c 'mkfifo in2; exec 9<>in2; "$TESTENV_BIN" lease <in2 >url2 &
	while [ ! -s url2 ]; do sleep 0.02; done; kill -TERM $!; wait $!'
run 124 x sh -c 'mkfifo in3; exec 9<>in3
	"$TESTENV_BIN" lease --timeout 200ms <in3'
err_has "'lease' timed out after 0.2 s"
nothing_left held

# killed: the command goes, and the lease
run 0 x sh -c '"$TESTENV_BIN" lease --worker victim -- sh -c ": >ran
	sleep 60; : '"$mark"'" & while [ ! -e ran ]; do sleep 0.02; done
	kill -KILL $!; wait $! 2>/dev/null
	until [ -z "$("$TESTENV_BIN" status | grep victim)" ]; do sleep 0.02; done'
wait_for 30 not_marked || fail 'the command of a killed lease runs'
nothing_left killed

# signals are the command's
run 42 x sh -c '"$TESTENV_BIN" lease -- sh -c "trap \"exit 42\" TERM; : >up
	while :; do sleep 0.02; done" & while [ ! -e up ]; do sleep 0.02; done
	kill -TERM $!; wait $!'

# a session in the background; `status` inside shows it wherever one is
run 0 testenv up --db sqlite --migrations mig
run 0 testenv lease -- sql 'select x from t'
out_is 7
run 0 testenv lease --session "$(sessions)" -- sh -c 'cd / &&
	"$TESTENV_BIN" status'
out_has "^session $(sessions): ready"
out_has '^  databases: .* granted so far$'
out_has ' leased .* lease held by pid [0-9]+$'
run 0 testenv reset
# a session that ends under its leases
mkfifo in4
exec 8<>in4
"$TESTENV_BIN" lease <in4 >url4 2>err4 &
pid=$!
wait_for 60 test -s url4 || fail 'no lease'
run 0 testenv down
wait "$pid"
code=$?
exec 8<&-
[ "$code" = 125 ] || fail "a lease of an ended session: exit code $code"
[ "$(cat err4)" = 'testenv: the session has ended' ] ||
	fail "a lease of an ended session says: $(cat err4)"
# a lease in a lease is another one
run 0 x sh -c '"$TESTENV_BIN" lease -- sh -c "sql \"insert into t values (1)\"
	\"\$TESTENV_BIN\" lease -- sql \"select count(*) from t\"
	\"\$TESTENV_BIN\" lease -- \"\$TESTENV_BIN\" reset
	sql \"select count(*) from t\""'
out_is '1
2'
run 0 x sh -c 'cd / && "$TESTENV_BIN" status'
out_has '^session .*: ready'
nothing_left 'at the end'

finish
