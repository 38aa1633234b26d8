#!/bin/sh
# SPDX-License-Identifier: MIT
# exec_true.sh [ROUNDS]: `testenv exec -- true` with a warm template against a
# bare create + start + first query + remove of the same image, in turns within
# one run. Prints the medians and their ratio for each dialect and transport.
# Needs TESTENV_BIN and BUILD_DIR, as the tests do.
set -eu
rounds=${1:-15}
: "${TESTENV_BIN:?}" "${BUILD_DIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

now_ms() { date +%s%N | sed 's/......$//'; }
median() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

for db in postgres mariadb; do
  for transport in tcp unix; do
    flag=
    [ $transport = tcp ] || flag=--none
    # the template, its image and its password: made by a first run
    "$TESTENV_BIN" exec --db $db --require container --transport $transport -- true
    image=$(docker images --filter "label=dev.testenv.dialect=$db" \
      --format '{{.CreatedAt}} {{.Repository}}:{{.Tag}}' | sort -r | awk 'NR == 1 {print $NF}')
    password=$(docker image inspect "$image" --format '{{range .Config.Env}}{{println .}}{{end}}' |
      sed -n 's/^\(POSTGRES\|MARIADB\)_PASSWORD=//p')
    : >"$work/exec"
    : >"$work/bare"
    i=0
    while [ $i -lt "$rounds" ]; do
      "$BUILD_DIR/tests/bench_bare" $flag $db "$image" app "$password" app 1 >>"$work/bare"
      t=$(now_ms)
      "$TESTENV_BIN" exec --db $db --require container --transport $transport -- true
      echo $(($(now_ms) - t)) >>"$work/exec"
      i=$((i + 1))
    done
    echo "$db $transport: exec $(median "$work/exec") ms, bare $(median "$work/bare") ms" \
      "$(median "$work/exec" | awk -v b="$(median "$work/bare")" '{printf "ratio %.2f", $1 / b}')"
  done
done
