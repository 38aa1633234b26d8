#!/bin/sh
# SPDX-License-Identifier: MIT
# Templates as a file for another machine: there and back, and what is wrong
# with one.
# shellcheck disable=SC2016,SC2317 # for inner shells; called by a trap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# root's local servers are kept here, then, and not where all of his are
chmod 711 "$tmp"

for tool in curl jq psql mariadb sqlite3; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
templates() {
	engine -G -d all=1 --data-urlencode \
		"filters={\"label\":[\"dev.testenv.template=$1\"]}" \
		http://engine/images/json | jq -r '.[].Id'
}
made=
forget_templates() {
	for key in $made; do
		for image in $(templates "$key"); do
			engine -X DELETE "http://engine/images/$image?force=1" \
				>/dev/null
		done
	done
	rm -rf "$tmp"
}
trap forget_templates EXIT
no_carrier() {
	[ "$(engine -G -d all=1 --data-urlencode \
		"filters={\"label\":[\"dev.testenv.project=$tmp\"]}" \
		http://engine/containers/json)" = '[]' ]
}
mkdir m
cat >m/1.sql <<EOF
create table t (id int primary key, x varchar(90));
insert into t values (1, '$mark');
EOF
count() {
	case $1 in
	postgres) echo 'psql "$DATABASE_URL" -Atc "select x from t"' ;;
	mariadb) echo 'mariadb -u "$MYSQL_USER" -N "$MYSQL_DATABASE" -e \
		"select x from t"' ;;
	sqlite) echo 'sqlite3 "${DATABASE_URL#sqlite:///}" "select x from t"' ;;
	esac
}
for db in postgres mariadb sqlite; do
	backend=container
	[ "$db" = sqlite ] && backend=sqlite
	set -- --db "$db" --backend "$backend" --migrations m
	testenv exec "$@" -- true >out 2>err </dev/null ||
		skip "no $db here: $(tail -n 1 err)"
	run 0 testenv cache key "$@"
	key=$(cat out)
	made="$made $key"
	run 0 testenv cache list --json
	[ "$(jq -r ".[] | select(.key == \"$key\") | .state" out)" = kept ] ||
		fail "$db: not listed as kept"
	run 0 testenv cache export "$db.tar.zst" "$@"
	out_is ''
	run 0 testenv cache remove "$key"
	out_is "$key"
	run 3 testenv cache export other "$key"
	err_has "^testenv: template '$key' is not kept"
	[ ! -e other ] || fail "$db: an archive of nothing"

	# elsewhere it is as it was, and no migration runs
	TESTENV_CACHE_DIR=$tmp/elsewhere
	run 0 testenv cache import "$db.tar.zst"
	out_is "$key"
	run 0 testenv cache import "$db.tar.zst"
	out_is "$key"
	err_has 'has already template'
	run 0 testenv exec "$@" -- sh -c "$(count "$db")"
	out_is "$mark"
	err_is ''
	run 0 testenv exec "$@" -- "$TESTENV_BIN" cache list --json
	[ "$(jq -r ".[] | select(.key == \"$key\") | .state" out)" = 'in use' ] ||
		fail "$db: not listed as in use"
	run 16 testenv exec "$@" -- "$TESTENV_BIN" cache remove "$key"
	err_has "^testenv: template '.*$key.*' is in use"
	run 0 testenv cache remove "$key"
	TESTENV_CACHE_DIR=$tmp/cache

	# cut, and what is none: nothing is made of it
	size=$(stat -c %s "$db.tar.zst")
	for part in 10 50 99; do
		head -c $((size * part / 100)) "$db.tar.zst" >piece
		run 3 testenv cache import piece
		[ "$(wc -l <err)" = 1 ] || fail "$db: not one line"
		err_has "^testenv: 'piece' is .*(cut off|damaged)"
	done
	[ -z "$(templates "$key")" ] || fail "$db: made of a cut one"
	[ ! -e "$TESTENV_CACHE_DIR/sqlite/$key.sqlite" ] ||
		fail "$db: a file of a cut one"
done
echo 'create table t (x int);' >foreign
run 3 testenv cache import foreign
err_has "^testenv: 'foreign' is no archive of templates"
run 14 testenv cache import missing
err_has "^testenv: cannot read 'missing': No such file or directory"
run 3 testenv cache import m
err_is "testenv: 'm' is no archive of templates: it is a directory"
run 2 testenv cache import
run 2 testenv cache remove
run 2 testenv cache list --all
run 2 testenv cache forget
err_has '^hint: there are: list, key, export, import, remove'
run 3 testenv cache export archive --db sqlite --backend sqlite --seed m/1.sql
err_has "^testenv: template '.*' is not kept"

# all of them at once, by key
run 0 testenv exec --db sqlite --backend sqlite --migrations m -- true
run 0 testenv exec --db sqlite --backend sqlite --seed m/1.sql -- true
keys=$(testenv cache list --json | jq -r '.[] | select(.place == "file").key')
# shellcheck disable=SC2086 # words
{
	run 14 testenv cache export "$tmp/no/both" $keys
	err_is "testenv: cannot write '$tmp/no/both': there is no directory \
'$tmp/no'"
	run 14 testenv cache export . $keys
	err_is "testenv: cannot write '.': it is a directory"
	run 0 testenv cache export both $keys
}
run 0 testenv cache remove --all
[ -z "$(ls "$TESTENV_CACHE_DIR/sqlite")" ] || fail 'not all are removed'
run 0 testenv cache import both
[ "$(sort out)" = "$(echo "$keys" | sort)" ] || fail 'not both came back'

# no engine: the files are there, and what needs one says so
run 0 testenv cache list --host unix:///nowhere.sock
run 4 testenv cache import postgres.tar.zst --host unix:///nowhere.sock
err_has 'needs a container engine, and none answers'
wait_for 60 no_carrier || fail 'a container is left'
nothing_left carry
finish
