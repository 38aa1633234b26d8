#!/bin/sh
# SPDX-License-Identifier: MIT
# One path, a file for each owner: unchanged programs in several languages, with
# a supervisor that goes by TEST_OWNER. Languages that are not installed are
# left out, and said.
# shellcheck disable=SC2086,SC2317 # words; called by its name
set -u
# shellcheck source=lib.sh
. "$SOURCE_DIR/tests/live/lib.sh"

programs=$SOURCE_DIR/tests/live/route
library=$BUILD_DIR/libtestenv-route.so
fake=$tmp/fake
mkdir "$fake"
TESTENV_ROUTE_DIR=$fake/needs-libtestenv-route.so
export TESTENV_ROUTE_DIR
path=$TESTENV_ROUTE_DIR/db/app.sqlite
left_out=

# as OWNER COMMAND...: as a process of that owner, with $preload
preload=LD_PRELOAD=$library
# called through run
# shellcheck disable=SC2317
as() {
	owner=$1
	shift
	"$BUILD_DIR/tests/fake_supervisor" "$fake" env "TEST_OWNER=$owner" \
		"$preload" timeout -k 2 300 "$@"
}

# Blanks are as the program likes them.
says() {
	got=$(tr -s ' \n' ' ' <"$tmp/out" | sed 's/^ //;s/ $//')
	[ "$got" = "$1" ] || fail "$what: says '$got', not '$1'"
}

# isolated COMMAND...: with PATH MODE NAME behind it
isolated() {
	rm -rf "${fake:?}"/a "$fake"/b
	run 0 as a "$@" "$path" wal one
	says 'wal -wal-shm one'
	run 0 as b "$@" "$path" delete two
	says 'delete -journal two'
	run 0 as a "$@" "$path" wal three
	says 'wal -wal-shm one three'
	# sloppy ways to write it
	run 0 as b "$@" "/$TESTENV_ROUTE_DIR/./db//../db/app.sqlite" delete four
	says 'delete -journal two four'
	[ ! -e "$TESTENV_ROUTE_DIR" ] || fail "the folder exists"
	ls -A "$fake/a" "$fake/b" "$fake" >"$tmp/out"
	out_is "$fake:
a
b

$fake/a:
real.sqlite

$fake/b:
real.sqlite"
}

compile() {
	compiler=$1
	shift
	"$compiler" -Wall -Werror "$@" "$programs/program.c" -lsqlite3 -lm \
		-o "$tmp/program" 2>"$tmp/err"
}

# stress COMPILER FLAG...: threads, signals and children at once
stress() {
	rm -rf "$fake/a"
	"$@" -D_GNU_SOURCE -Wall -Wextra -Werror -g -O1 "$programs/stress.c" \
		-pthread -o "$tmp/stress" 2>"$tmp/err" || fail "$*: stress.c"
	# the children of several threads have lost the other ones
	run 0 as a env TSAN_OPTIONS=report_thread_leaks=0 "$tmp/stress" "$path"
	out_is ok
}

compile gcc -g || fail "no C program"
isolated "$tmp/program"
compile gcc -O2 -D_FORTIFY_SOURCE=2 && isolated "$tmp/program"

# Sanitizers, with nothing said to them.
for how in gcc:address gcc:undefined gcc:thread clang:address clang:thread \
	clang:undefined clang:memory; do
	if compile "${how%:*}" -g "-fsanitize=${how#*:}"; then
		case $how in
		# SQLite itself is not built for it
		clang:memory) run 0 as a true ;;
		*)
			isolated "$tmp/program"
			stress "${how%:*}" "-fsanitize=${how#*:}"
			;;
		esac
	else
		left_out="$left_out $how"
	fi
done

