#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGKILL at every step of making a template and publishing it, with and without
# the watchdog: what is there then is a whole template or none, and nothing else
# is left after the next collection. Two builders of which one dies; a disk that
# is full.
# shellcheck disable=SC2016,SC2317 # for inner shells; called by wait_for
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# root's local servers are kept here, then, and not where all of his are
chmod 711 "$tmp"

for tool in curl jq psql sqlite3; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
killer=$BUILD_DIR/tests/kill_at.so
[ -e "$killer" ] || skip "no $killer"
case $(LD_PRELOAD=$killer testenv version 2>&1) in
*[Ss]anitizer*) skip 'the sanitizer cannot be preloaded with' ;;
esac
mkdir m
cat >m/1.sql <<EOF
create table t (x text);
insert into t values ('$mark');
EOF
engine_at=
images() {
	engine -G -d all=1 --data-urlencode "filters={\"label\":[\"$1\"]}" \
		http://engine/images/json
}
containers_here() {
	engine -G -d all=1 --data-urlencode \
		"filters={\"label\":[\"dev.testenv.project=$tmp\"]}" \
		http://engine/containers/json | jq -r '.[].Names[0]'
}
no_container() {
	[ -z "$(containers_here)" ]
}
# a create that was on its way may take effect a moment later
collected() {
	# shellcheck disable=SC2086 # words
	testenv gc $engine_at >/dev/null 2>gc.err || {
		cat gc.err
		return 1
	} >>gc.failures
	no_session && no_container
}
# killed STEP COMMAND...: 1 when the command came to its end instead
killed() {
	step=$1
	shift
	rm -f steps
	# every other time the watchdog goes first
	if [ $((step % 2)) = 0 ]; then
		KILL_CHILDREN=1
		export KILL_CHILDREN
	else
		unset KILL_CHILDREN
	fi
	KILL_AT=$step KILL_LOG=$tmp/steps LD_PRELOAD=$killer "$@" \
		>out 2>err </dev/null
	code=$?
	[ "$code" = 137 ] || [ "$code" = 0 ] ||
		fail "step $step: exit code $code: $(tail -n 1 steps)"
	[ "$code" = 137 ]
}

# files: every change in the file system
engine_at='--host unix:///nowhere.sock'
step=0
while step=$((step + 1)) && killed "$step" "$TESTENV_BIN" exec --db sqlite \
	--backend sqlite --migrations m -- true
