# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # lib.sh has $tmp; $up is the sourcer's
# engine.sh - an engine beside the machine's own, for one test; sourced by
# tests/live/engine_*.sh after lib.sh.
#
# One that was up before stays up; its images are loaded from the machine's own
# engine, so that none is built twice.

[ "$(id -u)" = 0 ] || {
	echo "only root can start another engine"
	exit 77
}
# what a session leaves here is for this test alone: any other session of the
# same directory collects it, from whichever engine
XDG_RUNTIME_DIR=$tmp/run
export XDG_RUNTIME_DIR
[ -d "$XDG_RUNTIME_DIR" ] || mkdir -m 700 "$XDG_RUNTIME_DIR"
engines=$SOURCE_DIR/tests/engines
engines_dir=${TESTENV_ENGINES_DIR:-/var/tmp/testenv-engines}

# engine_up NAME [ARGUMENT...]: what NAME-up prints, in $up
engine_up() {
	engine=$1
	shift
	mkdir -p "$engines_dir"
	# one test at a time, as the first of two would end it for both
	exec 8>"$engines_dir/$engine.test"
	flock 8
	[ -e "$engines_dir/$engine/pid" ] ||
		trap '"$engines/down" "$engine" >/dev/null 2>&1; rm -rf "$tmp"' EXIT
	up=$("$engines/$engine-up" "$@" 2>"$tmp/err") || {
		cat "$tmp/err"
		echo "$engine does not come up"
		exit 1
	}
}

# api ENGINE PATH [CURL-OPTION...]
api() {
	api_path=$2
	case $1 in
	tcp://*) api_socket='' api_base=http://${1#tcp://} ;;
	*) api_socket=${1#unix://} api_base=http://d ;;
	esac
	shift 2
	curl -fsS -m 300 ${api_socket:+--unix-socket "$api_socket"} "$@" \
		"$api_base/v1.41$api_path"
}

# give_image ENGINE IMAGE: unless it has it
give_image() {
	api "$1" "/images/$2/json" >/dev/null 2>&1 && return
	# podman keeps what was loaded under localhost/
	api "$1" "/images/localhost/$2/json" >/dev/null 2>&1 && return
	api /var/run/docker.sock "/images/$2/get" |
		api "$1" /images/load -X POST -T - -o "$tmp/load" \
			-H 'Content-Type: application/x-tar' || {
		echo "$1 cannot have $2"
		exit 1
	}
}

# give_redis ENGINE: the service's image $redis, which is built where it is not
redis=standin/redis:7
give_redis() {
	api /var/run/docker.sock "/images/$redis/json" >/dev/null 2>&1 ||
		"$SOURCE_DIR/tests/images/build" unix:///var/run/docker.sock \
			services >"$tmp/log" 2>&1 || {
		echo "$redis cannot be built: $(tail -n 1 "$tmp/log")"
		exit 1
	}
	give_image "$1" "$redis"
}

# try_service HOST [VARIABLE=VALUE...]: on DOCKER_HOST's engine, where one
# beside a database is
try_service() {
	mkdir "$tmp/service"
	cd "$tmp/service" || exit 1
	printf 'services:\n  db: { x-testenv: { db: sqlite } }\n  cache: { image: %s }\n' \
		"$redis" >compose.yaml
	at=$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	run 0 env "$@" "$TESTENV_BIN" exec -- sh -c 'echo "$CACHE_HOST"'
	out_is "$at"
	cd "$OLDPWD" || exit 1
}

# give_images ENGINE: both server images
give_images() {
	give_image "$1" testenv/postgres:15
	give_image "$1" testenv/mariadb:10.11
}

