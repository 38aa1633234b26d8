#!/bin/sh
# SPDX-License-Identifier: MIT
# The README's two commands on a machine with nothing installed: a new Debian 12
# container. No engine answers inside, so the demonstration falls back to
# SQLite and has to say so.
set -u

skip() {
	echo "$*"
	exit 77
}
image=debian:bookworm-slim
command -v docker >/dev/null 2>&1 || skip "there is no docker program"
docker image inspect "$image" >/dev/null 2>&1 ||
	skip "the engine has no $image"

container=$(docker create --label dev.testenv.test=fresh_machine \
	-v "$SOURCE_DIR:/source:ro" "$image" sleep 1800) ||
	skip "the engine makes no container"
trap 'docker rm -fv "$container" >/dev/null' EXIT
trap 'exit 130' INT TERM HUP
docker start "$container" >/dev/null || exit 1

# The mount may show what the engine's machine has under that name.
docker exec "$container" test -f /source/compose/try.sh ||
	skip "the engine does not share this machine's files"
docker exec "$container" sh -c 'mkdir /copy && cd /source &&
	tar -c --exclude=./build --exclude=./.git --exclude="./build*" \
		--exclude="./compose/shop/build*" . | tar -x -C /copy' || exit 1

log=$(mktemp)
trap 'docker rm -fv "$container" >/dev/null; rm -f "$log"' EXIT
fail() {
	tail -n 60 "$log"
	echo "$*"
	exit 1
}

# run COMMAND: what the user types; no terminal, no input
run() {
	echo "$ $1"
	docker exec -w /copy "$container" sh -c "$1" >"$log" 2>&1 </dev/null
}
run 'sh compose/try.sh' || fail "compose/try.sh failed"
grep -q '^100% tests passed' "$log" || fail "not every test passed"
grep -q '^ran on:    sqlite (' "$log" || fail "it does not say on what it ran"
run 'sh compose/try.sh' || fail "compose/try.sh failed the second time"
run 'sh tests/run.sh unit' || fail "tests/run.sh failed"
grep -q '^100% tests passed, 0 tests failed' "$log" ||
	fail "not every unit test passed"

# The same for a user who is not root and finds the packages there.
run 'useradd -m -d /user user && cp -r /copy /user/copy &&
	rm -rf /user/copy/build &&
	chown -R user /user/copy &&
	su user -c "cd /user/copy && sh compose/try.sh"' ||
	fail "compose/try.sh failed for an ordinary user"
grep -q '^100% tests passed' "$log" || fail "not every test passed for a user"
echo "fresh machine: both commands work"
