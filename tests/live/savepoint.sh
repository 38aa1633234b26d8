#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests inside savepoints: the pytest fixture over three drivers, the Node
# helper over a sqlite3.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
python=/usr/bin/python3
"$python" -c 'import pytest' 2>/dev/null || skip 'no python3-pytest'
unset PYTEST_ADDOPTS PYTEST_PLUGINS NODE_OPTIONS
export PYTHONPATH="$SOURCE_DIR/integrations/pytest"
export PYTHONDONTWRITEBYTECODE=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
mkdir mig node_modules
echo 'CREATE TABLE t (x int PRIMARY KEY); INSERT INTO t VALUES (1), (2);' >mig/1.sql
cp "$SOURCE_DIR"/tests/live/integration/savepoint/* .
cp -r "$SOURCE_DIR/integrations/node" node_modules/testenv

# pytest_on DB DRIVER
pytest_on() {
	"$python" -c "import $2" 2>/dev/null || return
	run 0 testenv exec --db "$1" --migrations mig --fallback none --owner command \
		--workers 1 -- "$python" -m pytest -q -p no:cacheprovider \
		-p pytest_testenv test_savepoint.py
	out_has '^10 passed in '
}
pytest_on sqlite sqlite3
if docker version >out 2>&1; then
	pytest_on postgres psycopg2
	pytest_on mariadb pymysql
fi
if command -v node >out && command -v sqlite3 >out; then
	run 0 testenv exec --db sqlite --migrations mig --owner command -- node savepoint.js
fi
finish
