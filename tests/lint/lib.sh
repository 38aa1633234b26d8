# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# lib.sh - what the lint tests share; sourced. Each test prints one line for
# each fault and ends with 1 if there was one, 77 if it lacks a program.
SOURCE_DIR=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$SOURCE_DIR" || exit 1
faults=$(mktemp)
trap 'rm -f "$faults"' EXIT

# need PROGRAM: or this test cannot run here
need() {
	command -v "$1" >/dev/null 2>&1 && return 0
	echo "$1 is not installed"
	exit 77
}

# files SUFFIX...: every file of the project with such a name; not what a build
# or an editor left. Works in a checkout and in a plain copy.
files() {
	for suffix; do
		find . \( -name '.git' -o -name 'build*' -o -name '.cache' \
			-o -name node_modules -o -name __pycache__ \) -prune \
			-o -type f -name "*$suffix" -print
	done | sed 's,^\./,,' | LC_ALL=C sort
}

# scripts: every shell script, by its name or by its first line
scripts() {
	{
		files .sh
		files '' | while IFS= read -r f; do
			case $f in *.sh) continue ;; esac
			if head -c 64 "$f" | head -n 1 | tr -d '\0' |
				grep -Eq '^#! ?/(usr/)?bin/(env )?(ba)?sh'; then
				echo "$f"
			fi
		done
	} | LC_ALL=C sort -u
}

# verdict WHAT: prints what was written to $faults; ends the test
verdict() {
	if [ -s "$faults" ]; then
		cat "$faults"
		echo "$(wc -l <"$faults") faults: $1"
		exit 1
	fi
	echo "ok: $1"
	exit 0
}
