#!/bin/sh
# SPDX-License-Identifier: MIT
# Services beside the databases, on a real engine: probes, order, one for all
# and one for each worker, what goes wrong, and that nothing stays.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"

for tool in curl jq python3; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
image=standin/redis:7
socket=/var/run/docker.sock
engine http://engine/_ping >/dev/null || skip "no engine at $socket"
engine "http://engine/images/$image/json" | grep -q '"Id"' ||
	"$SOURCE_DIR/tests/images/build" "unix://$socket" services >/dev/null ||
	skip "'$image' cannot be built here"

# redis PORT WORD...: what the server there answers, one line
cat >redis <<'END'
#!/usr/bin/env python3
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
f = s.makefile("rwb", 0)
f.write((" ".join(sys.argv[2:]) + "\r\n").encode())
line = f.readline().decode().strip()
print(f.readline().decode().strip() if line[0] == "$" and line != "$-1" else line)
END
chmod +x redis
mkdir conf
echo 'from the bind' >conf/page

x() {
	testenv exec "$@"
}

# every probe, in order of dependencies: each asks the one that it depends on,
# by name, before it is ready; "web" shows what it found
cat >compose.yaml <<END
services:
  db: { x-testenv: { db: sqlite } }
  cache:
    image: $image
    command: sh -c 'sleep 0.5; exec redis-server --protected-mode no --save ""'
    x-testenv: { probe: tcp }
  fill:
    image: $image
    command: [redis-cli, -h, cache, set, filled, "1"]
    depends_on: [cache]
  checked:
    image: $image
    command: sh -c 'sleep 0.5; touch /run/checked; sleep 1000'
    tmpfs: /run
    healthcheck: { test: [CMD, test, -e, /run/checked], interval: 1h }
    x-testenv: { port: none }
  asked:
    image: $image
    command: sh -c 'sleep 0.5; touch /tmp/asked; sleep 1000'
    x-testenv: { probe: { exec: test -e /tmp/asked }, port: none }
  my-web:
    image: $image
    command: >-
      sh -c 'redis-cli -h cache get filled >/srv/filled; echo "\$\$WORD" >/srv/word;
      cp /conf/page /srv/page; touch /conf/x 2>/srv/read-only;
      exec busybox httpd -f -p 8080 -h /srv'
    environment: { WORD: said }
    volumes: ["./conf:/conf:ro"]
    tmpfs: ["/srv:size=1m"]
    ports: ["80:8080", "81"]
    depends_on:
      fill: { condition: service_completed_successfully }
      checked: { condition: service_healthy }
      asked: {}
    x-testenv:
      probe: { http: /word }
      export: { PAGE: "{url}/page", PORTS: "{port} {port:81}" }
END
run 0 x -- sh -ec '
	[ "$MY_WEB_URL" = "http://$MY_WEB_HOST:$MY_WEB_PORT" ]
	[ "$CACHE_URL" = "redis://127.0.0.1:$CACHE_PORT" ]
	[ "$PAGE" = "$MY_WEB_URL/page" ]
	[ "$PORTS" = "$MY_WEB_PORT_8080 $MY_WEB_PORT_81" ]
	[ -z "${CHECKED_URL-}" ]
	for page in filled word page read-only; do
		curl -sS "$MY_WEB_URL/$page"
	done
	echo "$TESTENV_SESSION" >session'
out_is "1
said
from the bind
touch: cannot touch '/conf/x': Read-only file system"
[ ! -e conf/x ] || fail "a bind was written to"
nothing_left "every probe" "$(cat session)"

# one for all, and one for each worker: which a lease gets, and its reset
cat >compose.yaml <<END
services:
  db: { x-testenv: { db: sqlite } }
  all: { image: $image }
  own:
    image: $image
    x-testenv: { per: worker, reset: redis-cli flushall }
