/* SPDX-License-Identifier: MIT */
/* Directories as the tools lay them out: what is run, in which order. */
#include "template/migrations.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "unit/cm.h"
#include "unit/template/folder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "TITLE: NAME VERSION=content NAME VERSION=content"; '!' behind a name: it
 * wants no transaction. */
static void loads(enum layout layout, enum dialect d, const char *expected)
{
	struct migrations_source source = {.dir = dir, .layout = layout};
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;

	if (migrations_load(&source, d, &m, &err) < 0)
		fail_msg("%s", error_text(&err));
	buf_printf(&b, "%s:", layout_title(m.layout));
	for (size_t i = 0; i < m.n; i++)
		buf_printf(&b, " %s%s %s=%s", m.files[i].path + strlen(dir) + 1,
			   m.files[i].no_transaction ? "!" : "",
			   m.files[i].version ? m.files[i].version : "-",
			   m.files[i].sql);
	assert_string_equal(b.s, expected);
}

static void is(const char *expected)
{
	loads(LAYOUT_AUTO, DIALECT_POSTGRES, expected);
}

/* "%s" in the text is the directory. */
static void fails(enum layout layout, const char *format)
{
	struct migrations_source source = {.dir = dir, .layout = layout};
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;

	for (const char *p = format; *p; p++) {
		if (p[0] == '%' && p[1] == 's') {
			buf_puts(&b, dir);
			p++;
		} else {
			buf_putc(&b, *p);
		}
	}
	assert_int_equal(migrations_load(&source, DIALECT_POSTGRES, &m, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(err.text, b.s);
}

static void plain(void **state)
{
	(void)state;
	put("10_c.sql", "c");
	put("2_b.sql", "b");
	put("2_a.sql", "a");
	put("sub/1_x.sql", "x");
	put("2_a.down.sql", "x");
	is("plain SQL: 2_a.sql 2=a 2_b.sql 2=b 10_c.sql 10=c");
	/* not all are numbered: by name, as a shell lists them */
	put("z.sql", "-- no-transaction\nz");
	is("plain SQL: 10_c.sql 10=c 2_a.sql 2=a 2_b.sql 2=b "
	   "z.sql! -=-- no-transaction\nz");
}

static void up_and_down(void **state)
{
	auto_free char *go = fs_join(root, "go.mod");
	auto_free char *cargo = fs_join(root, "Cargo.toml");
	static const char go_text[] = "require github.com/golang-migrate/x v4";
	static const char cargo_text[] = "[dependencies]\nsqlx = \"0.8\"\n";

	(void)state;
	put("000002_b.up.sql", "b");
	put("000002_b.down.sql", "x");
	put("000001_a.up.sql", "-- no-transaction\na");
	put("000001_a.down.sql", "x");
	is("golang-migrate or sqlx: 000001_a.up.sql! 000001=-- no-transaction\n"
	   "a 000002_b.up.sql 000002=b");
	fs_write_file(go, go_text, strlen(go_text), 0600, NULL);
	is("golang-migrate: 000001_a.up.sql! 000001=-- no-transaction\n"
	   "a 000002_b.up.sql 000002=b");
	fs_write_file(cargo, cargo_text, strlen(cargo_text), 0600, NULL);
	is("golang-migrate or sqlx: 000001_a.up.sql! 000001=-- no-transaction\n"
	   "a 000002_b.up.sql 000002=b");
	unlink(go);
	is("sqlx: 000001_a.up.sql! 000001=-- no-transaction\n"
	   "a 000002_b.up.sql 000002=b");
	put("3_c.sql", "c");
	fails(LAYOUT_AUTO, "migrations of two layouts: '%s/000001_a.up.sql' "
			   "is golang-migrate or sqlx, '%s/3_c.sql' is plain "
			   "SQL");
	/* each tool passes over what is not named as it names its own */
	loads(LAYOUT_GOLANG_MIGRATE, DIALECT_POSTGRES,
	      "golang-migrate: 000001_a.up.sql! 000001=-- no-transaction\n"
	      "a 000002_b.up.sql 000002=b");
}

static void sqlx_plain(void **state)
{
	auto_free char *cargo = fs_join(root, "Cargo.toml");

	(void)state;
	fs_write_file(cargo, "sqlx", 4, 0600, NULL);
	put("20240102_b.sql", "b");
	put("9_a.sql", "a");
	is("sqlx: 9_a.sql 9=a 20240102_b.sql 20240102=b");
	put("009_c.sql", "c");
	fails(LAYOUT_AUTO, "two migrations of one version: '%s/009_c.sql' and "
			   "'%s/9_a.sql'");
}

static void flyway(void **state)
{
	(void)state;
	put("V1.10__j.sql", "j");
	put("V1_2__b.sql", "b");
	put("V1__a.sql", "a");
	put("V2__c.sqlite.sql", "s");
	put("V2__c.sql", "-- flyway:executeInTransaction=false\nc");
	put("R__view.sql", "r");
	put("R__abc.sql", "q");
	put("U1__a.sql", "x");
	put("deep/er/V3__d.sql", "d");
	put("deep/other.sql", "x");
	put("afterMigrate.sql", "x");
	put("V2_1__e.sql", "e");
	put("V2_1__e.sql.conf", "executeInTransaction = false\n");
	is("Flyway: V1__a.sql 1=a V1_2__b.sql 1.2=b V1.10__j.sql 1.10=j "
	   "V2__c.sql! 2=-- flyway:executeInTransaction=false\nc "
	   "V2_1__e.sql! 2.1=e deep/er/V3__d.sql 3=d R__abc.sql -=q "
	   "R__view.sql -=r afterMigrate.sql -=x");
	put("B1.2__base.sql", "B");
	put("B1__old.sql", "x");
	loads(LAYOUT_AUTO, DIALECT_SQLITE,
	      "Flyway: B1.2__base.sql 1.2=B V1.10__j.sql 1.10=j "
	      "V2__c.sqlite.sql 2=s V2_1__e.sql! 2.1=e deep/er/V3__d.sql 3=d "
	      "R__abc.sql -=q R__view.sql -=r afterMigrate.sql -=x");
	put("deep/V3.0__again.sql", "x");
	fails(LAYOUT_AUTO, "two migrations of one version: "
			   "'%s/deep/V3.0__again.sql' "
			   "and '%s/deep/er/V3__d.sql'");
	put("002_x.sql", "x");
	fails(LAYOUT_FLYWAY, "two migrations of one version: "
			     "'%s/deep/V3.0__again.sql' "
			     "and '%s/deep/er/V3__d.sql'");
}

static void flyway_below_only(void **state)
{
	(void)state;
	put("a/V2__b.sql", "b");
	put("V1__a/V1__a.sql", "a");
	is("Flyway: V1__a/V1__a.sql 1=a a/V2__b.sql 2=b");
}

static void dbmate(void **state)
{
	(void)state;
	put("20240102_b.sql", "-- a remark\n/* and\n another */\n"
			      "-- migrate:up transaction:false\nb;\n"
			      "-- migrate:down\nx;\n");
	put("20240101_a.sql", "--migrate:up\r\na;\r\n--  migrate:down\r\nx;");
	is("dbmate: 20240101_a.sql 20240101=\na;\r\n "
	   "20240102_b.sql! 20240102=\n\n\n\nb;\n");
	put("20240103_c.sql", "c;");
	fails(LAYOUT_AUTO, "migrations of two layouts: '%s/20240101_a.sql' is "
			   "dbmate, '%s/20240103_c.sql' is plain SQL");
	fails(LAYOUT_DBMATE, "'%s/20240103_c.sql' has no line "
			     "'-- migrate:up'");
	put("20240103_c.sql", "-- x\nc;\n-- migrate:up\nd;\n");
	fails(LAYOUT_AUTO, "%s/20240103_c.sql:2: a statement in front of the "
			   "first section");
}

static void goose(void **state)
{
	static const char function[] = "-- +goose Up\n"
				       "-- +goose StatementBegin\n"
				       "CREATE a; b;\n"
				       "-- +goose StatementEnd\n"
				       "c; -- +goose Down is none here\n"
				       "-- +goose Down\n"
				       "-- +goose StatementBegin\n"
				       "x;\n"
				       "-- +goose StatementEnd\n";

	(void)state;
	put("00001_a.sql", function);
	put("00010_b.sql", "-- +goose NO TRANSACTION\n-- +goose up\n\nb;");
	put("2_c.sql", "-- +goose Up\n-- +goose Down\n");
	is("goose: 00001_a.sql 00001=\n\nCREATE a; b;\n\n"
	   "c; -- +goose Down is none here\n "
	   "2_c.sql 2=\n 00010_b.sql! 00010=\n\n\nb;\n");
	loads(LAYOUT_AUTO, DIALECT_MARIADB,
	      "goose: 00001_a.sql 00001=\nDELIMITER $$testenv:end$$\n"
	      "CREATE a; b;\n$$testenv:end$$ DELIMITER ;\n"
	      "c; -- +goose Down is none here\n "
	      "2_c.sql 2=\n 00010_b.sql! 00010=\n\n\nb;\n");
	put("00011_d.go", "package x");
	fails(LAYOUT_AUTO, "'%s/00011_d.go' is a migration in Go, which only "
			   "its own program can run");
}

static void goose_that_fails(void **state)
{
	(void)state;
	put("1_a.sql", "-- +goose Up\n-- +goose StatementBegin\na;\n");
	fails(LAYOUT_AUTO, "%s/1_a.sql:2: StatementBegin without its end");
	put("1_a.sql", "-- +goose Up\na;\n-- +goose StatementEnd\n");
	fails(LAYOUT_AUTO, "%s/1_a.sql:3: StatementEnd without its beginning");
	put("1_a.sql", "-- +goose ENVSUB ON\n-- +goose Up\na;\n");
	fails(LAYOUT_AUTO, "%s/1_a.sql:1: 'ENVSUB ON' is not supported: run "
			   "goose itself, with --migrate");
}

static void goose_out_of_order(void **state)
{
	(void)state;
	put("1_a.sql", "-- +goose Up\na;\n-- +goose Down\n-- +goose Up\nb;\n");
	fails(LAYOUT_AUTO, "%s/1_a.sql:4: a second 'Up', or one behind 'Down'");
	put("1_a.sql", "-- +goose Up\na;\n-- +goose Up\n");
	fails(LAYOUT_AUTO, "%s/1_a.sql:3: a second 'Up', or one behind 'Down'");
	put("1_a.sql", "-- +goose Down\nx;\n-- +goose Up\na;\n");
	fails(LAYOUT_AUTO, "%s/1_a.sql:1: 'Down' without 'Up' before it");
	put("1_a.sql", "-- +goose Up\n-- +goose Down\n-- +goose Down\n");
	fails(LAYOUT_AUTO, "%s/1_a.sql:3: 'Down' without 'Up' before it");
}

static void marks_of_two(void **state)
{
	(void)state;
	put("1_a.sql", "-- +goose Up\na;\n-- migrate:up\nb;\n");
	fails(LAYOUT_AUTO, "'%s/1_a.sql' has the marks of two layouts: "
			   "'-- migrate:up' and '-- +goose Up'");
	loads(LAYOUT_GOOSE, DIALECT_POSTGRES,
	      "goose: 1_a.sql 1=\na;\n-- migrate:up\nb;\n");
}

static void sql_migrate(void **state)
{
	(void)state;
	put("1_a.sql", "-- +migrate Up notransaction\na;\n-- +migrate Down\nx");
	put("10_b.sql", "-- +migrate Up\n-- +migrate StatementBegin\nb;\n"
			"-- +migrate StatementEnd\n");
	is("sql-migrate: 1_a.sql! 1=\na;\n 10_b.sql 10=\n\nb;\n");
}

static void marks_in_plain_files(void **state)
{
	(void)state;
	put("3.sql", "'-- migrate:down'\n-- migrate:upper\n");
	is("plain SQL: 3.sql 3='-- migrate:down'\n-- migrate:upper\n");
}

static void words(void **state)
{
	enum layout layout = LAYOUT_AUTO;

	(void)state;
	assert_int_equal(layout_parse("goose", &layout), 0);
	assert_int_equal(layout, LAYOUT_GOOSE);
	assert_int_equal(layout_parse("liquibase", &layout), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(plain, each),
	    cmocka_unit_test_setup(up_and_down, each),
	    cmocka_unit_test_setup(sqlx_plain, each),
	    cmocka_unit_test_setup(flyway, each),
	    cmocka_unit_test_setup(flyway_below_only, each),
	    cmocka_unit_test_setup(dbmate, each),
	    cmocka_unit_test_setup(goose, each),
	    cmocka_unit_test_setup(goose_that_fails, each),
	    cmocka_unit_test_setup(goose_out_of_order, each),
	    cmocka_unit_test_setup(marks_of_two, each),
	    cmocka_unit_test_setup(sql_migrate, each),
	    cmocka_unit_test_setup(marks_in_plain_files, each),
	    cmocka_unit_test_setup(words, each),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
