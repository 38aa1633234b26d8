#!/bin/sh
# SPDX-License-Identifier: MIT
# Postgres without an engine: this machine's own programs.
# shellcheck disable=SC2016,SC2317 # for the inner shells; called below
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/local.sh
. "$SOURCE_DIR/tests/support/local.sh"

need_programs postgres
mkdir migrations
echo 'create table a (x int); insert into a values (7);' >migrations/001.sql
x() {
	testenv exec --db postgres --backend local --migrations migrations "$@"
}

# the real thing, and nothing of it afterwards
run 0 x -- psql -Atc 'show server_version_num; select x from a; show fsync'
out_has '^1[0-9]{5}$'
out_has '^7$'
out_has '^off$'
err_has "^testenv: made the template of 'db': [0-9]* migrations? "
nothing_left 'first run'
no_server 'first run'

# the second run migrates nothing
run 0 x -- sh -c 'echo "$TESTENV_BACKEND $TESTENV_DIALECT"; psql -Atc \
	"select x from a" -c "select usesuper from pg_user" \
	-c "select name from pg_settings where source = '\''configuration file'\''
	and name = '\''x'\''"; psql -d "$DATABASE_URL" -Atc "select 8"'
out_is "local postgres
7
t
8"
err_is ''
nothing_left 'second run'

# it listens on nothing but its socket
run 0 x -- psql -Atc 'show listen_addresses; show unix_socket_directories'
out_has "/"
run 0 x --transport unix -- psql -Atc 'select x from a'
out_is 7

# each test its own database, in both ways
for isolation in container database; do
	run 0 x --isolation "$isolation" --workers 2 -- sh -c '
		for i in 1 2 3 4 5 6; do echo $i; done | xargs -P3 -I{} psql \
		-qAtc "insert into a values ({}); select count(*) from a"'
	out_has_not '[^2]'
	[ "$(wc -l <"$tmp/out")" = 6 ] || fail "$what: not six answers"
done
nothing_left isolation

# a session that stays: its log and its shell
run 0 testenv up --db postgres --backend local --migrations migrations
run 0 testenv status
out_has 'backend local, program /.*/postgres, by unix socket'
run 0 testenv logs -n 3
out_has 'ready to accept connections'
run 0 testenv shell -c 'select x + 1 from a'
out_has 8
run 19 testenv shell --inside -c 'select 1'
err_is "testenv: service 'db' is not in a container"
run 0 testenv down
nothing_left 'up and down'
no_server 'up and down'

# what is wrong with a migration is said; nothing is kept
mkdir bad
printf 'select 1;\n\nselect nonsense;\n' >bad/1.sql
before=$(ls "$(local_base)/local")
run 125 testenv exec --db postgres --backend local --migrations bad -- true
err_has "^testenv: template of 'db': $tmp/bad/1.sql:3: column \"nonsense\" does not"
[ "$(ls "$(local_base)/local")" = "$before" ] || fail "$what: it was kept"
nothing_left 'a wrong migration'

# a version that is not there; an engine that is not, and the next of the list
run 125 testenv exec --db postgres:99 --backend local -- true
err_has "service 'db': PostgreSQL 99 is not installed on this machine, which has"
run 0 testenv exec --db postgres --host unix:///nowhere --fallback local,sqlite \
	--migrations migrations -- sh -c \
	'echo "$TESTENV_BACKEND"; echo "$TESTENV_FALLBACK_REASON"'
out_has '^local$'
out_has '/nowhere'
err_has '^testenv: no containers, using local programs instead: .*/nowhere'
run 0 testenv exec --db postgres:99 --host unix:///nowhere \
	--fallback local,sqlite -- sh -c 'echo "$TESTENV_BACKEND"'
out_is sqlite
err_has 'using SQLite instead: .*/nowhere.*; .*PostgreSQL 99 is not installed'
run 0 testenv exec --db postgres --require local --migrations migrations \
	-- sh -c 'echo "$TESTENV_BACKEND"'
out_is local
nothing_left 'the choice'
no_server 'the choice'
# a command of the project's own comes by TCP
run 0 testenv exec --backend local --db postgres --migrate \
	'psql -h 127.0.0.1 -qc "create table c as select inet_server_port() p"
	echo "$DATABASE_URL" >url' -- psql -Atc 'select count(*) from c'
out_is 1
grep -q '^postgresql://.*@127.0.0.1:[0-9]*/app$' url || fail "no TCP: $(cat url)"
nothing_left 'by a command'
finish
