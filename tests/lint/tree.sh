#!/bin/sh
# SPDX-License-Identifier: MIT
# What the tree holds: a licence line in every source, no path of somebody's
# machine, no file at the top that has its place elsewhere.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

for f in $(files .c .h); do
	head -n 1 "$f" | grep -q '^/\* SPDX-License-Identifier: MIT \*/$' ||
		echo "$f: the first line is not the licence's" >>"$faults"
done
for f in $(scripts); do
	head -n 2 "$f" | grep -q '^# SPDX-License-Identifier: MIT$' ||
		echo "$f: no licence line under the first" >>"$faults"
done

# written so that this file does not find itself
files '' | grep -v '^LICENSE$' |
	xargs grep -nIE '(^|[^a-zA-Z0-9_.$}/-])/(work|home|root|Users)/[a-z]' |
	grep -vE '^tests/lint/tree.sh:|/home/(me|user)/' >>"$faults"

for f in * .[!.]*; do
	case $f in
	CMakeLists.txt | CMakePresets.json | CMakeUserPresets.json) ;;
	README.md | LICENSE | CHANGELOG.md) ;;
	src | include | images | tests | compose | integrations) ;;
	build* | .*) ;;
	*) echo "$f: has no place at the top level" >>"$faults" ;;
	esac
done
for f in $(files ''); do
	n=$(wc -c <"$f")
	[ "$n" -le 262144 ] || echo "$f: $n bytes; generated?" >>"$faults"
done
if [ -d .git ] || [ -f .git ]; then
	git ls-files 2>/dev/null | grep -E '(^|/)build[^/]*/|\.(o|a|so)$' |
		sed 's/$/: made by a build/' >>"$faults"
fi
verdict "the tree holds what it should"
