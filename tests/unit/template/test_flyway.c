/* SPDX-License-Identifier: MIT */
/* What Flyway does besides running its versions in order. */
#include "template/flyway.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "template/migrations.h"
#include "unit/cm.h"
#include "unit/template/folder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void load(struct migrations *m)
{
	struct migrations_source source = {.dir = dir};
	auto_error struct error err = ERROR_INIT;

	if (migrations_load(&source, DIALECT_POSTGRES, m, &err) < 0)
		fail_msg("%s", error_text(&err));
}

/* All that runs, divided by '|'. */
static void runs(const char *expected)
{
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	auto_buf struct buf b = BUF_INIT;

	load(&m);
	for (size_t i = 0; i < m.n; i++)
		buf_printf(&b, "%s%s", i ? "|" : "", m.files[i].sql);
	assert_string_equal(b.s, expected);
}

static void fails(const char *format)
{
	struct migrations_source source = {.dir = dir};
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf expected = BUF_INIT;

	buf_printf(&expected, "%.*s%s%s", (int)strcspn(format, "%"), format,
		   dir, strchr(format, '%') + 1);
	assert_int_equal(migrations_load(&source, DIALECT_POSTGRES, &m, &err),
			 -1);
	assert_string_equal(error_text(&err), expected.s);
	assert_int_equal(err.kind, ERROR_CONFIG);
}

/* "123456789" is what CRCs are compared by. */
static void checksums_are_of_the_lines(void **state)
{
	static const char *const same[] = {"123456789", "1234\n56789\n",
					   "1234\r\n56789",
					   ("\xef\xbb\xbf"
					    "123456789")};

	(void)state;
	for (size_t i = 0; i < array_len(same); i++)
		assert_int_equal(flyway_checksum(same[i], strlen(same[i])),
				 -873187034);
	assert_int_equal(flyway_checksum("", 0), 0);
}

static void callbacks_run_around_the_migrations(void **state)
{
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	auto_free char *what = NULL;

	(void)state;
	put("V1__a.sql", "1");
	put("V2__b.sql", "2");
	put("R__view.sql", "r");
	put("beforeMigrate__b.sql", "bm2");
	put("beforeMigrate__a.sql", "bm1");
	put("below/beforeEachMigrate.sql", "be");
	put("afterEachMigrate.sql", "ae");
	put("afterVersioned.sql", "av");
	put("beforeRepeatables.sql", "br");
	put("afterMigrateApplied.sql", "applied");
	put("afterMigrate.sql", "am");
	put("beforeClean.sql", "never");
	put("afterMigrateError.sql", "never");
	runs("bm1|bm2|be|1|ae|be|2|ae|av|br|be|r|ae|applied|am");
	load(&m);
	what = migrations_describe(&m);
	assert_string_equal(what, "3 migrations (Flyway)");
	put("beforeEachMigrateStatement.sql", "x");
	fails("'%/beforeEachMigrateStatement.sql': a callback for each "
	      "statement is not supported");
}

static void placeholders_are_filled_in(void **state)
{
	(void)state;
	put("V1__a.sql", "a ${x} '${X}'\n-- $x {x} ${flyway:filename}\n");
	fails("%/V1__a.sql:1: no value for the placeholder '${x}'");
	put("../flyway.conf", "# flyway.placeholders.x=no\n"
			      "flyway.placeholders.x = from conf\n");
	runs("a from conf 'from conf'\n-- $x {x} V1__a.sql\n");
	put("../flyway.toml", "[flyway.placeholders]\n"
			      "x = \"from \\\"toml\\\"\" # or not\n");
	runs("a from \"toml\" 'from \"toml\"'\n-- $x {x} V1__a.sql\n");
	setenv("FLYWAY_PLACEHOLDERS_X", "y", 1);
	runs("a y 'y'\n-- $x {x} V1__a.sql\n");
	unsetenv("FLYWAY_PLACEHOLDERS_X");
	put("flyway.toml", "[flyway]\nplaceholderPrefix = '$'\n"
			   "placeholderSuffix = ' '\n"
			   "placeholders.x = '1'\nplaceholders.'{x}' = '2'\n");
	put("V1__a.sql", "\n\n$x $y ");
	fails("%/V1__a.sql:3: no value for the placeholder '$y '");
	put("V1__a.sql", "$x $");
	runs("1$");
	put("V1__a.sql.conf", "placeholderReplacement=false");
	runs("$x $");
}

