#!/bin/sh
# SPDX-License-Identifier: MIT
# Pulls from a real registry: what is not there, needs a log-in, has a wrong
# one, or is cut off in the middle leaves nothing, and the next try works.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
engine_up registry
# shellcheck disable=SC2086 # four words
set -- $up
open=$1 locked=$2
docker=/var/run/docker.sock
name=testenv-test-$$/postgres
cd "$tmp" || exit 1
HOME=$tmp DOCKER_CONFIG=$tmp
export HOME DOCKER_CONFIG

# The registry through a door of ours, which closes in the middle of a layer
# while the file "cut" is there.
cat >door.py <<'EOF'
import os, socket, sys, threading
target = sys.argv[1].split(":")
def pipe(a, b, limit):
    sent = 0
    try:
        while data := a.recv(65536):
            sent += len(data)
            if limit and sent > 1000000 and os.path.exists("cut"):
                open("was_cut", "w").close()
                break
            b.sendall(data)
    except OSError:
        pass
    for s in a, b:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
door = socket.create_server(("127.0.0.1", 0))
print(door.getsockname()[1], flush=True)
while True:
    a = door.accept()[0]
    b = socket.create_connection((target[0], int(target[1])))
    threading.Thread(target=pipe, args=(a, b, False), daemon=True).start()
    threading.Thread(target=pipe, args=(b, a, True), daemon=True).start()
EOF
mkfifo opened
python3 door.py "$open" >opened &
door_pid=$!
read -r port <opened
door=127.0.0.1:$port

# An image like ours with a layer that no engine has yet.
mkdir context
head -c 20000000 /dev/urandom >context/layer
printf 'FROM testenv/postgres:15\nCOPY layer /layer\n' >context/Dockerfile
drop() {
	for ref in "$open/$name:15" "$locked/$name:15" "$door/$name:15" \
		"$open/$name-hub/library/postgres:15.0"; do
		api "$docker" "/images/$ref" -X DELETE >/dev/null 2>&1
	done
}
trap 'drop; kill "$door_pid" 2>/dev/null; "$engines/down" registry registry-auth >/dev/null 2>&1; rm -rf "$tmp"' EXIT
tar -C context -c . | api "$docker" "/build?t=$open/$name:15&rm=1" -X POST \
	-T - -H 'Content-Type: application/x-tar' >"$tmp/out" || fail build
login=$(printf '{"username":"eng","password":"secret"}' | base64 -w0 | tr +/ -_)
for registry in "$open" "$locked"; do
	[ "$registry" = "$open" ] || api "$docker" "/images/$open/$name:15/tag" -X POST \
		-G -d "repo=$registry/$name" -d tag=15
	api "$docker" "/images/$registry/$name/push?tag=15" -X POST \
		-H "X-Registry-Auth: $login" >"$tmp/out" || fail push
	grep -q error "$tmp/out" && fail "push to $registry"
done
drop

# pull CODE IMAGE [ENV...]
pull() {
	pull_code=$1 pull_image=$2
	shift 2
	run "$pull_code" env "$@" "$TESTENV_BIN" exec --db postgres \
		--require container --image "$pull_image" --start-timeout 60s \
		--pull "${policy:-missing}" -- true
}
absent() {
	api "$docker" "/images/$1/json" >/dev/null 2>&1 && fail "$1 is there"
}

policy=never
pull 125 "$open/$name:15" A=
err_has "'$open/$name:15' is not on the engine, and 'pull' is 'never'$"
policy=
pull 125 "$open/$name:none" A=
err_has "pull '$open/$name:none': .*(not found|manifest unknown)"

