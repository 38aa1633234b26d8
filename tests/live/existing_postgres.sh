#!/bin/sh
# SPDX-License-Identifier: MIT
# Postgres on a server that is not testenv's.
# shellcheck disable=SC2016,SC2317 # for the inner shells; called below
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/existing.sh
. "$SOURCE_DIR/tests/support/existing.sh"

start_postgres
mkdir migrations
echo 'create table a (x int); insert into a values (7);' >migrations/001.sql
x() {
	testenv exec --db "$url" --migrations migrations "$@"
}

# each its own database; one template, which stays and is closed
run 0 x --workers 2 -- sh -c 'echo "$TESTENV_BACKEND"
	seq 6 | xargs -P3 -I{} psql -qAtc \
	"insert into a values ({}); select count(*) from a"'
out_has '^server$'
[ "$(grep -cx 2 "$tmp/out")" = 6 ] || fail "$what: not six answers"
err_has "^testenv: making the template of 'db' on '127.0.0.1:$port'\$"
clean 'first run'
[ "$(databases | grep -c '^testenv_t_')" = 1 ] || fail 'not one template'
run 0 x -- psql -d postgres -Atc 'select current_database(), x from a'
out_has '^testenv_s_[a-z0-9]*_0_0\|7$'
err_is ''
[ "$(sql "select datallowconn from pg_database where datname like 'testenv_t_%'")" \
	= f ] || fail 'the template is open'
run 0 testenv exec --db "$url?application_name=mine" --migrations migrations -- \
	sh -c 'psql "$DATABASE_URL" -Atc "show application_name"'
out_is mine

# what CREATE DATABASE does not take along: settings and privileges
mkdir settings
cat >settings/1.sql <<'EOF'
do $$ declare name text := current_database(); begin
	execute format('alter database %I set search_path = "a b", public', name);
	execute format('alter database %I set work_mem = ''5MB''', name);
	execute format('alter database %I set datestyle = ''ISO, DMY''', name);
	execute format('alter role %I in database %I set timezone = ''Asia/Tokyo''',
		current_user, name);
	execute format('revoke temporary on database %I from public', name);
	execute format('alter database %I connection limit 20', name);
end $$;
EOF
cat >settings.sh <<'EOF'
psql -AtF: -c 'show search_path' -c 'show work_mem' -c 'show datestyle' \
	-c 'show timezone' -c "select datconnlimit,
	has_database_privilege('poor', datname, 'temp') from pg_database
	where datname = current_database()"
EOF
run 0 testenv exec --db "$url" --migrations settings -- sh -c \
	'. ./settings.sh; "$TESTENV_BIN" reset >/dev/null && . ./settings.sh'
for line in '"a b", public' 5MB 'ISO, DMY' Asia/Tokyo 20:f; do
	[ "$(grep -cxF "$line" "$tmp/out")" = 2 ] || fail "no '$line' twice"
done
clean settings

# the URL as libpq reads it
x_url="postgresql:///postgres?hostaddr=127.0.0.1&port=$port&user=dev"
run 0 testenv exec --db "$x_url&password=p%40ss:w%2Frd" --migrations \
	migrations -- psql -Atc 'select x from a'
out_is 7
host=$(echo "$data" | sed 's,/,%2F,g')
run 0 testenv exec --db "postgresql://dev@$host:$port" --migrations \
	migrations -- psql -Atc 'select x from a'
out_is 7

# two at once, of which one makes the template
echo 'create table b (x int); select pg_sleep(0.5);' >migrations/002.sql
x -- psql -Atc 'select count(*) from b' >"$tmp/out1" 2>"$tmp/err1" &
one=$!
run 0 x -- psql -Atc 'select count(*) from b'
wait "$one" || fail "the other: $(cat "$tmp/err1")"
[ "$(cat "$tmp/err" "$tmp/err1" | grep -c 'made the template')" = 1 ] ||
	fail 'not one of two made the template'
clean 'two at once'

# two roles at once, neither a superuser: each has a template of its own, and
# leaves the other's things alone
sql "create role two login createdb password 'two'"
two="postgresql://two:two@127.0.0.1:$port"
x --workers 2 -- sh -c 'touch one; while [ ! -e two ]; do sleep 0.05; done
	psql -Atc "select count(*), current_user from b"' \
	>"$tmp/out1" 2>"$tmp/err1" </dev/null &
one=$!
run 0 testenv exec --db "$two" --migrations migrations --workers 2 -- sh -c '
	while [ ! -e one ]; do sleep 0.05; done
	seq 4 | xargs -P2 -I{} psql -Atc "insert into b values ({})
		returning (select count(*) from b), current_user"; touch two'
out_has '^0\|two$'
[ "$(grep -cx '0|two' "$tmp/out")" = 4 ] || fail "$what: not four answers"
wait "$one" || fail "the other: $(cat "$tmp/err1")"
[ "$(cat "$tmp/out1")" = '0|dev' ] || fail "the other: $(cat "$tmp/out1")"
clean 'two roles'

