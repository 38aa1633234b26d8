#!/bin/sh
# SPDX-License-Identifier: MIT
# Unchanged tests under ctest -j8: each test process has a database of its own.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
need ctest psql mariadb sqlite3
need_db

run 0 cmake -S "$suite/ctest" -B build
all='cd build && ctest -j8 --output-on-failure'
if on postgres; then
	every 6 "$all --schedule-random"
	# the runner below a shell below make: still the runner
	echo 'test:; @cd build && ctest -j4' >Makefile
	every 2 'make -s test'
	shared_fails "$all"
fi
if on mariadb; then
	every 3 "$all"
	shared_fails "$all"
fi
for one in postgres mariadb; do
	on $one --isolation database && every 2 "$all --schedule-random"
done
if on sqlite; then
	every 3 "$all"
	shared_fails "$all"
fi
finish
