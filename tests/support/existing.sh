# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2012,SC2034 # plain names; used by the tests
# existing.sh - a server that is not testenv's, for the tests of --db URL;
# sourced after exec.sh. It ends with the test.
: "${tmp:?made by lib.sh}"
data=$tmp/server
server_pid=
end_server() {
	[ -n "$server_pid" ] || return 0
	# to a TERM Postgres waits until nobody is connected
	if [ -n "${bin:-}" ]; then
		kill -INT "$server_pid" 2>/dev/null
	else
		kill -TERM "$server_pid" 2>/dev/null
	fi
	wait "$server_pid" 2>/dev/null
	server_pid=
}
# shellcheck disable=SC2317 # the trap calls it
stop_server() {
	end_server
	rm -rf "$tmp"
}
trap stop_server EXIT

# as_user COMMAND...: root's servers run as somebody else
as_user() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups \
			"$@"
	else
		"$@"
	fi
}

# serve COMMAND...: in the background as as_user does, which itself would be the
# one to get our signals, and leave the server behind
serve() {
	[ "$(id -u)" != 0 ] || set -- setpriv --reuid=nobody \
		--regid="$(id -g nobody)" --clear-groups "$@"
	"$@" >"$tmp/log" 2>&1 &
	server_pid=$!
}

# free_port: one that nobody has now; below those that a kernel gives to whoever
# connects, which would take it before the server does
free_port() {
	python3 -c 'import random, socket
while True:
    port = random.randrange(20000, 32000)
    try:
        socket.socket().bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break'
}

make_data() {
	chmod 711 "$tmp"
	mkdir "$data"
	[ "$(id -u)" != 0 ] || chown nobody "$data"
}

start_postgres() {
	bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
	if [ -z "$bin" ] || [ ! -x "$bin/initdb" ]; then
		skip 'no postgres server is installed'
	fi
	make_data
	as_user "$bin/initdb" -D "$data/d" -U boss -A trust --no-sync \
		>"$tmp/log" 2>&1 || fail "initdb: $(cat "$tmp/log")"
	printf '%s\n' 'local all all trust' \
		'host all all 127.0.0.1/32 scram-sha-256' |
		as_user tee "$data/d/pg_hba.conf" >/dev/null
	port=$(free_port)
	serve "$bin/postgres" -D "$data/d" -c "port=$port" -c fsync=off \
		-c listen_addresses=127.0.0.1 -c max_connections=30 \
		-c "unix_socket_directories=$data"
	wait_for 60 sql 'select 1' || skip "postgres: $(tail -n 1 "$tmp/log")"
	sql "create role dev login createdb password 'p@ss:w/rd'"
	sql "create role poor login password 'x'"
	sql 'create database testenv_precious'
	url="postgresql://dev:p%40ss:w%2Frd@127.0.0.1:$port"
	poor="postgresql://poor:x@127.0.0.1:$port"
}

start_mariadb() {
	server=$(command -v mariadbd || ls /usr/sbin/mariadbd 2>/dev/null) ||
		skip 'no mariadb server is installed'
	make_data
	as_user mariadb-install-db --no-defaults --datadir="$data/d" \
		--auth-root-authentication-method=normal --skip-test-db \
		--tmpdir="$data" \
		>"$tmp/log" 2>&1 || fail "install-db: $(cat "$tmp/log")"
	port=$(free_port)
	serve "$server" --no-defaults --datadir="$data/d" \
		--socket="$data/s" --port="$port" --bind-address=127.0.0.1 \
		--innodb-flush-log-at-trx-commit=0 --tmpdir="$data" \
		--pid-file="$data/pid"
	wait_for 60 sql 'select 1' || skip "mariadb: $(tail -n 1 "$tmp/log")"
	sql "create user dev@'%' identified by 'p@ss';
		grant all on \`testenv\\_%\`.* to dev@'%';
		create user poor@'%' identified by 'x';
		create user maker@'%' identified by 'm'; grant create user on
		*.* to maker@'%'; grant all on \`testenv\\_%\`.* to maker@'%'
		with grant option"
	sql 'create database testenv_precious'
	url="mysql://dev:p%40ss@127.0.0.1:$port"
	poor="mysql://poor:x@127.0.0.1:$port"
	maker="mysql://maker:m@127.0.0.1:$port"
}

# sql TEXT: as the administrator
sql() {
	if [ -n "${bin:-}" ]; then
		psql -h "$data" -p "$port" -U boss -d postgres -qAtc "$1"
	else
		mariadb -S "$data/s" -uroot -N -e "$1"
	fi
}
databases() {
	if [ -n "${bin:-}" ]; then
		sql "select datname from pg_database where datname like 'testenv%'
			order by 1"
	else
		sql 'show databases' | grep '^testenv' | sort
	fi
}
# sessions_of: their databases, and users
sessions_of() {
	databases | grep '^testenv_s_' || true
	[ -n "${bin:-}" ] || sql "select concat('user ', user) from mysql.user
		where user like 'testenv%'"
}
none_left() {
	[ -z "$(sessions_of)" ]
}
# clean WHAT
clean() {
	wait_for 60 none_left || fail "$1: databases are left: $(sessions_of)"
	databases | grep -qx testenv_precious || fail "$1: another's was dropped"
	nothing_left "$1"
}
