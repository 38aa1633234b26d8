#!/bin/sh
# SPDX-License-Identifier: MIT
# Migrations by the tools that projects have: Alembic from Debian, Knex from npm,
# by the drivers they use, over TCP.
# shellcheck disable=SC2016,SC2317 # for inner shells; run calls them
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"

for tool in node npm sqlite3 psql mariadb /usr/bin/python3; do
	command -v $tool >out || skip "no $tool"
done
/usr/bin/python3 -c 'import alembic, psycopg2, pymysql' 2>err ||
	skip 'no python3-alembic, python3-psycopg2, python3-pymysql'

# a project in Python: the URL comes from the environment, as its manual has it
mkdir -p alembic/versions
cat >alembic.ini <<'EOS'
[alembic]
script_location = alembic
EOS
cat >alembic/env.py <<'EOS'
import os
from alembic import context
from sqlalchemy import create_engine

# SQLAlchemy 1.4 knows psycopg2 only
url = os.environ["SQLALCHEMY_URL"].replace("+psycopg:", "+psycopg2:")
with create_engine(url).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
EOS
cat >alembic/versions/1_first.py <<'EOS'
from alembic import op
import sqlalchemy as sa

revision = "1"
down_revision = None


def upgrade():
    op.create_table("first", sa.Column("id", sa.Integer, primary_key=True))
EOS
cat >alembic/versions/2_second.py <<'EOS'
from alembic import op
import sqlalchemy as sa

revision = "2"
down_revision = "1"


def upgrade():
    op.add_column("first", sa.Column("name", sa.String(20)))
    op.execute("INSERT INTO first (id, name) VALUES (7, 'alembic')")
EOS

# and one in JavaScript
cat >knexfile.js <<'EOS'
module.exports = {
	client: process.env.DATABASE_URL.startsWith("mysql") ? "mysql2" : "pg",
	connection: process.env.DATABASE_URL,
};
EOS
mkdir migrations
cat >migrations/20240101_shop.js <<'EOS'
exports.up = async (knex) => {
	await knex.schema.createTable("shop", (t) => {
		t.increments("id");
		t.string("name");
	});
	await knex("shop").insert({ name: "knex" });
};
exports.down = (knex) => knex.schema.dropTable("shop");
EOS
echo '{"private": true}' >package.json
npm install --no-audit --no-fund --no-save --ignore-scripts \
	knex@3 pg@8 mysql2@3 >out 2>err </dev/null ||
	skip 'npm cannot install knex, pg and mysql2'

x() {
	testenv exec --env ALEMBIC="$alembic" --export 'SQLALCHEMY_URL={sqlalchemy_url}' --no-cache \
		--fallback none "$@"
}
alembic='/usr/bin/python3 -m alembic'
both="$alembic upgrade head &&  npx knex migrate:latest"
run 0 x --db sqlite --migrate "$alembic upgrade head" -- sh -c \
	'sqlite3 "$DB_PATH" "select name from first"; $ALEMBIC current'
out_has '^alembic$'
out_has '^2 \(head\)$'
run 0 x --db postgres --migrate "$both" -- sh -c \
	'psql -Atc "select first.name, shop.name from first, shop"
	$ALEMBIC current; npx knex migrate:status'
out_has '^alembic\|knex$'
out_has '^2 \(head\)$'
out_has 'No Pending Migration files Found'
run 0 x --db mariadb --migrate "$both" -- sh -c \
	'mariadb -u "$MYSQL_USER" -Ne "select first.name, shop.name
		from first, shop" "$MYSQL_DATABASE"; npx knex migrate:status'
out_has '^alembic.knex$'
out_has 'No Pending Migration files Found'

# what the tool says of a wrong one
echo 'exports.up = (knex) => knex.raw("nonsense"); exports.down = exports.up;' \
	>migrations/3_bad.js
run 125 x --db postgres --migrate 'npx knex migrate:latest' -- true
err_has "'npx knex migrate:latest' ended with exit code 1$"
err_has 'migration file "3_bad.js" failed'
err_has 'syntax error at or near "nonsense"'
nothing_left 'tools'
finish
