#!/bin/sh
# SPDX-License-Identifier: MIT
# What codespell-ignore lists is right here and looks wrong there.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need codespell
files .c .h .md .sh .sql .txt .cmake .yaml .py .js |
	xargs codespell -I tests/lint/codespell-ignore >"$faults" 2>&1
verdict "no spelling mistake that codespell knows"
