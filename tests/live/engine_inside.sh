#!/bin/sh
# SPDX-License-Identifier: MIT
# testenv in a container itself: with the engine's socket mounted, on a network
# of its own, and beside an engine that it reaches by a name, as a CI's service
# docker:2375; with services beside the database. The built program runs there
# with this machine's libraries.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
for tool in docker python3; do
	command -v "$tool" >/dev/null || {
		echo "no $tool"
		exit 77
	}
done
image=debian:bookworm-slim
docker image inspect "$image" >/dev/null 2>&1 || {
	echo "the engine has no $image"
	exit 77
}
engine_up docker20-tls
# shellcheck disable=SC2086 # three words
set -- $up
other=$3
give_image "$other" testenv/postgres:15
give_redis "$other"
network=testenv-test-$$ door_pid=''
# shellcheck disable=SC2317 # called by the trap
end() {
	[ -z "$door_pid" ] || kill "$door_pid"
	docker network rm "$network"
	"$engines/down" docker20-tls
	rm -rf "$tmp"
}
trap 'end >/dev/null 2>&1' EXIT

mkdir "$tmp/in"
cp "$TESTENV_BIN" "$tmp/in/testenv"
ldd "$TESTENV_BIN" | sed -n 's/.* => \(\/[^ ]*\).*/\1/p' |
	grep -Ev '/(libc|libm|libpthread|ld-linux[^/]*)\.so' |
	xargs -I{} cp {} "$tmp/in"
cat >"$tmp/in/compose.yaml" <<EOT
services:
  db: { x-testenv: { db: postgres } }
  cache: { image: $redis }
  checked: { image: $redis, x-testenv: { probe: { exec: redis-cli ping } } }
  own: { image: $redis, x-testenv: { per: worker, probe: tcp } }
EOT
cat >"$tmp/in/job" <<'EOT'
ping() {
	exec 3<>"/dev/tcp/$2/$3" && echo PING >&3 && read -r -t 30 answer <&3
	echo "$1 at $2: $answer"
}
ping cache "$CACHE_HOST" "$CACHE_PORT"
ping checked "$CHECKED_HOST" "$CHECKED_PORT"
ping own "$OWN_HOST" "$OWN_PORT"
exec /in/testenv status --json
EOT
# inside [DOCKER-OPTION...]: the image has no client of Postgres; a server that
# is ready was reached
inside() {
	run 0 docker run --rm -v "$tmp/in:/in:ro" -w /in \
		-e LD_LIBRARY_PATH=/in "$@" "$image" timeout 120 \
		/in/testenv exec --require container --workers 1 -- bash job
	out_has '^own at 127\.0\.0\.1: \+PONG'
}
docker network create "$network" >/dev/null || fail 'no network'

inside --network "$network" -v /var/run/docker.sock:/var/run/docker.sock
out_has "\"via\":[[:space:]]*\"container's address\""
subnet=$(docker network inspect "$network" \
	-f '{{(index .IPAM.Config 0).Subnet}}' | cut -d. -f1,2)
for name in cache checked; do
	out_has "^$name at $subnet\.[0-9.]*: \+PONG"
done

# the other engine's socket at a port of this machine's bridge
cat >"$tmp/door.py" <<'EOT'
import asyncio, sys
async def pipe(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def serve(reader, writer):
    r, w = await asyncio.open_unix_connection(sys.argv[2])
    await asyncio.gather(pipe(reader, w), pipe(r, writer))
async def main():
    server = await asyncio.start_server(serve, sys.argv[1], 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
EOT
gateway=$(docker network inspect bridge \
	-f '{{(index .IPAM.Config 0).Gateway}}')
mkfifo "$tmp/port"
python3 "$tmp/door.py" "$gateway" "${other#unix://}" >"$tmp/port" 8>&- &
door_pid=$!
read -r port <"$tmp/port"
inside --add-host "docker:$gateway" -e "DOCKER_HOST=tcp://docker:$port"
out_has '"via":[[:space:]]*"published port"'
out_has "\"host\":[[:space:]]*\"$gateway\""
for name in cache checked; do
	out_has "^$name at $gateway: \+PONG"
done
finish
