#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration on a swarm of one node, which needs no registry; services
# beside the databases; what dead sessions left there; and engines that manage
# no swarm.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
for tool in curl jq python3; do
	command -v "$tool" >/dev/null || {
		echo "no $tool"
		exit 77
	}
done
node_up 3
manager=$node
DOCKER_HOST=$node
export DOCKER_HOST
mkdir "$tmp/try"
cd "$tmp/try" || exit 1
mkdir migrations
echo "create table t (id int primary key); -- $$" >migrations/1.sql

run 125 testenv exec --db postgres --backend swarm -- true
err_has "^testenv: service 'db': the engine at '$node' is in no swarm$"
err_has '^hint: .* docker swarm init$'
run 3 testenv doctor --db postgres --backend swarm
out_has 'would be used: nothing: .* is in no swarm$'
"$engines/swarm-up" "$node" >"$tmp/out" 2>&1 || fail 'no swarm'
run 0 testenv doctor --db postgres --backend swarm
out_has '^would be used: services of a swarm, as asked for$'
give_images "$node"

# on_swarm EXEC-OPTION... -- COMMAND...
on_swarm() {
	run 0 testenv exec --backend swarm --migrations migrations "$@"
	session=$(sed -n 's/^session //p' "$tmp/out")
	no_service "$session"
}
on_swarm --db postgres --workers 2 -- sh -c '
	echo "session $TESTENV_SESSION on $TESTENV_BACKEND"
	psql -qX "$TESTENV_URL_1" -c "insert into t values (1)"
	psql -AtX "$TESTENV_URL_0" -c "select count(*) from t"'
out_has ' on swarm$'
out_has '^0$'
err_has "made the template of 'db'"
on_swarm --db postgres --isolation database --workers 2 -- sh -c '
	echo "session $TESTENV_SESSION"
	psql -qX "$TESTENV_URL_1" -c "insert into t values (1)"
	psql -AtX "$TESTENV_URL_0" -c "select count(*) from t"'
out_has '^0$'
err_is ''
# the same engine by its socket: its node is not at 127.0.0.1
on_swarm --db postgres --workers 1 \
	--host "unix://$engines_dir/node-swarm3/run/docker.sock" -- sh -c '
	echo "session $TESTENV_SESSION"; psql -AtX -c "select count(*) from t"'
out_has '^0$'
on_swarm --db mariadb --workers 1 -- sh -c '
	echo "session $TESTENV_SESSION"
	mariadb -u "$MYSQL_USER" "$MYSQL_DATABASE" -e "insert into t values (1)"'

# limits, labels, and no password for others to read
run 0 testenv up --db postgres --backend swarm --migrations migrations \
	--workers 1 --memory 300m
run 0 testenv status
out_has 'backend swarm, .* by port of a node'
session=$(sed -n 's/^session \([a-z0-9]*\):.*/\1/p' "$tmp/out")
out_has " testenv-$session-db-0$"
api "$node" /services -G --data-urlencode \
	"filters={\"label\":[\"dev.testenv.session=$session\"]}" >service.json
jq -e '.[0].Spec.TaskTemplate
	| .Resources.Limits.MemoryBytes == 314572800
	and .RestartPolicy.Condition == "none"' service.json >/dev/null ||
	fail "the service: $(cat service.json)"
grep -qi password service.json && fail 'a password is in the service'
run 0 testenv logs db.0
out_has 'database system is ready to accept connections'
run 0 testenv shell --inside -c 'select 6 * 7 as answer'
out_has '^ +42$'
run 0 testenv exec --db postgres --backend swarm --migrations migrations \
	--workers 1 --memory 300m -- psql -AtX -c 'select 42'
out_is 42
run 0 testenv down
no_service "$session"

# services beside a database: by every kind of probe, in order, by name, in
# the manager's address space; then one that is shared and one that is not
give_redis "$node"
mkdir "$tmp/beside" "$tmp/beside/conf"
cd "$tmp/beside" || exit 1
echo 'from the bind' >conf/page
with() {
	cat >compose.yaml <<EOT
services:
  db: { x-testenv: { db: postgres, migrations: ../try/migrations } }
  cache:
    image: $redis
    x-testenv: { probe: tcp }
  fill:
    image: $redis
    command: [redis-cli, -h, cache, set, filled, "1"]
    depends_on: [cache]
  web:
    image: $redis
    command: >-
      sh -c 'redis-cli -h cache get filled >/srv/filled; echo "\$\$WORD" >/srv/word;
      cp /conf/page /srv/page; exec busybox httpd -f -p 8080 -h /srv'
    environment: { WORD: said }
    tmpfs: ["/srv:size=1m"]
    ports: ["80:8080", "81"]
    depends_on: { fill: { condition: service_completed_successfully } }
    $1
    x-testenv: { probe: { http: /word } }
  own:
    image: $redis
    mem_limit: 200m
    healthcheck: { test: [CMD, redis-cli, ping] }
    x-testenv: { per: worker, reset: redis-cli flushall }
EOT
}
with ''
run 0 testenv up --backend swarm --workers 2
run 0 testenv status
session=$(sed -n 's/^session \([a-z0-9]*\):.*/\1/p' "$tmp/out")
out_has "^    1 +10\.140\.0\.13:[0-9]+ +testenv-$session-own-1$"
api "$node" /services -G --data-urlencode \
	"filters={\"label\":[\"dev.testenv.session=$session\"]}" >service.json