static void placeholders_may_be_none(void **state)
{
	(void)state;
	put("V1__a.sql", "${x}");
	put("../conf/flyway.conf", "flyway.placeholderReplacement=false\n");
	runs("${x}");
}

static void the_history_is_flyways_own(void **state)
{
	auto_migrations struct migrations m = MIGRATIONS_INIT;

	(void)state;
	put("V001_2__a_b.sql", "123456789\n");
	put("sub/R__v.sql", "${x}");
	put("afterMigrate.sql", "x");
	put("../flyway.conf", "flyway.table=history\n"
			      "flyway.placeholders.x=1\n");
	load(&m);
	assert_non_null(strstr(m.bookkeeping,
			       "CREATE TABLE IF NOT EXISTS \"history\" ("
			       "installed_rank int NOT NULL PRIMARY KEY, "));
	assert_non_null(strstr(m.bookkeeping,
			       "SELECT 1, '001.2', 'a b', 'SQL', "
			       "'V001_2__a_b.sql', -873187034, current_user, "
			       "0, true FROM "));
	assert_non_null(strstr(m.bookkeeping,
			       "SELECT 2, NULL, 'v', 'SQL', 'sub/R__v.sql', "));
	assert_null(strstr(m.bookkeeping, "afterMigrate"));
}

/* With flyway.conf as put, what comes before the files and each of them. */
static void prepares(const char *first, const char *path)
{
	auto_migrations struct migrations m = MIGRATIONS_INIT;

	load(&m);
	if (first)
		assert_string_equal(m.prepare, first);
	else
		assert_null(m.prepare);
	if (!path) {
		assert_null(strstr(m.files[0].sql, "search_path"));
		assert_null(strstr(m.bookkeeping, "search_path"));
		return;
	}
	assert_non_null(strstr(m.bookkeeping, path));
	assert_non_null(strstr(m.files[0].sql, "'search_path', "));
	/* lines are those of the file */
	assert_null(strchr(m.files[0].sql, '\n'));
	if (!strstr(m.files[0].sql, path))
		fail_msg("'%s' has no %s", m.files[0].sql, path);
}

static void schemas_are_made_and_chosen(void **state)
{
	(void)state;
	put("V1__a.sql", "${flyway:defaultSchema}");
	put("flyway.conf", "flyway.table=t\n");
	fails("%/V1__a.sql:1: no value for the placeholder "
	      "'${flyway:defaultSchema}'");
	put("V1__a.sql", "1");
	prepares(NULL, NULL);
	put("flyway.conf", "flyway.schemas=shop, Audit\n");
	prepares("CREATE SCHEMA IF NOT EXISTS \"shop\";\n"
		 "CREATE SCHEMA IF NOT EXISTS \"Audit\";\n",
		 "'\"shop\"'");
	put("flyway.conf", "flyway.schemas=shop,Audit\n"
			   "flyway.defaultSchema=o'Neill\n");
	prepares("CREATE SCHEMA IF NOT EXISTS \"o'Neill\";\n"
		 "CREATE SCHEMA IF NOT EXISTS \"shop\";\n"
		 "CREATE SCHEMA IF NOT EXISTS \"Audit\";\n",
		 "'\"o''Neill\"'");
	put("flyway.conf", "flyway.defaultSchema=Audit\n"
			   "flyway.createSchemas=false\n");
	prepares(NULL, "'\"Audit\"'");
	setenv("FLYWAY_DEFAULT_SCHEMA", "env", 1);
	setenv("FLYWAY_CREATE_SCHEMAS", "true", 1);
	put("V1__a.sql", "${flyway:defaultSchema}");
	prepares("CREATE SCHEMA IF NOT EXISTS \"env\";\n", "'\"env\"'");
	put("beforeCreateSchema.sql", "x");
	fails("'%/beforeCreateSchema.sql': a callback for each schema is not "
	      "supported");
	unsetenv("FLYWAY_CREATE_SCHEMAS");
	unsetenv("FLYWAY_DEFAULT_SCHEMA");
}

