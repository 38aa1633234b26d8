#!/bin/sh
# SPDX-License-Identifier: MIT
# Unchanged tests under pytest: alone it is one owner, under xdist each worker
# is one.
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
# Debian's has Debian's packages, whatever comes first in the path
python=
for p in python3 /usr/bin/python3; do
	$p -c 'import pytest, xdist, psycopg2, pymysql' 2>err && python=$p &&
		break
done
[ -n "$python" ] || skip 'no pytest, xdist, psycopg2 or pymysql here'
need_db

# the cache would be written beside the tests
cp "$suite/pytest/test_own_row.py" .
# in one process it is one owner, a session's only one
alone() {
	for _ in $(seq "${rounds:-1}"); do
		run 0 with_db -- sh -c "$pytest"
	done
	echo "$db: ${rounds:-1} sessions, each green: $pytest"
}
pytest="$python -B -m pytest -q -p no:cacheprovider test_own_row.py"
if on postgres; then
	alone
	every 5 "$pytest -n 4"
	every 2 "$pytest -n 4 --dist loadfile"
	shared_fails "$pytest -n 4"
fi
on mariadb --isolation database && every 2 "$pytest -n 4"
if on sqlite; then
	alone
	every 2 "$pytest -n 4"
	shared_fails "$pytest -n 4"
fi
finish
