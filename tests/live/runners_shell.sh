#!/bin/sh
# SPDX-License-Identifier: MIT
# Unchanged tests under make -j8 and GNU parallel.
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
need make parallel psql
need_db
OWN_ROW=$suite/own_row
export OWN_ROW

make="make -s -f '$suite/make/Makefile' -j8 check"
every 4 "$make"
shared_fails "$make"

# GNU parallel's job slots are its workers, of which each has one database
# unless it is a process each
parallel="seq 8 | parallel --will-cite -j4 -n0 '$OWN_ROW'"
every 3 "$parallel"
shared_fails "$parallel"

xargs="seq 8 | xargs -n 1 -P 4 sh -c 'exec \"\$OWN_ROW\"'"
every 2 "$xargs"
shared_fails "$xargs"
finish
