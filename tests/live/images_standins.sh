#!/bin/sh
# SPDX-License-Identifier: MIT
# What stands in for the official images obeys their contract, the awkward parts
# of it too: those that our own images spare their users.
set -u
# shellcheck source=../support/images.sh
. "$SOURCE_DIR/tests/support/images.sh"

volumes() {
	docker inspect -f '{{range $k, $v := .Config.Volumes}}{{$k}}{{end}}' \
		"$image"
}

# ready_lines TEXT: how often the log has said it
ready_lines() {
	docker logs "$c" 2>&1 | grep -c "$1"
}

image=testenv-test/standin-postgres:$id
build_standin "$image" postgres
is "the volume" "$(volumes)" /var/lib/postgresql/data
pg_refuses_without_a_password
pg_defaults
is "ready is said twice" \
	"$(ready_lines 'database system is ready to accept')" 2
pg_awkward_names "neil x"
pg_scripts
pg_volume /var/lib/postgresql/data
is "nothing is left of the test's volumes" \
	"$(docker volume ls -q --filter "label=$label")" ""
pg_as_provider

image=testenv-test/standin-postgres18:$id
build_standin "$image" postgres --target layout18
is "the volume of layout 18" "$(volumes)" /var/lib/postgresql
pg_volume /var/lib/postgresql
mkdir -p "$work/old"
run -v "$work/old:/var/lib/postgresql/data" -e POSTGRES_PASSWORD=x "$image"
[ $code -ne 0 ] || fail "started with a mount at the old path"
has "a mount at the old path is refused" "$out" /var/lib/postgresql/data
pg_as_provider

image=testenv-test/standin-mariadb:$id
build_standin "$image" mariadb
is "the volume" "$(volumes)" /var/lib/mysql
my_refuses_without_a_password
my_defaults
is "the temporary server has no port" "$(ready_lines 'port: 0 ')" 1
is "the last one has" "$(ready_lines 'port: 3306 ')" 1
my_awkward_names
my_scripts
my_volume /var/lib/mysql
my_as_provider
