# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # $image is the caller's
# images.sh - the official database images' contract as tests, which hold for
# ours and for the stand-ins; sourced by tests/live/images_*.sh.
#
# Everything made carries the label of this run and is gone at its end.
id=$$-$(date +%s)
label=dev.testenv.test=$id
work=$(mktemp -d)

skip() {
	echo "$*"
	exit 77
}

clean() {
	docker ps -aq --filter "label=$label" | xargs -r docker rm -fv
	docker volume ls -q --filter "label=$label" | xargs -r docker volume rm
	docker images -q --filter "label=$label" | sort -u |
		xargs -r docker rmi -f
	rm -rf "$work"
} >/dev/null 2>&1
trap clean EXIT
trap 'exit 1' INT TERM HUP

command -v docker >/dev/null 2>&1 || skip "there is no docker program"
docker version >/dev/null 2>&1 || skip "no container engine answers"

fail() {
	echo "FAILED: $*"
	[ -z "${c-}" ] || docker logs "$c" 2>&1 | tail -n 40
	exit 1
}

# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] || fail "$1: got '$2' instead of '$3'"
	echo "ok: $1"
}

# has WHAT TEXT PART
has() {
	case $2 in
	*"$3"*) echo "ok: $1" ;;
	*) fail "$1: '$3' is not in '$2'" ;;
	esac
}

# build TAG CONTEXT [DOCKER_OPTION...]: as the classic builder does it
build() {
	tag=$1 context=$2
	shift 2
	DOCKER_BUILDKIT=0 docker build -q --label "$label" -t "$tag" "$@" \
		"$context" >"$work/build.log" 2>&1 ||
		{
			tail -n 30 "$work/build.log"
			fail "cannot build '$tag'"
		}
}

# start DOCKER_ARG...: a container $c, the one before it removed
start() {
	drop
	c=$(docker create --label "$label" "$@") || fail "cannot create: $*"
	docker start "$c" >/dev/null || fail "cannot start: $*"
}

drop() {
	[ -z "${c-}" ] || docker rm -fv "$c" >/dev/null 2>&1
	c=
}

# run DOCKER_ARG...: one that ends by itself; $out is what it said, $code. Not
# `docker run --rm`, whose code is always 0 on podman 4.
run() {
	drop
	code=0
	c=$(docker create --label "$label" "$@") || fail "cannot create: $*"
	out=$(docker start -a "$c" 2>&1) || code=$?
	drop
}

# answers CMD...: waits until it succeeds in the container, at most a minute
answers() {
	tries=0
	until docker exec "$c" "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$(docker inspect -f '{{.State.Running}}' "$c")" = true ] ||
			fail "the container ended"
		[ $tries -lt 400 ] || fail "no answer"
		sleep 0.1
	done
}

# The address by which the server has to be proven to by password.
address() {
	docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' \
		"$c"
}

# The temporary server of a first start does not listen on TCP.
pg_ready() {
	answers psql -h 127.0.0.1 -U "$1" -d "${2:-$1}" -c 'SELECT 1'
}

# pg USER DATABASE SQL: as psql -At prints it
pg() {
	docker exec "$c" psql -XAtq -v ON_ERROR_STOP=1 -U "$1" -d "$2" -c "$3"
}

# pg_login PASSWORD USER DATABASE: by password, from the container's address
pg_login() {
	docker exec -e PGPASSWORD="$1" "$c" psql -XAtq -h "$(address)" -U "$2" \
		-d "$3" -c "SELECT 'in'" 2>&1
}

pg_refuses_without_a_password() {
	run "$image"
	[ $code -ne 0 ] || fail "started without a password"
	has "without a password it says so" "$out" password
}

