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
templates() {
	databases | grep '^testenv_t_'
}

# migrated once; a user who may make none is shared, which is said
run 0 x --workers 2 -- sh -c 'echo "$TESTENV_BACKEND"
	seq 6 | xargs -P3 -I{} mariadb -udev -Ne \
	"insert into a values ({}); select count(*) from a" app'
out_has '^server$'
[ "$(grep -cx 2 "$tmp/out")" = 6 ] || fail "$what: not six answers"
err_has "^testenv: made the template of 'db': 1 migration \(plain SQL\)"
err_has "all use user 'dev', and can name each other's databases: .*CREATE USER"
clean 'first run'
before=$(templates)
run 0 x --rebuild --no-cache -- mariadb -udev -Ne 'select x from a' app
out_is 7
[ "$(templates)" = "$before" ] || fail 'a template was kept'
run 0 testenv exec --db "mariadb://root@localhost/?unix_socket=$data/s" \
	--migrations migrations -- mariadb -uroot -Ne 'select x from a' app
out_is 7
err_has "all use user 'root', .* \(its URL has no password\)"

run 125 testenv exec --db "$poor" -- true
err_has "service 'db': user 'poor' may not make databases on '127.0.0.1:$port'"
err_has '^hint: as an administrator: GRANT ALL ON `testenv\\_%`.\* TO .poor.'
run 125 x --workers 400 -- true
err_has "takes [0-9]* connections, and 400 workers need 404"

# everything that a schema holds comes along; each has a user of its own
cat >migrations/002.sql <<'EOS'
create table parent (id int primary key auto_increment, name varchar(50)
	unique, twice int as (id * 2) virtual) auto_increment = 40;
create table child (id bigint primary key auto_increment, p int, note text,
	fulltext (note), foreign key (p) references parent (id));
insert into parent (name) values ('é'), (null);
insert into child (p) values (40), (41);
create view names as select name from parent;
create function one_more(i int) returns int deterministic return i + 1;
create sequence numbers start with 5;
delimiter //
create trigger noted before insert on child for each row
begin set new.note = coalesce(new.note, 'none'); end//
delimiter ;
create event weekly on schedule every 1 week do delete from child where id < 0;
EOS
m() {
	testenv exec --db "$maker" --migrations migrations "$@"
}
run 0 m --verify --workers 2 -- sh -c 'set -e
	sql() { mariadb -umaker -Ne "$1" app; }
	seq 4 | xargs -P2 -I{} mariadb -umaker -Ne "
		insert into child (p) values (40);
		insert into parent (name) values (current_user());
		select count(*), max(note), (select max(id) from parent),
			(select max(twice) from parent), one_more(1),
			(select count(name) from names) from child" app
	sql "select count(*) from information_schema.schemata where
		schema_name like \"testenv%\""
	sql "select nextval(numbers) in (5, 6, 1005), event_name from
		information_schema.events where event_schema = database()"'
[ "$(grep -cx '3	none	42	84	2	2' "$tmp/out")" = 4 ] ||
	fail "$what: not four answers"
out_has '^1$'
out_has '^1	weekly$'
! grep 'all use user' "$tmp/err" || fail "$what: a shared user"
clean 'a user each'
run 0 m -- sh -c '"$TESTENV_BIN" status | grep -o "restored by [^,]*"
	mariadb -umaker -e "insert into a values (8); create table zz (y int)" app
	"$TESTENV_BIN" diff
	"$TESTENV_BIN" reset && "$TESTENV_BIN" diff && echo equal'
out_has '^restored by a copy of the template$'
out_has '^added +table +zz '
out_has '^changed +rows +a +1 row +2 rows$'
out_has '^equal$'
err_is ''

# what cannot be copied is migrated each time
mkdir itself
echo 'create table a (x int); set @s = concat("create view v as select * from ",
	database(), ".a"); create table log (t text);' >itself/1.sql
cat >itself/2.sql <<'EOS'
set @s = concat('create procedure p() insert into ', database(),
	'.log values (1)');
prepare p from @s; execute p;
EOS
run 0 testenv exec --db "$maker" --migrations itself -- sh -c '
	mariadb -umaker -Ne "call p(); select count(*) from log" app
	"$TESTENV_BIN" status | grep -o "restored by [^,]*"'
out_is '1
restored by migrations'
clean 'not copied'

# two users at once, each with a template of its own
m --workers 2 -- sh -c 'touch one; while [ ! -e two ]; do sleep 0.05; done
	mariadb -umaker -Ne "select count(*) from child" app' \
	>"$tmp/out1" 2>"$tmp/err1" </dev/null &
first=$!
run 0 x --workers 2 -- sh -c 'while [ ! -e one ]; do sleep 0.05; done
	mariadb -udev -Ne "select count(*) from child" app; touch two'
out_is 2
wait "$first" || fail "the other: $(cat "$tmp/err1")"
[ "$(cat "$tmp/out1")" = 2 ] || fail 'the other has another database'
clean 'two users'

# killed, with its watchdog: another user leaves it, gc and the next run do not
for way in gc run; do
	"$TESTENV_BIN" exec --db "$maker" --workers 2 --migrations migrations \
		-- sh -c 'echo $$ >command; sleep 60' >"$tmp/out" 2>"$tmp/err" \
		</dev/null &
	pid=$!
	wait_for 60 test -s command || fail 'the command does not run'
	# shellcheck disable=SC2046 # one word each
	kill -KILL "$pid" $(pgrep -P "$pid" testenv-watch) "$(cat command)"
	wait "$pid" 2>/dev/null
	rm command
	[ "$(sessions_of | wc -l)" = 4 ] || fail "$way: nothing to collect"
	if [ "$way" = gc ]; then
		run 0 testenv gc
	else
		rm -rf "$XDG_RUNTIME_DIR"/testenv/* "$TESTENV_CACHE_DIR/sessions"
		run 0 x -- true
		[ "$(sessions_of | grep -c '^user')" = 2 ] ||
			fail 'another user took the users'
		run 0 m -- true
	fi
	clean "killed with its watchdog, $way"
done
# while the template is made: the watchdog
echo 'do sleep(30);' >migrations/003.sql
before=$(templates)
"$TESTENV_BIN" exec --db "$maker" --migrations migrations -- true \
	>"$tmp/out" 2>"$tmp/err" </dev/null &
pid=$!
making() {
	[ "$(templates)" != "$before" ]
}
wait_for 60 making || fail 'no template is made'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
made_gone() {
	[ "$(templates)" = "$before" ]
}
wait_for 60 made_gone || fail "half a template is left: $(templates)"
clean 'killed while it made the template'
finish
