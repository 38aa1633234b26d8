#!/bin/sh
# SPDX-License-Identifier: MIT
# Seeds: rows as CSV into each database, what becomes of odd ones, and where a
# wrong one is.
# shellcheck disable=SC2016,SC2086,SC2317 # for inner shells; words; run
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"

for tool in sqlite3 psql mariadb; do
	command -v $tool >/dev/null || skip "no $tool"
done
mkdir sql
cat >sql/1.sql <<'EOS'
CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL, note
	VARCHAR(100), born DATE);
EOS
cat >sql/1.postgres.sql <<'EOS'
CREATE TABLE users (id serial PRIMARY KEY, name varchar(100) NOT NULL, note
	varchar(100), born date);
EOS
{
	printf 'id,name,born,note\r\n'
	printf '1,"O'"'"'Neil, ""Jim""",2001-02-03,\r\n'
	printf '2,"two\nlines",,""\r\n'
	printf '3,"\\N\\\\\ttab",,"\\."\r\n'
	printf '4,\303\251t\303\251,1999-12-31,%%s ? $1 {url}\r\n'
} >users.csv
{
	echo id,name,note
	seq 10 1500 | sed 's/.*/&,name &,/'
} >many.csv
mkdir more
cp many.csv more/users.csv
cat >rows <<'EOS'
#!/bin/sh
case $TESTENV_DIALECT in
postgres) psql -XAtc "$1" ;;
mariadb) mariadb -rN -u "$MYSQL_USER" -e "$1" "$MYSQL_DATABASE" | tr '\t' '|' ;;
sqlite) sqlite3 "$DB_PATH" "$1" ;;
esac
EOS
chmod +x rows
# what is wrong, each with its place
printf 'id,name\n1,a\n2,b\n1,again\n' >double.csv
printf 'id,name\n1,a\n2,"b\nc"\n3,\n' >null.csv
mkdir double null none empty
printf 'id,nome\n' >empty/users.csv
printf 'id\n' >empty/nobody.csv
mv double.csv double/users.csv
mv null.csv null/users.csv
printf 'id,nome\n1,a\n' >none/users.csv
printf 'a,b\n1\n' >short.csv

for db in sqlite postgres mariadb; do
	x() {
		testenv exec --db $db --no-cache --fallback none \
			--migrations sql "$@"
	}
	run 0 x --seed users.csv --seed more/users.csv -- sh -c '
		./rows "SELECT id, name, note IS NULL, born FROM users
			WHERE id < 5 ORDER BY id"
		./rows "SELECT count(*), max(id) FROM users" >count
		[ $TESTENV_DIALECT != postgres ] || ./rows "INSERT INTO users
			(name) VALUES ('\''next'\'') RETURNING id" >next'
	case $db in
	postgres) yes=t no=f null='' tab='\t' ;;
	mariadb) yes=1 no=0 null=NULL tab='|' ;; # as the script has it
	sqlite) yes=1 no=0 null='' tab='\t' ;;
	esac
	printf '1|O'"'"'Neil, "Jim"|%s|2001-02-03\n2|two\nlines|%s|%s\n' \
		$yes $no "$null" >want
	printf '3|\\N\\\\%btab|%s|%s\n4|\303\251t\303\251|%s|1999-12-31\n' \
		"$tab" $no "$null" $no >>want
	cmp -s out want || {
		diff out want >apart
		cp apart err
		fail "$db: other rows"
	}
	[ "$(tr '\t' '|' <count)" = '1495|1500' ] ||
		fail "$db: $(cat count) rows"
	# the next number is one that is free
	[ $db != postgres ] || grep -q '^1501$' next ||
		fail "the next number is $(cat next)"
	run 125 x --seed double/users.csv -- true
	err_has "^testenv: template of 'db': $PWD/double/users.csv:[14]: .*"
	[ $db = postgres ] || err_has 'double/users.csv:4: '
	# no rows, but columns that have to be there
	run 125 x --seed empty/users.csv -- true
	err_has "empty/users.csv:1: .*nome"
	run 125 x --seed empty/nobody.csv -- true
	err_has "empty/nobody.csv:1: .*nobody"
	[ $db = sqlite ] || continue
	run 125 x --seed null/users.csv -- true
	err_has "null/users.csv:5: NOT NULL"
	run 125 x --seed none/users.csv -- true
	err_has "none/users.csv:[12]: .*nome"
	run 125 x --seed short.csv -- true
	err_has "/short.csv:2: 1 field, but 2 columns$"
done
nothing_left seeds
finish
