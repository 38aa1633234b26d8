#!/bin/sh
# SPDX-License-Identifier: MIT
# Local servers on a disk that is full: while the template is made, while it is
# copied, while a database is brought back. Each is said in one line that names
# the disk, nothing is left of it, and with room again the next is right.
# shellcheck disable=SC2016,SC2317 # for inner shells; called below
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/local.sh
. "$SOURCE_DIR/tests/support/local.sh"

need_programs postgres
need_programs mariadb
mkdir m
mkdir -m 711 "$TESTENV_CACHE_DIR"
if [ "$(id -u)" != 0 ] || ! unshare -m mount -t tmpfs none m 2>/dev/null; then
	skip 'no mounts here, so no disk can be full'
fi
cat >m/1.sql <<EOF
create table a (x int);
insert into a values (7);
create table big (x int, y varchar(300));
EOF

# on SIZE COMMAND...: with so much room for all data; what is left of it goes to
# the file left; and what failed is run again with enough
cat >on <<'EOF'
mount -t tmpfs -o "mode=711,size=$1" none "$TESTENV_CACHE_DIR" || exit 99
shift
"$@"
code=$?
find "$TESTENV_CACHE_DIR" -type f >left
[ "$code" != 0 ] || exit 0
mount -o remount,size=400m "$TESTENV_CACHE_DIR"
"$@" >again 2>&1
echo "exit code $?" >>again
exit "$code"
EOF
on() {
	unshare -m sh on "$@"
}
# full SIZE DIALECT: too little for the template
full() {
	run 125 on "$1" "$TESTENV_BIN" exec --db "$2" --backend local \
		--migrations m -- true
	err_has "^testenv: template of 'db': the disk of '$TESTENV_CACHE_DIR/[^']*' is full: "
	err_has "^hint: make room on it: 'testenv gc --cache-size 0'"
	[ ! -s left ] || fail "$2 in $1: left: $(cat left)"
	grep -qx 'exit code 0' again || fail "$2 in $1, again: $(cat again)"
	no_server "$2 in $1"
	nothing_left "$2 in $1"
}
full 10m postgres
full 30m postgres
full 30m mariadb

# the template fits, its copy does not
run 15 on 90m "$TESTENV_BIN" up --db postgres --backend local --migrations m
err_has "^testenv: start 'db' for slot 0: cannot copy '.*': No space left on"
! grep -v "$TESTENV_CACHE_DIR/local/" left || fail 'up: more than a template'
grep -qx 'exit code 0' again || fail "up, again: $(cat again)"
run 0 testenv down
no_server up

# a reset without room either works or says so, and the next has room
cat >suite <<'EOF'
case $TESTENV_DIALECT in
postgres)
	sql() { psql -qAtc "$1"; }
	rows='generate_series(1, 100000) i'
	;;
mariadb)
	sql() { mariadb -u"$MYSQL_USER" -Ne "$1" "$MYSQL_DATABASE"; }
	rows='(select seq as i from seq_1_to_100000) s'
	;;
esac
sql 'insert into a values (8)' || exit 1
for size in 64k 1k; do
	dd if=/dev/zero of="$TESTENV_CACHE_DIR/filler$size" bs=$size
done 2>/dev/null
sql "insert into big select i, repeat('x', 300) from $rows" 2>/dev/null &&
	exit 2
"$TESTENV_BIN" reset 2>reset.err
echo "full: $?"
rm "$TESTENV_CACHE_DIR"/filler*
"$TESTENV_BIN" reset || exit 3
sql 'select x from a'
EOF
for db in postgres mariadb; do
	run 0 on 220m "$TESTENV_BIN" exec --db $db --backend local --workers 1 \
		--isolation database --migrations m -- sh suite
	out_has '^7$'
	out_has_not '^8$'
	if ! grep -q '^full: 0' out; then
		out_has '^full: 15$'
		grep -q "^testenv: reset failed: .*the disk of '.*' is full: " \
			reset.err || fail "$db: reset: $(cat reset.err)"
	fi
	no_server "$db: reset"
	nothing_left "$db: reset"
done
finish
