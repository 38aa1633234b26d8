# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shop.sh - the demonstration as a test; sourced by tests/live/shop_*.sh.
shop=$SOURCE_DIR/compose/shop
SHOP_BUILD=$BUILD_DIR/shop
export SHOP_BUILD
log=$(mktemp)
trap 'rm -f "$log"' EXIT

skip() {
	echo "$*"
	exit 77
}

fail() {
	tail -n 60 "$log"
	echo "$*"
	exit 1
}

# Several tests need it and may run at once: one builds, the others wait.
build_shop() {
	# shellcheck disable=SC2016 # for the inner shell
	flock "$BUILD_DIR/shop.lock" sh -c '
		cmake -G Ninja -S "$1" -B "$2" -DCMAKE_BUILD_TYPE=Release &&
			cmake --build "$2"' sh "$shop" "$SHOP_BUILD" \
		>"$log" 2>&1 || fail "the shop does not build"
}

# run_shop BACKEND EXEC-OPTION...: its tests, four at a time, on that backend
run_shop() {
	want=$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	"$TESTENV_BIN" exec "$@" --workers 4 \
		--migrations "$shop/db/migrations" --seed "$shop/db/seed.sql" \
		-- sh -c 'echo "backend: $TESTENV_BACKEND"
			exec "$0"/run-tests' "$shop" >"$log" 2>&1 </dev/null ||
		fail "testenv exec $*: failed"
	grep -q "^backend: $want\$" "$log" || fail "it did not run on $want"
	grep -q '^100% tests passed, 0 tests failed out of 29' "$log" ||
		fail "not every test of the shop passed"
	echo "testenv exec $*: 29 tests on $want"
}

# need_image DIALECT: ours or the official one, as --require finds out
need_image() {
	"$TESTENV_BIN" exec --db "$1" --require container --fallback none \
		--workers 1 -- true >"$log" 2>&1 </dev/null && return 0
	tail -n 3 "$log"
	skip "no $1 in a container on this machine"
}
