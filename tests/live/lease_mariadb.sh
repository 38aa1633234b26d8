#!/bin/sh
# SPDX-License-Identifier: MIT
# lease and reset on MariaDB in containers.
# shellcheck disable=SC2016,SC2034 # for the inner shells; for who is sourced
db=mariadb
client='mariadb -NB -u "$MYSQL_USER" "$MYSQL_DATABASE" -e "$*"'
# shellcheck source=../support/lease.sh
. "$SOURCE_DIR/tests/support/lease.sh"
