#!/bin/sh
# SPDX-License-Identifier: MIT
# An engine by ssh://: the same as by its socket, and one clear line where
# there is no way to it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || {
	echo "only root can start an ssh server here"
	exit 77
}
dir=${TESTENV_ENGINES_DIR:-/var/tmp/testenv-engines}/ssh-engine
# one that was there stays
[ -e "$dir/pid" ] ||
	trap '"$SOURCE_DIR/tests/engines/down" ssh-engine >/dev/null 2>&1
		rm -rf "$tmp"' EXIT
"$SOURCE_DIR/tests/engines/ssh-engine-up" >"$tmp/up" 2>"$tmp/err" || {
	cat "$tmp/err"
	exit 1
}
# shellcheck disable=SC2046 # two words
set -- $(cat "$tmp/up")
DOCKER_HOST=$1
PATH=$2:$PATH
export DOCKER_HOST PATH
cd "$tmp" || exit 1

run 0 testenv doctor
out_has "^  \* $DOCKER_HOST \(DOCKER_HOST\): answers, version "
out_has '^  local +no$'

run 0 testenv exec --db postgres --require container -- psql -Atc 'select 1'
out_is 1

run 125 env DOCKER_HOST=ssh://root@127.0.0.1:1 "$TESTENV_BIN" exec \
	--db postgres --require container -- true
err_has "engine 'ssh://root@127.0.0.1:1' \(DOCKER_HOST\): no connection by 'ssh': ssh: connect to host 127.0.0.1 port 1: Connection refused"
run 125 env PATH=/nowhere "$TESTENV_BIN" exec --db postgres \
	--require container -- /bin/true
err_has "cannot run 'ssh': No such file or directory"

# no ssh of ours is left
left=$(pgrep -f "docker system dial-stdio" -P $$)
[ -z "$left" ] || fail "left: $left"
finish
