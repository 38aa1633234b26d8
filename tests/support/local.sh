# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# local.sh - for the tests of local servers; sourced after exec.sh.
: "${tmp:?made by lib.sh}"
# root's servers run as another user, who has to get to them
chmod 711 "$tmp"

# need_programs postgres|mariadb
need_programs() {
	"$TESTENV_BIN" doctor --json 2>/dev/null |
		jq -e ".programs | any(.dialect == \"$1\")" >/dev/null ||
		skip "no $1 server is installed"
}

local_base() {
	echo "$TESTENV_CACHE_DIR"
}

# the servers of this test, by their data directory
servers() {
	pgrep -f "$tmp/cache/[a-z-]*sessions/" || true
}
no_servers() {
	[ -z "$(servers)" ]
}
some_server() {
	[ -n "$(servers)" ]
}
# no_server WHAT
no_server() {
	wait_for 60 no_servers || fail "$1: servers are left: $(servers)"
	[ -z "$(ls "$TESTENV_CACHE_DIR/local-sessions" 2>/dev/null)" ] ||
		fail "$1: a server's data is left"
}
