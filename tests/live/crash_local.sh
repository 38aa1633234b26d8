#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGKILL at the steps of a session on local servers and on files: making the
# template, publishing it, copying it, bringing a database back, ending. With
# CRASH_FULL=1 at every step.
# shellcheck disable=SC2016,SC2317 # for inner shells; called by kill_run
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/crash.sh
. "$SOURCE_DIR/tests/support/crash.sh"
# shellcheck source=../support/local.sh
. "$SOURCE_DIR/tests/support/local.sh"

need_programs postgres
need_programs mariadb
mkdir m
echo 'create table a (x int); insert into a values (7);' >m/1.sql
# each way back: nothing changed, a row, a definition
cat >suite <<'EOF'
# $mark
case $TESTENV_DIALECT in
postgres) sql() { psql -qAtc "$1"; } ;;
mariadb) sql() { mariadb -u"$MYSQL_USER" -Ne "$1" "$MYSQL_DATABASE"; } ;;
sqlite) sql() { sqlite3 "${DATABASE_URL#sqlite:///}" "$1"; } ;;
esac
sql 'select 1' >/dev/null && "$TESTENV_BIN" reset >/dev/null &&
	sql 'insert into a values (8)' &&
	"$TESTENV_BIN" reset >/dev/null && sql 'alter table a add y int' &&
	"$TESTENV_BIN" reset >/dev/null && sql 'select x from a'
EOF
right=7

after_kill() {
	cleared "$1"
	no_server "$1"
	for f in "$TESTENV_CACHE_DIR"/local/* "$TESTENV_CACHE_DIR"/sqlite/*; do
		case $f in
		*.lock) fail "$1: '$f' is left" ;;
		esac
	done
}
forget() {
	rm -rf "$TESTENV_CACHE_DIR"
}
# x SAMPLE DIALECT OPTION...
x() {
	sample=$1 db=$2
	shift 2
	kill_run "$sample" "$db" "$TESTENV_BIN" exec --db "$db" "$@" \
		--migrations m -- sh suite "$mark"
}
x 1 postgres --backend local
x 2 mariadb --backend local --isolation database
x 4 sqlite --backend sqlite
finish
