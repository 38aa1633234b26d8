#!/bin/sh
# SPDX-License-Identifier: MIT
# The disk of the engine is filled under running servers, by an owner's own rows
# and by others. A reset and the next owner's database are right then, or end
# with one error that names the disk; with room again both are right, without
# another word. So with a server that ended under its owners.
# shellcheck disable=SC2016,SC2317 # for inner shells; called by a trap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"

for tool in jq mariadb psql; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
engine_up docker-small
DOCKER_HOST=$up
export DOCKER_HOST
disk=$engines_dir/docker-small/data
export disk
trap '"$engines/down" docker-small >/dev/null 2>&1; rm -rf "$tmp"' EXIT
give_images "$up"
mkdir m
cat >m/1.sql <<'EOT'
create table a (x int);
insert into a values (7);
create table big (x int, y varchar(300));
EOT

cat >sql.sh <<'EOT'
case $TESTENV_DIALECT in
postgres)
	sql() { psql -qAtc "$1"; }
	rows='generate_series(1, 400000) i'
	;;
mariadb)
	sql() { mariadb -u"$MYSQL_USER" -Ne "$1" "$MYSQL_DATABASE"; }
	rows='(select seq as i from seq_1_to_400000) s'
	;;
esac
# fill KILOBYTES: what is left
fill() {
	# others make room meanwhile, and take it
	for n in 1 2 3 4 5 6; do
		free=$(df --output=avail -k "$disk" | tail -n 1)
		[ "$free" -le $(($1 + 64)) ] || fallocate \
			-l $((free - $1))k "$disk/filler$1-$n" 2>/dev/null
	done
}
room() {
	rm -f "$disk"/filler*
}
EOT
# suite KILOBYTES-LEFT-TO-THE-OWNER: his reset and the next owner's database on
# a disk that stays full, and afterwards
cat >suite <<'EOT'
. ./sql.sh
trap room EXIT
sql 'insert into a values (8)' || exit 90
fill "$1"
sql "insert into big select i, repeat('x', 300) from $rows" 2>/dev/null &&
	exit 91
fill 0
timeout 100 "$TESTENV_BIN" reset 2>reset.err
echo "reset: $?"
timeout 100 "$TESTENV_BIN" lease --wait 3s -- sh -c '. ./sql.sh
	sql "select x from a"' \
	2>lease.err | sed 's/^/next: /'
room
"$TESTENV_BIN" reset || exit 92
sql 'select x from a' || exit 93
"$TESTENV_BIN" lease -- sh -c '. ./sql.sh; sql "select x from a"' || exit 94
sql 'insert into a values (9); select count(*) from big'
EOT
says_full() {
	grep -Eq "^testenv: .*the engine's disk is full: " "$2" ||
		fail "$1: $(cat "$2")"
	[ "$(grep -c '^testenv: ' "$2")" = 1 ] || fail "$1: $(cat "$2")"
}
there_is_nothing() {
	[ "$(api "$up" '/containers/json?all=1')" = '[]' ] ||
		fail "$1: containers: $(api "$up" '/containers/json?all=1')"
	nothing_left "$1"
}
# full DIALECT ISOLATION KILOBYTES
full() {
	run 0 "$TESTENV_BIN" exec --db "$1" --require container --workers 1 \
		--isolation "$2" --migrations m -- sh suite "$3"
	case_is="$1, $2, $3k"
	[ -z "${CRASH_SHOW:-}" ] || {
		echo "=== $case_is"
		cat out err reset.err lease.err
	}
	[ "$(grep -c '^7$' out)" = 2 ] || fail "$case_is: not right afterwards"
	[ "$(tail -n 1 out)" = 0 ] || fail "$case_is: rows stayed"
	if ! grep -qx 'reset: 0' out; then
		grep -qx 'reset: 15' out || fail "$case_is: reset: $(cat reset.err)"
		says_full "$case_is: reset" reset.err
	fi
	# a database that was there already is his, whose server may have no
	# room for a connection
	if grep -q '^testenv: ' lease.err; then
		says_full "$case_is: the next owner" lease.err
	else
		next=$(grep '^next: ' out)
		[ "$next" = 'next: 7' ] || [ -z "$next" ] ||
			fail "$case_is: the next owner has '$next'"
	fi
	there_is_nothing "$case_is"
}
run 0 "$TESTENV_BIN" exec --db postgres --require container --migrations m -- true
run 0 "$TESTENV_BIN" exec --db mariadb --require container --migrations m -- true
for db in postgres mariadb; do
	for isolation in database container; do
		for left in ${DISK_LEFT:-3000}; do
			full "$db" "$isolation" "$left"
		done
	done
done

# the one server of all ends under its owners: with the next reset all of them
# have another, and so has the next owner
cat >ended <<'EOT'
. ./sql.sh
sql 'insert into a values (8)' && "$TESTENV_BIN" lease -- true || exit 90
curl -fsS --unix-socket "${DOCKER_HOST#unix://}" -X POST \
	"http://d/containers/testenv-$TESTENV_SESSION-db-shared/kill" || exit 91
"$TESTENV_BIN" reset || exit 92
sql 'select x from a' || exit 93
"$TESTENV_BIN" lease -- sh -c '. ./sql.sh; sql "select x from a"'
EOT
for db in postgres mariadb; do
	run 0 "$TESTENV_BIN" exec --db $db --require container --workers 1 \
		--isolation database --migrations m -- sh ended
	out_is "$(printf '7\n7')"
	there_is_nothing "$db ended"
done
finish
