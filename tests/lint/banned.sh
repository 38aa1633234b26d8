#!/bin/sh
# SPDX-License-Identifier: MIT
# Functions that have no safe use here, each with what to take instead.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# ban REGEX INSTEAD [WHERE...]
ban() {
	pattern=$1 instead=$2
	shift 2
	[ $# -gt 0 ] || set -- src include
	grep -rnE --include='*.[ch]' "(^|[^a-zA-Z0-9_.>\"])($pattern) *\\(" \
		"$@" 2>/dev/null |
		grep -vE '^[^:]*:[0-9]*:[[:space:]]*(\*|/\*|//)' |
		sed "s|\$|  <- $instead|" >>"$faults"
}
all='src include tests compose integrations'
# shellcheck disable=SC2086 # folders, one word each
{
	ban 'strcpy|stpcpy|strcat' 'a struct buf' $all
	ban 'strncpy|strncat' 'a struct buf' src include
	ban 'sprintf|vsprintf' 'snprintf or a struct buf' $all
	ban 'gets|strtok|tmpnam|mktemp|tempnam' 'nothing: it cannot be safe' $all
	ban 'atoi|atol|atoll|atof' 'strtol and a check of its end' $all
	ban 'gmtime|localtime|ctime|asctime' 'gmtime_r' $all
	ban 'system|popen' 'a program and its arguments, no shell' src include
	ban 'usleep|sleep' 'deadline_poll' src include
	ban 'vfork|alloca|longjmp|setjmp' 'the plain way' src include
}

# below cli/ nothing prints and nothing exits; memory is asked for in one place
below=$(for d in src/*/; do
	case $d in src/cli/ | src/cmake/) ;; *) echo "$d" ;; esac
done)
# shellcheck disable=SC2086
{
	ban 'printf|puts|putchar|perror' 'an error, a progress or log_debug' $below
	ban 'exit' 'an error' $below
}
above=$(find src -name '*.[ch]' ! -path 'src/base/alloc.*' ! -path 'src/wire/*' \
	! -path 'src/pool/*' ! -path 'src/client/*' \
	! -path 'src/route/*')
# shellcheck disable=SC2086
ban 'malloc|calloc|realloc|strdup|strndup|asprintf|vasprintf' 'base/alloc.h' $above
verdict "no banned function"