# try_shop [OPTION...]: the demonstration's 29 tests on DOCKER_HOST's engine
try_shop() {
	shop=$SOURCE_DIR/compose/shop
	SHOP_BUILD=$BUILD_DIR/shop
	export SHOP_BUILD
	# shellcheck disable=SC2016 # for the inner shell
	flock "$BUILD_DIR/shop.lock" sh -c 'cmake -G Ninja -S "$1" -B "$2" \
		-DCMAKE_BUILD_TYPE=Release && cmake --build "$2"' sh "$shop" \
		"$SHOP_BUILD" >"$tmp/log" 2>&1 ||
		fail "the shop: $(tail "$tmp/log")"
	# shellcheck disable=SC2016 # for the inner shell
	run 0 testenv exec --db postgres --workers 2 "$@" \
		--migrations "$shop/db/migrations" --seed "$shop/db/seed.sql" \
		-- sh -c 'echo "on $TESTENV_BACKEND"
		cd "$0" && ctest -j2 --schedule-random' "$SHOP_BUILD"
	out_has '^100% tests passed, 0 tests failed out of 29'
}

# try_engine: the main job on DOCKER_HOST, in both dialects, from a cold
# template and from a warm one; then nothing of it is left.
try_engine() {
	mkdir -p "$tmp/try/migrations"
	cd "$tmp/try" || exit 1
	# a template of this run's own
	echo "create table t (id int primary key); -- $$" >migrations/1.sql
	for dialect in postgres mariadb; do
		for built in 1 0; do
			# shellcheck disable=SC2016 # for the inner shell
			run 0 testenv exec --db "$dialect" --require container \
				--migrations migrations --workers 2 -- sh -c '
				case $DATABASE_URL in
				postgresql:*) psql -qX "$DATABASE_URL" -c "$0" ;;
				*) mariadb -h "$MYSQL_HOST" -P "$MYSQL_TCP_PORT" \
					-u "$MYSQL_USER" "$MYSQL_DATABASE" -e "$0" ;;
				esac || exit
				echo "$TESTENV_SESSION $TESTENV_BACKEND"' \
				'insert into t values (1)'
			out_has ' container$'
			made=$(grep -c "made the template of 'db'" "$tmp/err")
			[ "$made" = "$built" ] ||
				fail "$dialect: templates made: $made, not $built"
			none_left "$(sed -n 's/ container$//p' "$tmp/out")"
		done
	done
	run 0 testenv doctor
	out_has "^  \* $DOCKER_HOST \("
}

# none_left SESSION: containers of it, in any state
none_left() {
	case $DOCKER_HOST in unix://*) ;; *) return 0 ;; esac
	left=$(api "$DOCKER_HOST" /containers/json -G -d all=1 \
		--data-urlencode "filters={\"label\":[\"dev.testenv.session=$1\"]}")
	[ "$left" = '[]' ] || fail "left: $left"
}

# node_up N: an engine of its own machine, as it were, in no swarm; its address
# in $node. The test's own until its end, when all that is in $nodes is ended.
nodes=
end_nodes() {
	# one that is still in a swarm looks for its manager when it ends
	for n in $nodes; do
		case $n in node-*) "$engines/swarm-up" -d \
			"unix://$engines_dir/$n/run/docker.sock" ;; esac
	done >/dev/null 2>&1
	# shellcheck disable=SC2086 # names
	"$engines/down" $nodes >/dev/null 2>&1
	rm -rf "$tmp"
}
node_up() {
	mkdir -p "$engines_dir"
	[ -n "$nodes" ] || {
		exec 8>"$engines_dir/node-swarm.test"
		flock 8
		trap end_nodes EXIT
	}
	nodes="$nodes node-swarm$1"
	node=$("$engines/swarm-node-up" "$1" 2>"$tmp/err") || {
		cat "$tmp/err"
		echo "node $1 does not come up"
		exit 1
	}
	node=${node#* }
	# of a test that was killed
	"$engines/swarm-up" -d "$node" >"$tmp/out" 2>&1
}

# no_service SESSION: at $manager, where its containers follow by themselves
no_service() {
	left=$(api "$manager" /services -G --data-urlencode \
		"filters={\"label\":[\"dev.testenv.session=$1\"]}")
	[ "$left" = '[]' ] || fail "left: $left"
}
