#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line: help, versions, mistakes, and where the answers go.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 1

version=$(sed -n 's/^project(testenv VERSION \([0-9.]*\).*/\1/p' \
	"$SOURCE_DIR/CMakeLists.txt")
for args in version --version '--debug version' 'help --version'; do
	# shellcheck disable=SC2086 # words
	run 0 testenv $args
	out_is "testenv $version"
done
run 0 testenv version
err_is ''

run 2 testenv
out_is ''
err_is "testenv: no command given
hint: 'testenv help' lists the commands"
run 2 testenv hlep
err_is "testenv: unknown command 'hlep'
hint: did you mean 'help'?"
run 2 testenv doctr
err_is "testenv: unknown command 'doctr'
hint: did you mean 'doctor'?"
run 2 testenv zzzzzz
err_is "testenv: unknown command 'zzzzzz'
hint: 'testenv help' lists the commands"
run 2 testenv "$(printf 'a\033[31mb')"
err_is "testenv: unknown command 'a [31mb'
hint: 'testenv help' lists the commands"
run 2 testenv doctor --jsn
err_is "testenv: unknown option '--jsn'
hint: did you mean '--json'?"
# no abbreviations: a new option would break the script that leans on one
run 2 testenv doctor --js
err_is "testenv: unknown option '--js'
hint: did you mean '--json'?"
run 2 testenv doctor -Z
err_is "testenv: unknown option '-Z'
hint: 'testenv help doctor' lists the options"
run 2 testenv doctor --db
err_is "testenv: option '--db' needs a value: postgres|mariadb|sqlite|DB:VERSION|URL
hint: 'testenv help doctor' lists the options"
run 2 testenv doctor --json=yes
err_is "testenv: option '--json' takes no value
hint: 'testenv help doctor' lists the options"
run 2 testenv version now
err_is "testenv: 'version' does not take 'now'
hint: usage: testenv version"
run 2 testenv completion
err_is "testenv: 'completion' needs an argument
hint: usage: testenv completion bash|zsh|fish"
run 2 testenv completion csh
err_is "testenv: no completion for 'csh'
hint: testenv knows bash, zsh and fish"

# help by every way is the same
run 0 testenv help doctor
cp out help
out_has '^usage: testenv doctor '
out_has '^ +--json +write JSON$'
err_is ''
for args in 'doctor --help' 'doctor -h' 'doctor --db postgres --help extra'; do
	# shellcheck disable=SC2086
	run 0 testenv $args
	cmp -s out help || fail "$args: not what 'help doctor' prints"
done
run 2 testenv help nothing
err_is "testenv: unknown command 'nothing'
hint: 'testenv help' lists the commands"
run 0 testenv help
awk 'length > 79' out >long
[ ! -s long ] || fail "help: lines over 79 columns"
sed -n 's/^  \([a-z-]*\) .*/\1/p' out >names
while IFS= read -r command; do
	run 0 testenv help "$command"
	awk 'length > 79' out >long
	[ ! -s long ] || fail "help $command: lines over 79 columns"
done <names

# answers that cannot be written are failures, readers that have enough are not
if [ -w /dev/full ]; then
	testenv help >/dev/full 2>err
	code=$?
	what='help >/dev/full'
	[ $code -eq 15 ] || fail "exit code $code, not 15"
	err_is 'testenv: cannot write standard output: No space left on device'
fi
# closed descriptors are nobody's: no file is opened in their place
"$TESTENV_BIN" version <&- >&- 2>&- ||
	fail "version with closed descriptors: exit code $?"
"$TESTENV_BIN" hlep <&- >&- 2>&-
[ $? -eq 2 ] || fail "hlep with closed descriptors: not 2"

# what nobody knows is refused
run 2 testenv doctor --db oracle
err_is "testenv: --db: unknown database 'oracle'
hint: testenv knows postgres, mariadb and sqlite, with a version as in postgres:16"
printf 'services:\n  db:\n    image: postgres:16\n    x-testenv:\n      workers: 2\n' \
	>compose.yaml
run 0 testenv doctor --config
out_has '^db\.image = postgres:16  \(compose\.yaml:3:12\)$'
out_has '^workers = auto  \(default\)$'
err_is "testenv: compose.yaml:5:7: x-testenv has no 'workers' here: it has no effect"
printf 'x-testenv:\n  workers: 1000\n' >compose.yaml
run 3 testenv doctor --config
err_is "testenv: compose.yaml:2:12: workers: '1000' is neither 'auto' nor a number from 1 to 512
hint: -f FILE reads another file, -f /dev/null none"
run 0 env TESTENV_WORKERS=7 TESTENV_ENV=API_TOKEN=abc "$TESTENV_BIN" doctor --config \
	-f /dev/null --timeout 5m
out_has '^workers = 7  \(TESTENV_WORKERS\)$'
out_has '^timeout = 5m  \(--timeout\)$'
out_has '^env\.API_TOKEN = \(not shown\)  \(TESTENV_ENV\)$'
run 0 testenv doctor --config --json -f /dev/null --workers 3
out_has '"where":.*"--workers"'

finish
