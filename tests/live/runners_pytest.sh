#!/bin/sh
# SPDX-License-Identifier: MIT
# Unchanged tests under pytest: alone it is one owner, under xdist each worker
# is one.
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
pytest_python 'psycopg2, pymysql'
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

# a worker that is killed: its test fails, and the rest goes on in another
cat >test_killed.py <<'EOF'
import os
def test_killed():
    os.kill(os.getpid(), 9)
EOF
if on postgres --isolation database; then
	killed 'a worker of pytest' 1 "$pytest test_killed.py -n 2"
	out_has "worker 'gw[0-9]+' crashed while running 'test_killed.py"
	out_has '^1 failed, 12 passed'
fi
finish
