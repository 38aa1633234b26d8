#!/bin/sh
# SPDX-License-Identifier: MIT
# Directories as migration tools lay them out, on each database, and the notes
# by which the tool then finds that it has nothing to do: dbmate itself is asked.
# shellcheck disable=SC2016,SC2086,SC2317 # for inner shells; words; run
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"

for tool in node npm sqlite3 psql mariadb; do
	command -v $tool >out || skip "no $tool"
done
echo '{"private": true}' >package.json
npm install --no-audit --no-fund --no-save --ignore-scripts dbmate@2 \
	>out 2>err </dev/null || skip 'npm cannot install dbmate'

mkdir dbmate goose go rust sql-migrate flyway .git
cat >dbmate/20240102_rows.sql <<'EOS'
-- migrate:up
INSERT INTO a VALUES (2);
-- migrate:down
DROP TABLE a;
EOS
printf -- '-- migrate:up\nCREATE TABLE a (x int);\n\n-- migrate:down\nnonsense;\n' \
	>dbmate/20240101_a.sql
cat >goose/001_a.sql <<'EOS'
-- +goose Up
CREATE TABLE a (x int);
-- +goose Down
DROP TABLE a;
EOS
printf -- '-- +goose Up\nINSERT INTO a VALUES (10);\n' >goose/10_last.sql
cat >goose/2_routine.sqlite.sql <<'EOS'
-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER t AFTER INSERT ON a BEGIN
	UPDATE a SET x = x + 1;
END;
-- +goose StatementEnd
EOS
cat >goose/2_routine.postgres.sql <<'EOS'
-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.x = NEW.x + 1;
	RETURN NEW;
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();
EOS
cat >goose/2_routine.mariadb.sql <<'EOS'
-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN
	SET NEW.x = NEW.x + 1;
END;
-- +goose StatementEnd
EOS
echo 'CREATE TABLE a (x int);' >go/1_a.up.sql
echo 'INSERT INTO a VALUES (7);' >go/12_b.up.sql
echo 'DROP TABLE a;' >go/1_a.down.sql
echo 'github.com/golang-migrate/migrate/v4' >go.mod
cat >sql-migrate/1-a.sql <<'EOS'
-- +migrate Up
CREATE TABLE a (x int);
-- +migrate Down
DROP TABLE a;
EOS
echo 'CREATE TABLE a (x int);' >rust/1_a_table.sql
echo 'CREATE TABLE a (x int);' >flyway/V1__a.sql
echo 'INSERT INTO a VALUES (3);' >flyway/V1_10__c.sql
echo 'UPDATE a SET x = x + 1;' >flyway/V1.2__b.sql
echo 'UPDATE a SET x = x + ${step};' >flyway/afterMigrate.sql
echo 'flyway.placeholders.step=10' >flyway.conf
crc=$(python3 -c 'import sys, zlib
crc = zlib.crc32(open(sys.argv[1], "rb").read().rstrip(b"\n"))
print(crc - (crc >> 31 << 32))' flyway/V1.2__b.sql)

# rows SQL: one line for each, columns parted by bars
cat >rows <<'EOS'
#!/bin/sh
case $TESTENV_DIALECT in
postgres) psql -XAtc "$1" ;;
mariadb) mariadb -rN -u "$MYSQL_USER" -e "$1" "$MYSQL_DATABASE" | tr '\t' '|' ;;
sqlite) sqlite3 "$DB_PATH" "$1" ;;
esac
EOS
chmod +x rows
# x DB LAYOUT SQL...: on the migrated database
x() {
	db=$1 layout=$2
	shift 2
	run 0 testenv exec --db $db --no-cache --fallback none \
		--migrations $layout -- sh -c 'for sql; do ./rows "$sql"; done' \
		sh "$@"
}

for db in sqlite postgres mariadb; do
	x $db goose 'SELECT x FROM a' \
		'SELECT version_id FROM goose_db_version ORDER BY id'
	out_is "$(printf '11\n0\n1\n2\n10')"
	x $db flyway 'SELECT x FROM a' "SELECT version, description, script,
		checksum FROM flyway_schema_history WHERE installed_rank = 2" \
		'SELECT count(*) FROM flyway_schema_history WHERE success'
	out_is "$(printf '13\n1.2|b|V1.2__b.sql|%s\n3' "$crc")"
	# a static program sees no file behind the one path
	run 0 testenv exec --db $db --no-cache --fallback none --owner command \
		--migrations dbmate -- sh -c './rows "SELECT x FROM a"
		case $TESTENV_DIALECT in
		sqlite) url=sqlite:$DB_PATH ;;
		postgres) url=$DATABASE_URL?sslmode=disable ;;
		mariadb) url=$DATABASE_URL ;;
		esac
		npx dbmate --url "$url" -d dbmate --no-dump-schema status
		npx dbmate --url "$url" -d dbmate --no-dump-schema migrate 2>&1'
	out_has '^2$'
	out_has 'Applied: 2'
	out_has 'Pending: 0'
	out_has_not 'Applying'
done
# schemas of Flyway's: made, the first chosen for each file and the history
mkdir schemas
echo 'flyway.schemas=shop,Audit' >schemas/flyway.conf
printf '\357\273\277%s\n%s\n' 'CREATE TABLE a (x int);' \
	'CREATE TABLE "Audit".b (y int); SET search_path = public;' \
	>schemas/V1__a.sql
echo 'INSERT INTO a VALUES (3); CREATE INDEX CONCURRENTLY ON a (x);' \
	>schemas/V2__b.sql
x postgres schemas 'SELECT x FROM shop.a' 'SELECT count(*) FROM "Audit".b' \
	'SELECT count(*) FROM shop.flyway_schema_history' 'SHOW search_path'
out_is "$(printf '3\n0\n2\n"$user", public')"
echo 'flyway.target=1' >schemas/flyway.conf
run 125 testenv exec --db postgres --migrations schemas -- true
err_has "^testenv: .*/schemas/flyway.conf': flyway.target is not supported"
x sqlite go 'SELECT x FROM a' 'SELECT version, dirty FROM schema_migrations'
out_is "$(printf '7\n12|0')"
x sqlite sql-migrate 'SELECT id FROM gorp_migrations'
out_is 1-a.sql
rm go.mod
echo 'sqlx = "0.8"' >Cargo.toml
x sqlite rust 'SELECT version, description, success, lower(hex(checksum))
	FROM _sqlx_migrations'
out_is "1|a table|1|$(sha384sum rust/1_a_table.sql | cut -d ' ' -f 1)"
run 0 testenv exec --db sqlite --no-cache --migrations goose --bookkeeping no \
	-- ./rows "SELECT count(*) FROM sqlite_master WHERE name LIKE 'goose%'"
out_is 0
run 0 testenv up --db sqlite --no-cache --migrations flyway
run 0 testenv status
out_has '3 migrations \(Flyway\)'
run 0 testenv down

# lines are those of the file
printf -- '-- x\n-- y\n-- +goose Up\nSELECT 1;\n\nBAD;\n-- +goose Down\nx\n' \
	>goose/11_bad.sql
run 125 testenv exec --db sqlite --migrations goose -- true
err_has "^testenv: template of 'db': $PWD/goose/11_bad.sql:6: near \"BAD\""
cp flyway/V1__a.sql goose/
run 125 testenv exec --db sqlite --migrations goose -- true
err_has "migrations of two layouts: '.*/goose/001_a.sql' is goose, '.*/V1__a.sql' is Flyway"
err_has '^hint: keep them apart, or say which are meant with --layout$'
nothing_left 'layouts'
finish
