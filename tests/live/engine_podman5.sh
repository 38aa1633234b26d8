#!/bin/sh
# SPDX-License-Identifier: MIT
# The main job on Podman 5.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
engine_up podman5
give_images "$up"
DOCKER_HOST=$up
export DOCKER_HOST
try_engine
out_has '^  server +Libpod/5\.'
finish
