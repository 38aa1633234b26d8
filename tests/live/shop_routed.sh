#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration with nothing but DATABASE_URL: ctest -j8 without a resource
# specification, in random orders; every order is green. TESTENV_ORDERS says how
# many (2).
# shellcheck disable=SC2016 # for the inner shell
set -u
# shellcheck source=../support/shop.sh
. "$SOURCE_DIR/tests/support/shop.sh"
orders=${TESTENV_ORDERS:-2}

build_shop
need_image postgres
"$TESTENV_BIN" exec --db postgres --require container --fallback none \
	--migrations "$shop/db/migrations" --seed "$shop/db/seed.sql" \
	-- sh -c 'cd "$0" && for i in $(seq "$1"); do
		ctest -j8 --schedule-random --output-on-failure || exit
	done' "$SHOP_BUILD" "$orders" >"$log" 2>&1 </dev/null ||
	fail 'an order is not green'
[ "$(grep -c '^100% tests passed' "$log")" = "$orders" ] ||
	fail "not $orders orders"
echo "$orders random orders of $(sed -n 's/.* out of //p' "$log" | head -n 1)" \
	'tests, each green'
