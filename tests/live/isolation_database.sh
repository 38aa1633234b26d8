#!/bin/sh
# SPDX-License-Identifier: MIT
# isolation: database. One server; every owner has a database of it under the
# same name, whatever it calls itself, and nobody sees another's.
# shellcheck disable=SC2016 # for inner shells
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 1
for tool in docker psql mariadb ctest; do
	command -v "$tool" >"$tmp/out" || {
		echo "there is no $tool here"
		exit 77
	}
done
docker version >"$tmp/out" 2>&1 || {
	echo "no container engine answers here"
	exit 77
}
mkdir db
echo 'CREATE TABLE t (id int PRIMARY KEY);' >db/1.sql

# one of four tests that would meet under the primary key
cat >postgres-test <<'EOF'
#!/bin/sh
set -eu
psql -qAtc 'INSERT INTO t VALUES (1)'
test "$(psql -Atc 'SELECT count(*) FROM t')" = 1
# whatever it asks for, it is its own
test "$(psql -Atc 'SELECT count(*) FROM t' postgres)" = 1
EOF
cat >mariadb-test <<'EOF'
#!/bin/sh
set -eu
sql() { mariadb -u "$MYSQL_USER" -N -e "$1" "$MYSQL_DATABASE"; }
sql 'INSERT INTO t VALUES (1)'
test "$(sql 'SELECT count(*) FROM t')" = 1
test "$(sql "USE $MYSQL_DATABASE; SELECT count(*) FROM t")" = 1
EOF
chmod +x postgres-test mariadb-test

for db in postgres mariadb; do
	printf 'add_test(a %s)\nadd_test(b %s)\nadd_test(c %s)\nadd_test(d %s)\n' \
		"$tmp/$db-test" "$tmp/$db-test" "$tmp/$db-test" \
		"$tmp/$db-test" >CTestTestfile.cmake
	run 0 testenv exec --db $db --isolation database --workers 2 \
		--migrations db --require container -- ctest -j4
	out_has '100% tests passed'
	# shellcheck disable=SC2016 # for the command's own shell
	run 0 testenv exec --db $db --isolation database --migrations db \
		--require container -- sh -c \
		'docker ps -q --filter label=dev.testenv.session=$TESTENV_SESSION | wc -l'
	out_is 1
done
finish
