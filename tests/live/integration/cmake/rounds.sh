#!/bin/sh
# SPDX-License-Identifier: MIT
# rounds.sh N: the table begins empty, and has what is written and nothing else.
query() {
	case $DATABASE_URL in
	sqlite:*) sqlite3 "${DATABASE_URL#sqlite:///}" "$1" ;;
	*) psql -XqAt "$DATABASE_URL" -c "$1" ;;
	esac
}
[ "$(query 'select count(*) from t')" = 0 ] || exit 2
query "insert into t values ($1)" || exit 3
for _ in 1 2 3 4 5; do
	sleep 0.05
	[ "$(query 'select x from t')" = "$1" ] || exit 4
done
