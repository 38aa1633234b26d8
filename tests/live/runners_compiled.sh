#!/bin/sh
# SPDX-License-Identifier: MIT
# Unchanged tests of Go and Rust: each test binary is one owner, with all of its
# threads. (cargo-nextest, which makes each test a process, comes from neither
# Debian nor npm.)
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
need go cargo psql mariadb sqlite3
need_db

GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GO111MODULE=on
CARGO_TARGET_DIR=$tmp/target CARGO_NET_OFFLINE=true
export GOFLAGS GOPROXY GOTOOLCHAIN GO111MODULE
export CARGO_TARGET_DIR CARGO_NET_OFFLINE
printf 'module ownrow\n\ngo 1.16\n' >go.mod
for package in a b c; do
	mkdir "$package"
	cp "$suite/go/own_row_test.go" "$package/"
done
# go's own programs open files without libc, so its tests have a client do it
go='go test -count=1 -p 3 ./...'

mkdir -p rust/src rust/tests
printf '[package]\nname = "own_row"\nversion = "0.0.0"\nedition = "2018"\n' \
	>rust/Cargo.toml
: >rust/src/lib.rs
for program in a b c; do
	cp "$suite/rust/own_row.rs" "rust/tests/$program.rs"
done
# one program after another; its tests are threads
cargo='cd rust && cargo test -q --tests'
run 0 sh -c "$cargo --no-run"

if on postgres; then
	every 3 "$go"
	shared_fails "$go"
	every 2 "$cargo"
	shared_fails "$cargo"
fi
for one in 'mariadb --isolation database' sqlite; do
	# shellcheck disable=SC2086 # words
	on $one || continue
	every 1 "$go"
	every 2 "$cargo"
done

# what opens the file itself, and cannot be preloaded: no such file, and
# nobody's data
if on sqlite; then
	shared_fails "$cargo"
	mkdir open
	cp "$suite/go/open_test.go" open/
	run 1 with_db -- go test -count=1 -p 3 ./a ./open
	out_has '^ok[[:space:]]+ownrow/a'
	out_has 'needs-libtestenv-route.so/.*: no such file or directory'
	out_has '^FAIL[[:space:]]+ownrow/open'
	echo 'sqlite: a program that cannot be preloaded finds no such file'
fi
finish
