#!/bin/sh
# SPDX-License-Identifier: MIT
# A folder of src/ includes only what its line of the table in src/README.md
# allows.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2016 # the backquotes are Markdown's
table=$(sed -n 's/^| *`\([a-z]*\)` *| *\([a-z *-]*[a-z*-]\) *|.*/\1 \2/p' \
	src/README.md)
[ -n "$table" ] || {
	echo "src/README.md has no table of layers"
	exit 1
}
for dir in src/*/; do
	layer=$(basename "$dir")
	[ "$layer" != cmake ] || continue
	allowed=$(echo "$table" | sed -n "s/^$layer //p")
	if [ -z "$allowed" ]; then
		echo "src/$layer: not in the table of src/README.md" >>"$faults"
		continue
	fi
	for f in "$dir"*.[ch]; do
		[ -f "$f" ] || continue
		sed -n 's,^# *include "\([a-z]*\)/.*,\1,p' "$f" | sort -u |
			while read -r used; do
				case " $layer $allowed " in *" $used "*) continue ;; esac
				echo "$f: $layer may not include $used"
			done
		# "x.h" without a folder hides which layer it is
		grep -n '^# *include "[^/]*"' "$f" | sed "s,^,$f:,"
	done >>"$faults"
done
verdict "includes follow the table of layers"
