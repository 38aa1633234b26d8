#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration without an engine: on local servers, and on existing ones.
# shellcheck disable=SC2317 # called below
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/existing.sh
. "$SOURCE_DIR/tests/support/existing.sh"
# shellcheck source=../support/local.sh
. "$SOURCE_DIR/tests/support/local.sh"

shop=$SOURCE_DIR/compose/shop
SHOP_BUILD=$BUILD_DIR/shop
export SHOP_BUILD

# shop_on BACKEND EXEC-OPTION...
shop_on() {
	backend=$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	run 0 testenv exec "$@" --workers 4 --migrations "$shop/db/migrations" \
		--seed "$shop/db/seed.sql" -- sh -c 'echo "on $TESTENV_BACKEND"
		cd "$0" && ctest -j4 --schedule-random' "$SHOP_BUILD"
	out_has "^on $backend\$"
	out_has '^100% tests passed, 0 tests failed out of 29'
}

need_programs postgres
need_programs mariadb
# shellcheck disable=SC2016 # for the inner shell
flock "$BUILD_DIR/shop.lock" sh -c 'cmake -G Ninja -S "$1" -B "$2" \
	-DCMAKE_BUILD_TYPE=Release && cmake --build "$2"' sh "$shop" \
	"$SHOP_BUILD" >"$tmp/log" 2>&1 || fail "the shop: $(tail "$tmp/log")"

shop_on local --db postgres --backend local
shop_on local --db mariadb --backend local --isolation database
no_server 'local servers'
start_postgres
shop_on server --db "$url"
clean 'existing postgres'
end_server
bin=
rm -rf "$data"
start_mariadb
shop_on server --db "$url"
clean 'existing mariadb'
finish
