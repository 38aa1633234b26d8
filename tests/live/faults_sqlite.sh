#!/bin/sh
# SPDX-License-Identifier: MIT
# What can be wrong with a machine or a project, on files: each is said, and
# nothing is left of it.
# shellcheck disable=SC2016,SC2317 # for inner shells; called below
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"

x() {
	testenv exec --db sqlite --backend sqlite "$@"
}
up() {
	testenv up --db sqlite --backend sqlite "$@"
}
templates() {
	ls "$TESTENV_CACHE_DIR/sqlite" 2>/dev/null
}
# nothing_kept WHAT: no session, and no template but those there before
nothing_kept() {
	nothing_left "$1"
	[ "$(templates)" = "$before" ] || fail "$1: kept: $(templates)"
}
mkdir migrations empty

# a statement that is wrong, on line 37 of the second file
echo 'create table a (x int);' >migrations/001.sql
for i in $(seq 36); do
	echo "-- line $i"
done >migrations/002.sql
echo 'create tabel b (x int);' >>migrations/002.sql
before=$(templates)
run 11 up --migrations migrations
err_has "^testenv: template of 'db': $tmp/migrations/002.sql:37: near \"tabel\""
err_has '^  create tabel b \(x int\);$'
nothing_kept 'up with a wrong migration'
run 125 x --migrations migrations -- touch ran
err_has "^testenv: template of 'db': $tmp/migrations/002.sql:37: "
[ ! -e ran ] || fail "$what: it ran"
nothing_kept 'exec with a wrong migration'

# none at all
run 3 up --migrations empty
err_has "no migrations for sqlite in '$tmp/empty': it holds no \*.sql"
run 125 x --migrations empty -- true
run 3 up --migrations missing
err_has "'$tmp/missing'"
run 3 up --seed missing.sql
err_is "testenv: service 'db': no seed file '$tmp/missing.sql'"
run 125 x --seed missing.sql -- true
nothing_kept 'nothing to migrate'

# two at the same moment: both get it, and what one made is used by all
rm migrations/002.sql
cat >migrations/002.sql <<EOF
create table big (x int);
with recursive c(n) as (select 1 union all select n + 1 from c where n < 400000)
	insert into big select n from c;
EOF
pids=
for i in 1 2 3; do
	x --migrations migrations -- sh -c 'sqlite3 "${DATABASE_URL#sqlite:///}" \
		"select count(*) from big"' >"out$i" 2>"err$i" </dev/null &
	pids="$pids $!"
done
for pid in $pids; do
	wait "$pid" || fail 'one of three at once failed'
done
[ "$(cat out1 out2 out3)" = "$(printf '400000\n400000\n400000')" ] ||
	fail 'one of three at once has another database'
template=$TESTENV_CACHE_DIR/sqlite/$(templates)
[ "$(templates | wc -l)" = 1 ] || fail "more than a template: $(templates)"

# one that is cut, torn or something else is noticed, and made again
stat -c %s "$template" >size
harm() {
	case $1 in
	cut) truncate -s -1 "$template" ;;
	short) truncate -s 5000 "$template" ;;
	empty) : >"$template" ;;
	torn) dd if=/dev/zero of="$template" conv=notrunc bs=4096 count=1 ;;
	other) cp "$SOURCE_DIR/LICENSE" "$template" ;;
	esac 2>/dev/null
}
for way in cut short empty torn other; do
	chmod 600 "$template"
	harm "$way"
	run 0 x --migrations migrations -- sh -c 'sqlite3 \
		"${DATABASE_URL#sqlite:///}" "select count(*) from big"'
	out_is 400000
	err_is "testenv: template '$template' is damaged, it is made again"
	[ "$(stat -c %s "$template")" = "$(cat size)" ] ||
		fail "$way: the template is not as before"
done
inode=$(stat -c %i "$template")
run 0 x --migrations migrations -- true
err_is ''
[ "$(stat -c %i "$template")" = "$inode" ] || fail 'made again for nothing'

# one with a log of its own, and an empty one, are no damage
mkdir wal
echo 'pragma journal_mode = wal; create table t (x int);
insert into t values (1);' >wal/1.sql
run 0 x --migrations wal -- true
run 0 x --migrations wal -- true
err_is ''
run 0 x -- true
run 0 x -- true
err_is ''

