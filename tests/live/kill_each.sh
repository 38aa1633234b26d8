#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGKILL for everyone in turn: the rest goes on, or ends with one clear line,
# and nothing is left. (Workers of pytest and jest: runners_*.sh.)
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
need make psql mariadb sqlite3 python3 docker pgrep
need_db

# a test, and a client under it: the others go on; and, for the runner in the
# middle of its tests, some that say when they have their database
cat >Makefile <<'EOF'
check: a b c
a:
	-@$(SQL) 'insert into seen values (1, 1)' && kill -KILL $$$$
b c:
	@$(OWN_ROW) && $(OWN_ROW_AGAIN)
slow: d e
d e:
	@$(OWN_ROW) && touch begun && exec sleep 60 # $(MARK)
EOF
cat >sql <<'EOF'
#!/bin/sh
case $DATABASE_URL in
postgres*)
	psql -qX "$DATABASE_URL" -c 'select pg_sleep(60)' &
	kill -KILL $!
	exec psql -qX "$DATABASE_URL" -c "$1"
	;;
mysql*) exec mariadb -u "$MYSQL_USER" "$MYSQL_DATABASE" -e "$1" ;;
sqlite*) exec sqlite3 "${DATABASE_URL#sqlite:///}" "$1" ;;
esac
EOF
chmod +x sql
OWN_ROW=$suite/own_row OWN_ROW_AGAIN='! $(OWN_ROW) 2>/dev/null'
SQL=./sql MARK=$mark
export OWN_ROW OWN_ROW_AGAIN SQL MARK
runner='rm -f begun; make -s -j4 slow & runner=$!
	while [ ! -e begun ]; do sleep 0.02; done
	kill -KILL $runner; wait $runner'
for one in postgres 'mariadb --isolation database' sqlite; do
	# shellcheck disable=SC2086 # words
	on $one || fail "not shown on $one"
	killed 'a test' 0 'make -s -j3 -k check'
	killed 'the runner' 137 "$runner"
done
db=postgres how=

# exec itself: its watchdog clears up, the command too
# (not with_db, whose shell would be the one that is killed)
"$TESTENV_BIN" exec --db "$db" --require container --fallback none \
	--migrations migrations -- sh -c 'echo "$TESTENV_SESSION" >session
	psql -qX "$DATABASE_URL" -c "select 1" >/dev/null; touch ready
	sleep 60; : '"$mark" >out 2>err &
pid=$!
for _ in $(seq 900); do
	[ -e ready ] && break
	sleep 0.1
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
killed 'clients of leases' 0 'for i in 1 2 3 4 5 6; do
	python3 -B lease.py asking; python3 -B lease.py holding; done; exit 0'

# the session of `up`, with a command and a lease in it: they end by
# themselves, and say why; the next session finds nothing of it
run 0 testenv up --db postgres --migrations migrations
run 0 testenv env --format json
session=$(python3 -c 'import json, sys
print(json.load(sys.stdin)["TESTENV_SESSION"])' <out)
mkfifo hold
exec 9<>hold
"$TESTENV_BIN" lease <hold >leased 2>lease.err &
lease=$!
"$TESTENV_BIN" exec --db postgres --migrations migrations -- sh -c '
	psql -qAtX "$DATABASE_URL" -c "select 7" -c "select pg_sleep(60)" \
		>psql.out 2>psql.err
	exit 5' >exec.out 2>exec.err &
joined=$!
for _ in $(seq 900); do
	[ -s psql.out ] && [ -s leased ] && break
	sleep 0.1
done
kill -KILL "$(python3 -c 'import glob, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(glob.glob("run/testenv/*/supervisor.sock")[0])
print(struct.unpack("3i", s.getsockopt(1, socket.SO_PEERCRED, 12))[0])')"
wait "$lease"
code=$?
exec 9<&-
[ "$code" = 125 ] || fail "a lease of a killed session: exit code $code"
[ "$(cat lease.err)" = 'testenv: the session has ended' ] ||
	fail "a lease of a killed session says: $(cat lease.err)"
wait "$joined"
code=$?
[ "$code" = 5 ] || fail "a command of a killed session: exit code $code"
[ "$(cat exec.err)" = "testenv: session '$session' ended while 'sh' ran" ] ||
	fail "exec in a killed session says: $(cat exec.err)"
grep -q 'server closed the connection' psql.err ||
	fail "a client of a killed session says: $(cat psql.err)"
nothing_left 'the session of up' "$session" &&
	echo 'killed the session of up: nothing left'
run 17 testenv status
run 0 with_db -- true
finish
