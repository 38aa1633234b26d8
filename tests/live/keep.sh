#!/bin/sh
# SPDX-License-Identifier: MIT
# What --keep leaves behind: one database, in a session that can be used and
# ended like any other, and nothing where nobody asked for it.
set -u
# shellcheck source=lib.sh
. "$SOURCE_DIR/tests/live/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
command -v sqlite3 >/dev/null || skip "no sqlite3"
# whatever fails on the way
trap 'testenv down --all >/dev/null 2>&1; rm -rf "$tmp"' EXIT

mkdir migrations
echo 'create table t (name text)' >migrations/1.sql
cat >own <<'E2'
#!/bin/sh
# own NAME: a row of that name must be the only one
case $DATABASE_URL in
sqlite:*) set -- "$1" sqlite3 "${DATABASE_URL#sqlite:///}" ;;
*) set -- "$1" psql -XqAt "$DATABASE_URL" ;;
esac
name=$1
shift
echo "insert into t values ('$name'); select name from t;" | "$@" >"rows.$name"
[ "$(cat "rows.$name")" = "$name" ]
E2
chmod +x own
printf 'all: a b\na b:\n\t./own $@ && test $@ = a\n' >Makefile

# called through run
# shellcheck disable=SC2317
keeping() {
	testenv exec --migrations migrations "$@"
}
# kept OWNER ROW SERVICE.SLOT: the only session there is
kept() {
	id=$(sessions)
	err_has "^testenv: '$3', the database of '$1', is kept until nobody has used it for 1h: testenv shell --session $id $3\$"
	err_has "^testenv: 'testenv down --session $id' removes what is kept\$"
	run 0 testenv status
	out_has "^session $id: ready"
	run 0 testenv shell --session "$id" -c 'select name from t' "$3"
	out_has "^ *$2\$"
}
gone() {
	run 0 testenv down --session "$id"
	nothing_left "$1" "$id"
}

# The command itself; another one with the same settings has nothing of it.
run 3 keeping --db sqlite --keep failure -- sh -c './own one && exit 3'
kept master one db.1
run 0 keeping --db sqlite -- ./own two
run 0 testenv gc --host unix:///nowhere.sock
[ "$(sessions)" = "$id" ] || fail "gc removed what is kept"
# not without its name, and then all of it
run 0 testenv down
[ "$(sessions)" = "$id" ] || fail "down removed what was not named"
gone "what was kept"

# Of a runner's children the one that failed, while the others go on.
run 2 keeping --db sqlite --keep failure -- make -s -k -j2
kept sh b "$(sed -n "s/^testenv: '\(db.[0-9]*\)', the.*/\1/p" "$tmp/err")"
gone "what was kept of make's"

# Always, and by --all.
run 0 keeping --db sqlite --keep always -- ./own four
kept master four db.1
run 0 testenv down --all
nothing_left "down --all" "$id"

# Nobody asked, or there is nothing.
run 0 keeping --db sqlite --keep failure -- ./own three
[ ! -s "$tmp/err" ] || fail "success says something"
nothing_left "success"
run 127 keeping --db sqlite --keep always -- no-such-command
nothing_left "no command"
run 1 keeping --db sqlite --backend sqlite --keep failure --workers 2 -- \
	sh -c './own eight && exit 1'
kept master eight db.2
gone "one of several"

run 0 testenv up --migrations migrations --db sqlite
run 1 keeping --db sqlite --keep failure -- sh -c './own nine; exit 1'
err_is "testenv: nothing is kept: the session was there before the command"
run 0 testenv down
nothing_left "a session that was there"

# Whoever kills exec wants nothing of it.
"$TESTENV_BIN" exec --migrations migrations --db sqlite --keep always -- \
	sh -c "./own five; : $mark; sleep 600" >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_for 60 test -s rows.five || fail "no command runs"
kill -9 "$pid"
wait "$pid" 2>/dev/null
nothing_left "SIGKILL"

# A server.
if engine http://engine/_ping >/dev/null && command -v psql >/dev/null; then
	run 1 keeping --db postgres --require container --keep failure -- \
		sh -c './own six; exit 1'
	kept master six db.0
	gone "a server that was kept"
	run 0 keeping --db postgres --require container --keep failure -- \
		./own seven
	nothing_left "a server, success"
else
	echo "no engine or no psql: files only"
fi
finish
