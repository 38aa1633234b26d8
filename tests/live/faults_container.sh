#!/bin/sh
# SPDX-License-Identifier: MIT
# What can be wrong with a project or an engine, on servers: each is said, and
# no container and no template is left of it.
# shellcheck disable=SC2016,SC2317 # for inner shells; called by wait_for
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"

for tool in curl jq psql; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
for db in postgres mariadb; do
	testenv exec --db "$db" --require container --fallback none -- true \
		>out 2>err </dev/null ||
		skip "no $db in a container here: $(tail -n 1 err)"
done
x() {
	testenv exec --db postgres --backend container "$@"
}

# Every commit of a container of this test's own sessions: the project is the
# working directory, which nobody else has. As it happens, since an engine
# remembers its last 256 events only.
filters="{\"type\":[\"container\"],\"event\":[\"commit\"],\"label\":[\
\"dev.testenv.project=$tmp\"]}"
# not by engine(), whose shell would be the one to kill
curl -sN --unix-socket /var/run/docker.sock -G --data-urlencode \
	"filters=$filters" http://engine/events >events 2>/dev/null &
watcher=$!
# templates of this run alone, those without a name, too
forget_templates() {
	sed -n 's/.*"testenv.template:\([0-9a-f]*\)".*/\1/p' events | sort -u |
		while read -r key; do
			engine -G -d all=1 --data-urlencode \
				"filters={\"label\":[\"dev.testenv.template=$key\"]}" \
				http://engine/images/json | jq -r '.[].Id'
		done | while read -r image; do
		engine -X DELETE "http://engine/images/$image?force=1" >/dev/null
	done
}
trap 'kill "$watcher"; forget_templates; rm -rf "$tmp"' EXIT
made() {
	# podman 4 may tell of one twice
	[ "$(grep '"commit"' events | sort -u | wc -l)" = "$commits" ]
}
containers_here() {
	engine -G -d all=1 --data-urlencode \
		"filters={\"label\":[\"dev.testenv.project=$tmp\"]}" \
		http://engine/containers/json | jq -r '.[].Names[0]'
}
no_container() {
	[ -z "$(containers_here)" ]
}
# no_trace WHAT: nothing is left, and $commits templates were made so far
commits=0
no_trace() {
	nothing_left "$1"
	wait_for 60 no_container || fail "$1: left: $(containers_here)"
	wait_for 60 made || fail "$1: not $commits commits: $(cut -c 1-200 events)"
}
mkdir migrations

# a statement that is wrong, on line 37 of the second file
echo 'create table a (x int);' >migrations/001.sql
for i in $(seq 36); do
	echo "-- line $i"
done >migrations/002.sql
echo 'create tabel b (x int);' >>migrations/002.sql
for db in postgres mariadb; do
	run 11 testenv up --db "$db" --backend container --migrations migrations
	err_has "^testenv: template of 'db': $tmp/migrations/002.sql:37: .*tabel"
	err_has '^  create tabel b \(x int\)$'
	no_trace "$db: up with a wrong migration"
	run 125 testenv exec --db "$db" --backend container \
		--migrations migrations -- touch ran
	err_has "^testenv: template of 'db': $tmp/migrations/002.sql:37: "
	[ ! -e ran ] || fail "$what: it ran"
	no_trace "$db: exec with a wrong migration"
done

# two at the same moment on a template that is not there: one makes it
echo "create table here (x text); insert into here values ('$mark');" \
	>migrations/002.sql
pids=
for i in 1 2; do
	x --migrations migrations -- psql -Atc 'table here' \
		>"out$i" 2>"err$i" </dev/null &
	pids="$pids $!"
done
for pid in $pids; do
	wait "$pid" || fail 'one of two at once failed'
done
[ "$(cat out1 out2)" = "$(printf '%s\n%s' "$mark" "$mark")" ] ||
	fail 'one of two at once has another database'
[ "$(cat err1 err2 | grep -c 'making the template')" = 1 ] ||
	fail "two at once: $(cat err1 err2)"