x-testenv: { workers: 2 }
END
run 0 x -- sh -ec '
	./redis $ALL_PORT set who all
	./redis $OWN_PORT set who me
	./redis $OWN_PORT get who
	"$TESTENV_BIN" lease -- sh -ec "
		./redis \$ALL_PORT get who
		./redis \$OWN_PORT get who
		./redis \$OWN_PORT set who leased
		./redis \$OWN_PORT get who
		\"\$TESTENV_BIN\" reset
		./redis \$OWN_PORT get who"
	./redis $OWN_PORT get who
	"$TESTENV_BIN" reset
	./redis $OWN_PORT get who
	./redis ${OWN_URL_1##*:} set n 1
	./redis ${OWN_URL_0##*:} get n'
out_is '+OK
+OK
me
all
$-1
+OK
leased
$-1
me
$-1
+OK
$-1'

# a session that stays, joined; two at once have nothing in common
run 0 testenv up
out_has '^  all: image standin/redis:7, one for each session, ready by redis$'
out_has '^    1 +127\.0\.0\.1:[0-9]+ +testenv-[a-z0-9]+-own-1$'
id=$(sessions)
x -- sh -c './redis $ALL_PORT set who up' >/dev/null 2>&1
run 0 x -- sh -c './redis $ALL_PORT get who'
out_is up
mkdir other
cp compose.yaml redis other
(cd other && x -- sh -c './redis $ALL_PORT get who') >alone 2>&1
grep -qxF '$-1' alone || fail "two sessions share a service"
run 0 testenv logs --tail 1 own.1
out_has 'Ready to accept connections'
run 2 testenv logs own.7
err_has "^testenv: service 'own' has no slot 7"
run 19 testenv shell all
err_is "testenv: service 'all' is no database"
run 0 testenv status --json
jq -e '[.. | .companions? // empty | .[].containers[]] | length == 3' \
	"$tmp/out" >/dev/null || fail "status --json does not list three"
run 0 testenv down
nothing_left "down" "$id"

# what goes wrong
bad() {
	cat >compose.yaml <<END
services:
  db: { x-testenv: { db: sqlite } }
  bad:
    image: $image
    $1
END
}
bad 'command: sh -c "echo out of luck; exit 3"'
run 125 x -- true
err_has "^testenv: service 'bad' ended with exit code 3 before it was ready$"
err_has 'out of luck'
bad 'command: sh -c "echo no door; sleep 1000"
    x-testenv: { start_timeout: 5s, probe: tcp }'
run 125 x -- true
err_has "^testenv: service 'bad' was not ready within [0-9]+ s: (the connection was closed at once|nobody listens on its port 6379)$"
err_has 'no door'
bad 'command: busybox httpd -f -p 6379 -h /tmp
    x-testenv: { start_timeout: 5s, probe: { http: /none } }'
run 125 x -- true
err_has "was not ready within [0-9]+ s: GET /none: HTTP 404$"
bad 'x-testenv: { start_timeout: 5s, probe: { exec: "echo no luck; false" } }'
run 125 x -- true
err_has "was not ready within [0-9]+ s: '/bin/sh' ended with exit code 1: no luck$"
bad 'depends_on: [bad]'
run 125 x -- true
err_is "testenv: compose.yaml:3:3: services depend on each other: bad -> bad"
bad 'volumes: ["/nowhere-at-all:/x:ro"]'
run 125 x -- true
err_has "^testenv: service 'bad': create container from"
bad 'command: sh -c "exit 3"
    x-testenv: { optional: yes }'
run 0 env BAD_URL=stale "$TESTENV_BIN" exec -- \
	sh -c 'echo "${BAD_URL-none}"'
out_is none
err_has "^testenv: without 'bad': service 'bad' ended with exit code 3"

# no engine: an error, unless they are optional
run 0 env DOCKER_HOST=unix:///nowhere "$TESTENV_BIN" exec -- true
err_has "^testenv: without 'bad': "
bad 'command: sh -c "exit 3"'
run 125 env DOCKER_HOST=unix:///nowhere "$TESTENV_BIN" exec -- true
err_has "^testenv: service 'bad' needs a container engine: "
err_has "^hint: 'optional: yes' under its x-testenv lets the tests run without it$"
nothing_left "what goes wrong"

# killed while a service starts, and while the command runs
bad 'command: sh -c "sleep 1000"
    x-testenv: { probe: tcp }'
killed() {
	"$TESTENV_BIN" exec -- sh -c 'echo ready >ready; sleep 1000' \
		>out 2>err </dev/null &
	pid=$!
	wait_for 30 one_session || fail "no session"
	id=$(sessions)
	wait_for 30 "$@" || fail "not there: $*"
	kill -KILL $pid
	wait $pid 2>/dev/null
	nothing_left "killed, $*" "$id"
}
# shellcheck disable=SC2317 # called by wait_for
has_container() {
	a_container_of "$id"
}
killed has_container
bad ''
killed test -e ready
finish
