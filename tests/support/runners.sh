# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# runners.sh - what tests/live/runners_*.sh share; sourced. Each puts a suite
# of an unchanged kind into $tmp: tests that know DATABASE_URL only, and that
# all write a row under one and the same key and must find that row and no
# other. Each such test passes alone, and no two pass on one database.
# shellcheck source=../live/lib.sh
. "$SOURCE_DIR/tests/live/lib.sh"
cd "$tmp" || exit 1
db=postgres
# shellcheck disable=SC2034 # for who sources this
suite=$SOURCE_DIR/tests/live/runners

skip() {
	tail -n 3 "$tmp/err" 2>/dev/null
	echo "$*"
	exit 77
}

need() {
	for program; do
		command -v "$program" >/dev/null || skip "no $program here"
	done
}

mkdir migrations
cat >migrations/001_seen.sql <<'EOF'
create table seen (k integer primary key, who varchar(80) not null);
EOF

# with_db EXEC-OPTION... -- COMMAND...
with_db() {
	"$TESTENV_BIN" exec --db "$db" --require container --fallback none \
		--migrations migrations "$@"
}

need_db() {
	with_db -- true >out 2>err </dev/null ||
		skip "no $db in a container on this machine"
}

# every ROUNDS SHELL-TEXT: green in each of so many rounds of one session
# shellcheck disable=SC2016 # for the inner shell
every() {
	run 0 with_db -- sh -c 'i=0; while [ $i -lt "$0" ]; do
		i=$((i + 1)); sh -c "$1" || exit; echo "round $i"; done' "$1" "$2"
	[ "$(grep -c '^round ' out)" = "$1" ] || {
		fail "not $1 rounds"
		return
	}
	echo "$1 rounds, each green: $2"
}

# shared_fails SHELL-TEXT: on one database for all it must fail, or the rounds
# above have shown nothing
shared_fails() {
	if with_db --fresh never --owner command -- sh -c "$1" >out 2>err \
		</dev/null; then
		fail "green on one database for all: $1"
	fi
	# for that reason, and no other
	grep -Eiq 'duplicate|unique|saw ' out err ||
		fail "it failed, but not for a row of another: $1"
	echo "on one database for all it fails: $1"
}