do
	at="files, step $step ($(tail -n 1 steps))"
	wait_for 60 collected || fail "$at: a session is left: $(sessions)"
	[ -z "$(ls "$TESTENV_CACHE_DIR/sessions" 2>/dev/null)" ] ||
		fail "$at: data is left"
	for f in "$TESTENV_CACHE_DIR"/sqlite/*; do
		case $f in
		*'*') continue ;;
		*.sqlite) ;;
		*) fail "$at: '$f' is left" ;;
		esac
		[ "$(sqlite3 "file:$f?mode=ro&immutable=1" 'select x from t')" = \
			"$mark" ] || fail "$at: '$f' is not whole"
	done
	rm -rf "$TESTENV_CACHE_DIR"
	[ "$step" -lt 300 ] || break
done
[ "$step" -gt 30 ] || fail "files: only $step steps"
echo "files: killed at $((step - 1)) steps"
run 0 testenv exec --db sqlite --backend sqlite --migrations m -- sh -c \
	'sqlite3 "${DATABASE_URL#sqlite:///}" "select x from t"'
out_is "$mark"
engine_at=

# servers: every request of a build but questions, before it is sent and after
x() {
	testenv exec --db postgres --backend container --migrations m "$@"
}
testenv exec --db postgres --require container --fallback none --no-cache \
	-- true >out 2>err </dev/null ||
	skip "files only: no postgres in a container: $(tail -n 1 err)"
run 0 testenv cache key --db postgres --migrations m
key=$(cat out)
label=dev.testenv.template=$key
# a commit that was under way may end, or not
all_named() {
	collected && [ "$(images "$label" | jq -r \
		'map(select((.RepoTags // []) | map(select(. != "<none>:<none>"))
			== [])) | length')" = 0 ]
}
forget() {
	for image in $(images "$label" | jq -r '.[].Id'); do
		engine -X DELETE "http://engine/images/$image?force=1" >/dev/null
	done
}
trap 'forget; rm -rf "$tmp"' EXIT
KILL_STEPS=net
export KILL_STEPS
# of create, start, stop, commit, remove, each twice: the create was sent, the
# server runs, it was stopped, and round the commit
for step in 2 5 6 7 8 9; do
	killed "$step" "$TESTENV_BIN" exec --db postgres --backend container \
		--migrations m -- true || {
		# the commit of the step before came to its end after all
		run 0 testenv cache remove "$key"
		killed "$step" "$TESTENV_BIN" exec --db postgres \
			--backend container --migrations m -- true
	}
	at="servers, step $step ($(tail -n 1 steps))"
	[ "$code" = 137 ] || fail "$at: not killed"
	wait_for 60 collected ||
		fail "$at: left: $(sessions) $(containers_here)"
	[ -z "$(ls "$TESTENV_CACHE_DIR/sessions" 2>/dev/null)" ] ||
		fail "$at: data is left"
	[ -z "$(find "$XDG_RUNTIME_DIR" -name 'template-*')" ] ||
		fail "$at: a lock is left"
	wait_for 60 all_named || fail "$at: an image without a name is left"
	there=$(images "$label" | jq -r length)
	# what is found under the key is used as it is
	[ "$there" = 0 ] && continue
	# it may have come just now, and get its name yet
	wait_for 60 all_named || fail "$at: an image without a name is left"
	run 0 x -- psql -Atc 'select x from t'
	out_is "$mark"
	err_is ''
	[ "$step" -ge 8 ] || fail "$at: a template before it was committed"
	run 0 testenv cache remove "$key"
done
unset KILL_STEPS

# two builders, and the one that builds dies half-way: the other takes over
# takes_over WHAT READY COMMAND...
takes_over() {
	label_of=$1 ready=$2
	shift 2
	"$@" -- true >outA 2>errA </dev/null &
	first=$!
	wait_for 60 sh -c "$ready" || fail "$label_of: no builder"
	kill -STOP "$first"
	"$@" -- sh -c "$query" >outB 2>errB </dev/null &
	second=$!
	wait_for 60 grep -q 'waiting for the template' errB ||
		fail "$label_of: the second does not wait: $(cat errB)"
	kill -KILL "$first"
	wait "$first" 2>/dev/null
	wait "$second" || fail "$label_of: the second failed: $(cat errB)"
	[ "$(cat outB)" = "$mark" ] || fail "$label_of: got '$(cat outB)'"
}
rm -rf "$TESTENV_CACHE_DIR"
# slow enough to be seen at work
cat >m/2.sqlite.sql <<EOF
create table n as with recursive c(i) as (select 1 union all select i + 1 from c
	where i < 4000000) select count(*) as n from c;
EOF
query='sqlite3 "${DATABASE_URL#sqlite:///}" "select x from t"'
takes_over files "ls $TESTENV_CACHE_DIR/sqlite/*.lock" "$TESTENV_BIN" exec \
	--db sqlite --backend sqlite --migrations m
nothing_left 'two builders of a file'
query='psql -Atc "select x from t"'
takes_over servers 'grep -q "making the template" errA' "$TESTENV_BIN" exec \
	--db postgres --backend container --migrations m
wait_for 60 collected || fail "two builders: left: $(containers_here)"
nothing_left 'two builders of a server'
run 0 x -- true
err_is ''

# a disk without room for what is published
if [ "$(id -u)" = 0 ] && unshare -m mount -t tmpfs none m 2>/dev/null; then
	run 0 testenv cache export archive --db postgres --migrations m
	run 15 unshare -m sh -c 'mount -t tmpfs -o size=256k none "$1" &&
		cp archive "$1/a" 2>/dev/null; shift; "$@"' sh \
		"$TESTENV_CACHE_DIR" "$TESTENV_BIN" cache import archive
	err_has 'No space left on device'
	mkdir small
	run 15 unshare -m sh -c 'mount -t tmpfs -o size=256k none small &&
		"$TESTENV_BIN" cache export small/archive --db postgres \
		--migrations m; code=$?; ls small >left; exit "$code"'
	err_has "^testenv: cannot write 'small/archive': No space left on device"
	[ ! -s left ] || fail "left on a full disk: $(cat left)"
	nothing_left 'full disks'
fi
[ ! -s gc.failures ] || sed 's/^/a collection failed meanwhile: /' gc.failures
finish