# What cannot be preloaded finds nothing.
what="a static program"
compile gcc -static || fail "no static program"
run 1 as a "$tmp/program" "$path" wal one
says 'unable to open database file'
what="without the library"
compile gcc || fail "no C program"
preload=LD_PRELOAD=
run 1 as a "$tmp/program" "$path" wal one
says 'unable to open database file'
preload=LD_PRELOAD=$library

# Refused, and nobody there: an error, nobody's data.
run 1 as a "$tmp/program" "$TESTENV_ROUTE_DIR/other/app.sqlite" wal one
says 'unable to open database file'
run 1 as a cat "$TESTENV_ROUTE_DIR/other/app.sqlite"
err_has 'Permission denied'
run 1 env "LD_PRELOAD=$library" TESTENV_SOCKET="$tmp/nobody" cat "$path"
err_has 'No such file'
run 1 as a cat "$TESTENV_ROUTE_DIR/db/another.sqlite"
err_has 'No such file'

stress gcc

# The folder's descriptor, and children that have it but not the owner.
gcc -D_GNU_SOURCE -Wall -Wextra -Werror -g "$programs/folders.c" \
	-o "$tmp/folders" 2>"$tmp/err" || fail "no folders program"
run 0 "$BUILD_DIR/tests/fake_supervisor" "$fake" \
	env "LD_PRELOAD=$library" "$tmp/folders" "$path"
out_is own
rm -rf "$fake"/pid-*

# Shell tools.
rm -rf "$fake/a"
run 0 as a sh -c "echo x >'$path' && cat '$path' &&
	cp '$path' '$path.copy' && mv '$path.copy' '$path.moved' &&
	ls -l '$path' '$path.moved' >/dev/null && chmod 600 '$path' &&
	test -s '$path' && cat '$path.moved' && rm '$path.moved' &&
	touch '$path' && readlink -f '$path' && stat -c %s '$path'"
out_is "x
x
$path
2"

# A link in front of it, as /var/run is one.
rm -rf "$fake/a"
ln -s "$fake" "$tmp/link"
real_dir=$TESTENV_ROUTE_DIR
TESTENV_ROUTE_DIR=$tmp/link/needs-libtestenv-route.so
run 0 as a "$tmp/program" "$TESTENV_ROUTE_DIR/db/app.sqlite" wal one
says 'wal -wal-shm one'
TESTENV_ROUTE_DIR=$real_dir

if python3 -c 'import sqlite3' 2>/dev/null; then
	isolated python3 "$programs/program.py"
	run 0 "$BUILD_DIR/tests/fake_supervisor" "$fake" \
		env "LD_PRELOAD=$library" python3 "$programs/forks.py" "$path"
	out_is 'own'
	rm -rf "$fake"/pid-*
else
	left_out="$left_out python3"
fi

jar=$(find /usr/share/java -name '*sqlite-jdbc.jar' 2>/dev/null | head -n 1)
if command -v javac >/dev/null && [ -n "$jar" ]; then
	what=javac
	javac -d "$tmp" "$programs/Program.java" 2>"$tmp/err" || fail "javac"
	logger=$(find /usr/share/java -name 'slf4j-api.jar' | head -n 1)
	isolated java -cp "$tmp:$jar:$logger" Program
else
	left_out="$left_out java"
fi

# Node has SQLite built in since 22.5; before, from npm.
module=node:sqlite
node -e "require('$module')" 2>/dev/null || {
	module=@photostructure/sqlite
	NODE_PATH=${NODE_PATH:-$tmp/node_modules}
	export NODE_PATH
	node -e "require('$module')" 2>/dev/null ||
		timeout 120 npm install --prefix "$tmp" --no-audit --no-fund \
			"$module" >"$tmp/npm" 2>&1
}
if NODE_SQLITE=$module node -e "require('$module')" 2>/dev/null; then
	NODE_SQLITE=$module
	export NODE_SQLITE
	isolated node --no-warnings "$programs/program.js"
else
	left_out="$left_out node"
fi

[ -z "$left_out" ] || echo "left out, not installed:$left_out"
finish
