# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2317,SC2034,SC2154 # called, used and given elsewhere
# crash_existing.sh - SIGKILL at the steps of a session on a server that is not
# testenv's, beside another's that lives; sourced by tests/live/crash_existing_*
# when the server runs.
mkdir m
echo 'create table a (x int); insert into a values (7);' >m/1.sql
cat >suite <<'EOF'
case $TESTENV_DIALECT in
postgres) sql() { psql -qAtc "$1"; } ;;
mariadb) sql() { mariadb -u"$MYSQL_USER" -Ne "$1" "$MYSQL_DATABASE"; } ;;
esac
sql 'insert into a values (8)' && "$TESTENV_BIN" reset >/dev/null &&
	sql 'select x from a'
EOF
right=7

# another session, of another runtime directory, holds a database with a row of
# its own
mkdir other
mkdir -m 700 other/run
cat >hold.sh <<'EOF'
case $TESTENV_DIALECT in
postgres) sql() { psql -qAtc "$1"; } ;;
mariadb) sql() { mariadb -u"$MYSQL_USER" -Ne "$1" "$MYSQL_DATABASE"; } ;;
esac
sql 'insert into a values (9)' && touch held
until [ -e enough ]; do sleep 0.1; done
sql 'select sum(x) from a'
EOF
XDG_RUNTIME_DIR=$PWD/other/run TESTENV_CACHE_DIR=$PWD/other/cache \
	"$TESTENV_BIN" exec --db "$url" --migrations m -- sh hold.sh \
	>held.out 2>held.err </dev/null &
holder=$!
wait_for 60 test -e held || fail "no other session: $(cat held.err)"
other=$(ls other/run/testenv)

none_but_others() {
	! sessions_of | grep -qv "^testenv_s_${other}_"
}
after_kill() {
	cleared "$1"
	wait_for 60 none_but_others || fail "$1: left: $(databases)"
	databases | grep -qx testenv_precious || fail "$1: another's was dropped"
}
forget() {
	[ -z "${bin:-}" ] || for db in $(databases | grep '^testenv_t_'); do
		sql "alter database $db is_template false"
		sql "drop database $db with (force)"
	done
}
kill_run "$1" "$2" "$TESTENV_BIN" exec --db "$url" --workers 1 --migrations m \
	-- sh suite "$mark"
touch enough
wait "$holder" || fail "the other session: $(cat held.err)"
[ "$(cat held.out)" = 16 ] || fail "the other session has $(cat held.out)"
clean 'the other session'
