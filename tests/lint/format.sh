#!/bin/sh
# SPDX-License-Identifier: MIT
# The layout of C is decided by .clang-format and clang-format 14; other
# versions lay the same rules out differently.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need clang-format
clang-format --version | grep -q 'version 14\.' || {
	echo "clang-format is not version 14"
	exit 77
}
for f in $(files .c .h); do
	clang-format "$f" | cmp -s - "$f" ||
		echo "$f: run clang-format -i" >>"$faults"
done
verdict "C is laid out by .clang-format"
