#!/bin/sh
# SPDX-License-Identifier: MIT
# Unchanged tests under ctest -j8, on PostgreSQL and MariaDB: each test process
# has a database of its own.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
need ctest psql mariadb
need_db

run 0 cmake -S "$suite/ctest" -B build
all='cd build && ctest -j8 --output-on-failure'
every 6 "$all --schedule-random"
# the runner below a shell below make: still the runner
echo 'test:; @cd build && ctest -j4' >Makefile
every 2 'make -s test'
shared_fails "$all"

db=mariadb
if with_db -- true >out 2>err </dev/null; then
	every 3 "$all"
	shared_fails "$all"
else
	echo 'no mariadb in a container on this machine: not shown on that'
fi
finish
