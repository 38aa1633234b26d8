#!/bin/sh
# SPDX-License-Identifier: MIT
# The Node helper by itself, and in jest, vitest and mocha from npm.
# shellcheck disable=SC2016,SC2086 # for the inner shells; words
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/integration.sh
. "$SOURCE_DIR/tests/support/integration.sh"

for tool in node npm sqlite3; do
	command -v $tool >/dev/null && continue
	echo "needs $tool"
	exit 77
done
unset NODE_OPTIONS CI
mkdir "$tmp/t"
export TMPDIR="$tmp/t" # jest's cache
cp -r "$SOURCE_DIR/tests/live/integration/node" "$tmp/suite"
cd "$tmp/suite" || exit 1
mkdir node_modules
cp -r "$SOURCE_DIR/integrations/node" node_modules/testenv
echo '{"private": true}' >package.json
export TESTENV_BIN

# --- a scripted session ------------------------------------------------------
fake_up
run 0 node plain.mjs
within 60 log_is_even || fail 'a lease is held after the end'
[ "$(log_of closed | wc -l)" = 5 ] || fail 'not five leases ended unreleased'
fake_down

# what cannot be had: MODE KIND TEXT [HINT]
fake_fails() {
	fake_up "$1"
	shift
	run 0 node faults.js "$@"
	fake_down
}
fake_fails busy busy 'all 3 databases are in use' 'wait a little'
fake_fails plain protocol "'lease' failed"
lost="the session was lost during 'lease':"
fake_fails garbage no-session "$lost Unexpected token .*"
fake_fails long no-session "$lost the answer is too long"
fake_fails close no-session "$lost it closed the connection"
fake_fails old protocol 'version 1 is not spoken here'
fake_up late
run 0 node -e 'require("testenv").lease().then((l) => console.log(l.id))'
out_is L1
fake_down
run 0 node faults.js no-session 'no session: TESTENV_SOCKET is not set' \
	"run this under 'testenv exec', or let the runner's global set-up start one"
run 0 env TESTENV_SOCKET="$tmp/none" node faults.js no-session \
	"nobody answers at TESTENV_SOCKET '$tmp/none': connect ENOENT .*" \
	'the session that set it has ended'
run 1 env TESTENV_BIN="$tmp/none" node -e 'require("testenv").setup()'
err_has "TestenvError: testenv: cannot run '$tmp/none': spawn .* ENOENT\$"
run 1 node -e 'require("testenv").setup(["--db", "nonsense"])'
err_has '^testenv: .*nonsense'
err_has "TestenvError: testenv: '.* exec' started no session\$"

# killed: the lease ends at once, though a child lives on
fake_up
run 137 node killed.js
kill "$(cat "$SEEN/child")" || fail 'its child was gone'
within 60 log_is_even || fail 'the lease of a killed process is held'
log_has '^closed L1$'
fake_down

# --- the runners --------------------------------------------------------------
run_npm() {
	npm install --no-audit --no-fund --no-save --ignore-scripts \
		--loglevel=error "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
}
run_npm jest@29 vitest@3 mocha@11 || {
	cat "$tmp/err"
	[ "$failed" = 0 ] || finish
	echo 'npm cannot install jest, vitest and mocha'
	exit 77
}
[ -e node_modules/testenv/testenv.js ] ||
	cp -r "$SOURCE_DIR/integrations/node" node_modules/testenv
for runner in jest vitest mocha; do
	for n in b c d e f g; do
		cp $runner/a.test.js $runner/$n.test.js
	done
done
cat >jest.config.js <<'JS'
module.exports = {
  roots: ['<rootDir>/jest'],
  globalSetup: 'testenv/jest-setup',
  globalTeardown: 'testenv/jest-teardown',
  testEnvironment: 'testenv/jest-environment',
};
JS
cat >vitest.config.mjs <<'JS'
export default {
  test: {
    include: ['vitest/*.test.js'],
    globalSetup: 'testenv/vitest-setup',
    setupFiles: 'testenv/vitest-worker',
  },
};
JS
bin=node_modules/.bin
# their own limits of 2 and 5 s are not for a busy machine
jest="$bin/jest --color=false --watchman=false --testTimeout=60000"
vitest="$bin/vitest run --color=false --testTimeout=60000 --hookTimeout=60000"
mocha="$bin/mocha --no-color --timeout 60000 --require testenv/mocha"

# at_work RUNNER WORKERS: all seven files ran, in that many workers at most, and
# no two at the same time had one database
at_work() {
	out_and_err | grep -Eq "$3" || fail "$what: no '$3'"
	[ "$(wc -l <"$SEEN/workers")" = 7 ] || fail "$what: not seven files"
	[ "$(cut -d' ' -f1 "$SEEN/workers" | sort -u | wc -l)" -le "$2" ] ||
		fail "$what: more than $2 labels: $(cat "$SEEN/workers")"
	rm -f "$SEEN/workers"
	nothing_left "$1"
}
out_and_err() {
	cat "$tmp/out" "$tmp/err"
}

node -e 'console.log(JSON.stringify({private: true, testenv: process.argv.slice(1)}))' \
	-- $real >package.json
all='(7 passed|7 passing)'
# each starts its own session, as package.json says
run 0 $jest -w 3
at_work jest 3 "$all"
run 0 $jest -i
at_work 'jest in band' 1 "$all"
run 0 $vitest --pool=forks --maxWorkers=3 --minWorkers=1
at_work 'vitest, processes' 3 "$all"
run 0 $vitest --pool=threads --maxWorkers=3 --minWorkers=1
at_work 'vitest, threads' 3 "$all"
run 0 $vitest --no-isolate --maxWorkers=2 --minWorkers=1
at_work 'vitest, not isolated' 2 "$all"
run 0 $mocha --parallel --jobs 3 'mocha/*.test.js'
at_work 'mocha --parallel' 3 "$all"
run 0 $mocha 'mocha/*.test.js'
at_work mocha 1 "$all"

# a client of exec, whatever package.json says
echo '{"private": true, "testenv": ["--db", "nonsense"]}' >package.json
run 0 testenv exec $real -- $jest -w 3
at_work 'exec jest' 3 "$all"
run 0 testenv exec $real -- $vitest --maxWorkers=3 --minWorkers=1
at_work 'exec vitest' 3 "$all"
run 0 testenv exec $real -- $mocha --parallel --jobs 3 'mocha/*.test.js'
at_work 'exec mocha' 3 "$all"
run 1 $jest
err_has '^testenv: .*nonsense'
err_has "testenv: '.* exec' started no session"

# a worker that is killed, and a runner
echo "const { die } = require('../killed.js');
test('dies', die);" >jest/x.test.js
fake_up
rm -rf "$TMPDIR"/jest* # two files that it knows to be short need no workers
run 1 $jest -w 2 jest/x jest/a
err_has '^Tests: +1 passed, 1 total|^Test Suites: 1 failed, 1 passed, 2 total'
kill "$(cat "$SEEN/child")" || fail 'its child was gone'
within 60 log_is_even || fail 'the lease of a killed worker is held'
fake_down
run 137 node killed.js $real
kill "$(cat "$SEEN/child")" || fail 'its child was gone'
within 60 nothing_is_there || nothing_left 'a killed process'

finish
