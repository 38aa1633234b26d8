#!/bin/sh
# SPDX-License-Identifier: MIT
# Unchanged tests under jest and vitest, with several workers each.
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
need node npm
need_db

node_packages
cp "$suite/node/own_row.js" .
echo '{}' >package.json
mkdir jest vitest
for i in 1 2 3 4 5 6; do
	echo "test('own row', () => require('../own_row')(
		process.env.JEST_WORKER_ID));" >"jest/a$i.test.js"
	echo "import { test } from 'vitest';
		import ownRow from '../own_row.js';
		test('own row', () => ownRow(process.env.VITEST_POOL_ID));" \
		>"vitest/a$i.test.mjs"
done

# with times in its cache jest takes fast tests for not worth a worker
jest='node node_modules/jest/bin/jest.js --ci --no-cache'
jest="$jest --testTimeout=60000 -w 3 jest"
vitest='node node_modules/vitest/vitest.mjs run --testTimeout=60000'
vitest="$vitest --dir vitest --pool forks"
vitest="$vitest --poolOptions.forks.minForks=3 --poolOptions.forks.maxForks=3"
# Each file of vitest's has a process of its own. What they leave is for the
# next file of the same worker, if workers are what is to be kept apart.
mkdir vitest-rows
for i in 1 2 3; do
	echo "import { test } from 'vitest';
		import rows from '../rows.js';
		test('rows', rows);" >"vitest-rows/a$i.test.mjs"
done
cat >rows.js <<'EOF'
const { Client } = require('pg');
module.exports = async function rows() {
	const db = new Client({ connectionString: process.env.DATABASE_URL });
	await db.connect();
	await db.query("insert into seen select count(*), 'me' from seen");
	const { rows } = await db.query('select count(*) as n from seen');
	require('fs').appendFileSync('rows', `${rows[0].n} `);
	await db.end();
};
EOF
rows='node node_modules/vitest/vitest.mjs run --testTimeout=60000'
rows="$rows --dir vitest-rows --pool forks"
rows="$rows --poolOptions.forks.minForks=1 --poolOptions.forks.maxForks=1"
# rows_are FRESH TEXT
rows_are() {
	: >rows
	run 0 with_db --fresh "$1" -- sh -c "$rows"
	[ "$(cat rows)" = "$2" ] || fail "--fresh $1: rows $(cat rows)"
}
if on postgres --isolation database; then
	rows_are owner '1 1 1 '
	rows_are worker '1 2 3 '
fi

if on postgres; then
	every 2 "$jest"
	shared_fails "$jest"
	every 2 "$vitest"
	shared_fails "$vitest"
fi
for one in 'mariadb --isolation database' sqlite; do
	# shellcheck disable=SC2086 # words
	on $one || continue
	every 1 "$jest"
	every 1 "$vitest"
done
on sqlite && shared_fails "$jest"

# a worker that is killed: its file fails, the others go on
echo "test('killed', () => process.kill(process.pid, 'SIGKILL'));" \
	>jest/killed.test.js
if on postgres --isolation database; then
	killed 'a worker of jest' 1 "$jest"
	err_has 'worker process .* was terminated .*: signal=SIGKILL'
	err_has '^Test Suites: 1 failed, 6 passed, 7 total'
fi
finish