names=$(jq -r ".[].Spec.Name" service.json | sed "s/testenv-$session-//" |
	sort | tr '\n' ' ')
[ "$names" = 'cache-shared db-0 db-1 fill-shared own-0 own-1 web-shared ' ] ||
	fail "the services: $names"
jq -e 'map(select(.Spec.Labels["dev.testenv.service"] == "own"))
	| .[0].Spec.TaskTemplate | .Resources.Limits.MemoryBytes == 209715200
	and .RestartPolicy.Condition == "none"' service.json >/dev/null ||
	fail "the service: $(cat service.json)"
run 0 testenv logs own.1
out_has 'Ready to accept connections'
cat >ask <<'EOT'
import os, socket, sys
url = os.environ[sys.argv[1]]
s = socket.create_connection(url.split("/")[2].split(":"), 30)
s.sendall((" ".join(sys.argv[2:]) + "\r\n").encode())
print(s.recv(99).decode().split("\r\n")[-2])
EOT
run 0 testenv exec --backend swarm --workers 2 -- sh -ec '
	[ "$CACHE_URL" = "redis://10.140.0.13:$CACHE_PORT" ]
	[ "$WEB_PORT" = "$WEB_PORT_8080" ] && [ -n "$WEB_PORT_81" ]
	curl -sS "$WEB_URL/filled" "$WEB_URL/word"
	python3 ask OWN_URL set who me
	"$TESTENV_BIN" reset
	python3 ask OWN_URL get who
	python3 ask OWN_URL_1 set who one
	python3 ask OWN_URL_0 get who'
out_is '1
said
+OK
$-1
+OK
$-1'
run 0 testenv down
no_service "$session"

# files of this machine: its own manager has them
with 'volumes: ["./conf:/conf:ro"]'
run 125 testenv exec --backend swarm --workers 1 -- true
err_has "^testenv: service 'web': '.*/conf' is on this machine, not on the swarm's nodes$"
run 0 testenv exec --backend swarm --workers 1 \
	--host "unix://$engines_dir/node-swarm3/run/docker.sock" -- sh -c '
	echo "session $TESTENV_SESSION"; curl -sS "$WEB_URL/page"'
out_has '^from the bind$'
no_service "$(sed -n 's/^session //p' "$tmp/out")"

# what nobody has cleaned up after is found
cat >compose.yaml <<EOT
services:
  db: { x-testenv: { db: postgres, migrations: ../try/migrations } }
  cache: { image: $redis }
EOT
"$TESTENV_BIN" exec --backend swarm \
	--workers 1 -- sh -c 'echo "$TESTENV_SESSION" >session; sleep 60' \
	>out 2>err &
pid=$!
for _ in $(seq 900); do
	[ -s session ] && break
	sleep 0.1
done
session=$(cat session)
# its watchdog first, then itself
kill -KILL "$(pgrep -o -P "$pid")" "$pid"
wait "$pid" 2>/dev/null
run 0 testenv gc --dry-run
out_has "^service +testenv-$session-db-0 .*its owner is gone +removed"
out_has "^service +testenv-$session-cache-shared .*its owner is gone +removed"
run 0 testenv gc
no_service "$session"

cat >compose.yaml <<EOT
services:
  db: { x-testenv: { db: postgres, migrations: ../try/migrations } }
  bad: { image: $redis, command: sh -c "echo out of luck; exit 3" }
EOT
run 125 testenv exec --backend swarm -- true
err_has "^testenv: service 'bad' ended with exit code 3 before it was ready$"
err_has 'out of luck'
cd ../try || exit 1
run 125 testenv exec --db postgres --backend swarm --swarm-constraint \
	node.labels.none==yes --start-timeout 5s -- true
err_has "server 'testenv-.*-db-0' is still pending: no suitable node"

try_shop --require swarm
out_has '^on swarm$'
finish
