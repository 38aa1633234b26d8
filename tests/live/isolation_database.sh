#!/bin/sh
# SPDX-License-Identifier: MIT
# isolation: database. One server; every owner has a database of it under the
# same name and as the same user, and nobody can get at another's.
# shellcheck disable=SC2016 # for inner shells
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 1
for tool in docker psql mariadb ctest; do
	command -v "$tool" >"$tmp/out" || {
		echo "there is no $tool here"
		exit 77
	}
done
# Debian's has Debian's packages, whatever comes first in the path
for python in python3 /usr/bin/python3; do
	$python -c 'import pymysql' 2>"$tmp/err" && break
	python=
done
[ -n "$python" ] || {
	echo "there is no pymysql here"
	exit 77
}
export python
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
# the names that are said for want of a better one
for name in postgres template1 "$PGUSER"; do
	test "$(psql -Atc 'SELECT count(*) FROM t' "$name")" = 1
done
# what another has made, and another's own
for name in elsewhere "${PGDATABASE}_0" "${PGDATABASE}_1" testenv_original; do
	said=$(psql -c 'SELECT 1' "$name" 2>&1) && exit 1
	echo "$said" | grep "testenv: database '$name' cannot be reached: isol"
done
EOF
cat >mariadb-test <<'EOF'
#!/bin/sh
set -eu
sql() { mariadb -u "$MYSQL_USER" -N -e "$1" "$MYSQL_DATABASE"; }
sql 'INSERT INTO t VALUES (1)'
test "$(sql 'SELECT count(*) FROM t')" = 1
test "$(sql "USE $MYSQL_DATABASE; SELECT count(*) FROM t")" = 1
exec "$python" -B "$0.py"
EOF
cat >mariadb-test.py <<'EOF'
import os, pymysql
name, user = os.environ["MYSQL_DATABASE"], os.environ["MYSQL_USER"]
db = pymysql.connect(host=os.environ["MYSQL_HOST"], user=user,
                     port=int(os.environ["MYSQL_TCP_PORT"]),
                     password=os.environ["MYSQL_PWD"], autocommit=True)
c = db.cursor()

def value(sql):
    c.execute(sql)
    return c.fetchone()[0]

def refused(sql, code):
    try:
        c.execute(sql)
    except pymysql.err.MySQLError as e:
        assert e.args[0] == code, e
        return
    raise AssertionError("it was let to: " + sql)

# as drivers say it in a statement, with none chosen at first
assert value("SELECT DATABASE()") is None
for use in "USE %s", "use `%s` ;", " Use\t%s;\n", "USE`%s`":
    c.execute("USE information_schema")
    c.execute(use % name)
    own = value("SELECT DATABASE()")
    assert own.startswith(name + "_"), own
assert value("SELECT count(*) FROM t") == 1
# only its own is there, under the name that the server knows
c.execute("SHOW DATABASES")
assert {r[0] for r in c.fetchall()} == {own, "information_schema"}
for n in range(5):
    other = "%s_%d" % (name, n)
    if other == own:
        continue
    refused("SELECT * FROM %s.t" % other, 1142)
    refused("INSERT INTO %s.t VALUES (9)" % other, 1142)
    refused("USE %s" % other, 1044)
    refused("DROP DATABASE %s" % other, 1044)
refused("CREATE DATABASE elsewhere", 1044)
refused("SELECT * FROM testenv_original.t", 1142)
refused("DROP TABLE testenv_original.t", 1142)
refused("SET GLOBAL max_connections = 3", 1227)
# and anything in that
c.execute("CREATE TABLE %s.u (x int)" % own)
c.execute("CREATE TRIGGER g BEFORE INSERT ON u FOR EACH ROW SET NEW.x = 2")
c.execute("INSERT INTO u VALUES (1)")
c.execute("CREATE VIEW v AS SELECT x FROM u")
assert value("SELECT x FROM v") == 2
EOF
chmod +x postgres-test mariadb-test

for db in postgres mariadb; do
	for name in a b c d; do
		echo "add_test($name $tmp/$db-test)"
	done >CTestTestfile.cmake
	run 0 testenv exec --db $db --isolation database --workers 2 \
		--migrations db --require container -- ctest -j4 \
		--output-on-failure
	out_has '100% tests passed'
	# shellcheck disable=SC2016 # for the command's own shell
	run 0 testenv exec --db $db --isolation database --migrations db \
		--require container -- sh -c \
		'docker ps -q --filter label=dev.testenv.session=$TESTENV_SESSION | wc -l'
	out_is 1
done
finish
