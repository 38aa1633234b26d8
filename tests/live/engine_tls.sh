#!/bin/sh
# SPDX-License-Identifier: MIT
# An engine over TLS: with its certificates the same as any other, with others
# or none one clear line.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
engine_up docker20-tls
# shellcheck disable=SC2086 # three words
set -- $up
give_images "$3"
DOCKER_HOST=$1 DOCKER_CERT_PATH=$2 DOCKER_TLS_VERIFY=1
export DOCKER_HOST DOCKER_CERT_PATH DOCKER_TLS_VERIFY
try_engine
try_shop --require container
out_has '^on container$'
give_redis "$3"
try_service 127.0.0.1

refused() {
	run 125 "$@" "$TESTENV_BIN" exec --db postgres --require container -- true
}
refused env "DOCKER_CERT_PATH=$2-bad"
err_has "engine '$1' \(DOCKER_HOST\): cannot connect to 'https://127.0.0.1:2376': .*certificate"
refused env -u DOCKER_TLS_VERIFY
err_has "engine '$1' \(DOCKER_HOST\): GET /_ping: .*HTTPS server"
err_has '^hint: set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH$'
# the server's authority is known, but the client shows nothing
mkdir "$tmp/ca" && cp "$2/ca.pem" "$tmp/ca"
refused env "DOCKER_CERT_PATH=$tmp/ca"
err_has "engine '$1' \(DOCKER_HOST\): .*certificate"

# the same by a context
mkdir -p "$tmp/docker/contexts/meta/x" "$tmp/docker/contexts/tls/x/docker"
id=$(printf far | sha256sum | cut -d' ' -f1)
mv "$tmp/docker/contexts/meta/x" "$tmp/docker/contexts/meta/$id"
mv "$tmp/docker/contexts/tls/x" "$tmp/docker/contexts/tls/$id"
cp "$2"/ca.pem "$2"/cert.pem "$2"/key.pem "$tmp/docker/contexts/tls/$id/docker"
printf '{"Name":"far","Endpoints":{"docker":{"Host":"%s","SkipTLSVerify":false}}}' \
	"$1" >"$tmp/docker/contexts/meta/$id/meta.json"
echo '{"currentContext":"far"}' >"$tmp/docker/config.json"
run 0 env -u DOCKER_HOST -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH \
	"DOCKER_CONFIG=$tmp/docker" "$TESTENV_BIN" doctor
out_has "^  \* $1 \(context 'far'\): answers"
finish
