#!/bin/sh
# SPDX-License-Identifier: MIT
# Each foreign header has one home, so that a library can be replaced, and its
# ways of failing are translated in one place.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# home HEADER PREFIX...: only files whose name begins so may include it
home() {
	header=$1
	shift
	grep -rlE "^# *include <$header>" src include 2>/dev/null |
		while IFS= read -r f; do
			for prefix; do
				case $f in "$prefix"*) continue 2 ;; esac
			done
			echo "$f: <$header> belongs in $*"
		done >>"$faults"
}
home 'curl/.*' src/http/
home 'libpq-fe\.h' src/dialect/postgres
home '(mysql|mariadb).*\.h' src/dialect/mariadb
home 'sqlite3\.h' src/dialect/sqlite
home 'uv(/.*)?\.h' src/supervisor/
home 'libfyaml\.h' src/config/
home 'archive(_entry)?\.h' src/docker/
home 'openssl/.*' src/base/ident.c
home 'cjson/.*' src/docker/ src/provider/ src/session/ src/supervisor/ \
	src/cli/ src/main.c

# what is not named above is C, POSIX or Linux
known='assert|ctype|errno|fcntl|inttypes|limits|locale|math|poll|pthread|pwd'
known="$known|grp|regex|sched|setjmp|signal|spawn|stdarg|stdatomic|stdbool"
known="$known|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|termios"
known="$known|time|unistd|dirent|dlfcn|fnmatch|ftw|getopt|glob|iconv|libgen"
known="$known|netdb|utime|wchar|wctype|wordexp|ifaddrs|elf|link|endian|uthash|utlist"
known="$known|search|float|syslog|sysexits|ucontext|tgmath|utmp"
grep -rnE '^# *include <' src include 2>/dev/null |
	grep -vE "<($known)\.h>" |
	grep -vE '<(sys|linux|netinet|arpa|net|asm|bits)/' |
	grep -vE '<(curl/|libpq-fe|mysql|mariadb|sqlite3|uv|libfyaml|archive)' |
	grep -vE '<(openssl|cjson)/' |
	sed 's/$/  <- no home/' >>"$faults"
verdict "foreign headers stay at home"