commits=$((commits + 1))
no_trace 'two at once'
run 0 x --migrations migrations -- true
err_is ''
no_trace 'the third'

# its template is taken away while a session runs: that one has what it needs,
# and the next makes it again
cat >remove <<'EOF'
get() {
	curl -s --unix-socket /var/run/docker.sock "$@"
}
id=$(get "http://engine/containers/testenv-$TESTENV_SESSION-db-0/json" |
	jq -r .Image)
tag=$(get "http://engine/images/$id/json" | jq -r '.RepoTags[0]')
case $(get -I http://engine/_ping) in
*Libpod*) # which would keep the image, or remove the container as well
	get -o removed -w Untagged -X POST \
		"http://engine/v4.0.0/libpod/images/$tag/untag" >>removed
	;;
*) get -X DELETE "http://engine/images/$tag?force=1" >removed ;;
esac
EOF
remove='sh remove'
run 0 x --migrations migrations -- sh -c "$remove; psql -Atc 'table here'"
out_is "$mark"
grep -q Untagged removed || fail "the template was not taken: $(cat removed)"
no_trace 'template taken away'
run 0 x --migrations migrations -- sh -c "$remove; psql -Atc 'table here'"
out_is "$mark"
err_has 'made the template'
commits=$((commits + 1))
no_trace 'template made again'

# another process makes it anew while a session runs on it: its next servers
# have its passwords
run 0 x --migrations migrations -- sh -c 'env -u TESTENV_SESSION \
	-u TESTENV_SOCKET "$TESTENV_BIN" exec --db postgres \
	--backend container --rebuild --migrations migrations -- true
	psql -Atc "table here"; '"$remove"
out_is "$mark"
commits=$((commits + 2))
no_trace 'template made anew'

# a server that has too little memory to start, and what is none
run 12 testenv up --db mariadb --backend container --memory 32m --rebuild
# podman 4 says only that it was killed
err_has "^testenv: .*: server '.*-db-build' (used more memory than|.*code 137)"
err_has '^hint: .*give it more with --memory$'
no_trace 'too little memory'
run 125 x --image debian:bookworm-slim -- true
err_has "^testenv: template of 'db': .*debian:bookworm-slim"
no_trace 'an image without a server'

# a session of another runtime directory is nobody's to collect
rm -f ready go
x -- sh -c 'echo "$TESTENV_SESSION" >ready.new; mv ready.new ready
	until [ -e go ]; do sleep 0.02; done; psql -Atc "select 42"' \
	>out1 2>err1 </dev/null &
pid=$!
wait_for 60 test -s ready || fail 'the session never ran'
id=$(cat ready)
mkdir -m 700 run2
for command in gc 'gc --dry-run' 'exec --db postgres -- true'; do
	# shellcheck disable=SC2086 # words
	XDG_RUNTIME_DIR=$tmp/run2 TESTENV_CACHE_DIR=$tmp/cache2 \
		run 0 testenv $command
	out_has_not "$id"
	a_container_of "$id" || fail "$command took a living session's container"
done
: >go
wait "$pid" || fail 'the session that gc saw failed'
[ "$(cat out1)" = 42 ] || fail 'the session that gc saw lost its server'
no_trace 'gc elsewhere'

# an engine that does not see our files serves over a port
if [ "$(id -u)" = 0 ] && unshare -m mount -t tmpfs none run2 2>/dev/null; then
	run 0 unshare -m sh -c 'mount -t tmpfs -o mode=700 none \
		"$XDG_RUNTIME_DIR" && exec "$@"' sh "$TESTENV_BIN" exec --rebuild \
		--db postgres --backend container --migrations migrations -- \
		sh -c "psql -Atc 'table here'; $remove"
	out_is "$mark"
	commits=$((commits + 1))
	# podman makes the directory on its side, out of our reach
	case $(engine -I http://engine/_ping) in *Libpod*)
		find "$XDG_RUNTIME_DIR/testenv" -mindepth 1 -type d -empty -delete
		;;
	esac
	no_trace 'files not shared'
fi

finish
