#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration with nothing but DATABASE_URL: ctest -j8 without a resource
# specification, in random orders; every order is green. TESTENV_ORDERS says how
# many of each kind (1 or 2), TESTENV_ON on which databases alone.
# shellcheck disable=SC2016 # for the inner shell
set -u
# shellcheck source=../support/shop.sh
. "$SOURCE_DIR/tests/support/shop.sh"

build_shop
need_image postgres
need_image mariadb

# orders N EXEC-OPTION...
orders() {
	n=${TESTENV_ORDERS:-$1}
	shift
	case " ${TESTENV_ON:-$2} " in
	*" $2 "*) ;;
	*) return ;;
	esac
	"$TESTENV_BIN" exec "$@" --fallback none \
		--migrations "$shop/db/migrations" --seed "$shop/db/seed.sql" \
		-- sh -c 'cd "$0" && for i in $(seq "$1"); do
			ctest -j8 --schedule-random --output-on-failure || exit
		done' "$SHOP_BUILD" "$n" >"$log" 2>&1 </dev/null ||
		fail "an order is not green: exec $*"
	[ "$(grep -c '^100% tests passed, 0 .* out of 29' "$log")" = "$n" ] ||
		fail "not $n orders of 29 tests: exec $*"
	echo "exec $*: $n random orders of 29 tests, each green"
}
orders 2 --db postgres --require container
orders 1 --db postgres --require container --isolation database
orders 1 --db mariadb --require container
orders 1 --db mariadb --require container --isolation database
orders 2 --db sqlite
