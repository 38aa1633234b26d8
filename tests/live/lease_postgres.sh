#!/bin/sh
# SPDX-License-Identifier: MIT
# lease and reset on PostgreSQL in containers.
# shellcheck disable=SC2016,SC2034 # for the inner shells; for who is sourced
db=postgres
client='psql -qAt "$DATABASE_URL" -c "$*"'
# shellcheck source=../support/lease.sh
. "$SOURCE_DIR/tests/support/lease.sh"
