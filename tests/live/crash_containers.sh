#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGKILL at the steps of a session that clones databases in containers, and
# brings them back. (Those of building an image: cache_crash.sh.) With
# CRASH_FULL=1 at every step.
# shellcheck disable=SC2016,SC2317 # for inner shells; called by kill_run
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/crash.sh
. "$SOURCE_DIR/tests/support/crash.sh"

for tool in curl mariadb; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
for db in postgres mariadb; do
	# not to be kept, nor to be forgotten below: others have the same one
	testenv exec --db "$db" --require container --fallback none \
		--no-cache -- true >out 2>err </dev/null ||
		skip "no $db in a container here: $(tail -n 1 err)"
done
mkdir m
echo "create table a (x int); insert into a values (7); -- $mark" >m/1.sql
cat >suite <<'EOF'
case $TESTENV_DIALECT in
postgres) sql() { psql -qAtc "$1"; } ;;
mariadb) sql() { mariadb -u"$MYSQL_USER" -Ne "$1" "$MYSQL_DATABASE"; } ;;
esac
sql 'insert into a values (8)' && "$TESTENV_BIN" reset >/dev/null &&
	sql 'alter table a add y int' && "$TESTENV_BIN" reset >/dev/null &&
	sql 'select x from a'
EOF
right=7
containers_here() {
	engine -G -d all=1 --data-urlencode \
		"filters={\"label\":[\"dev.testenv.project=$tmp\"]}" \
		http://engine/containers/json | jq -r '.[].Names[0]'
}
no_container() {
	[ -z "$(containers_here)" ]
}
after_kill() {
	cleared "$1"
	wait_for 60 no_container || fail "$1: left: $(containers_here)"
}
# --all: those used from here; the list has other tests' on the engine as well
forget() {
	testenv cache remove --all >/dev/null 2>&1
}
trap 'forget; rm -rf "$tmp"' EXIT
for db in postgres mariadb; do
	set -- "$TESTENV_BIN" exec --db "$db" --backend container --workers 1 \
		--isolation database --migrations m -- sh suite "$mark"
	count "$db" "$@"
	count "$db" "$@"
	kill_between 10 "$count" 2 "$db" true "$@"
done
finish