# a wrong migration is said, and nothing of it is kept
mkdir bad
echo 'select nonsense;' >bad/1.sql
before=$(databases)
run 125 testenv exec --db "$url" --migrations bad -- true
err_has "^testenv: template of 'db': $tmp/bad/1.sql:1: column \"nonsense\""
[ "$(databases)" = "$before" ] || fail "$what: it was kept"

# refused: a user who may not, a place that is not here, too few connections
run 125 testenv exec --db "$poor" -- true
err_has "service 'db': user 'poor' may not make databases on '127.0.0.1:$port'"
err_has '^hint: as an administrator: ALTER ROLE "poor" CREATEDB'
run 125 testenv exec --db postgresql://poor:secret@192.0.2.1/db -- true
err_has "service 'db': server '192.0.2.1:5432' is not on this machine"
err_has '^hint: if tests may use it: --allow-remote'
run 125 x --workers 40 -- true
err_has "server '127.0.0.1:$port' takes 27 connections, and 40 workers need 44"
run 125 testenv exec --db "postgresql://dev:wrong@127.0.0.1:$port" -- true
err_has 'password authentication failed for user "dev"$'
run 125 testenv exec --db "$url?sslmode=require" -- true
err_has 'the URL demands TLS'
run 0 testenv doctor --config --db "$url"
out_has "^db.db = postgresql://dev:\*\*\*@127.0.0.1:$port "
run 125 x --backend container -- true
err_has "is an existing server, and the backend is to be 'container'"

# a database that only looks like ours is nobody's to drop
sql 'create database testenv_t_00000000000000000000000000000000'
run 0 env "TESTENV_DB=$url" "$TESTENV_BIN" gc
databases | grep -q testenv_t_0000 || fail 'gc dropped what has no mark'

# up, diff, reset, status
run 0 x -- sh -c 'psql -qAtc "insert into a values (8)"
	"$TESTENV_BIN" diff; sleep 1
	"$TESTENV_BIN" reset && "$TESTENV_BIN" diff && echo equal'
out_has '^changed +rows +public.a +1 row +2 rows$'
out_has '^equal$'
run 0 testenv up --db "$url" --migrations migrations
run 0 testenv status
out_has "backend server at 127.0.0.1:$port"
run 0 x -- sh -c 'psql -qAtc "insert into a values (8)
	returning (select count(*) + 1 from a)"
	"$TESTENV_BIN" reset && psql -Atc "select count(*) from a"'
out_is '2
1'
run 19 testenv logs
run 0 testenv down
clean 'up and down'

# nobody reads the password where others can look
for said in option variable; do
	set -- testenv up --db "$url" --migrations "$tmp/migrations"
	[ $said = option ] || set -- env "TESTENV_DB=$url" "$TESTENV_BIN" up \
		--migrations "$tmp/migrations"
	run 0 "$@"
	seen=0
	for pid in $(pgrep -f "up .*--migrations $tmp/migrations"); do
		seen=$((seen + 1))
		! tr '\0' '\n' <"/proc/$pid/cmdline" | grep -F 'w%2Frd' ||
			fail "$said: the password is in the command line"
		! tr '\0' '\n' <"/proc/$pid/environ" | grep -F 'w%2Frd' ||
			fail "$said: the password is in the environment"
	done
	[ "$seen" = 2 ] || fail "$said: $seen processes, not two"
	run 0 testenv status --json
	! grep -E 'w%2Frd|w/rd' out || fail "$said: status tells the password"
	run 0 testenv down
done
run 0 testenv exec --debug --db "$url" --migrations migrations -- true
! grep -E 'w%2Frd|w/rd' err || fail 'the log tells the password'

# a flag that means nothing here
run 125 x --isolation container -- true
err_is "testenv: --isolation: 'container' has no effect: on an existing server \
each owner gets a database"

# killed at any moment; with its watchdog: gc, and the next run there
for pause in 0.2 0.6; do
	"$TESTENV_BIN" exec --db "$url" --rebuild --workers 2 \
		--migrations migrations -- sleep 60 >"$tmp/out" 2>"$tmp/err" \
		</dev/null &
	pid=$!
	sleep "$pause"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	clean "killed after $pause s"
done
for way in gc run; do
	"$TESTENV_BIN" exec --db "$url" --workers 2 --migrations migrations -- \
		sh -c 'echo $$ >command; sleep 60' >"$tmp/out" 2>"$tmp/err" \
		</dev/null &
	pid=$!
	wait_for 60 test -s command || fail "$way: the command does not run"
	# shellcheck disable=SC2046 # one word each
	kill -KILL "$pid" $(pgrep -P "$pid" testenv-watch) "$(cat command)"
	wait "$pid" 2>/dev/null
	rm command
	[ -n "$(sessions_of)" ] || fail "$way: no database was left to collect"
	if [ "$way" = gc ]; then
		run 0 testenv gc
	else
		rm -rf "$XDG_RUNTIME_DIR"/testenv/* "$TESTENV_CACHE_DIR/sessions"
		run 0 x -- true
	fi
	clean "killed with its watchdog, $way"
done
finish
