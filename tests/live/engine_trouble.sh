#!/bin/sh
# SPDX-License-Identifier: MIT
# An engine with troubles of its own: restarted in the middle with and without
# its containers, stopped, slow, its disk full. What can go on goes on, the rest
# ends with one clear line; nothing is left and the next run is right.
# shellcheck disable=SC2016,SC2317 # for the inner shells; called by a trap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
engine_up docker-small
DOCKER_HOST=$up
dir=$engines_dir/docker-small
held='' slow_pid=''
# what would wait for ever after a failure, then the rest
end() {
	daemon CONT
	# shellcheck disable=SC2086 # none, or one each
	kill $held $slow_pid
	wait
	"$engines/down" docker-small
	rm -rf "$tmp"
}
trap 'end >/dev/null 2>&1' EXIT
TESTENV_CACHE_DIR=$tmp/cache
export DOCKER_HOST TESTENV_CACHE_DIR
give_image "$up" testenv/postgres:15
cd "$tmp" || exit 1
mkdir migrations
echo "create table t (id int); -- $$" >migrations/1.sql

x() {
	"$TESTENV_BIN" exec --db postgres --require container \
		--migrations migrations "$@"
}
nothing_left() {
	left=$(api "$up" '/containers/json?all=1')
	[ "$left" = '[]' ] || fail "$1: containers: $left"
	left=$(ls "$XDG_RUNTIME_DIR/testenv")
	[ -z "$left" ] || fail "$1: directories: $left"
}
next_is_right() {
	run 0 x -- psql -Atc 'select 7'
	out_is 7
	nothing_left "the run after: $1"
}
# hold: a run that waits before its second query
hold() {
	rm -f ready go
	mkfifo ready go
	# one server, which is there: a young one has the engine wait 10 s for it
	x --isolation database -- sh -c 'psql -Atc "select 1"; echo >ready; read -r _ <go
		psql -Atc "select 2"; exit $((40 + $?))' >out 2>err \
		</dev/null 8>&- &
	held=$!
	read -r _ <ready
}
# go_on CODE
go_on() {
	echo >go
	wait "$held"
	code=$? what='the run that was held'
	held=
	[ "$code" = "$1" ] || fail "$what: exit code $code, not $1"
}
daemon() {
	kill -s "$1" "$(cat "$dir/pid")"
}
restart() {
	daemon "$1"
	"$engines/docker-small-up" again >log 2>&1 || {
		cat log
		fail 'the engine does not come up again'
		finish
	}
}

run 0 x -- psql -Atc 'select 1'
err_has 'made the template'
nothing_left 'the first run'

# restarted, its containers with it
hold
restart TERM
go_on 42
err_has 'testenv: the server of slot 0 is gone'
nothing_left 'restarted'
next_is_right 'restarted'

# killed, and again with its containers running
echo '{"live-restore":true}' >"$dir/daemon.json"
daemon HUP
# the engine says when it has read that
for _ in $(seq 900); do
	api "$up" /info | grep -q '"LiveRestoreEnabled":true' && break
	sleep 0.1
done
hold
restart KILL
go_on 40
[ "$(cat out)" = "$(printf '1\n2')" ] || fail 'the server did not go on'
nothing_left 'killed'
next_is_right 'killed'

# stopped: at the start, then at the end, until something is said of it
daemon STOP
run 125 x --start-timeout 2s -- true
err_has "engine '$up' \(DOCKER_HOST\): HEAD /_ping: timed out$"
daemon CONT
hold
daemon STOP
echo >go
for _ in $(seq 900); do
	grep -q 'does not answer' err && break
	sleep 0.1
done
daemon CONT
wait "$held"
code=$? what='stopped' held=
[ "$code" = 40 ] || fail "$what: exit code $code, not 40"
err_has '^testenv: the engine does not answer; waiting [0-9]+ s for it to remove'
nothing_left 'stopped'

# each of its answers comes late
cat >slow.py <<'EOT'
import asyncio, sys
async def pipe(reader, writer, delay):
    try:
        while data := await reader.read(65536):
            await asyncio.sleep(delay)
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def serve(reader, writer):
    r, w = await asyncio.open_unix_connection(sys.argv[2])
    await asyncio.gather(pipe(reader, w, 0), pipe(r, writer, 0.5))
async def main():
    server = await asyncio.start_unix_server(serve, sys.argv[1])
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
EOT
mkfifo slow
python3 slow.py "$tmp/slow.sock" "${up#unix://}" >slow 8>&- &
slow_pid=$!
read -r _ <slow
run 0 env DOCKER_HOST="unix://$tmp/slow.sock" "$TESTENV_BIN" exec \
	--db postgres --require container --isolation database \
	--migrations migrations -- psql -Atc 'select 8'
out_is 8
kill "$slow_pid" && slow_pid=
nothing_left 'slow'

# its disk is full: fill KILOBYTES-LEFT
fill() {
	rm -f "$dir/data/filler"
	free=$(df --output=avail -k "$dir/data" | tail -n 1)
	fallocate -l $((free - $1))k "$dir/data/filler"
}
full() {
	err_has "^testenv: $1: (run '[^']*': )?the engine's disk is full: .*[Nn]o space left on device$"
	err_has "^hint: make room on it: 'testenv gc --cache-size 0' removes every"
	nothing_left "full disk: $1"
}
fill 0
run 125 x -- true
full "start 'db' for slot 0"
fill 2000
run 125 x -- true
full "start 'db' for slot 0"
echo '-- another' >>migrations/1.sql
fill 20000
run 125 x -- true
full "template of 'db'"
rm "$dir/data/filler"
next_is_right 'full disk'
err_has 'made the template'
finish
