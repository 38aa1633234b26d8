#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration on postgres in containers, twice: the second run finds the
# template.
set -u
# shellcheck source=../support/shop.sh
. "$SOURCE_DIR/tests/support/shop.sh"

build_shop
need_image postgres
run_shop container --db postgres --require container
run_shop container --db postgres --require container
