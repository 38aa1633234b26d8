#!/bin/sh
# SPDX-License-Identifier: MIT
# The pytest plugin in Debian's pytest, with xdist and without.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/integration.sh
. "$SOURCE_DIR/tests/support/integration.sh"

python=/usr/bin/python3
"$python" -c 'import pytest, xdist' 2>/dev/null || {
	echo 'needs python3-pytest and python3-pytest-xdist'
	exit 77
}
unset PYTEST_ADDOPTS PYTEST_PLUGINS
export PYTHONPATH="$SOURCE_DIR/integrations/pytest"
export PYTHONDONTWRITEBYTECODE=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
export TESTENV_BIN
cp -r "$SOURCE_DIR/tests/live/integration/pytest" "$tmp/suite"
cd "$tmp/suite" || exit 1

# shellcheck disable=SC2317 # called by run
# pytest [ARG...]; the plugins are named: what else is installed stays out
pytest() {
	"$python" -m pytest -p no:cacheprovider -p xdist -p pytest_testenv "$@"
}

# --- a scripted session ------------------------------------------------------
fake_up
run 0 pytest -q test_suite.py
out_has '^15 passed in '
log_is_even
[ "$(log_of lease | sort -u -k3 | wc -l)" = 1 ] || fail 'not all master'
[ "$(sort -u "$SEEN/scratches" | wc -l)" = 2 ] || fail 'a scratch twice'
run 0 pytest -q -n1 test_suite.py
log_has '^lease L[0-9]* gw0$'
log_is_even
fake_down

# what cannot be had: kind and text, and the hint
fake_fails() {
	fake_up "$1"
	run 1 pytest -q test_suite.py -k worker
	out_has "^E +pytest_testenv.TestenvError: testenv: $2\$"
	[ -z "${3:-}" ] || out_has "^E +hint: $3\$"
	out_has '^1 error in |, 1 error in '
	fake_down
}
fake_fails busy 'all 3 databases are in use' 'wait a little'
fake_fails plain "'lease' failed"
fake_fails garbage "the session was lost during 'lease': Expecting value: .*"
fake_fails long "the session was lost during 'lease': the answer is too long"
fake_fails close "the session was lost during 'lease': it closed the connection"
fake_fails old 'version 1 is not spoken here'
fake_up late
run 0 pytest -q test_suite.py -k worker
fake_down

# three databases, three leases, and one more: its own limit
fake_up
printf '[pytest]\ntestenv_timeout = 0.3\n' >pytest.ini
cat >test_four.py <<'PY'
def test_four(testenv, testenv_db, testenv_url, testenv_module):
    try:
        testenv.lease(timeout=0.3)
    except Exception as e:
        assert (e.kind, e.text) == ("busy", "no database became free")
    testenv_db.release()
    other = testenv.lease()
    assert other.url == testenv_db.url
PY
run 0 pytest -q test_four.py
log_has '^closed L4$' # never released: the connection's end did
log_is_even
rm pytest.ini

# killed: the lease ends at once, though a child of the worker lives on
run 137 pytest -q test_end.py
child=$(cat "$SEEN/child")
within 60 log_is_even || fail 'the lease of a killed pytest is held'
kill "$child" || fail 'its child was gone'
run 1 pytest -q -n1 --max-worker-restart=0 test_end.py
child=$(cat "$SEEN/child")
out_has "worker 'gw0' crashed"
within 60 log_is_even || fail 'the lease of a killed worker is held'
kill "$child" || fail 'its child was gone'
fake_down

# the session ends in the middle
fake_up
cat >test_lost.py <<'PY'
import os, signal
def test_lost(testenv_url, testenv_scratch):
    os.kill(int(os.environ["FAKE_PID"]), signal.SIGKILL)
def test_after(testenv_db):
    pass
PY
run 1 pytest -q test_lost.py
out_has "^E +pytest_testenv.TestenvError: testenv: the session was lost during 'lease': "
out_has '^1 passed, 1 error in '
fake_down

# --- no session ---------------------------------------------------------------
run 1 pytest -q test_suite.py -k worker
out_has "^testenv: no session: run pytest under 'testenv exec', or say with --testenv-db which to start\$"
run 0 pytest -q -rs -o testenv_optional=true test_suite.py -k worker
out_has '^SKIPPED .* testenv: no session: run pytest under '
run 1 env TESTENV_SOCKET="$tmp/none" "$python" -m pytest -q -p pytest_testenv \
	-p no:cacheprovider test_suite.py -k worker
out_has "^E +pytest_testenv.TestenvError: testenv: nobody answers at TESTENV_SOCKET '$tmp/none': No such file or directory\$"
out_has '^E +hint: the session that set it has ended$'
run 4 pytest --testenv-db nonsense
err_has "^ERROR: testenv: .*nonsense"
err_has "^\(this was: .*exec --db nonsense\)\$"
run 4 env TESTENV_BIN="$tmp/none" "$python" -m pytest -p pytest_testenv \
	-p no:cacheprovider --testenv-db sqlite
err_has "^ERROR: testenv: cannot run '$tmp/none': No such file or directory\$"

# --- the real one -------------------------------------------------------------
suite='test_suite.py -q'
# shellcheck disable=SC2086 # words
for way in '-n0' '-n3'; do
	# a client of exec
	run 0 testenv exec $real -- "$python" -m pytest -p no:cacheprovider \
		-p xdist -p pytest_testenv $way $suite
	out_has '^15 passed in '
	nothing_left "exec pytest $way"
	# its own
	run 0 pytest $way $suite --testenv-args "$real"
	out_has '^15 passed in '
	nothing_left "pytest $way"
done
run 0 pytest -n3 test_suite.py --testenv-db sqlite \
	--testenv-args "--migrations $tmp/migrations"
out_has '^testenv: session [0-9a-z]+, backend sqlite$'
# a client of up, which stays
# shellcheck disable=SC2086
run 0 testenv up $real
id=$(session_ids)
run 0 sh -c 'eval "$("$TESTENV_BIN" env)" && exec "$@"' sh "$python" -m pytest \
	-q -p no:cacheprovider -p xdist -p pytest_testenv -n3 test_suite.py
out_has '^15 passed in '
# shellcheck disable=SC2086
run 0 pytest -n3 test_suite.py --testenv-args "$real"
out_has "^testenv: session $id, "
[ "$(session_ids)" = "$id" ] || fail 'the session is gone, or not alone'
run 0 testenv down
# killed, with a session of its own: that goes, too
# shellcheck disable=SC2086
run 137 pytest test_end.py --testenv-args "$real"
kill "$(cat "$SEEN/child")" || fail 'its child was gone'
within 60 nothing_is_there || nothing_left 'a killed pytest'

finish
