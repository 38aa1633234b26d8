#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration on mariadb in containers, twice: the second run finds the
# template.
set -u
# shellcheck source=../support/shop.sh
. "$SOURCE_DIR/tests/support/shop.sh"

build_shop
need_image mariadb
run_shop container --db mariadb --require container
run_shop container --db mariadb --require container
