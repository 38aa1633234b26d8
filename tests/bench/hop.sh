#!/bin/sh
# SPDX-License-Identifier: MIT
# hop.sh [SECONDS]: what the way through the router costs. The same pgbench on
# the same server, direct over TCP (from within the container's network) and
# over TCP through the router, in turns within one run: -S with one client and
# with 16, COPY both ways, connections set up; then leases. Prints the medians,
# their ratio, and what is asked of it.
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
  # more than are ready: what it prints is a wait for a new server as well
  exec "$TESTENV_BIN" exec --db postgres --require container \
    --fallback none --workers 4 -- "$BUILD_DIR/tests/bench_lease" 4
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

container=$(docker ps -q --filter "label=dev.testenv.session=$TESTENV_SESSION" | head -n 1)
pid=$(docker inspect -f '{{.State.Pid}}' "$container")
# for a busy machine: nice -n -20 hop.sh, and the server the same
# shellcheck disable=SC2046 # numbers
renice -n "$(nice)" -p $(docker top "$container" -o pid | sed 1d) >/dev/null
direct() { nsenter -n -t "$pid" env PGHOST=127.0.0.1 PGPORT=5432 "$@"; }
through() { env "$@"; }

same='select pg_postmaster_start_time()'
[ "$(direct psql -Atc "$same")" = "$(through psql -Atc "$same")" ] || {
  echo "hop.sh: these are two servers" >&2
  exit 1
}

now_ms() { date +%s%N | sed 's/......$//'; }
median() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# both FILE FUNCTION...: each way in turns; one number for each round
both() {
  name=$1
  shift
  for _ in $(seq "$rounds"); do
    for way in direct through; do
      "$1" $way >>"$work/$name.$way"
    done
  done
}

# report NAME WHAT UNIT ASKED: through / direct
report() {
  d=$(median "$work/$1.direct") t=$(median "$work/$1.through")
  awk -v d="$d" -v t="$t" -v what="$2" -v unit="$3" -v asked="$4" 'BEGIN {
    printf "%-28s direct %10.3f %s, router %10.3f %s: ratio %.3f, difference %+.3f %s (asked: %s)\n",
      what, d, unit, t, unit, t / d, t - d, unit, asked }'
}

bench() { # WAY FIELD OPTION...: one number of pgbench's summary
  way=$1 field=$2
  shift 2
  $way pgbench -n -S -T "$seconds" "$@" 2>/dev/null |
    sed -n "s/^$field = \([0-9.]*\).*/\1/p"
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

through pgbench -i -q -s 5 >"$work/log" 2>&1
# 1024 bytes a row on the wire
through psql -q -c "create unlogged table big as select repeat(chr(65 + n % 26),
  1023) as x from generate_series(1, $mb * 1024) n" \
  -c 'create unlogged table taken (x text)'
through psql -qc 'copy big to stdout' >"$work/big"

both one one
both sixteen sixteen
both set_up set_up
both out out
both in in_
report one '1 client, latency' ms '<= 1.10'
report sixteen '16 clients, throughput' tps '>= 0.9'
report out "COPY out, $mb MB" MB/s '>= 0.8'
report in "COPY in, $mb MB" MB/s '>= 0.8'
report set_up 'connection set-up' ms '<= +0.5'
