#!/bin/sh
# SPDX-License-Identifier: MIT
# Manual pages and completion scripts are what their readers accept.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

commands=$(testenv help | sed -n 's/^  \([a-z-]*\) .*/\1/p')
[ -n "$commands" ] || fail "help lists no command"

if command -v mandoc >/dev/null 2>&1; then
	for page in testenv $commands; do
		run 0 testenv help --man "$page"
		cp "$tmp/out" "$tmp/$page.1"
		run 0 mandoc -Tlint -W error "$tmp/$page.1"
	done
	run 0 mandoc -Tutf8 "$tmp/testenv.1"
else
	echo "mandoc is not installed: the pages were not read"
fi

run 0 testenv completion bash
if command -v bash >/dev/null 2>&1; then
	cp "$tmp/out" "$tmp/complete.bash"
	run 0 bash -n "$tmp/complete.bash"
	# what is offered, word by word: complete "testenv WORDS..."
	cat >"$tmp/ask.bash" <<'EOF'
. "$1"
shift
COMP_WORDS=(testenv "$@")
COMP_CWORD=$#
_testenv
printf '%s\n' "${COMPREPLY[@]}"
EOF
	run 0 bash "$tmp/ask.bash" "$tmp/complete.bash" doc
	out_is doctor
	run 0 bash "$tmp/ask.bash" "$tmp/complete.bash" doctor --iso
	out_is --isolation
	run 0 bash "$tmp/ask.bash" "$tmp/complete.bash" doctor --db ma
	out_is mariadb
	run 0 bash "$tmp/ask.bash" "$tmp/complete.bash" completion f
	out_is fish
	run 0 bash "$tmp/ask.bash" "$tmp/complete.bash" help ver
	out_is version
else
	echo "bash is not installed: its completion was not read"
fi
for shell in zsh fish; do
	run 0 testenv completion $shell
	command -v $shell >/dev/null 2>&1 || continue
	cp "$tmp/out" "$tmp/complete.$shell"
	run 0 $shell -n "$tmp/complete.$shell"
done
finish
