#!/bin/sh
# SPDX-License-Identifier: MIT
# Each header compiles alone, with both compilers, and guards against a second
# inclusion.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need gcc
need clang
need pkg-config

flags=$(pkg-config --cflags libcurl libcjson libpq libmariadb sqlite3 \
	libarchive libcrypto libuv libfyaml)
for f in $(files .h | grep -E '^(src|include)/'); do
	name=${f#*/}
	for cc in gcc clang; do
		# shellcheck disable=SC2086 # flags are words
		# a header of macros alone would be an empty unit
		printf '#include "%s"\n#include "%s"\nint unit;\n' "$name" "$name" |
			$cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic \
				-Werror -fsyntax-only -Isrc -Iinclude $flags \
				-x c - 2>&1 | sed "s,^,$f ($cc): ," >>"$faults"
	done
done
verdict "each header compiles alone"
