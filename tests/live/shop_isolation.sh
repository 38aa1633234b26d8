#!/bin/sh
# SPDX-License-Identifier: MIT
# That the demonstration proves something: four at a time on one database its
# tests fail.
set -u
# shellcheck source=../support/shop.sh
. "$SOURCE_DIR/tests/support/shop.sh"

build_shop
"$TESTENV_BIN" exec --db sqlite --workers 1 \
	--migrations "$shop/db/migrations" --seed "$shop/db/seed.sql" \
	-- "$shop/prove-isolation" >"$log" 2>&1 </dev/null ||
	fail "prove-isolation failed"
grep -q '^so they need a database each' "$log" || fail "nothing was proved"
tail -n 1 "$log"
