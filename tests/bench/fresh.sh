#!/bin/sh
# SPDX-License-Identifier: MIT
# fresh.sh [OWNERS]: a fresh database for the next owner, sustained, against the
# same work by hand on the same server (see fresh.c). Asked: postgres >= 0.9 of
# CREATE DATABASE … TEMPLATE and DROP, mariadb >= 8 x dump and replay, sqlite
# >= 0.8 of cp. Then 120 migrations, 40 tables, 100,000 rows: the second exec
# against one of an empty database; asked: within 1.3 x, and no migration run.
# DIALECTS names some of them, PARTS one of "owners large"; ROUNDS (7) is how
# often each exec is timed. Needs TESTENV_BIN and BUILD_DIR, as the tests do, and
# docker, to remove the templates' images.
# shellcheck disable=SC2016,SC2089,SC2090 # for another shell
set -eu
owners=${1:-300}
: "${TESTENV_BIN:?}" "${BUILD_DIR:?}"
work=$(mktemp -d)
# templates of its own: "first" is the first
TESTENV_CACHE_DIR=$work/cache
export TESTENV_CACHE_DIR
forget() {
  for used in "$work"/cache/used/*; do
    docker images -q --filter "label=dev.testenv.template=${used##*/}" | xargs -r docker rmi -f >/dev/null
  done
  rm -rf "$work"
}
trap forget EXIT
trap 'exit 130' INT TERM
# root's local servers pass through here
chmod 711 "$work"
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
    case $1 in
    # its recursion ends at 1000
    mariadb) echo "INSERT INTO t$i (name, v) SELECT 'name', seq FROM seq_1_to_$3;" ;;
    *) echo "INSERT INTO t$i (name, v) WITH RECURSIVE n (n) AS
      (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $3) SELECT 'name', n FROM n;" ;;
    esac
    i=$((i + 1))
  done
}
now_ms() { date +%s%N | sed 's/......$//'; }
median() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
# start DIALECT DIR: milliseconds until the command runs
start() {
  t=$(now_ms)
  "$TESTENV_BIN" exec --db "$1" --migrations "$2" --fallback none -- true 2>"$work/err" ||
    cat "$work/err" >&2
  cat "$work/err" >>"$work/said"
  echo $(($(now_ms) - t))
}

owners() {
  mkdir -p "$work/$1/fresh"
  tables "$1" 30 200 >"$work/$1/fresh/1.sql"
  "$TESTENV_BIN" exec --db "$1" --migrations "$work/$1/fresh" --fallback none \
    --workers 2 -- "$BUILD_DIR/tests/bench_fresh" "$owners"
}

large() {
  mkdir -p "$work/$1/large" "$work/$1/empty"
  tables "$1" 40 2500 >"$work/all"
  awk -v RS=';\n' -v dir="$work/$1/large" 'NF { # each of the 120 statements is one
    printf "%s;\n", $0 > sprintf("%s/%03d.sql", dir, ++n) }' "$work/all"
  echo 'SELECT 1;' >"$work/$1/empty/1.sql"
  first=$(start "$1" "$work/$1/large")
  start "$1" "$work/$1/empty" >/dev/null
  : >"$work/l"
  : >"$work/e"
  : >"$work/ratio"
  : >"$work/said"
  for _ in $(seq "${ROUNDS:-7}"); do
    l=$(start "$1" "$work/$1/large")
    e=$(start "$1" "$work/$1/empty")
    echo "$l" >>"$work/l"
    echo "$e" >>"$work/e"
    awk -v l="$l" -v e="$e" 'BEGIN { printf "%.2f\n", l / e }' >>"$work/ratio"
  done
  ! grep 'making' "$work/said" || echo "$1: it was migrated again" >&2
  echo "$1: 120 migrations first $first ms, then $(median "$work/l") ms," \
    "empty $(median "$work/e") ms: ratio of pairs $(median "$work/ratio")"
}

for db in ${DIALECTS:-sqlite postgres mariadb}; do
  for part in ${PARTS:-owners large}; do
    "$part" "$db"
  done
done
