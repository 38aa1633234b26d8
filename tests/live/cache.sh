#!/bin/sh
# SPDX-License-Identifier: MIT
# What is kept of a template, for whom, how long, and what is not.
# shellcheck disable=SC2016,SC2317 # for inner shells; called by a trap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# root's local servers are kept here, then, and not where all of his are
chmod 711 "$tmp"

for tool in curl jq; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
templates() {
	engine -G -d all=1 --data-urlencode \
		"filters={\"label\":[\"dev.testenv.template=$1\"]}" \
		http://engine/images/json
}
# those used from here
keys() {
	ls "$TESTENV_CACHE_DIR/used" 2>/dev/null
}
forget_templates() {
	for key in $(keys); do
		for image in $(templates "$key" | jq -r '.[].Id'); do
			engine -X DELETE "http://engine/images/$image?force=1" \
				>/dev/null
		done
	done
	rm -rf "$tmp"
}
trap forget_templates EXIT
x() {
	testenv exec --db postgres --require container --fallback none "$@"
}
# same WHAT, new WHAT: a run of the migrations makes no template, or one
ran() {
	run 0 x --migrations migrations -- true
	grep -q 'made the template' err
}
same() {
	ran && fail "$1: made again"
}
new() {
	ran || fail "$1: not made again"
}
# not to be kept: others have the same one
x --no-cache -- true >out 2>err </dev/null || skip "no postgres in a container: $(tail -n 1 err)"

# a tree that was only touched is the same; a changed one is not
mkdir migrations
echo "create table a (x text default '$mark');" >migrations/001.sql
new 'the first'
touch migrations/001.sql
echo x >migrations/README
same 'touched'
echo "-- $mark" >>migrations/001.sql
new 'changed'
[ "$(keys | wc -l)" = 2 ] || fail "not 2 templates: $(keys)"

# the session that uses one keeps it, whatever the size; the other goes
run 0 x --migrations migrations -- "$TESTENV_BIN" gc --dry-run --cache-size 0
[ "$(grep -c 'over cache_size *removed' out)" = 1 ] || fail 'not 1 would go'
[ "$(grep -c 'in use *kept' out)" = 1 ] || fail 'the one in use would go'
[ "$(keys | wc -l)" = 2 ] || fail "gone by a dry run: $(keys)"
run 0 testenv gc --cache-size 48m
[ "$(grep -c 'within cache_size *kept' out)" = 1 ] || fail 'not 1 is kept'
[ "$(keys | wc -l)" = 1 ] || fail "not 1 went: $(keys)"
same 'the last used stays'

# it is trimmed when a new one was made, and by the file's setting
cat >testenv.yaml <<'EOF'
x-testenv:
  cache_size: 1m
EOF
echo "-- again $mark" >>migrations/001.sql
new 'with a small cache'
[ -z "$(keys)" ] || fail "not trimmed: $(keys)"
rm testenv.yaml

# neither read nor written
new 'to be found'
before=$(keys)
[ -n "$before" ] || fail 'nothing is noted'
run 0 x --no-cache --migrations migrations -- sh -c 'echo "$TESTENV_SESSION"
	ls "$TESTENV_CACHE_DIR/used"'
err_has 'made the template'
session=$(head -n 1 out)
[ "$(keys)" = "$before" ] || fail "--no-cache notes: $(keys)"
left=$(engine -G --data-urlencode \
	"filters={\"label\":[\"dev.testenv.session=$session\"]}" \
	http://engine/images/json)
[ "$left" = '[]' ] || fail "--no-cache leaves: $left"
"$TESTENV_BIN" exec --db postgres --require container --no-cache \
	--migrations migrations -- sh -c \
	'echo "$TESTENV_SESSION" >session.new; mv session.new session; sleep 60' \
	>/dev/null 2>&1 &
pid=$!
wait_for 60 test -e session || fail 'the private one never ran'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
session=$(cat session)
private_gone() {
	[ "$(engine -G --data-urlencode \
		"filters={\"label\":[\"dev.testenv.session=$session\"]}" \
		http://engine/images/json)" = '[]' ]
}
wait_for 60 private_gone || fail '--no-cache, killed, leaves its image'
nothing_left '--no-cache, killed' "$session"

# files
s() {
	testenv exec --db sqlite --backend sqlite "$@"
}
files() {
	find "$TESTENV_CACHE_DIR/sqlite" -name '*.sqlite' 2>/dev/null
}
run 0 s --migrations migrations --no-cache -- true
[ -z "$(files)" ] || fail "--no-cache keeps: $(files)"
run 0 s --migrations migrations -- true
one=$(files)
[ -n "$one" ] || fail 'no file is kept'
run 0 s --migrations migrations -- "$TESTENV_BIN" gc --cache-size 0
[ "$(files)" = "$one" ] || fail 'gc took the file in use'
run 0 s --cache-size 0 --migrations migrations -- true
[ "$(files)" = "$one" ] || fail 'trimmed without having made one'
run 0 s --cache-size 0 --seed migrations/001.sql -- true
[ -z "$(files)" ] || fail "trimmed to nothing: $(files)"
run 125 s --cache-size lots -- true
err_has "^testenv: --cache-size: 'lots' is not a size such as 512m or 4g"
finish