# killed while it makes one: nothing usable is there, and the next makes it
before=$(templates)
echo "-- $mark" >>migrations/002.sql
for delay in 0.03 0.06 0.1 0.15; do
	"$TESTENV_BIN" exec --db sqlite --backend sqlite --migrations migrations \
		-- sleep 60 >out 2>err </dev/null &
	pid=$!
	sleep "$delay"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	nothing_left "killed in a template, after $delay s"
done
run 0 x --migrations migrations -- sh -c 'sqlite3 \
	"${DATABASE_URL#sqlite:///}" "select count(*) from big"'
out_is 400000

# directories: full, read-only
if [ "$(id -u)" != 0 ] || ! unshare -m mount -t tmpfs none empty 2>/dev/null
then
	echo 'no mounts here: full and read-only directories are left out'
	finish
fi
# on OPTIONS DIRECTORY COMMAND...: with a file system of its own there; what
# is in it afterwards goes to the file left
on() {
	# shellcheck disable=SC2094
	unshare -m sh -c 'options=$1 dir=$2
		shift 2
		mount -t tmpfs -o "mode=700,$options" none "$dir" || exit 99
		"$@"
		code=$?
		find "$dir" ! -type d >left
		exit "$code"' sh "$@"
}
exec_small="$TESTENV_BIN exec --db sqlite --backend sqlite"
# shellcheck disable=SC2086 # words
{
	run 125 on size=1m "$TESTENV_CACHE_DIR" $exec_small \
		--migrations migrations -- true
	err_has "^testenv: template of 'db': .*/002.sql:2: .*disk is full"
	[ ! -s left ] || fail "full cache: left: $(cat left)"
	nothing_left 'full cache'

	# the template fits, its copies do not
	run 125 on size=12m "$TESTENV_CACHE_DIR" $exec_small --workers 4 \
		--migrations migrations -- true
	err_has "^testenv: start 'db' for slot [0-3]: .*No space left on device"
	# the template, and the note of its use
	[ "$(wc -l <left)" = 2 ] || fail "full with copies: left: $(cat left)"
	nothing_left 'full with copies'

	# a reset without room leaves no rows of the owner's, and can be tried
	# again; who has the file open keeps its room, too
	cat >suite <<-'EOF'
		f=${DATABASE_URL#sqlite:///}
		sqlite3 "$f" 'insert into big select x from big' 2>/dev/null
		exec 3<"$f"
		dd if=/dev/zero of="$TESTENV_CACHE_DIR/filler" bs=4k 2>/dev/null
		"$TESTENV_BIN" reset 2>reset.err
		echo "reset: $?"
		sqlite3 "$f" 'select count(*) from big' 2>/dev/null
		"$TESTENV_BIN" reset 2>again.err
		echo "again: $?"
		exec 3<&-
		rm "$TESTENV_CACHE_DIR/filler"
		"$TESTENV_BIN" reset && sqlite3 "$f" 'select count(*) from big'
		"$TESTENV_BIN" lease -- sh -c 'sqlite3 \
			"${DATABASE_URL#sqlite:///}" "select count(*) from big"'
	EOF
	for owner in auto command; do
		run 0 on size=24m "$TESTENV_CACHE_DIR" $exec_small \
			--owner "$owner" --migrations migrations -- sh suite
		out_is "$(printf 'reset: 15\nagain: 15\n400000\n400000')"
		for f in reset.err again.err; do
			[ "$(grep -c 'cannot copy .*: No space left on device$' \
				$f)" = 1 ] || fail "$f: $(cat $f)"
		done
		nothing_left "a reset without room, owner $owner"
	done

	run 125 on size=4k "$XDG_RUNTIME_DIR" sh -c \
		"echo >$XDG_RUNTIME_DIR/filled; $exec_small -- true"
	err_has '^testenv: new session: .*No space left on device'
	[ "$(cat left)" = "$XDG_RUNTIME_DIR/filled" ] ||
		fail "full runtime directory: left: $(cat left)"

	run 0 on ro "$TESTENV_CACHE_DIR" $exec_small --migrations migrations -- \
		sh -c 'sqlite3 "${DATABASE_URL#sqlite:///}" \
		"select count(*) from big"'
	out_is 400000
	err_is "testenv: cannot write to cache '$TESTENV_CACHE_DIR/sqlite': this \
session's template is not kept"
	nothing_left 'read-only cache'

	run 0 on ro "$XDG_RUNTIME_DIR" $exec_small -- sh -c \
		'echo "$TESTENV_SESSION"'
	[ ! -e "/tmp/testenv-0/$(cat out)" ] || fail 'left in /tmp'
}

finish
