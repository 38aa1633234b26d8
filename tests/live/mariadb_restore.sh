#!/bin/sh
# SPDX-License-Identifier: MIT
# How a used MariaDB database comes back, by the built program: put back where
# rows changed, made anew where definitions did, a new server where more did;
# and status says so. Each is compared with the template (--verify).
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 1
for tool in docker mariadb; do
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
cat >db/1.sql <<'SQL'
CREATE TABLE a (id int AUTO_INCREMENT PRIMARY KEY, v int);
INSERT INTO a (v) VALUES (1), (2), (3);
CREATE TABLE b (id int PRIMARY KEY, a int,
	FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE);
INSERT INTO b SELECT id, id FROM a;
CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW UPDATE b SET a = NULL;
CREATE VIEW both_of AS SELECT a.id, b.a FROM a JOIN b ON b.a = a.id;
SQL
# use SQL: as an owner of his own; what one sees of the template comes first
cat >use <<'EOS'
#!/bin/sh
"$TESTENV_BIN" lease -- sh -c 'mariadb -N -u "$MYSQL_USER" "$MYSQL_DATABASE" \
	-e "SELECT count(*), sum(v), (SELECT count(*) FROM both_of) FROM a; $1"' \
	sh "$1"
EOS
chmod +x use
cat >owners <<'EOS'
set -e
./use 'INSERT INTO a (v) VALUES (9)'
./use 'DELETE FROM a WHERE id = 2'
./use 'TRUNCATE b; DROP TRIGGER t; ALTER TABLE a ADD COLUMN w int'
[ "$1" != container ] || ./use 'SET GLOBAL max_connections = 77'
./use 'SELECT @@max_connections = 77; INSERT INTO a () VALUES (); SELECT max(id) FROM a'
"$TESTENV_BIN" status
EOS
export TESTENV_BIN
for isolation in container database; do
	TESTENV_DEBUG=1
	export TESTENV_DEBUG
	run 0 testenv exec --db mariadb --isolation $isolation --workers 1 \
		--verify --migrations db --require container -- \
		sh owners $isolation
	unset TESTENV_DEBUG
	n=$(grep -c '^3	6	3$' "$tmp/out")
	case $isolation in
	container)
		[ "$n" = 5 ] || fail "$isolation: $n owners saw the template"
		err_has "gets a new server: server '.*': something outside"
		;;
	*) [ "$n" = 4 ] || fail "$isolation: $n owners saw the template" ;;
	esac
	out_has '^0$'
	out_has '^4$'
	out_has ', restored by touched tables, '
	err_has "': touched tables, "
	err_has "': rebuilt, .*: a table was altered"
done

# a routine that names its database cannot be cloned under another name
echo 'CREATE PROCEDURE p() SELECT count(*) FROM app.a;' >db/2.sql
run 0 testenv exec --db mariadb --verify --migrations db --workers 1 \
	--require container -- sh -c "./use 'DELETE FROM b'
	./use 'DROP VIEW both_of'; ./use 'CALL p'; \"\$TESTENV_BIN\" status"
out_has ', restored by touched tables, '
[ "$(grep -c '^3	6	3$' "$tmp/out")" = 3 ] || fail 'not three times the template'
run 0 testenv exec --db mariadb --isolation database --migrations db \
	--workers 1 --require container -- sh -c \
	"./use 'DELETE FROM b'; ./use ''; \"\$TESTENV_BIN\" status"
out_has ', restored by migrations, '
[ "$(grep -c '^3	6	3$' "$tmp/out")" = 2 ] || fail 'not twice the template'
finish
