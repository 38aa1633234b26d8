#!/bin/sh
# SPDX-License-Identifier: MIT
# Unchanged tests of Go and Rust: each test binary is one owner.
# shellcheck source=../support/runners.sh
. "$SOURCE_DIR/tests/support/runners.sh"
need go psql
need_db

GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GO111MODULE=on
export GOFLAGS GOPROXY GOTOOLCHAIN GO111MODULE
printf 'module ownrow\n\ngo 1.16\n' >go.mod
for package in a b c; do
	mkdir "$package"
	cp "$suite/go/own_row_test.go" "$package/"
done
all='go test -count=1 -p 3 ./...'
every 3 "$all"
shared_fails "$all"
finish
