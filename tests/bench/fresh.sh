#!/bin/sh
# SPDX-License-Identifier: MIT
# fresh.sh [OWNERS]: a fresh database for the next owner, sustained, against the
# same work by hand on the same server (see fresh.c). Asked: postgres >= 0.9 of
# CREATE DATABASE … TEMPLATE and DROP, mariadb >= 8 x dump and replay, sqlite
# >= 0.8 of cp. Then 120 migrations, 40 tables, 100,000 rows: the second exec
# against one of an empty database; asked: within 1.3 x, and no migration run.
# DIALECTS names some of them. Needs TESTENV_BIN and BUILD_DIR, as the tests do.
# shellcheck disable=SC2016,SC2089,SC2090 # for another shell
set -eu
owners=${1:-300}
: "${TESTENV_BIN:?}" "${BUILD_DIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# its notes are no table of the tests' own
notes=
for note in canary cascades facts objects tables; do
  notes="$notes --ignore-table=testenv_original.testenv:$note"
done
# shellcheck disable=SC2016,SC2089,SC2090 # it is run by sh -c
FRESH_REPLAY='mariadb-dump -h "$HOST" -P "$PORT" -u "$USER" --skip-lock-tables \
  --single-transaction '"$notes"' testenv_original |
  mariadb -h "$HOST" -P "$PORT" -u "$USER" "$DB"'
# shellcheck disable=SC2090
export FRESH_REPLAY

# tables DIALECT N ROWS: SQL for N tables with ROWS rows each
tables() {
  case $1 in
  postgres) key='serial PRIMARY KEY' ;;
  mariadb) key='int AUTO_INCREMENT PRIMARY KEY' ;;
  sqlite) key='integer PRIMARY KEY AUTOINCREMENT' ;;
  esac
  i=1
  while [ $i -le "$2" ]; do
    echo "CREATE TABLE t$i (id $key, name varchar(40) NOT NULL, v int);"
    echo "CREATE INDEX i$i ON t$i (name);"
    [ "$3" = 0 ] || echo "INSERT INTO t$i (name, v) WITH RECURSIVE n (n) AS
      (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $3) SELECT 'name', n FROM n;"
    i=$((i + 1))
  done
}
now_ms() { date +%s%N | sed 's/......$//'; }
median() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
# start DIALECT DIR: milliseconds until the command runs
start() {
  t=$(now_ms)
  "$TESTENV_BIN" exec --db "$1" --migrations "$2" --fallback none -- true
  echo $(($(now_ms) - t))
}

for db in ${DIALECTS:-sqlite postgres mariadb}; do
  mkdir -p "$work/$db/fresh" "$work/$db/large" "$work/$db/empty"
  tables "$db" 30 200 >"$work/$db/fresh/1.sql"
  "$TESTENV_BIN" exec --db "$db" --migrations "$work/$db/fresh" --fallback none \
    --workers 2 -- "$BUILD_DIR/tests/bench_fresh" "$owners"

  tables "$db" 40 2500 >"$work/all"
  i=1
  while [ $i -le 120 ]; do # each statement of the 120 is a migration
    echo "-- $i" >"$work/$db/large/$(printf %03d "$i").sql"
    i=$((i + 1))
  done
  awk -v RS=';\n' -v dir="$work/$db/large" 'NF {
    printf "%s;\n", $0 > sprintf("%s/%03d.sql", dir, ++n) }' "$work/all"
  echo 'SELECT 1;' >"$work/$db/empty/1.sql"
  start "$db" "$work/$db/large" >"$work/$db.first"
  start "$db" "$work/$db/empty" >"$work/$db.ignored"
  : >"$work/$db.l"
  : >"$work/$db.e"
  for _ in 1 2 3 4 5 6 7; do
    start "$db" "$work/$db/large" >>"$work/$db.l"
    start "$db" "$work/$db/empty" >>"$work/$db.e"
  done
  "$TESTENV_BIN" exec --db "$db" --migrations "$work/$db/large" --fallback none -- true \
    2>"$work/said"
  ! grep -q 'making' "$work/said" || echo "$db: it was migrated again" >&2
  l=$(median "$work/$db.l") e=$(median "$work/$db.e")
  awk -v db="$db" -v f="$(cat "$work/$db.first")" -v l="$l" -v e="$e" 'BEGIN {
    printf "%s: 120 migrations first %d ms, then %d ms, empty %d ms: ratio %.2f\n", db, f, l, e, l / e }'
done
