#!/bin/sh
# SPDX-License-Identifier: MIT
# An engine by ssh://: the same as by its socket, and one clear line where
# there is no way to it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
engine_up ssh-engine
# shellcheck disable=SC2086 # two words
set -- $up
DOCKER_HOST=$1
PATH=$2:$PATH
export DOCKER_HOST PATH
cd "$tmp" || exit 1

run 0 testenv doctor
out_has "^  \* $DOCKER_HOST \(DOCKER_HOST\): answers, version "
out_has '^  local +no$'

run 0 testenv exec --db postgres --require container -- psql -Atc 'select 1'
out_is 1

try_shop --require container
out_has '^on container$'

# a name that only ssh knows: its real one is where ports are published
mkdir alias
printf 'Host box\nHostName 127.0.0.1\nPort 2222\nUser root\n' >alias/config
printf '#!/bin/sh\nexec %s/ssh -F %s/alias/config "$@"\n' "$2" "$tmp" >alias/ssh
chmod +x alias/ssh
# shellcheck disable=SC2016 # for the inner shell
run 0 env DOCKER_HOST=ssh://box PATH="$tmp/alias:$PATH" "$TESTENV_BIN" exec \
	--db postgres --require container --no-cache \
	--migrate 'psql -qc "create table t ()" "$DATABASE_URL"' -- \
	psql -Atc 'select count(*) from t'
out_is 0
give_redis unix:///var/run/docker.sock
try_service 127.0.0.1 DOCKER_HOST=ssh://box PATH="$tmp/alias:$PATH"

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
