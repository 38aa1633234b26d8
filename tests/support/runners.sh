# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# runners.sh - what tests/live/runners_*.sh share; sourced. Each puts a suite
# of an unchanged kind into $tmp: tests that know DATABASE_URL only, and that
# all write a row under one and the same key and must find that row and no
# other. Each such test passes alone, and no two pass on one database.
#
# TESTENV_ROUNDS is how many rounds of each kind there are, each time; few
# unless it is set. TESTENV_ON says on which databases alone: "postgres sqlite".
rounds=${TESTENV_ROUNDS:-}
only=${TESTENV_ON:-}
# shellcheck source=../live/lib.sh
. "$SOURCE_DIR/tests/live/lib.sh"
cd "$tmp" || exit 1
db=postgres
how=
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

# what is looked for afterwards is here, or names the session
mkdir -m 700 run
XDG_RUNTIME_DIR=$tmp/run
export XDG_RUNTIME_DIR
trap 'testenv down --all >/dev/null 2>&1; rm -rf "$tmp"' EXIT

mkdir migrations
cat >migrations/001_seen.sql <<'EOF'
create table seen (k integer primary key, who varchar(80) not null);
EOF

# with_db EXEC-OPTION... -- COMMAND...: on $db, with the options $how
with_db() {
	backend=container
	[ "$db" != sqlite ] || backend=sqlite
	# shellcheck disable=SC2086 # words
	"$TESTENV_BIN" exec --db "$db" --require "$backend" --fallback none \
		--migrations migrations $how "$@"
}

need_db() {
	with_db -- true >out 2>err </dev/null ||
		skip "no $db in a container on this machine"
}

# on DATABASE [EXEC-OPTION...]: what follows runs on that. False if it cannot,
# or is not wanted.
on() {
	db=$1
	shift
	how=$*
	case " ${only:-$db} " in
	*" $db "*) ;;
	*) return 1 ;;
	esac
	with_db -- true >out 2>err </dev/null && return
	cat err
	echo "no $db here: not shown on that"
	return 1
}

# every ROUNDS SHELL-TEXT: green in each of so many rounds of one session
# shellcheck disable=SC2016 # for the inner shell
every() {
	n=${rounds:-$1}
	run 0 with_db -- sh -c 'i=0; while [ $i -lt "$0" ]; do
		i=$((i + 1)); sh -c "$1" || exit; echo "round $i"; done' "$n" "$2"
	[ "$(grep -c '^round ' out)" = "$n" ] || {
		fail "not $n rounds"
		return
	}
	echo "$db${how:+ $how}: $n rounds, each green: $2"
}

# shared_fails SHELL-TEXT: on one database for all it must fail, or the rounds
# above have shown nothing
shared_fails() {
	if with_db --fresh never --owner command -- sh -c "$1" >out 2>err \
		</dev/null; then
		fail "green on one database for all: $1"
	fi
	# for that reason, and no other
	grep -Eiq 'duplicate|unique|saw |is locked' out err ||
		fail "it failed, but not for a row of another: $1"
	echo "$db: on one database for all it fails: $1"
}

# nothing_left WHAT SESSION: no container, directory or process of it. What
# carries $mark in its command line is the test's own.
mark=testenv-mark-$$-
nothing_left() {
	: "${2:?the session}"
	for _ in $(seq 100); do
		left=$(
			docker ps -aq --filter "label=dev.testenv.session=$2"
			find run "${XDG_CACHE_HOME:-$HOME/.cache}/testenv" \
				-path "*$2*" 2>/dev/null | head -n 3
			pgrep -f "$mark"
		)
		[ -z "$left" ] && return
		sleep 0.3
	done
	fail "after $1 is left: $left"
	return 1
}

# killed WHAT CODE SHELL-TEXT: exec ends with that code, and cleans up
# shellcheck disable=SC2016 # for the inner shell
killed() {
	run "$2" with_db -- sh -c \
		'echo "$TESTENV_SESSION" >session; eval "$0"' "$3"
	nothing_left "$1" "$(cat session)" &&
		echo "$db: killed $1: nothing left"
}

# node_packages: from npm, once for a build directory; another test may be
# fetching them, too
# shellcheck disable=SC2016 # for the inner shell
node_packages() {
	packages=$BUILD_DIR/runners-node
	mkdir -p "$packages"
	flock "$packages.lock" sh -c 'cd "$0" && { [ -e done-4 ] || {
		echo "{}" >package.json && npm install --silent --no-audit \
			--no-fund jest@29 vitest@2 pg@8 mysql2@3 \
			@photostructure/sqlite && touch done-4; }; }' \
		"$packages" >out 2>err </dev/null ||
		skip 'npm cannot fetch jest, vitest and drivers'
	ln -s "$packages/node_modules" node_modules
}

# pytest_python MODULE...: $python has these. Debian's has Debian's packages,
# whatever comes first in the path.
pytest_python() {
	for python in python3 /usr/bin/python3; do
		$python -c "import pytest, xdist, $1" 2>err && return
	done
	skip "no pytest, xdist or $1 here"
}