static void toml_has_lists_and_environments(void **state)
{
	(void)state;
	put("V1__a.sql", "1");
	put("flyway.toml", "[environments.default]\nschemas = [\n"
			   "  \"shop\",\n  'Audit'\n]\n"
			   "[environments.other]\nschemas = [ \"other\" ]\n");
	prepares("CREATE SCHEMA IF NOT EXISTS \"shop\";\n"
		 "CREATE SCHEMA IF NOT EXISTS \"Audit\";\n",
		 "'\"shop\"'");
	setenv("FLYWAY_ENVIRONMENT", "other", 1);
	prepares("CREATE SCHEMA IF NOT EXISTS \"other\";\n", "'\"other\"'");
	unsetenv("FLYWAY_ENVIRONMENT");
	put("flyway.toml", "[flyway]\nsqlMigrationSuffixes = [\".sql\"]\n"
			   "defaultSchema = \"a b\" # so\n");
	prepares("CREATE SCHEMA IF NOT EXISTS \"a b\";\n", "'\"a b\"'");
}

/* Where the database is the schema, one of them is that. */
static void other_dialects_have_one_schema(void **state)
{
	struct migrations_source source = {.dir = dir};
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	auto_error struct error err = ERROR_INIT;

	(void)state;
	put("V1__a.sql", "1");
	put("flyway.conf", "flyway.schemas=shop\n");
	assert_int_equal(migrations_load(&source, DIALECT_MARIADB, &m, &err),
			 0);
	assert_null(m.prepare);
	assert_string_equal(m.files[0].sql, "1");
	put("flyway.conf", "flyway.schemas=shop,audit\n");
	assert_int_equal(migrations_load(&source, DIALECT_MARIADB, &m, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(err.text,
			    "Flyway's configuration: flyway.schemas names 2, "
			    "and a mariadb database here is one schema");
}

static void what_cannot_be_followed_is_said(void **state)
{
	(void)state;
	put("V1__a.sql", "1");
	put("flyway.conf", "flyway.target=latest\nflyway.initSql=\n"
			   "flyway.sqlMigrationPrefix=V\n"
			   "flyway.skipDefaultCallbacks=false\n");
	runs("1");
	put("flyway.conf", "flyway.target=3\n");
	fails("Flyway's configuration: '%/flyway.conf': flyway.target is not "
	      "supported");
	put("flyway.toml", "[environments.default]\ninitSql = \"SELECT 1\"\n");
	fails("Flyway's configuration: '%/flyway.toml': flyway.initSql is not "
	      "supported");
	put("flyway.toml", "[flyway]\nsqlMigrationSuffixes = [\".sql\", "
			   "\".ddl\"]\n");
	fails("Flyway's configuration: '%/flyway.toml': "
	      "flyway.sqlMigrationSuffixes is not supported");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(checksums_are_of_the_lines),
	    cmocka_unit_test_setup(callbacks_run_around_the_migrations, each),
	    cmocka_unit_test_setup(placeholders_are_filled_in, each),
	    cmocka_unit_test_setup(placeholders_may_be_none, each),
	    cmocka_unit_test_setup(the_history_is_flyways_own, each),
	    cmocka_unit_test_setup(schemas_are_made_and_chosen, each),
	    cmocka_unit_test_setup(toml_has_lists_and_environments, each),
	    cmocka_unit_test_setup(other_dialects_have_one_schema, each),
	    cmocka_unit_test_setup(what_cannot_be_followed_is_said, each),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
