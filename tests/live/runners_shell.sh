#!/bin/sh
# SPDX-License-Identifier: MIT
# Unchanged tests under make -j8, GNU parallel and xargs.
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
need make parallel psql mariadb sqlite3
need_db
OWN_ROW=$suite/own_row
export OWN_ROW

make="make -s -f '$suite/make/Makefile' -j8 check"
# GNU parallel's job slots are its workers, of which each has one database
# unless it is a process each
parallel="seq 8 | parallel --will-cite -j4 -n0 '$OWN_ROW'"
xargs="seq 8 | xargs -n 1 -P 4 sh -c 'exec \"\$OWN_ROW\"'"

if on postgres; then
	every 4 "$make"
	shared_fails "$make"
	every 3 "$parallel"
	shared_fails "$parallel"
	every 2 "$xargs"
	shared_fails "$xargs"
fi
for one in 'postgres --isolation database' 'mariadb --isolation database' \
	sqlite; do
	# shellcheck disable=SC2086 # words
	on $one || continue
	every 2 "$make"
	every 2 "$parallel"
	every 2 "$xargs"
done
on sqlite && shared_fails "$make"
finish
