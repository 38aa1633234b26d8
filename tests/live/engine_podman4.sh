#!/bin/sh
# SPDX-License-Identifier: MIT
# The main job on Podman 4, and a template that it keeps: committed, away to a
# file and back, and no migration runs.
# shellcheck disable=SC2016 # for inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
engine_up podman4
give_images "$up"
DOCKER_HOST=$up
export DOCKER_HOST
try_engine
out_has '^  server +Libpod/4\.'

try_shop --require container
out_has '^on container$'

for dialect in postgres mariadb; do
	set -- --db "$dialect" --require container --migrations migrations
	run 0 testenv cache key "$@"
	key=$(cat "$tmp/out")
	run 0 testenv cache export "$dialect.tar.zst" "$@"
	run 0 testenv cache remove "$key"
	out_is "$key"
	run 0 testenv cache import "$dialect.tar.zst"
	out_is "$key"
	case $dialect in
	postgres) count='psql "$DATABASE_URL" -Atc "$0"' ;;
	*) count='mariadb -u "$MYSQL_USER" -N "$MYSQL_DATABASE" -e "$0"' ;;
	esac
	# it would say if it made a template
	run 0 testenv exec "$@" -- sh -c "$count" 'select count(*) from t'
	out_is 0
	err_is ''
	run 0 testenv cache remove "$key"
	out_is "$key"
done
finish
