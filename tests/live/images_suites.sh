#!/bin/sh
# SPDX-License-Identifier: MIT
# Our images on the newer suites: PostgreSQL 17 and 18, MariaDB 11.8. The bases
# are made here where the engine does not have them.
set -u
# shellcheck source=../support/images.sh
. "$SOURCE_DIR/tests/support/images.sh"

socket=$(docker context inspect -f '{{.Endpoints.docker.Host}}' 2>/dev/null)
socket=${DOCKER_HOST:-$socket}

# base SUITE: on the engine, or this test cannot run
base() {
	docker image inspect "debian:$1-slim" >/dev/null 2>&1 && return 0
	case $socket in unix://*) ;; *) skip "no debian:$1-slim" ;; esac
	"$SOURCE_DIR/tests/engines/base-image" "$socket" "debian:$1-slim" \
		>/dev/null || skip "cannot make debian:$1-slim"
}

# server WANTED: the version that the image says, without its last part; of a
# suite that is still in the making it may be a later one
server() {
	version=$(docker run --rm --label "$label" "$image" \
		cat /usr/share/testenv/version)
	echo "the server is $version"
	case $image in
	*-forky:*) older=$(printf '%s\n' "$1" "${version%.*}" | sort -V |
		head -n 1) ;;
	*) older=${version%.*} ;;
	esac
	is "the version is $1" "$older" "$1"
}

postgres() { # SUITE MAJOR
	image=testenv-test/postgres-$1:$id
	build "$image" "$SOURCE_DIR/images/postgres" \
		--build-arg "BASE=debian:$1-slim"
	server "$2"
	pg_defaults
	pg_awkward_names "o'neil \"x\""
	pg_initdb_args
	pg_scripts
	pg_volume /var/lib/postgresql
	pg_as_provider
	start -e POSTGRES_PASSWORD=postgres "$image"
	pg_ready postgres
	pg_settings fsync=off synchronous_commit=off full_page_writes=off \
		wal_level=minimal jit=off shared_buffers=32MB
	[ "$2" -lt 18 ] || pg_settings io_method=sync
}

mariadb() { # SUITE VERSION
	image=testenv-test/mariadb-$1:$id
	build "$image" "$SOURCE_DIR/images/mariadb" \
		--build-arg "BASE=debian:$1-slim"
	server "$2"
	my_defaults
	my_awkward_names
	my_scripts
	my_volume /var/lib/mysql
	my_as_provider
	start -e MARIADB_ROOT_PASSWORD=x "$image"
	my_ready root x
	my_settings innodb_flush_log_at_trx_commit=0 innodb_doublewrite=OFF \
		innodb_flush_method=nosync log_bin=0 innodb_undo_tablespaces=0
}

base trixie
base forky
postgres trixie 17
postgres forky 18
mariadb trixie 11.8
mariadb forky 11.8
