#!/bin/sh
# SPDX-License-Identifier: MIT
# The session of tests that testenv_add_test() adds; run by ctest.
#
#   testenv-fixture.sh up NOTE TESTENV OPTION...    starts it, notes its id
#   testenv-fixture.sh down NOTE TESTENV            ends the one that was noted
#
# One that runs already is used and stays, unless the note says that it is ours:
# of a ctest that was killed.
set -u
action=$1 note=$2 testenv=$3
shift 3
NO_SESSION=17 # testenv's exit code

if [ "$action" = down ]; then
	id=$(cat "$note" 2>/dev/null) || exit 0
	"$testenv" down --session "$id"
	code=$?
	[ "$code" = 0 ] || [ "$code" = $NO_SESSION ] || exit "$code"
	rm -f "$note"
	exit 0
fi
mkdir -p "$(dirname "$note")" || exit
out=$("$testenv" up "$@" 2>"$note.log")
code=$?
cat "$note.log" >&2
printf '%s\n' "$out"
id=$(printf '%s\n' "$out" | sed -n 's/^session \([^:]*\):.*/\1/p')
if grep -q "^testenv: session '$id' .* runs already\$" "$note.log" &&
	[ "$(cat "$note" 2>/dev/null)" != "$id" ]; then
	rm -f "$note"
elif [ "$code" = 0 ]; then
	printf '%s\n' "$id" >"$note"
fi
rm -f "$note.log"
exit "$code"
