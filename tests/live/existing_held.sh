#!/bin/sh
# SPDX-License-Identifier: MIT
# Prepared transactions (XA) on a MariaDB server that is not testenv's: they
# outlive their connections, and hold a slot's database.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/existing.sh
. "$SOURCE_DIR/tests/support/existing.sh"

start_mariadb
mkdir migrations
echo 'create table a (x int); insert into a values (7);' >migrations/001.sql
cat >hold <<'EOS'
mariadb -umaker -e "xa start '$1'; insert into a values (8); xa end '$1';
	xa prepare '$1'" app
EOS
cat >look <<'EOS'
mariadb -umaker -Ne 'select x from a' app
EOS
x() {
	run 0 testenv exec --db "$maker" --migrations migrations --workers 1 \
		-- sh -ec "$1"
}

# whose they are cannot be told: none is rolled back, and the slot goes on with
# another database
sql "create table testenv_precious.t (x int) engine = innodb;
	xa start 'other'; insert into testenv_precious.t values (1);
	xa end 'other'; xa prepare 'other'"
x 'sh hold mine; "$TESTENV_BIN" reset; sh look
	mariadb -umaker -e "insert into a values (9)" app
	"$TESTENV_BIN" reset; sh look
	mariadb -umaker -e "xa rollback '\''mine'\''" app'
out_is "$(printf '7\n7')"
err_has "^testenv: slot 0 gets another database: .*database 'testenv_s_.*_0' \
is held by a prepared transaction, one of '(mine', 'other|other', 'mine)': "
[ "$(sql 'xa recover' | cut -f 4)" = other ] || fail 'it did not stay'
clean 'held'

# one that is left holds its database for as long as it is there
x 'sh hold mine'
err_has "databases are left on '.*': database 'testenv_s_.*_0' is held by a \
prepared transaction, one of "
sql "xa rollback 'mine'; xa rollback 'other'"
x 'sh look'
out_is 7
clean 'left'
finish
