#!/bin/sh
# SPDX-License-Identifier: MIT
# hop.sh [SECONDS]: what the way through the router costs. The same pgbench
# three ways, in turns within one run: through the router; to a published port
# of the engine, which is what everybody has who lets the engine start a server
# ("published": another container of the same image with the same settings);
# and direct, over TCP from within the container's own network, where no test
# runs, with nothing in between. Measured: -S with one client and with 16, COPY
# both ways, connections set up; then leases. Prints the medians and the ratios.
#
# What is asked (latency 1.10, throughput 0.9, COPY 0.8, set-up 0.5 ms more) is
# asked against the published port: that is the TCP connection that the router
# replaces. Against "direct" a relay cannot meet it on few cores, since two more
# processes' wake-ups are in each query; see src/README.md, "What the hop costs".
#
# ROUNDS (3) of SECONDS (4) each; MB (256) is the size of what is copied.
# Needs TESTENV_BIN and BUILD_DIR, as the tests do, root, docker, nsenter and
# pgbench.
set -eu
seconds=${1:-4}
mb=${MB:-256}
rounds=${ROUNDS:-3}
: "${TESTENV_BIN:?}" "${BUILD_DIR:?}"

if [ "${HOP_INSIDE:-}" != yes ]; then
  HOP_INSIDE=yes
  export HOP_INSIDE
  "$TESTENV_BIN" exec --db postgres --require container --fallback none \
    --owner command --workers 1 --memory 2g -- sh "$0" "$@"
  # from a pool that is always ready, since nothing is cleaned in between
  exec "$TESTENV_BIN" exec --db postgres --require container \
    --fallback none --workers 4 --fresh never -- \
    "$BUILD_DIR/tests/bench_lease" 1000
fi

work=$(mktemp -d)
other=
trap 'rm -rf "$work"; [ -z "$other" ] || docker rm -f "$other" >/dev/null' EXIT

container=$(docker ps -q --filter "label=dev.testenv.session=$TESTENV_SESSION" | head -n 1)
pid=$(docker inspect -f '{{.State.Pid}}' "$container")

# the same settings, on a published port
docker inspect -f '{{range .Config.Cmd}}{{println .}}{{end}}' "$container" |
  sed -n 's/^listen_addresses=.*/listen_addresses=*/
    s/^unix_socket_directories=.*/unix_socket_directories=\/var\/run\/postgresql/
    /./p' >"$work/args"
# shellcheck disable=SC2046 # no blanks in them
other=$(docker run -d --memory 2g -p 127.0.0.1::5432 -e POSTGRES_USER="$PGUSER" \
  -e POSTGRES_PASSWORD="$PGPASSWORD" -e POSTGRES_DB="$PGDATABASE" \
  "$(docker inspect -f '{{.Config.Image}}' "$container")" $(cat "$work/args"))
port=$(docker port "$other" 5432 | sed 's/.*://')
# a template's image keeps the password that it was made with
secret=$(docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$container" |
  sed -n 's/^POSTGRES_PASSWORD=//p')

direct() { nsenter -n -t "$pid" env PGHOST=127.0.0.1 PGPORT=5432 "$@"; }
published() { env PGHOST=127.0.0.1 PGPORT="$port" PGPASSWORD="$secret" "$@"; }
router() { env "$@"; }

# for a busy machine: nice -n -20 hop.sh, and the servers the same
for c in "$container" "$other"; do
  # shellcheck disable=SC2046 # numbers
  renice -n "$(nice)" -p $(docker top "$c" -o pid | sed 1d) >/dev/null
done

same='select pg_postmaster_start_time()'
[ "$(direct psql -Atc "$same")" = "$(router psql -Atc "$same")" ] || {
  echo "hop.sh: these are two servers" >&2
  exit 1
}
tries=0
until published psql -Atc "$same" >"$work/log" 2>&1; do
  tries=$((tries + 1))
  [ $tries -lt 300 ] || {
    cat "$work/log" >&2
    exit 1
  }
  sleep 0.1
done

now_ms() { date +%s%N | sed 's/......$//'; }
median() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# each FILE FUNCTION: every way in turns; one number for each round
each() {
  for _ in $(seq "$rounds"); do
    for way in direct published router; do
      "$2" $way >>"$work/$1.$way"
    done
  done
}

# report NAME WHAT UNIT ASKED: the router's median against the two others
report() {
  d=$(median "$work/$1.direct") p=$(median "$work/$1.published") r=$(median "$work/$1.router")
  awk -v d="$d" -v p="$p" -v r="$r" -v what="$2" -v unit="$3" -v asked="$4" 'BEGIN {
    if (!(d * p * r)) { print what ": not all ways gave a number"; exit }
    printf "%-23s router %9.3f %s; published %9.3f: ratio %.2f (%+.3f); direct %9.3f: ratio %.2f (%+.3f); asked of published: %s\n",
      what, r, unit, p, r / p, r - p, d, r / d, r - d, asked }'
}

bench() { # WAY FIELD OPTION...: one number of pgbench's summary
  way=$1 field=$2
  shift 2
  $way pgbench -n -S -T "$seconds" "$@" >"$work/log" 2>&1 || cat "$work/log" >&2
  sed -n "s/^$field = \([0-9.]*\).*/\1/p" "$work/log"
}
one() { bench "$1" 'latency average'; }
sixteen() { bench "$1" tps -c 16 -j 2; }
set_up() { bench "$1" 'average connection time' -C; }
rate() { # WAY COMMAND...: MB/s
  began=$(now_ms)
  "$@"
  awk -v mb="$mb" -v ms=$(($(now_ms) - began)) 'BEGIN { print 1000 * mb / ms }'
}
out() { rate "$1" psql -qc 'copy big to stdout' -o /dev/null; }
in_() { rate "$1" psql -qc 'truncate taken' -c "\\copy taken from '$work/big'"; }

for way in router published; do
  $way pgbench -i -q -s 5 >"$work/log" 2>&1
  # 1024 bytes a row on the wire
  $way psql -q -c "create unlogged table big as select repeat(chr(65 + n % 26),
    1023) as x from generate_series(1, $mb * 1024) n" \
    -c 'create unlogged table taken (x text)'
done
router psql -qc 'copy big to stdout' >"$work/big"

each one one
each sixteen sixteen
each set_up set_up
each out out
each in in_
report one '1 client, latency' ms '<= 1.10'
report sixteen '16 clients, throughput' tps '>= 0.9'
report out "COPY out, $mb MB" MB/s '>= 0.8'
report in "COPY in, $mb MB" MB/s '>= 0.8'
report set_up 'connection set-up' ms '<= +0.5'