pull 125 "$locked/$name:15" A=
err_has "pull '$locked/$name:15': .*auth"
err_has "^hint: log in: docker login $locked$"
auth() { printf '{"auths":{"%s":{"auth":"%s"}}}' "$locked" "$(printf %s "$1" | base64)"; }
pull 125 "$locked/$name:15" "DOCKER_AUTH_CONFIG=$(auth eng:wrong)"
err_has "pull '$locked/$name:15': .*auth"
grep -q wrong "$tmp/err" && fail 'the password is shown'
# a helper that is configured and not there is the reason
printf '{"credsStore":"gone"}' >config.json
pull 125 "$locked/$name:15" A=
err_has "^hint: no log-in was sent to '$locked': docker-credential-gone: not found$"
rm config.json
absent "$locked/$name:15"

pull 125 "127.0.0.1:1/$name:15" A=
err_has 'trying again$'
err_has "pull '127.0.0.1:1/$name:15': .*refused"

# cut off: the engine tries layers again by itself, longer than we wait here
touch cut
run 125 "$TESTENV_BIN" exec --db postgres --require container \
	--image "$door/$name:15" --start-timeout 15s -- true
err_has "pull '$door/$name:15': .*timed out"
[ -e was_cut ] || fail 'nothing was cut off'
absent "$door/$name:15"
rm cut
pull 0 "$door/$name:15" A=
err_has "^testenv: pulled '$door/$name:15'"
policy=always
pull 0 "$door/$name:15" A=
err_has "^testenv: pulled '$door/$name:15'"
# it is there: nobody is asked, unless that is wanted
kill "$door_pid"
policy=
pull 0 "$door/$name:15" A=
policy=weekly
pull 0 "$door/$name:15" A=
grep -q pulling "$tmp/err" && fail 'pulled within a week'
policy=every_1s
pull 0 "$door/$name:15" A=
err_has 'the one that is there serves$'
policy=always
pull 125 "$door/$name:15" A=
err_has "pull '$door/$name:15': .*refused"
policy=

# pinned by its digest: what the registry calls it, said by status as well
arch=$(api "$docker" /images/testenv/postgres:15/json | jq -r .Architecture)
run 0 "$TESTENV_BIN" up --db postgres --require container \
	--image "$open/$name:15" --platform "linux/$arch"
run 0 "$TESTENV_BIN" status --json
digest=$(jq -r '.. | .image_digest? // empty' "$tmp/out")
case $digest in
"$open/$name@sha256:"*) ;;
*) fail "status --json has the digest '$digest'" ;;
esac
run 0 "$TESTENV_BIN" down
drop
absent "$digest"
pull 0 "$digest" A=
err_has "^testenv: pulled '$digest'"
pull 0 "$digest" A=
grep -q pulling "$tmp/err" && fail 'pulled again by digest'
pull 125 "${digest%????}0000" A=
err_has "pull '.*0000': .*(not found|manifest unknown)"
api "$docker" "/images/$digest" -X DELETE >/dev/null
# of an image for one platform there is no other
platform=linux/s390x
run 125 "$TESTENV_BIN" exec --db postgres --require container \
	--image "$open/$name:15" --platform "$platform" -- true
err_has "'$open/$name:15'.* '?$platform"
drop

# Docker Hub's name, from a mirror of it
api "$docker" /images/testenv/postgres:15/tag -X POST -G \
	-d "repo=$open/$name-hub/library/postgres" -d tag=15.0
api "$docker" "/images/$open/$name-hub/library/postgres/push?tag=15.0" -X POST \
	-H "X-Registry-Auth: $login" >"$tmp/out"
drop
for mirrored in pulled there; do
	run 0 testenv exec --db postgres:15.0 --require container \
		--mirror "$open/$name-hub" -- true
	grep -q "pulled '$open/$name-hub/library/postgres:15.0'" "$tmp/err" && had=pulled || had=there
	[ "$mirrored" = "$had" ] || fail "$had, not $mirrored"
done
run 125 testenv exec --db postgres --mirror https://x -- true
err_has "^testenv: --mirror: 'https://x' is not a registry's HOST\[:PORT\]\[/PATH\]$"
drop

pull 0 "$locked/$name:15" "DOCKER_AUTH_CONFIG=$(auth eng:secret)"
finish
