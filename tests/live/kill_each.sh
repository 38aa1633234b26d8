#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGKILL for everyone in turn: the rest goes on, or ends with one clear line,
# and nothing is left.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
need make psql python3 docker
need_db
mkdir -m 700 run
XDG_RUNTIME_DIR=$tmp/run
export XDG_RUNTIME_DIR
trap 'testenv down --all >/dev/null 2>&1; rm -rf "$tmp"' EXIT

# nothing_left WHAT SESSION
nothing_left() {
	: "${2:?the session}"
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		left=$(docker ps -aq --filter "label=dev.testenv.session=$2")
		dir=$(find run -path "*$2*" | head -n 3)
		[ -z "$left$dir" ] && return
		sleep 0.5
	done
	fail "after $1 is left: $left $dir"
	return 1
}

# ended WHAT CODE SHELL-TEXT: exec ends with that code, and cleans up
ended() {
	run "$2" with_db -- sh -c 'echo "$TESTENV_SESSION" >session; eval "$0"' "$3"
	nothing_left "$1" "$(cat session)" && echo "killed $1: nothing left"
}

# a test: the others go on
cat >Makefile <<'EOF'
check: a b c
a:
	-@psql -qX "$$DATABASE_URL" -c 'select pg_sleep(60)' & psql=$$!; \
		kill -KILL $$psql; wait $$psql
	-@sh -c 'psql -qX "$$DATABASE_URL" -c "insert into seen values (1, 1)"; kill -KILL $$$$'
b c:
	@$(OWN_ROW) && $(OWN_ROW_AGAIN)
EOF
OWN_ROW=$suite/own_row OWN_ROW_AGAIN='! $(OWN_ROW) 2>/dev/null'
export OWN_ROW OWN_ROW_AGAIN
ended 'a test' 0 'make -s -j3 -k check'

# the runner, in the middle of its tests
ended 'the runner' 137 'make -s -j4 -f "'"$suite"'/make/Makefile" check &
	sleep 0.5; kill -KILL $!; wait $!'

# exec itself: its watchdog clears up
# (not with_db, whose shell would be the one that is killed)
"$TESTENV_BIN" exec --db "$db" --require container --fallback none \
	--migrations migrations -- sh -c 'echo "$TESTENV_SESSION" >session; psql -qX "$DATABASE_URL" \
	-c "select 1" >/dev/null; touch ready; sleep 60' >out 2>err &
pid=$!
for _ in $(seq 100); do
	[ -e ready ] && break
	sleep 0.2
done
kill -KILL "$pid"
wait "$pid" 2>/dev/null
nothing_left exec "$(cat session)" &&
	echo 'killed exec: nothing left'

# a client in the middle of a lease: the slot goes to the next
cat >lease.py <<'EOF'
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["TESTENV_SOCKET"])
f = s.makefile("rwb")
for ask in ({"op": "hello", "version": 1},
            {"op": "lease", "worker": "w", "timeout_ms": 60000}):
    f.write(json.dumps(ask).encode() + b"\n")
    f.flush()
    if ask["op"] == "lease" and sys.argv[1] == "asking":
        os.kill(os.getpid(), 9)
    assert json.loads(f.readline())["ok"]
os.kill(os.getpid(), 9)
EOF
ended 'clients of leases' 0 'for i in 1 2 3 4 5 6; do
	python3 -B lease.py asking; python3 -B lease.py holding; done; exit 0'

# the session of `up`: the next one finds nothing of it
run 0 testenv up --db postgres --migrations migrations
run 0 testenv env --format json
session=$(python3 -c 'import json, sys
print(json.load(sys.stdin)["TESTENV_SESSION"])' <out)
kill -KILL "$(python3 -c 'import glob, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(glob.glob("run/testenv/*/supervisor.sock")[0])
print(struct.unpack("3i", s.getsockopt(1, socket.SO_PEERCRED, 12))[0])')"
nothing_left 'the session of up' "$session" &&
	echo 'killed the session of up: nothing left'
run 0 with_db -- true
finish
