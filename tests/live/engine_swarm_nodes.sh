#!/bin/sh
# SPDX-License-Identifier: MIT
# A swarm of two nodes: the template goes to both by a registry with a log-in,
# servers and other services are on both; and when one node is gone, its test is
# told so, and the slot is made again on the other.
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
give_redis "$manager"
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

# a service of each worker, which its node asks; what another reaches by name is
# where the manager can see it
mkdir ../beside
cd ../beside || exit 1
cat >compose.yaml <<EOT
services:
  db: { x-testenv: { db: postgres, migrations: ../try/migrations } }
  own:
    image: $redis
    healthcheck: { test: [CMD, redis-cli, ping] }
    x-testenv: { per: worker }
EOT
run 0 testenv up --backend swarm --workers 2 --start-timeout 5m \
	--swarm-registry "$registry/ci" \
	--swarm-constraint node.hostname==tenode2
err_has "^testenv: pushed '$registry/ci/testenv-service:"
run 0 testenv status
session=$(sed -n 's/^session \([a-z0-9]*\):.*/\1/p' "$tmp/out")
for n in 0 1; do
	out_has "^ +$n +10\.140\.0\.12:[0-9]+ +testenv-$session-own-$n$"
done
run 0 testenv logs own.0
out_has 'Ready to accept connections'
run 0 testenv down
no_service "$session"
cat >compose.yaml <<EOT
services:
  db: { x-testenv: { db: postgres, migrations: ../try/migrations } }
  cache: { image: $redis }
  fill:
    image: $redis
    command: [redis-cli, -h, cache, set, filled, "1"]
    depends_on: [cache]
    x-testenv: { probe: exit }
EOT
run 0 testenv exec --backend swarm --workers 1 --start-timeout 5m \
	--swarm-registry "$registry/ci" -- sh -c '
	echo "$TESTENV_SESSION at $CACHE_HOST"'
out_has ' at 10\.140\.0\.11$'
no_service "$(sed 's/ .*//' "$tmp/out")"
cd ../try || exit 1

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

# a test: one connection waits for an answer, and another asks something when
# the node is gone
cat >"$tmp/job" <<'EOT'
sql() {
	case $DATABASE_URL in
	postgresql:*) psql -qAtX "$DATABASE_URL" ;;
	*) mariadb -N -u "$MYSQL_USER" "$MYSQL_DATABASE" ;;
	esac
}
pause=sleep
case $DATABASE_URL in postgresql:*) pause=pg_sleep ;; esac
{
	echo 'select 1;'
	while [ ! -e ../gone ]; do sleep 0.1; done
	echo 'select 2;'
} | sql >"asked.$1" 2>&1 &
echo 'insert into t values (1); select 1;' | sql >"waited.$1" 2>&1 &&
	touch "here.$1" && echo "select $pause(300);" | sql >"waited.$1" 2>&1
wait
touch "ended.$1"
EOT
# begin N: as many tests, in the session of this folder
begin() {
	for i in $(seq "$1"); do
		"$TESTENV_BIN" lease -- sh "$tmp/job" "$i" >"test.$i" 2>&1 &
	done
	for _ in $(seq 600); do
		# shellcheck disable=SC2012 # our own names
		[ "$(ls here.* 2>/dev/null | wc -l)" = "$1" ] && return
		sleep 0.1
	done
	fail "${PWD##*/}: tests that run: $(echo here.*): $(cat test.* waited.*)"
}
# told N SLOT: both connections of test N were
told() {
	for _ in $(seq 600); do
		[ -e "ended.$1" ] && break
		sleep 0.1
	done
	what="${PWD##*/}, test $1"
	for file in "waited.$1" "asked.$1"; do
		cp "$file" "$tmp/out"
		out_has "(FATAL: +|ERROR 1053 \(08S01\).*: )testenv: the server of slot $2, on node 'tenode2', is gone: "
	done
}
# next: the next test has an empty database, in the session of this folder,
# which then ends
next() {
	run 0 testenv lease -- sh -c 'case $DATABASE_URL in
		postgresql:*) psql -AtX "$DATABASE_URL" -c "$0" ;;
		*) mariadb -N -u "$MYSQL_USER" "$MYSQL_DATABASE" -e "$0" ;;
		esac' 'select count(*) from t'
	out_is 0
	run 0 testenv status
	out_has '^ +[01] +10\.140\.0\.11:'
	session=$(sed -n 's/^session \([a-z0-9]*\):.*/\1/p' "$tmp/out")
}
end() {
	run 0 testenv down
	no_service "$session"
}
# takes_tasks active|pause: the manager's node
takes_tasks() {
	api "$manager" /nodes | jq -c '.[] | select(.ManagerStatus)' >node
	jq -c ".Spec | .Availability = \"$1\"" node |
		api "$manager" "/nodes/$(jq -r .ID node)/update?version=$(
			jq .Version.Index node)" -d @- \
			-H 'Content-Type: application/json'
}

# one test on each node
begin 2
# and sessions that have their servers on the second one only
takes_tasks pause
give_image "$manager" testenv/mariadb:10.11
# session NAME N OPTION...
session() {
	mkdir "$tmp/$1"
	cd "$tmp/$1" || exit 1
	tests=$2
	shift 2
	run 0 testenv up --backend swarm --migrations ../try/migrations \
		--workers "$tests" --start-timeout 5m \
		--swarm-registry "$registry/ci" "$@"
	begin "$tests"
}
session shared 2 --db postgres --isolation database
session maria 1 --db mariadb
session maria-shared 2 --db mariadb --isolation database
takes_tasks active
ip link set tenode2 down
touch "$tmp/gone"
cd "$tmp/try" || exit 1
for _ in $(seq 600); do
	[ -e ended.1 ] || [ -e ended.2 ] && break
	sleep 0.1
done
n=1
[ ! -e ended.2 ] || n=2
told "$n" "$gone"
[ "$(echo ended.*)" = "ended.$n" ] || fail "ended: $(echo ended.*)"
next
out_has "^ +$gone +10\.140\.0\.11:"
out_has_not '^ +[01] +10\.140\.0\.12:'
end
for name in shared maria maria-shared; do
	cd "$tmp/$name" || exit 1
	for file in here.*; do
		told "${file#here.}" '[01]'
	done
	next
	end
done
wait
finish