pg_defaults() {
	start -e POSTGRES_PASSWORD=secret "$image"
	pg_ready postgres
	is "the default names" "$(pg postgres postgres \
		'SELECT current_user, current_database()')" 'postgres|postgres'
	is "the databases there are" "$(pg postgres postgres \
		"SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database")" \
		"postgres template0 template1"
	is "the password is asked for" "$(pg_login secret postgres postgres)" in
	has "a wrong one is refused" "$(pg_login wrong postgres postgres)" \
		"password authentication failed"
	is "the encoding and sort order" "$(pg postgres postgres \
		"SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database
		WHERE datname = 'postgres'")" 'UTF8|en_US.utf8'
	is "process 1 is the server" \
		"$(docker exec "$c" sh -c 'cat /proc/1/comm')" postgres
	has "it has no rights" "$(docker exec "$c" cat /proc/1/status)" "Uid:	999"
}

# pg_awkward_names USER: the rest has all that quoting can get wrong; the
# official image's initdb cannot take a user with a quote
pg_awkward_names() {
	user=$1 database='my "db" \ 1' password="p'a\\\\s\"s\$1"
	start -e POSTGRES_USER="$user" -e POSTGRES_DB="$database" \
		-e POSTGRES_PASSWORD="$password" "$image"
	pg_ready "$user" "$database"
	is "awkward names and password" \
		"$(pg_login "$password" "$user" "$database")" in
	is "the only role is the one asked for" "$(pg "$user" "$database" \
		"SELECT string_agg(rolname, '|') FROM pg_roles WHERE rolcanlogin")" \
		"$user"
	is "it owns the database" "$(pg "$user" "$database" \
		"SELECT datdba::regrole::text = quote_ident(current_user)
		FROM pg_database WHERE datname = current_database()")" t
	pg "$user" "$database" "CREATE TABLE t AS SELECT generate_series(1, 99) i"
	is "the database works" "$(pg "$user" "$database" \
		'SELECT count(*) FROM t')" 99
	# shellcheck disable=SC1003
	pg "$user" postgres 'CREATE DATABASE twin TEMPLATE "my ""db"" \ 1"'
	is "it can be cloned" "$(pg "$user" twin 'SELECT count(*) FROM t')" 99
	pg "$user" postgres 'DROP DATABASE "my ""db"" \ 1"'
	is "it can be dropped" "$(pg "$user" postgres "SELECT count(*)
		FROM pg_database WHERE datname LIKE 'my%'")" 0
}

pg_files() {
	echo secret >"$work/password"
	echo clerk >"$work/user"
	echo shop >"$work/db"
	chmod 755 "$work"
	start -v "$work:/run/in:ro" -e POSTGRES_PASSWORD_FILE=/run/in/password \
		-e POSTGRES_USER_FILE=/run/in/user -e POSTGRES_DB_FILE=/run/in/db \
		"$image"
	pg_ready clerk shop
	is "names from files" "$(pg_login secret clerk shop)" in
	run -v "$work:/run/in:ro" -e POSTGRES_PASSWORD=x \
		-e POSTGRES_PASSWORD_FILE=/run/in/password "$image"
	[ $code -ne 0 ] || fail "started with a password and its file"
	has "a variable and its file are too much" "$out" \
		"both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set"
}

pg_trust() {
	start -e POSTGRES_HOST_AUTH_METHOD=trust -e POSTGRES_DB=shop "$image"
	pg_ready postgres shop
	is "trust lets everybody in" "$(pg_login '' postgres shop)" in
}

pg_initdb_args() {
	start -e POSTGRES_PASSWORD=secret -e POSTGRES_USER=app \
		-e POSTGRES_INITDB_ARGS="--locale=C --data-checksums" "$image"
	pg_ready app
	is "POSTGRES_INITDB_ARGS are obeyed" "$(pg app app \
		"SELECT datcollate, current_setting('data_checksums')
		FROM pg_database WHERE datname = 'app'")" 'C|on'
	is "and the password set" "$(pg_login secret app app)" in
}

