# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154 # used, and given, by the tests
# crash.sh - SIGKILL at the steps of a run; sourced after exec.sh.
#
# A step is a call that changes something (tests/support/kill_at.c). Which ones
# are tried is a sample, spread evenly; CRASH_FULL=1 tries all.
: "${tmp:?made by lib.sh}"
for tool in jq psql; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
killer=$BUILD_DIR/tests/kill_at.so
[ -e "$killer" ] || skip "no $killer"
case $(LD_PRELOAD=$killer "$TESTENV_BIN" version 2>&1) in
*[Ss]anitizer*) skip 'the sanitizer cannot be preloaded with' ;;
esac
# root's local servers are kept here, and their user has to get to them
chmod 711 "$tmp"

# at STEP COMMAND...: its exit code in $code; its steps in the file steps. Every
# other time the watchdog goes first.
at() {
	step=$1
	shift
	rm -f steps
	KILL_AT=$step KILL_CHILDREN=$((step % 2)) KILL_LOG=$tmp/steps \
		KILL_TREE=/data/ LD_PRELOAD=$killer "$@" >out 2>err </dev/null
	code=$?
}

# points FROM TO N: as many of these as are tried
points() {
	awk -v from="$1" -v to="$2" -v n="$3" -v full="${CRASH_FULL:-}" '
		BEGIN {
			all = to - from + 1
			n = full || n > all ? all : n
			for (i = 0; i < n; i++)
				print int(from + (i + 0.5) * all / n)
		}'
}

# count WHAT COMMAND...: its steps, in $count; it must say $right
count() {
	counted=$1
	shift
	at 0 "$@"
	count=$(wc -l <steps)
	[ "$code$(cat out)" = "0$right" ] || fail "$counted: exit code $code"
}

# kill_between FROM TO SAMPLE WHAT BEFORE COMMAND...: each time BEFORE is called
# first; afterwards after_kill WHERE, the test's own, looks at what is left, and
# the command, undisturbed, must say $right.
kill_between() {
	from=$1 to=$2 sample=$3 killed=$4 before=$5 tried=0
	shift 5
	for point in $(points "$from" "$to" "$sample"); do
		$before
		at "$point" "$@"
		where="$killed, step $point ($(tail -n 1 steps))"
		# this run may have fewer
		[ "$code" = 137 ] || [ "$code" = 0 ] ||
			fail "$where: exit code $code"
		after_kill "$where"
		"$@" >out 2>err </dev/null || fail "$where: the next run"
		[ "$(cat out)" = "$right" ] || fail "$where: the next run is wrong"
		tried=$((tried + 1))
	done
	echo "$killed: killed at $tried of the steps $from to $to"
}

# kill_run SAMPLE WHAT COMMAND...: at steps of making the template, and then
# with one that is there; forget, the test's own, takes it away
kill_run() {
	sample=$1 what_run=$2
	shift 2
	forget
	count "$what_run, cold" "$@"
	cold=$count
	count "$what_run, warm" "$@"
	warm=$count
	kill_between 1 $((cold - warm + 20)) "$sample" "$what_run, cold" \
		forget "$@"
	kill_between 15 "$warm" "$sample" "$what_run, warm" true "$@"
}

# cleared WHAT: by the watchdog, and what it leaves, or all where it is dead, by
# gc
cleared() {
	if [ $((step % 2)) = 0 ]; then
		wait_for 60 no_session || fail "$1: left to gc: $(sessions)"
	fi
	testenv gc >gc.out 2>gc.err || fail "$1: gc: $(cat gc.err)"
	nothing_left "$1"
}
