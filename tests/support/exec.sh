# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# exec.sh - for the tests of `testenv exec`; sourced after tests/live/lib.sh.
# Everything goes to directories of the test's own, so that what is left can be
# seen.
: "${tmp:?made by lib.sh}"
XDG_RUNTIME_DIR=$tmp/run
TESTENV_CACHE_DIR=$tmp/cache
export XDG_RUNTIME_DIR TESTENV_CACHE_DIR
mkdir -m 700 "$XDG_RUNTIME_DIR"
cd "$tmp" || exit 1

skip() {
	echo "$*"
	exit 77
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	tries=$(($1 * 50))
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.02
	done
}

# the ids of the sessions that have a directory
sessions() {
	for dir in "$XDG_RUNTIME_DIR"/testenv/*/; do
		[ ! -d "$dir" ] || basename "$dir"
	done
}
no_session() {
	[ -z "$(sessions)" ]
}
one_session() {
	[ -n "$(sessions)" ]
}

engine() {
	curl -s --unix-socket /var/run/docker.sock "$@"
}
# containers_of SESSION: id and image, one line each
containers_of() {
	engine -G --data-urlencode 'all=1' --data-urlencode \
		"filters={\"label\":[\"dev.testenv.session=$1\"]}" \
		http://engine/containers/json | jq -r '.[] | .Id + " " + .Image'
}
no_container_of() {
	[ -z "$(containers_of "$1")" ]
}
a_container_of() {
	[ -n "$(containers_of "$1")" ]
}

# mark: a word that only the test's own commands carry
# (ended by a dash: one number may begin with another)
mark=testenv-mark-$$-
marked() {
	pgrep -f "$mark" >/dev/null
}
not_marked() {
	! marked
}

# nothing_left WHAT [SESSION]: directory, process, container
nothing_left() {
	wait_for 60 no_session || fail "$1: a run directory is left"
	[ -z "$(ls "$TESTENV_CACHE_DIR/sessions" 2>/dev/null)" ] ||
		fail "$1: a session's data is left"
	for id in ${2:-}; do
		no_container_of "$id" || fail "$1: containers of $id are left"
	done
	wait_for 30 not_marked || fail "$1: a process is left"
}
