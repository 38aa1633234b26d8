#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration on SQLite: asked for, and as the fallback of a machine whose
# engine is away.
set -u
# shellcheck source=../support/shop.sh
. "$SOURCE_DIR/tests/support/shop.sh"

build_shop
run_shop sqlite --db sqlite
DOCKER_HOST=unix:///nowhere/docker.sock
export DOCKER_HOST
run_shop sqlite --db postgres
grep -q '^testenv: no containers, using SQLite instead: ' "$log" || fail "the fallback was not said"
run_shop sqlite --db mariadb

# Its own settings, from its own folder.
cd "$shop" || exit 1
"$TESTENV_BIN" exec -- ./run-tests >"$log" 2>&1 </dev/null ||
	fail "testenv exec in the shop's folder: failed"
grep -q '^100% tests passed, 0 tests failed out of 29' "$log" ||
	fail "not every test passed with the settings of compose.yaml"
