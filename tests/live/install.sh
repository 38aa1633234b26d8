#!/bin/sh
# SPDX-License-Identifier: MIT
# What is installed can be used: programs in C and C++ find the client library
# by pkg-config and by find_package(), static and shared, and run against a
# supervisor; the header's examples compile; no foreign name is exported.
set -u
# shellcheck source=lib.sh
. "$SOURCE_DIR/tests/live/lib.sh"

cache() {
	sed -n "s/^$1:[A-Z]*=//p" "$BUILD_DIR/CMakeCache.txt"
}
CC=$(cache CMAKE_C_COMPILER)
case $CC in
*clang*) CXX=clang++ ;;
*) CXX=g++ ;;
esac
command -v "$CXX" >/dev/null || {
	echo "there is no $CXX"
	exit 77
}
sanitize=$(cache TESTENV_SANITIZE)
strict="-Wall -Wextra -Wpedantic -Werror"
[ -z "$sanitize" ] || strict="$strict -fsanitize=$sanitize"
export CC CXX

prefix=$tmp/prefix
run 0 cmake --install "$BUILD_DIR" --prefix "$prefix"
lib=$(dirname "$(find "$prefix" -name 'libtestenv.so')")
[ -e "$lib/libtestenv.so.0" ] || fail "no libtestenv.so.0"
[ -e "$lib/testenv/libtestenv-route.so" ] || fail "no libtestenv-route.so"

what="names of the libraries"
nm -D --defined-only "$lib/libtestenv.so" | awk '{ print $3 }' >"$tmp/shared"
nm -g --defined-only "$lib/libtestenv.a" | awk 'NF == 3 { print $3 }' \
	>"$tmp/static"
for kind in shared static; do
	grep -vE '^(testenv_[a-z_]+|__(asan|odr|ubsan|tsan)_.*|_init|_fini)$' \
		"$tmp/$kind" >"$tmp/out" &&
		fail "foreign names in the $kind one"
	grep -o 'testenv_[a-z_]* *(' "$prefix/include/testenv/testenv.h" |
		tr -d ' (' | sort -u | while read -r name; do
		grep -qx "$name" "$tmp/$kind" || echo "$name"
	done >"$tmp/out"
	[ ! -s "$tmp/out" ] || fail "not in the $kind library"
done
readelf -d "$lib/libtestenv.so" "$lib/testenv/libtestenv-route.so" |
	grep NEEDED | grep -vE 'libc\.so|ld-linux|lib(a|ub|t)san' >"$tmp/out" &&
	[ -z "$sanitize" ] && fail "more than libc is needed"

# the prefix may move
mv "$prefix" "$tmp/moved"
prefix=$tmp/moved
lib=$prefix/${lib#"$tmp/prefix/"}
PKG_CONFIG_PATH=$lib/pkgconfig
LD_LIBRARY_PATH=$lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH
flags=$(pkg-config --cflags --libs testenv)

mkdir "$tmp/fake"
try() {
	run 0 "$BUILD_DIR/tests/fake_supervisor" "$tmp/fake" "$@"
	out_is 'db_0 at 127.0.0.1'
}

consumer=$SOURCE_DIR/tests/live/install
# shellcheck disable=SC2086 # flags are words
{
	run 0 "$CC" -std=c11 $strict "$consumer/consumer.c" $flags -o "$tmp/c"
	run 0 "$CXX" -std=c++11 $strict "$consumer/consumer.cpp" $flags \
		-o "$tmp/cxx"
	run 0 "$CC" -std=c11 $strict "$consumer/consumer.c" \
		"-I$prefix/include" "$lib/libtestenv.a" -o "$tmp/c-static"
}
try "$tmp/c"
try "$tmp/cxx"
try "$tmp/c-static"

run 0 cmake -S "$consumer" -B "$tmp/build" "-DCMAKE_PREFIX_PATH=$prefix" \
	"-DCMAKE_C_FLAGS=$strict" "-DCMAKE_CXX_FLAGS=$strict"
run 0 cmake --build "$tmp/build"
unset LD_LIBRARY_PATH
for program in consumer-c consumer-cxx consumer-static; do
	try "$tmp/build/$program"
done

# Each indented block of a comment is an example: a body of a function.
awk '
	/^ \*\t/ {
		if (!inside) print "int example_" ++n "(struct testenv_lease *lease);\n" \
			"int example_" n "(struct testenv_lease *lease)\n{\n(void)lease;\n{"
		inside = 1; sub(/^ \*/, ""); print; next
	}
	inside && /^ \*$/ { blank = 1; next }
	inside { print "}\nreturn 0;\n}"; inside = 0 }
' "$prefix/include/testenv/testenv.h" >"$tmp/body"
{
	echo '#include <testenv/testenv.h>'
	echo '#include <stdio.h>'
	echo '#include <stdlib.h>'
	cat "$tmp/body"
} >"$tmp/examples.c"
cp "$tmp/examples.c" "$tmp/examples.cpp"
[ "$(grep -c '^int example_[0-9].*)$' "$tmp/examples.c")" -eq 3 ] || fail "not three examples"
run 0 "$CC" -std=c11 -Wall -Wextra -Werror "-I$prefix/include" -c \
	"$tmp/examples.c" -o "$tmp/examples.o"
run 0 "$CXX" -std=c++11 -Wall -Wextra -Werror "-I$prefix/include" -c \
	"$tmp/examples.cpp" -o "$tmp/examples.o"
finish
