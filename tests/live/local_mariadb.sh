#!/bin/sh
# SPDX-License-Identifier: MIT
# MariaDB without an engine: this machine's own programs.
# shellcheck disable=SC2016,SC2317 # for the inner shells; called below
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/local.sh
. "$SOURCE_DIR/tests/support/local.sh"

need_programs mariadb
mkdir migrations
echo 'create table a (x int); insert into a values (7);' >migrations/001.sql
x() {
	testenv exec --db mariadb --backend local --migrations migrations "$@"
}
sql='mariadb -u"$MYSQL_USER" -N "$MYSQL_DATABASE" -e'

# a temporary table of another server of his, which a new one would remove
others="/tmp/#sql-testenv-$$.MAI"
trap 'rm -rf "$tmp" "$others"' EXIT
touch "$others"
[ "$(id -u)" != 0 ] || chown nobody "$others"

run 0 x -- sh -c "$sql 'select version(); select x from a;
	select @@innodb_flush_log_at_trx_commit, @@skip_networking'"
out_has '^1[0-9]\.[0-9]*\.[0-9]*-MariaDB'
out_has '^7$'
out_has '^0	1$'
err_has "^testenv: made the template of 'db': 1 migration \(plain SQL\)\$"
nothing_left 'first run'
no_server 'first run'
[ -e "$others" ] || fail "$what: another server's temporary table is gone"

# each test its own database, in both ways; the second run migrates nothing
for isolation in container database; do
	run 0 x --isolation "$isolation" --workers 2 -- sh -c '
		for i in 1 2 3 4 5 6; do echo $i; done | xargs -P3 -I{} mariadb \
		-u"$MYSQL_USER" -N "$MYSQL_DATABASE" \
		-e "insert into a values ({}); select count(*) from a"'
	out_has_not '[^2]'
	[ "$(wc -l <"$tmp/out")" = 6 ] || fail "$what: not six answers"
	err_is ''
done
# nobody can name another's
run 0 x --isolation database --workers 2 -- sh -c '
	for i in 1 2 3 4; do echo $i; done | xargs -P4 -I{} sh -c "sleep 0.3
	mariadb -u\"$MYSQL_USER\" -Ne \"show databases\" |
	grep -cv information_schema"
	for n in 0 1 2 3; do mariadb -u"$MYSQL_USER" \
		-e "insert into app_$n.a values (1)" 2>&1 | sed "s/.*\(denied\).*/\1/"
	done | sort | uniq -c'
[ "$(grep -cx 1 "$tmp/out")" = 4 ] || fail "$what: others are seen"
out_has '^ *3 denied$'
nothing_left isolation
no_server isolation
# a command of the project's own comes by TCP
run 0 testenv exec --backend local --db mariadb --migrate \
	'mariadb --protocol=tcp -u"$MYSQL_USER" -e "create table c (x int)" app' \
	-- sh -c 'mariadb -u"$MYSQL_USER" -Ne "select count(*) from c" app'
out_is 0
nothing_left 'by a command'
finish
