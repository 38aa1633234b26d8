#!/bin/sh
# SPDX-License-Identifier: MIT
# Our mariadb image obeys the official one's contract, and its settings are in
# force.
set -u
# shellcheck source=../support/images.sh
. "$SOURCE_DIR/tests/support/images.sh"

image=testenv-test/mariadb:$id
build "$image" "$SOURCE_DIR/images/mariadb"

my_refuses_without_a_password
my_defaults
my_awkward_names
my_twins_and_files
my_empty_and_random
my_scripts
my_volume /var/lib/mysql
my_volume /elsewhere --datadir=/elsewhere/data
my_arguments
my_as_provider

start --tmpfs /testenv/data -e MARIADB_ROOT_PASSWORD=x "$image" \
	--datadir=/testenv/data
my_ready root x
is "data in memory, over the image's" "$(my_login root x)" in

start -e MARIADB_ROOT_PASSWORD=x "$image"
my_ready root x
my_settings innodb_flush_log_at_trx_commit=0 innodb_doublewrite=0 \
	innodb_flush_method=nosync log_bin=0 \
	innodb_buffer_pool_size=67108864 performance_schema=0 \
	skip_name_resolve=1 host_cache_size=0

is "no volume" "$(docker inspect -f '{{.Config.Volumes}}' "$image")" "map[]"
is "whose image it is" "$(docker inspect -f \
	'{{index .Config.Labels "dev.testenv.image"}}' "$image")" mariadb
has "its version" "$(docker exec "$c" cat /usr/share/testenv/version)" .
