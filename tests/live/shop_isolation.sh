#!/bin/sh
# SPDX-License-Identifier: MIT
# That the demonstration proves something: four at a time on one database,
# isolation turned off, its tests fail; with it they pass, knowing nothing.
set -u
# shellcheck source=../support/shop.sh
. "$SOURCE_DIR/tests/support/shop.sh"

trap 'rm -f "$log" "$log.on"' EXIT
build_shop
"$TESTENV_BIN" exec --db sqlite --owner command --fresh never \
	--migrations "$shop/db/migrations" --seed "$shop/db/seed.sql" \
	-- "$shop/prove-isolation" >"$log" 2>&1 </dev/null ||
	fail "prove-isolation failed"
"$TESTENV_BIN" exec --db sqlite \
	--migrations "$shop/db/migrations" --seed "$shop/db/seed.sql" \
	-- "$shop/prove-isolation" >"$log.on" 2>&1 </dev/null &&
	fail "the tests failed although each had a database"
grep -q 'on one database nothing failed' "$log.on" ||
	fail "isolation was not what kept them apart"
grep -q '^so they need a database each' "$log" || fail "nothing was proved"
tail -n 1 "$log"
