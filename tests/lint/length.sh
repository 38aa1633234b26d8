#!/bin/sh
# SPDX-License-Identifier: MIT
# Files and functions that one can hold in one's head: no file over 800 lines,
# no function over 120, nine functions in ten within 60, half of them within 20.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

sources=$(files .c .h | grep -E '^(src|include|compose|integrations|tests)/')
for f in $sources; do
	n=$(wc -l <"$f")
	[ "$n" -le 800 ] || echo "$f: $n lines, 800 are allowed" >>"$faults"
done

# a function's body begins with "{" and ends with "}", both alone in column 1
lengths=$(mktemp)
for f in $(echo "$sources" | grep '\.c$'); do
	awk -v f="$f" '
		/^[a-zA-Z_].*\(/ && !/;$/ { head = $0 }
		/^\{$/ { start = NR }
		/^\}$/ && start { print NR - start - 1, f ":" start ": " head
			start = 0 }
	' "$f"
done | sort -n >"$lengths"
awk '$1 > 120 { print $2, $1 " lines, 120 are allowed" }' "$lengths" >>"$faults"
grep ' src/' "$lengths" | awk -v faults="$faults" '
	{ n++; len[n] = $1 }
	END {
		if (n < 20) exit
		half = len[int((n + 1) / 2)]; most = len[int(n * 0.9)]
		print n " functions in src: median " half ", 90% within " most
		if (half > 20)
			print "the median function has " half " lines" >>faults
		if (most > 60)
			print "nine in ten functions have " most " lines" >>faults
	}'
rm -f "$lengths"
verdict "files and functions are short"
