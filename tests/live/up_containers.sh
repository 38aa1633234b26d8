#!/bin/sh
# SPDX-License-Identifier: MIT
# Sessions in the background, in containers: both servers, over TCP and over a
# socket, killed, and out of reach of the engine.
# shellcheck disable=SC2016,SC2317 # for inner shells; called by trap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154 # by lib.sh
trap 'testenv down --all >/dev/null 2>&1; forget_templates; rm -rf "$tmp"' EXIT
export XDG_RUNTIME_DIR="$tmp/run"
runtime=$XDG_RUNTIME_DIR/testenv
mkdir -m 700 "$XDG_RUNTIME_DIR"
mkdir -p "$tmp/project/mig"
cd "$tmp/project" || exit 1
# of this run alone, so that its templates can be removed again
echo "CREATE TABLE t (a int); INSERT INTO t VALUES (7); -- $tmp" >mig/001.sql

templates=
forget_templates() {
	for key in $templates; do
		docker rmi "testenv/template:$key" >/dev/null 2>&1
	done
}

command -v docker >/dev/null || { echo 'there is no docker program'; exit 77; }
for db in postgres mariadb; do
	testenv exec --db $db --require container -- true \
		>"$tmp/out" 2>&1 </dev/null && continue
	tail -n 1 "$tmp/out"
	echo "no $db in a container on this machine"
	exit 77
done

# containers_of SESSION: how many there are, in every state
containers_of() {
	docker ps -aq --filter "label=dev.testenv.session=$1" | wc -l
}

id_of() {
	testenv status --json | sed -n 's/.*"session":.*"\(.*\)".*/\1/p'
}
pid_of() {
	testenv status --json | sed -n 's/.*"pid":[^0-9]*\([0-9]*\).*/\1/p'
}

nothing_left() {
	left=$(find "$runtime" -mindepth 1 2>/dev/null)
	[ -z "$left" ] || fail "$2: left behind: $left"
	[ "$(containers_of "$1")" -eq 0 ] || fail "$2: containers left behind"
}

within() {
	tries=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

for db in postgres mariadb; do
	for transport in tcp unix; do
		run 0 testenv up --db $db --migrations mig --workers 2 \
			--transport $transport --require container
		id=$(id_of)
		out_has "^session $id: ready"
		out_has "^  db: $db [0-9.]+.*, backend container, image "
		out_has "^    1 +[^ ]+ +app +app +testenv-$id-db-1"
		templates="$templates $(testenv status --json |
			sed -n 's/.*"template":.*"\(.*\)".*/\1/p')"
		[ "$(containers_of "$id")" -eq 2 ] ||
			fail "$db $transport: not two containers"
		secret=$(testenv env --format json |
			sed -n 's/.*"DB_PASSWORD":.*"\(.*\)".*/\1/p')
		[ -n "$secret" ] || fail "$db $transport: no password"
		for command in status 'status --json' 'logs'; do
			# shellcheck disable=SC2086 # words
			testenv $command >"$tmp/out" 2>&1
			! grep -q "$secret" "$tmp/out" ||
				fail "$db $transport: $command shows a password"
		done
		run 0 testenv logs
		out_has 'ready (for|to accept) connections'
		run 0 testenv logs --tail 1 db.1
		[ "$(wc -l <"$tmp/out")" -le 2 ] || fail 'logs --tail 1'
		# until it is told to
		run 143 signal_after 2 TERM "$TESTENV_BIN" logs -f
		run 0 testenv shell -c 'INSERT INTO t VALUES (8)'
		run 0 testenv shell -c 'SELECT sum(a) FROM t'
		out_has '(^| )15$'
		run 0 testenv shell --inside -c 'SELECT sum(a) FROM t'
		out_has '(^| )15$'
		run 0 testenv shell --inside db.1 -c 'SELECT sum(a) FROM t'
		out_has '(^| )7$'
		echo 'SELECT 40 + 2' | testenv shell --inside >"$tmp/out" 2>&1
		out_has '(^| )42$'
		testenv shell --inside -c 'SELECT nonsense' >"$tmp/out" 2>&1 &&
			fail 'shell --inside with a bad statement succeeds'
		grep -q nonsense "$tmp/out" || fail 'shell --inside: no error'
		run 0 testenv exec --db $db --migrations mig --workers 2 \
			--transport $transport --require container -- \
			sh -c 'echo "$TESTENV_SESSION"'
		out_is "$id"
		run 0 testenv down
		nothing_left "$id" "$db $transport"
	done
done

# killed when it is ready, and while it starts
run 0 testenv up --db postgres --migrations mig --workers 2
id=$(id_of)
kill -KILL "$(pid_of)"
within 60 sh -c '[ -z "$(ls "$1")" ]' sh "$runtime" ||
	fail 'SIGKILL: it is not cleaned up'
nothing_left "$id" SIGKILL
run 0 testenv up --no-wait --db postgres --migrations mig --workers 4
id=$(id_of)
kill -KILL "$(pid_of)"
within 60 sh -c '[ -z "$(ls "$1")" ]' sh "$runtime" ||
	fail 'SIGKILL during the start: it is not cleaned up'
nothing_left "$id" 'SIGKILL during the start'
"$TESTENV_BIN" up --db mariadb --migrations mig --workers 2 \
	>"$tmp/out" 2>"$tmp/err" </dev/null &
pid=$!
within 60 testenv status || fail 'it does not start'
id=$(id_of)
kill -TERM $pid
wait $pid
[ $? = 143 ] || fail 'SIGTERM during the start'
nothing_left "$id" 'SIGTERM during the start'

# a server that dies while nobody looks does not hold up the end
run 0 testenv up --db postgres --migrations mig
id=$(id_of)
docker rm -f "testenv-$id-db-0" >/dev/null 2>&1 ||
	docker rm -f "$(docker ps -q --filter "label=dev.testenv.session=$id")" \
		>/dev/null
run 5 testenv logs
err_has 'no such container|No such container'
run 0 testenv down
nothing_left "$id" 'a container that was removed'

# no engine: files serve, and status says why
run 0 testenv up --db postgres --migrations mig --host unix:///nowhere.sock
err_has 'using SQLite instead'
out_has '^  db: sqlite, backend sqlite'
out_has '^    no containers: .*nowhere'
run 0 testenv status
out_has '^    no containers: .*nowhere'
run 0 testenv down
run 18 testenv up --db postgres --require container --host unix:///nowhere.sock
out_is ''
nothing_left none 'a required container'

finish
