#!/bin/sh
# SPDX-License-Identifier: MIT
# Every shell script passes shellcheck.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need shellcheck
scripts | xargs shellcheck -x -P SCRIPTDIR -f gcc >"$faults" 2>&1
verdict "shell scripts pass shellcheck"
