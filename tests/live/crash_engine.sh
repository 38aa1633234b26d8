#!/bin/sh
# SPDX-License-Identifier: MIT
# The engine is killed at the steps of a session: making the template,
# publishing it, starting servers from it, bringing databases back, ending. The
# session ends by itself, with what it was asked for or with one error that
# names the engine; once that is there again, a collection leaves nothing, and
# the next run is right. With CRASH_FULL=1 at every step.
# shellcheck disable=SC2016,SC2317 # for inner shells; called by a trap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
# shellcheck source=../support/crash.sh
. "$SOURCE_DIR/tests/support/crash.sh"

command -v mariadb >/dev/null || skip 'no mariadb'
engine_up docker-small
DOCKER_HOST=$up
export DOCKER_HOST
dir=$engines_dir/docker-small
trap '"$engines/down" docker-small >/dev/null 2>&1; rm -rf "$tmp"' EXIT
give_images "$up"
mkdir m
echo 'create table a (x int); insert into a values (7);' >m/1.sql
# each way back: a row, a definition, a server that is no more as it was
cat >suite <<'EOT'
case $TESTENV_DIALECT in
postgres)
	sql() { psql -qAtc "$1"; }
	beside='create role other'
	;;
mariadb)
	sql() { mariadb -u"$MYSQL_USER" -Ne "$1" "$MYSQL_DATABASE"; }
	beside='create database other'
	;;
esac
sql 'insert into a values (8)' && "$TESTENV_BIN" reset >/dev/null &&
	sql 'alter table a add y int' && "$TESTENV_BIN" reset >/dev/null ||
	exit 99
[ "$1" = database ] || { sql "$beside" && "$TESTENV_BIN" reset; } || exit 99
sql 'select x from a' && "$TESTENV_BIN" lease --wait 5s -- true || exit 99
EOT
right=7
# requests: statements do not ask the engine
steps_of=net

there_is_nothing() {
	[ "$(api "$up" '/containers/json?all=1')" = '[]' ] ||
		fail "$1: containers: $(api "$up" '/containers/json?all=1' |
			jq -r '.[].Names[0]')"
	[ "$(api "$up" /volumes | jq '.Volumes | length')" = 0 ] ||
		fail "$1: volumes: $(api "$up" /volumes)"
	[ "$(api "$up" /images/json -G --data-urlencode \
		'filters={"dangling":["true"]}')" = '[]' ] ||
		fail "$1: images without a name"
	[ "$(api "$up" /images/json | grep -c testenv/private)" = 0 ] ||
		fail "$1: a private template"
	nothing_left "$1"
	[ -z "$(find "$XDG_RUNTIME_DIR" -name 'template-*')" ] ||
		fail "$1: a lock is left"
}
# killed_at STEP WHAT COMMAND...
killed_at() {
	step=$1 where="$2, step $1"
	shift 2
	rm -f steps
	began=$(date +%s)
	timeout -k 5 150 env KILL_AT="$step" KILL_PID="$(cat "$dir/pid")" \
		KILL_STEPS="$steps_of" KILL_LOG="$tmp/steps" LD_PRELOAD="$killer" \
		"$@" >out 2>err </dev/null
	code=$?
	alive=yes
	[ "$(wc -l <steps)" -lt "$step" ] || alive=
	where="$where ($(sed -n "s/^$step //p" steps))"
	[ -z "${CRASH_SHOW:-}" ] || {
		echo "=== $where: exit code $code"
		cat err
	}
	after=$(($(date +%s) - began))
	[ -z "${CRASH_SHOW:-}" ] || echo "after $after s"
	case $code in
	0) [ "$(cat out)" = "$right" ] || fail "$where: got '$(cat out)'" ;;
	125 | 99)
		[ "$(grep -c '^testenv: .*engine' err)" -ge 1 ] ||
			fail "$where: the engine is not named"
		;;
	*) fail "$where: exit code $code" ;;
	esac
	# this run may have had fewer
	[ -n "$alive" ] || "$engines/docker-small-up" again >log 2>&1 || {
		cat log
		fail 'the engine does not come up again'
		finish
	}
	testenv gc >gc.out 2>gc.err || fail "$where: gc: $(cat gc.out gc.err)"
	there_is_nothing "$where"
	"$@" >out 2>err </dev/null || fail "$where: the next run"
	[ "$(cat out)" = "$right" ] || fail "$where: the next run is wrong"
	there_is_nothing "$where: the next run"
}
# named NAME...: the numbers of those steps, each the first of its name; all
# with CRASH_FULL
named() {
	[ -z "${CRASH_FULL:-}" ] || {
		seq "$(wc -l <counted)"
		return
	}
	for name; do
		found=$(grep -m 1 "$name" counted) || fail "no step '$name'"
		echo "${found%% *}"
	done
}
# x WHAT BEFORE NAMES COMMAND...: killed at the steps of these names, each time
# BEFORE is called first
x() {
	what_run=$1 before=$2 tried=0
	# shellcheck disable=SC2086 # words
	set -f && names=$3 && set +f
	shift 3
	$before
	KILL_STEPS=$steps_of
	export KILL_STEPS
	count "$what_run" "$@"
	unset KILL_STEPS
	mv steps counted
	# shellcheck disable=SC2086 # words
	for point in $(named $names); do
		$before
		killed_at "$point" "$what_run" "$@"
		tried=$((tried + 1))
	done
	echo "$what_run: the engine was killed at $tried of $count steps"
}
# the template is made; it is there
cold() {
	testenv cache remove --all >/dev/null 2>&1
}
warm() {
	:
}
# session DIALECT ISOLATION cold|warm NAMES [OPTION...]
session() {
	db=$1 isolation=$2 first=$3 steps_named=$4
	shift 4
	x "$db, isolation $isolation, $first${*:+ }$*" "$first" "$steps_named" \
		"$TESTENV_BIN" exec --db "$db" --require container \
		--workers 1 --isolation "$isolation" --migrations m "$@" -- \
		sh suite "$isolation" "$mark"
}
session postgres container cold 'after.*/create after.*/commit'
session postgres container warm 'after.*/start'
session postgres container warm 'before.DELETE' --no-cache
session mariadb database cold 'before.*/commit'
session mariadb database warm 'before.DELETE'
[ -z "${CRASH_FULL:-}" ] || {
	session mariadb container warm ''
	session postgres database warm ''
	steps_of=net,sql
	session mariadb database warm ''
	session postgres container warm ''
}
finish