pg_scripts() {
	mkdir -p "$work/init"
	rm -f "$work/init"/*
	echo "CREATE TABLE a (i int);" >"$work/init/1.sql"
	echo "INSERT INTO a VALUES (1);" | gzip >"$work/init/2.sql.gz"
	cat >"$work/init/3.sh" <<'END'
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" \
	-c 'INSERT INTO a VALUES (2)'
END
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nset -- -U "$POSTGRES_USER" -d "$POSTGRES_DB"\n%s\n' \
		'exec psql "$@" -c "INSERT INTO a VALUES (3)"' >"$work/init/4.sh"
	chmod 755 "$work" "$work/init" "$work/init/4.sh"
	start -v "$work/init:/docker-entrypoint-initdb.d:ro" \
		-e POSTGRES_PASSWORD=secret -e POSTGRES_USER=app \
		-e POSTGRES_DB=shop "$image"
	pg_ready app shop
	is "scripts of the first start have run" \
		"$(pg app shop 'SELECT sum(i) FROM a')" 6
	docker restart -t 60 "$c" >/dev/null
	pg_ready app shop
	is "and not again" "$(pg app shop 'SELECT sum(i) FROM a')" 6
	echo "CREATE TABLE a (i int);" >"$work/init/5.sql"
	run -v "$work/init:/docker-entrypoint-initdb.d:ro" \
		-e POSTGRES_PASSWORD=secret "$image"
	[ $code -ne 0 ] || fail "started in spite of a script that failed"
	has "a script that fails ends the start" "$out" "already exists"
}

# pg_volume PATH [DOCKER_OPTION...]: data outlives the container, also under
# another password
pg_volume() {
	path=$1
	shift
	volume=$(docker volume create --label "$label")
	start -v "$volume:$path" -e POSTGRES_PASSWORD=first "$@" "$image"
	pg_ready postgres
	pg postgres postgres "CREATE TABLE kept AS SELECT 7 i"
	docker stop -t 60 "$c" >/dev/null
	is "the stop signal ends it cleanly" \
		"$(docker inspect -f '{{.State.ExitCode}}' "$c")" 0
	start -v "$volume:$path" -e POSTGRES_PASSWORD=second "$@" "$image"
	pg_ready postgres
	is "a volume at $path keeps the data" \
		"$(pg postgres postgres "SELECT i FROM kept")" 7
	is "and the password it was made with" \
		"$(pg_login first postgres postgres)" in
	has "not the environment's" "$(pg_login second postgres postgres)" \
		"password authentication failed"
	drop
	docker volume rm "$volume" >/dev/null
}

pg_arguments() {
	start -e POSTGRES_PASSWORD=x "$image" -c max_connections=7
	pg_ready postgres
	is "an option is the server's" \
		"$(pg postgres postgres 'SHOW max_connections')" 7
	start -e POSTGRES_PASSWORD=x "$image" postgres -c max_connections=8
	pg_ready postgres
	is "also behind its name" \
		"$(pg postgres postgres 'SHOW max_connections')" 8
	run "$image" echo "as it is"
	is "another command is run as it is" "$out" "as it is"
	run "$image" --version
	has "the version needs no password" "$out" "postgres (PostgreSQL)"
}

# commit: the container as testenv-test/template:$id. The docker program sends
# podman 4 less than it asks for.
commit() {
	docker commit --change "LABEL $label" "$c" \
		"testenv-test/template:$id" >/dev/null 2>&1 ||
		curl -fsS --unix-socket /var/run/docker.sock -X POST -d '{}' \
			-H 'Content-Type: application/json' -o /dev/null \
			"http://d/v1.41/commit?container=$c&tag=$id&repo=\
testenv-test/template&changes=LABEL%20$label" ||
		fail "cannot commit"
}

# As testenv itself starts it: no network, data that a commit holds, sockets in
# a directory of the host's.
pg_as_provider() {
	mkdir -p "$work/run"
	chmod 777 "$work/run"
	set -- --network none -v "$work/run:/testenv/run" \
		-e PGDATA=/testenv/data -e POSTGRES_USER=app -e POSTGRES_DB=app
	start "$@" -e POSTGRES_PASSWORD=one "$image" -c fsync=off \
		-c unix_socket_directories=/testenv/run,/var/run/postgresql
	answers psql -h 127.0.0.1 -U app -c 'SELECT 1'
	[ -S "$work/run/.s.PGSQL.5432" ] || fail "no socket on the host"
	pg app app "CREATE TABLE kept AS SELECT 7 i"
	docker stop -t 60 "$c" >/dev/null
	commit
	start "$@" -e POSTGRES_PASSWORD=two "testenv-test/template:$id" \
		-c fsync=off -c listen_addresses= \
		-c unix_socket_directories=/testenv/run,/var/run/postgresql
	answers psql -U app -c 'SELECT 1'
	is "a commit has the data" "$(pg app app 'SELECT i FROM kept')" 7
	verifier=$(pg app app "SELECT rolpassword FROM pg_authid WHERE oid = 10")
	docker stop -t 60 "$c" >/dev/null
	start "$@" -e POSTGRES_PASSWORD=three "testenv-test/template:$id"
	pg_ready app
	is "its password is left alone" "$(pg app app \
		"SELECT rolpassword FROM pg_authid WHERE oid = 10")" "$verifier"
	drop
	docker rmi "testenv-test/template:$id" >/dev/null
}

# pg_settings NAME=VALUE...: asked back from the server
pg_settings() {
	for pair; do
		is "$pair" "$(pg postgres postgres "SHOW ${pair%%=*}")" \
			"${pair#*=}"
	done
}

# my_ready USER PASSWORD: over TCP, which the temporary server has not
my_ready() {
	answers mariadb -h 127.0.0.1 --skip-ssl -u "$1" "-p$2" -e 'SELECT 1'
}

# my USER PASSWORD DATABASE SQL
my() {
	docker exec -e MYSQL_PWD="$2" "$c" mariadb -N -B -u "$1" \
		${3:+--database="$3"} -e "$4" 2>&1
}

# my_login USER PASSWORD DATABASE: over TCP
my_login() {
	docker exec -e MYSQL_PWD="$2" "$c" mariadb -N -B --skip-ssl -h "$(address)" \
		-u "$1" ${3:+--database="$3"} -e "SELECT 'in'" 2>&1
}

my_refuses_without_a_password() {
	run "$image"
	[ $code -ne 0 ] || fail "started without a password"
	has "without a password it says so" "$out" password
}

my_defaults() {
	start -e MARIADB_ROOT_PASSWORD=secret "$image"
	my_ready root secret
	is "root from everywhere" "$(my_login root secret)" in
	has "a wrong password is refused" "$(my root wrong '' 'SELECT 1')" \
		"Access denied"
	has "so is none" "$(my root '' '' 'SELECT 1')" "Access denied"
	is "the users there are" "$(my root secret '' \
		"SELECT group_concat(concat(user, '@', host) ORDER BY 1)
		FROM mysql.user WHERE user <> 'mariadb.sys'")" "root@%,root@localhost"
	is "the databases there are" "$(my root secret '' \
		"SELECT group_concat(schema_name ORDER BY 1)
		FROM information_schema.schemata")" \
		"information_schema,mysql,performance_schema,sys"
	is "the character set" \
		"$(my root secret '' 'SELECT @@character_set_server')" utf8mb4
	is "named time zones" "$(my root secret '' "SELECT
		convert_tz('2026-01-01 12:00:00', 'UTC', 'Europe/Berlin')")" \
		"2026-01-01 13:00:00"
	is "process 1 is the server" "$(docker exec "$c" cat /proc/1/comm)" \
		mariadbd
	has "it has no rights" "$(docker exec "$c" cat /proc/1/status)" "Uid:	999"
}

my_awkward_names() {
	user="o'neil \"x\"" password="p'a\\\\s\"s\$1" root="r'\\0"
	start -e MARIADB_USER="$user" -e MARIADB_DATABASE="my_db" \
		-e MARIADB_PASSWORD="$password" -e MARIADB_ROOT_PASSWORD="$root" \
		"$image"
	answers env MYSQL_PWD="$root" mariadb --skip-ssl -h 127.0.0.1 -u root \
		-e 'SELECT 1'
	is "awkward names and passwords" \
		"$(my_login "$user" "$password" my_db)" in
	is "root's too" "$(my_login root "$root")" in
	is "a user may do all in the database" "$(my "$user" "$password" my_db \
		"CREATE TABLE t (i int); INSERT INTO t VALUES (3); SELECT i FROM t")" 3
	my root "$root" '' 'CREATE DATABASE myxdb'
	has "and nothing in one of a similar name" \
		"$(my "$user" "$password" '' 'CREATE TABLE myxdb.t (i int)')" denied
}

my_twins_and_files() {
	echo secret >"$work/root"
	echo clerk >"$work/user"
	chmod 755 "$work"
	start -v "$work:/run/in:ro" -e MYSQL_ROOT_PASSWORD_FILE=/run/in/root \
		-e MARIADB_USER_FILE=/run/in/user -e MYSQL_PASSWORD=pw \
		-e MYSQL_DATABASE=shop "$image"
	my_ready root secret
	is "names from files and MYSQL_ twins" "$(my_login clerk pw shop)" in
	run -v "$work:/run/in:ro" -e MARIADB_ROOT_PASSWORD=x \
		-e MARIADB_ROOT_PASSWORD_FILE=/run/in/root "$image"
	[ $code -ne 0 ] || fail "started with a password and its file"
	has "a variable and its file are too much" "$out" \
		"both MARIADB_ROOT_PASSWORD and MARIADB_ROOT_PASSWORD_FILE are set"
}

my_empty_and_random() {
	start -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=yes "$image"
	my_ready root ''
	is "an empty password where it is allowed" "$(my_login root '')" in
	start -e MYSQL_RANDOM_ROOT_PASSWORD=yes -e MARIADB_USER=app \
		-e MARIADB_PASSWORD=pw "$image"
	my_ready app pw
	word=$(docker logs "$c" 2>&1 |
		sed -n 's/.*GENERATED ROOT PASSWORD: //p')
	is "a random password is told" "$(my_login root "$word")" in
	start -e MARIADB_ROOT_PASSWORD=x -e MARIADB_ROOT_HOST=localhost "$image"
	my_wait_tcp
	has "root from MARIADB_ROOT_HOST only" "$(my_login root x)" denied
	is "and from there" "$(my root x '' 'SELECT 1')" 1
}

# A user that is refused proves that the server listens.
my_wait_tcp() {
	tries=0
	until docker exec "$c" mariadb --skip-ssl -h 127.0.0.1 -u nobody -px \
		-e 'SELECT 1' 2>&1 | grep -q 'denied'; do
		tries=$((tries + 1))
		[ $tries -lt 400 ] || fail "no answer"
		sleep 0.1
	done
}

my_scripts() {
	mkdir -p "$work/init"
	rm -f "$work/init"/*
	echo "CREATE TABLE a (i int);" >"$work/init/1.sql"
	echo "INSERT INTO a VALUES (1);" | gzip >"$work/init/2.sql.gz"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nset -- -u root -p"$MARIADB_ROOT_PASSWORD"\n%s\n' \
		'exec mariadb "$@" shop -e "INSERT INTO a VALUES (2)"' \
		>"$work/init/3.sh"
	chmod 755 "$work" "$work/init" "$work/init/3.sh"
	start -v "$work/init:/docker-entrypoint-initdb.d:ro" \
		-e MARIADB_ROOT_PASSWORD=x -e MARIADB_DATABASE=shop "$image"
	my_ready root x
	is "scripts of the first start have run" \
		"$(my root x shop 'SELECT sum(i) FROM a')" 3
	docker restart -t 60 "$c" >/dev/null
	my_ready root x
	is "and not again" "$(my root x shop 'SELECT sum(i) FROM a')" 3
	echo "CREATE TABLE a (i int);" >"$work/init/5.sql"
	run -v "$work/init:/docker-entrypoint-initdb.d:ro" \
		-e MARIADB_ROOT_PASSWORD=x -e MARIADB_DATABASE=shop "$image"
	[ $code -ne 0 ] || fail "started in spite of a script that failed"
	has "a script that fails ends the start" "$out" "already exists"
}

# my_volume PATH [SERVER_ARG...]
my_volume() {
	path=$1
	shift
	volume=$(docker volume create --label "$label")
	start -v "$volume:$path" -e MARIADB_ROOT_PASSWORD=first "$image" "$@"
	my_ready root first
	my root first '' "CREATE DATABASE d; CREATE TABLE d.kept AS SELECT 7 i"
	docker stop -t 60 "$c" >/dev/null
	is "the stop signal ends it cleanly" \
		"$(docker inspect -f '{{.State.ExitCode}}' "$c")" 0
	start -v "$volume:$path" -e MARIADB_ROOT_PASSWORD=second "$image" "$@"
	my_ready root first
	is "a volume at $path keeps data and password" \
		"$(my root first d 'SELECT i FROM kept')" 7
	has "not the environment's" "$(my root second '' 'SELECT 1')" denied
	drop
	docker volume rm "$volume" >/dev/null
}

my_arguments() {
	start -e MARIADB_ROOT_PASSWORD=x "$image" --max-connections=12
	my_ready root x
	is "an option is the server's" \
		"$(my root x '' 'SELECT @@max_connections')" 12
	run "$image" echo "as it is"
	is "another command is run as it is" "$out" "as it is"
	run "$image" --version
	has "the version needs no password" "$out" "Ver "
}

my_as_provider() {
	mkdir -p "$work/run"
	chmod 777 "$work/run"
	set -- --network none -v "$work/run:/testenv/run" \
		-e MARIADB_DATABASE=app -e MARIADB_USER=app
	start "$@" -e MARIADB_ROOT_PASSWORD=one -e MARIADB_PASSWORD=one "$image" \
		--datadir=/testenv/data --socket=/testenv/run/mysqld.sock
	my_ready app one
	[ -S "$work/run/mysqld.sock" ] || fail "no socket on the host"
	docker exec "$c" mariadb -uroot -pone -S /testenv/run/mysqld.sock -e \
		"CREATE TABLE app.kept AS SELECT 7 i; SET GLOBAL innodb_fast_shutdown=1"
	docker stop -t 60 "$c" >/dev/null
	commit
	start "$@" -e MARIADB_ROOT_PASSWORD=two -e MARIADB_PASSWORD=two \
		"testenv-test/template:$id" --datadir=/testenv/data \
		--socket=/testenv/run/mysqld.sock
	my_ready root one
	is "a commit has the data, its passwords are left alone" \
		"$(docker exec "$c" mariadb -N -B -uapp -pone app \
			-S /testenv/run/mysqld.sock -e 'SELECT i FROM kept')" 7
	drop
	docker rmi "testenv-test/template:$id" >/dev/null
}

# my_settings NAME=VALUE...
my_settings() {
	for pair; do
		is "$pair" "$(my root x '' "SELECT @@${pair%%=*}")" "${pair#*=}"
	done
}

# build_standin TAG DIALECT [DOCKER_OPTION...]
build_standin() {
	rm -rf "$work/context"
	mkdir "$work/context"
	cp "$SOURCE_DIR/tests/images/official-$2"/* \
		"$SOURCE_DIR/images/$2/install" "$work/context"
	standin=$1
	shift 2
	build "$standin" "$work/context" "$@"
	rm -rf "$work/context"
}
