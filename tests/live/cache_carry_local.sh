#!/bin/sh
# SPDX-License-Identifier: MIT
# Templates of this machine's own servers as a file for another machine, without
# an engine: there and back, for another machine, and what is wrong with one.
# shellcheck disable=SC2016 # for inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
# shellcheck source=../support/local.sh
. "$SOURCE_DIR/tests/support/local.sh"

for tool in jq psql mariadb sha256sum tar gzip; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
need_programs postgres
need_programs mariadb
DOCKER_HOST=unix://$tmp/nowhere.sock
export DOCKER_HOST
mkdir m
cat >m/1.sql <<EOF
create table t (id int primary key, x varchar(90));
insert into t values (1, '$mark');
EOF
cat >suite <<'EOF'
case $TESTENV_DIALECT in
postgres) psql -qAtc 'select x from t' ;;
mariadb) mariadb -u"$MYSQL_USER" -Ne 'select x from t' "$MYSQL_DATABASE" ;;
esac
EOF
# nothing_kept WHAT: neither a template, nor a half one, nor a lock, nor a note
nothing_kept() {
	left=$(find "$TESTENV_CACHE_DIR/local" -mindepth 1 ! -path '*/used' \
		2>/dev/null)
	[ -z "$left" ] || fail "$1: left: $left"
}
# repack FILTER: data.tar as the archive `again`, its index changed by jq
repack() {
	rm -rf pack
	mkdir pack
	cp data.tar "pack/$key.tar"
	jq -n --arg key "$key" --arg db "$db" --arg server "$server" \
		--arg platform "$platform" \
		--arg sum "$(sha256sum <data.tar | cut -d' ' -f1)" \
		--argjson size "$(stat -c %s data.tar)" \
		"{format: 1, testenv: \"1\", templates: [{key: \$key,
		place: \"directory\", dialect: \$db, size: \$size,
		sha256: \$sum, server: \$server, platform: \$platform}]} | $1" \
		>pack/testenv-cache.json
	tar -C pack -czf again testenv-cache.json "$key.tar"
}

for db in postgres mariadb; do
	set -- --db "$db" --backend local --migrations m
	run 0 testenv exec "$@" -- true
	run 0 testenv cache key "$@"
	key=$(cat out)
	run 0 testenv cache list --json
	jq -e ".[] | select(.key == \"$key\") | .place == \"directory\" and
		.state == \"kept\" and (.server | test(\"^[0-9]+[.]\"))" out \
		>/dev/null || fail "$db: not listed as kept"
	server=$(jq -r ".[] | select(.key == \"$key\") | .server" out)
	platform=$(tail -n 1 "$TESTENV_CACHE_DIR/local/$key/origin")
	run 0 testenv cache export "$db.archive" "$@"
	out_is ''
	[ "$(stat -c %a "$db.archive")" = 600 ] || fail "$db: others may read it"
	cp -a "$TESTENV_CACHE_DIR/local/$key" "$tmp/$db.kept"
	run 0 testenv cache remove "$key"
	out_is "$key"
	nothing_kept "$db, removed"

	# elsewhere it is as it was, and no migration runs
	TESTENV_CACHE_DIR=$tmp/cache-$db
	run 0 testenv cache import "$db.archive"
	out_is "$key"
	run 0 testenv cache import "$db.archive"
	out_is "$key"
	err_has "has already template $key"
	[ -z "$(find "$TESTENV_CACHE_DIR/local/$key" ! -type d ! -type f)" ] ||
		fail "$db: neither files nor directories"
	[ -z "$(find "$TESTENV_CACHE_DIR/local/$key" -perm /077)" ] ||
		fail "$db: open to others"
	diff -r "$tmp/$db.kept" "$TESTENV_CACHE_DIR/local/$key" >differs ||
		fail "$db: not as it was: $(head -n 5 differs)"
	run 0 testenv exec "$@" -- sh suite
	out_is "$mark"
	err_is ''
	run 0 testenv cache remove "$key"
	nothing_kept "$db, elsewhere"

	# cut: nothing is made of it
	size=$(stat -c %s "$db.archive")
	for part in 10 50 99; do
		head -c $((size * part / 100)) "$db.archive" >piece
		run 3 testenv cache import piece
		[ "$(wc -l <err)" = 1 ] || fail "$db: not one line"
		err_has "^testenv: 'piece' is .*(cut off|damaged)"
	done
	nothing_kept "$db, cut"

	# another machine's
	tar -C "$tmp/$db.kept" -cf data.tar data login origin
	repack .
	run 0 testenv cache import again
	out_is "$key"
	run 0 testenv cache remove "$key"
	repack '.templates[0].platform = "vax, glibc 1.09"'
	run 0 testenv cache import again
	out_is ''
	err_has "passed over: template $key was made on 'vax, glibc 1.09', and \
this machine is '$platform'"
	repack '.templates[0].server = "1.2"'
	run 0 testenv cache import again
	out_is ''
	err_has "passed over: template $key: .* 1.2 is not installed on this \
machine, which has .*$server"
	nothing_kept "$db, of another machine"

	# what is not what it says
	cp -a "$tmp/$db.kept" "other-$db"
	echo 'x; y' >"other-$db/login"
	tar -C "other-$db" -cf data.tar data login origin
	repack .
	run 3 testenv cache import again
	err_has "template $key is no data directory of a $db $server"
	tar -C "$tmp/$db.kept" -cf data.tar login origin
	repack .
	run 3 testenv cache import again
	err_has "template $key is no data directory of a $db $server"
	nothing_kept "$db, not what it says"

	# out of the directory
	ln -s /etc "other-$db/data/out"
	tar -C "other-$db" -cf data.tar data login origin
	repack .
	run 19 testenv cache import again
	err_has "neither a file nor a directory: 'data/out'"
	tar -C "$tmp/$db.kept" -cPf data.tar \
		--transform 's,^login$,../../beside,' login data origin
	repack .
	run 19 testenv cache import again
	err_has "leads out of it: '../../beside'"
	[ -z "$(find "$tmp" -name beside)" ] || fail "$db: written outside"
	nothing_kept "$db, out of the directory"
	nothing_left "$db"
	TESTENV_CACHE_DIR=$tmp/cache
done

# a template that leads elsewhere is not carried
key=$(testenv cache key --db postgres --backend local --migrations m)
cp -a "$tmp/postgres.kept" "$TESTENV_CACHE_DIR/local/$key"
ln -s "$tmp" "$TESTENV_CACHE_DIR/local/$key/data/pg_tblspc/1"
run 19 testenv cache export none "$key"
err_has "template $key: '.*/pg_tblspc/1' is neither a file nor a directory"
[ ! -e none ] || fail 'an archive of what leads elsewhere'
no_server carry
nothing_left carry
finish
