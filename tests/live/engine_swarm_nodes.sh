#!/bin/sh
# SPDX-License-Identifier: MIT
# A swarm of two nodes: the template goes to both by a registry with a log-in,
# servers are on both; and when one node is gone, its test is told so, and the
# slot is made again on the other.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
node_up 2
worker=$node
node_up 1
manager=$node
"$engines/swarm-up" "$manager" "$worker" 10.140.0.12 >"$tmp/out" 2>&1 || {
	cat "$tmp/out"
	echo 'this machine does not allow a swarm of two nodes'
	exit 77
}
nodes="registry-swarm $nodes"
# shellcheck disable=SC2046 # three words
set -- $("$engines/swarm-registry-up")
registry=$1
give_image "$manager" testenv/postgres:15
DOCKER_HOST=$manager HOME=$tmp DOCKER_CONFIG=$tmp
export DOCKER_HOST HOME DOCKER_CONFIG
mkdir "$tmp/try"
cd "$tmp/try" || exit 1
mkdir migrations
echo "create table t (id int primary key); -- $$" >migrations/1.sql

set -- --db postgres --backend swarm --migrations migrations --workers 2 \
	--start-timeout 5m
run 125 testenv exec "$@" -- true
err_has "the swarm has 2 nodes, and no registry is named"
err_has '^hint: .*: --swarm-registry HOST\[:PORT\]\[/PATH\]$'
set -- "$@" --swarm-registry "$registry/ci"
run 125 testenv exec "$@" -- true
err_has "push '$registry/ci/testenv-template:[0-9a-f]*': .*auth"
err_has "^hint: log in: docker login $registry$"
DOCKER_AUTH_CONFIG=$(printf '{"auths":{"%s":{"auth":"%s"}}}' "$registry" \
	"$(printf eng:secret | base64)")
export DOCKER_AUTH_CONFIG

try_shop --require swarm --swarm-registry "$registry/ci" --start-timeout 5m
out_has '^on swarm$'

run 0 testenv up "$@"
err_has "^testenv: pushed '$registry/ci/testenv-template:"
run 0 testenv status
session=$(sed -n 's/^session \([a-z0-9]*\):.*/\1/p' "$tmp/out")
out_has '^ +[01] +10\.140\.0\.11:'
out_has '^ +[01] +10\.140\.0\.12:'
gone=$(sed -n 's/^ *\([01]\) *10\.140\.0\.12:.*/\1/p' "$tmp/out")
run 0 testenv logs "db.$gone"
out_has 'database system is ready to accept connections'
api "$manager" /services -G --data-urlencode \
	"filters={\"label\":[\"dev.testenv.session=$session\"]}" >services.json
grep -Eqi 'password|"auth' services.json &&
	fail 'a password or a log-in is in a service'

# one test on each node: it waits for an answer, and in another connection asks
# something when the node is gone; the other node's goes on until the end
cat >job <<'EOT'
{
	echo 'select 1;'
	while [ ! -e gone ]; do sleep 0.1; done
	echo 'select 2;'
} | psql -qAtX "$DATABASE_URL" >"asked.$1" 2>&1 &
psql -AtX "$DATABASE_URL" -c 'select 1' >"waited.$1" && touch "here.$1" &&
	psql -AtX "$DATABASE_URL" -c 'select pg_sleep(300)' >"waited.$1" 2>&1
wait
touch "ended.$1"
EOT
for i in 1 2; do
	"$TESTENV_BIN" lease -- sh job "$i" >"test.$i" 2>&1 &
done
for _ in $(seq 300); do
	[ -e here.1 ] && [ -e here.2 ] && break
	sleep 0.1
done
ip link set tenode2 down
touch gone
for _ in $(seq 600); do
	[ -e ended.1 ] || [ -e ended.2 ] && break
	sleep 0.1
done
n=1
[ ! -e ended.2 ] || n=2
for file in "waited.$n" "asked.$n"; do
	cp "$file" "$tmp/out"
	out_has "FATAL: +testenv: the server of slot $gone, on node 'tenode2', is gone: "
done
[ "$(echo ended.*)" = "ended.$n" ] || fail "ended: $(echo ended.*)"
run 0 testenv lease -- sh -c 'psql -AtX "$DATABASE_URL" \
	-c "select count(*) from t"'
out_is 0
run 0 testenv status
out_has "^ +$gone +10\.140\.0\.11:"
out_has_not '^ +[01] +10\.140\.0\.12:'
run 0 testenv down
wait
no_service "$session"
finish
