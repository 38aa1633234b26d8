#!/bin/sh
# SPDX-License-Identifier: MIT
# The main job on Docker 28, whose API has lost and moved fields since 1.41.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/engine.sh
. "$SOURCE_DIR/tests/support/engine.sh"
engine_up docker28
give_images "$up"
DOCKER_HOST=$up
export DOCKER_HOST
try_engine
out_has '^  API +1\.5[0-9] '
finish
