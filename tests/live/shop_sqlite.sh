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
grep -q '^testenv: .*sqlite' "$log" || fail "the fallback was not said"
run_shop sqlite --db mariadb
