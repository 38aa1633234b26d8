#!/bin/sh
# SPDX-License-Identifier: MIT
# MariaDB on a server that is not testenv's.
# shellcheck disable=SC2016,SC2317 # for the inner shells; called below
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/existing.sh
. "$SOURCE_DIR/tests/support/existing.sh"

start_mariadb
mkdir migrations
echo 'create table a (x int); insert into a values (7);' >migrations/001.sql
x() {
	testenv exec --db "$url" --migrations migrations "$@"
}

run 0 x --workers 2 -- sh -c 'echo "$TESTENV_BACKEND"
	seq 6 | xargs -P3 -I{} mariadb -udev -Ne \
	"insert into a values ({}); select count(*) from a" app'
out_has '^server$'
[ "$(grep -cx 2 "$tmp/out")" = 6 ] || fail "$what: not six answers"
clean 'first run'
run 0 testenv exec --db "mariadb://root@localhost/?unix_socket=$data/s" \
	--migrations migrations -- mariadb -uroot -Ne 'select x from a' app
out_is 7

run 125 testenv exec --db "$poor" -- true
err_has "service 'db': user 'poor' may not make databases on '127.0.0.1:$port'"
err_has '^hint: as an administrator: GRANT ALL ON `testenv\\_%`.\* TO .poor.'
run 125 x --workers 400 -- true
err_has "takes [0-9]* connections, and 400 workers need 404"

# killed, with its watchdog: gc
"$TESTENV_BIN" exec --db "$url" --workers 2 --migrations migrations -- \
	sh -c 'echo $$ >command; sleep 60' >"$tmp/out" 2>"$tmp/err" </dev/null &
pid=$!
wait_for 60 test -s command || fail 'the command does not run'
# shellcheck disable=SC2046 # one word each
kill -KILL "$pid" $(pgrep -P "$pid" testenv-watch) "$(cat command)"
wait "$pid" 2>/dev/null
[ -n "$(sessions_of)" ] || fail 'no database was left to collect'
run 0 testenv gc
clean 'killed with its watchdog'
finish
