#!/bin/sh
# SPDX-License-Identifier: MIT
# Our postgres image obeys the official one's contract, and its settings are in
# force.
set -u
# shellcheck source=../support/images.sh
. "$SOURCE_DIR/tests/support/images.sh"

image=testenv-test/postgres:$id
build "$image" "$SOURCE_DIR/images/postgres"

pg_refuses_without_a_password
pg_defaults
pg_awkward_names "o'neil \"x\""
pg_files
pg_trust
pg_initdb_args
pg_scripts
pg_volume /var/lib/postgresql/data
pg_volume /var/lib/postgresql
pg_volume /elsewhere -e PGDATA=/elsewhere/data
pg_arguments
pg_as_provider

start --tmpfs /testenv/data -e PGDATA=/testenv/data -e POSTGRES_USER=app \
	-e POSTGRES_PASSWORD=x "$image"
pg_ready app
is "data in memory, over the image's" "$(pg_login x app app)" in

start -e POSTGRES_PASSWORD=postgres "$image"
pg_ready postgres
pg_settings fsync=off synchronous_commit=off full_page_writes=off \
	wal_level=minimal max_wal_senders=0 jit=off shared_buffers=32MB \
	autovacuum=on autovacuum_max_workers=1 TimeZone=Etc/UTC \
	max_connections=100
is "as baked nothing has to be made" "$(pg_login postgres postgres postgres)" in

is "no volume" "$(docker inspect -f '{{.Config.Volumes}}' "$image")" "map[]"
is "whose image it is" "$(docker inspect -f \
	'{{index .Config.Labels "dev.testenv.image"}}' "$image")" postgres
has "its version" "$(docker exec "$c" cat /usr/share/testenv/version)" .
