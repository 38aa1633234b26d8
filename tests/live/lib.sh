# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# lib.sh - what scripts around the built program share; sourced. A private
# folder $tmp, gone at the end; a script goes on after a failed check and ends
# with 1.
TESTENV_BIN=${TESTENV_BIN:?the built program}
tmp=$(mktemp -d)
failed=0
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# nothing of the caller's own settings
for name in $(env | sed -n 's/^\(TESTENV_[A-Z_]*\)=.*/\1/p'); do
	[ "$name" = TESTENV_BIN ] || unset "$name"
done
# nor of the tools that are run, or of the CI that runs this
for name in $(env | sed -n 's/^\(PG[A-Z]*\|MYSQL_[A-Z_]*\)=.*/\1/p'); do
	unset "$name"
done
unset DOCKER_HOST DOCKER_CONTEXT DOCKER_API_VERSION DATABASE_URL GITHUB_ENV

fail() {
	echo "FAILED: $*"
	echo "--- stdout"
	cat "$tmp/out" 2>/dev/null
	echo "--- stderr"
	cat "$tmp/err" 2>/dev/null
	failed=1
}

# run CODE COMMAND...: its exit code must be CODE; output in $tmp/out and err
run() {
	want=$1
	shift
	what=$*
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	code=$?
	[ "$code" -eq "$want" ] || fail "$what: exit code $code, not $want"
}

testenv() {
	"$TESTENV_BIN" "$@"
}

# out_is TEXT, err_is TEXT: exactly, but for the last newline
out_is() {
	[ "$(cat "$tmp/out")" = "$1" ] || fail "$what: stdout is not '$1'"
}
err_is() {
	[ "$(cat "$tmp/err")" = "$1" ] || fail "$what: stderr is not '$1'"
}

# out_has REGEX, err_has REGEX: a line matches
out_has() {
	grep -Eq -- "$1" "$tmp/out" || fail "$what: stdout has no '$1'"
}
err_has() {
	grep -Eq -- "$1" "$tmp/err" || fail "$what: stderr has no '$1'"
}
out_has_not() {
	! grep -Eq -- "$1" "$tmp/out" || fail "$what: stdout has '$1'"
}

# signal_after SECONDS SIGNAL COMMAND...: its exit code. timeout(1) sends a
# SIGCONT as well, which takes the leak sanitizer's SIGSTOP back if the command
# is just ending: that one then waits for ever.
signal_after() {
	after_seconds=$1 after_signal=$2
	shift 2
	"$@" &
	after_pid=$!
	sleep "$after_seconds"
	kill -s "$after_signal" "$after_pid"
	wait "$after_pid"
}

finish() {
	exit "$failed"
}
