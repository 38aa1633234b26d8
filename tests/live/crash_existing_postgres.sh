#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGKILL at the steps of a session on somebody's postgres server: only its own
# databases go, and all of them. With CRASH_FULL=1 at every step.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/existing.sh
. "$SOURCE_DIR/tests/support/existing.sh"
# shellcheck source=../support/crash.sh
. "$SOURCE_DIR/tests/support/crash.sh"

start_postgres
set -- 3 postgres
# shellcheck source=../support/crash_existing.sh
. "$SOURCE_DIR/tests/support/crash_existing.sh"
finish
