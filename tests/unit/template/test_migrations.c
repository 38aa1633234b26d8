/* SPDX-License-Identifier: MIT */
#include "template/migrations.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/progress.h"
#include "dialect/db.h"
#include "unit/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/te-unit-XXXXXX";
static char dir[64];

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return fs_remove_tree(root, NULL);
}

/* An empty directory for each test. */
static int each(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "%s/m", root);
	assert_int_equal(fs_remove_tree(dir, NULL), 0);
	return fs_mkdir_p(dir, 0700, NULL);
}

static void put(const char *name, const char *sql)
{
	auto_free char *path = fs_join(dir, name);

	assert_int_equal(fs_write_file(path, sql, strlen(sql), 0600, NULL), 0);
}

static int load(const char *path, char *const *seeds, enum dialect d,
		struct migrations *ret, struct error *err)
{
	struct migrations_source source = {.dir = path, .seeds = seeds};

	return migrations_load(&source, d, ret, err);
}

/* "NAME=content NAME=content", in order. */
static void holds(enum dialect d, const char *expected)
{
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;

	if (load(dir, NULL, d, &m, &err) < 0)
		fail_msg("%s", error_text(&err));
	for (size_t i = 0; i < m.n; i++)
		buf_printf(&b, "%s%s=%.*s", i ? " " : "",
			   strrchr(m.files[i].path, '/') + 1,
			   (int)m.files[i].len, m.files[i].sql);
	assert_string_equal(b.s, expected);
}

static void fails(const char *path, char *const *seeds, enum dialect d,
		  enum error_kind kind, const char *expected)
{
	struct migrations m = MIGRATIONS_INIT;
	auto_error struct error err = ERROR_INIT;

	assert_int_equal(load(path, seeds, d, &m, &err), -1);
	assert_string_equal(error_kind_name(err.kind), error_kind_name(kind));
	assert_string_equal(err.text, expected);
	assert_int_equal(m.n, 0);
}

static void name_order(void **state)
{
	(void)state;
	put("2.sql", "b");
	put("10.sql", "a");
	put("B.sql", "c");
	put("a.sql", "d");
	put(".hidden.sql", "x");
	put("README.md", "x");
	put("a.sql~", "x");
	put("3.down.sql", "x");
	put("sql", "x");
	put(".sql", "x");
	{
		auto_free char *sub = fs_join(dir, "sub.sql");

		assert_int_equal(fs_mkdir_p(sub, 0700, NULL), 0);
	}
	holds(DIALECT_POSTGRES, "10.sql=a 2.sql=b B.sql=c a.sql=d");
}

static void dialects(void **state)
{
	(void)state;
	put("1-x.sql", "c");
	put("1.sql", "a");
	put("1.postgres.sql", "p");
	put("2.mariadb.sql", "m");
	put("3.sqlite.sql", "s");
	put("3.sql", "z");
	/* what replaces a file stands in its place */
	holds(DIALECT_POSTGRES, "1-x.sql=c 1.postgres.sql=p 3.sql=z");
	holds(DIALECT_MARIADB, "1-x.sql=c 1.sql=a 2.mariadb.sql=m 3.sql=z");
	holds(DIALECT_SQLITE, "1-x.sql=c 1.sql=a 3.sqlite.sql=s");
}

static void up_and_down(void **state)
{
	(void)state;
	put("2_b.up.sql", "b");
	put("2_b.down.sql", "x");
	put("10_c.up.sql", "c");
	put("10_c.down.postgres.sql", "x");
	put("010_c.down.sql", "x");
	put("1_a.up.sql", "a");
	put("1_a.postgres.up.sql", "p");
	holds(DIALECT_POSTGRES,
	      "1_a.postgres.up.sql=p 2_b.up.sql=b 10_c.up.sql=c");
	holds(DIALECT_SQLITE, "1_a.up.sql=a 2_b.up.sql=b 10_c.up.sql=c");
}

static void one_version_twice(void **state)
{
	auto_free char *text = xasprintf("two migrations of one version: "
					 "'%s/01_b.up.sql' and "
					 "'%s/1_a.up.sql'",
					 dir, dir);

	(void)state;
	put("1_a.up.sql", "a");
	put("01_b.up.sql", "b");
	fails(dir, NULL, DIALECT_POSTGRES, ERROR_CONFIG, text);
}

static void directories_that_fail(void **state)
{
	auto_free char *nowhere = fs_join(dir, "nowhere");
	auto_free char *no_dir =
	    xasprintf("cannot read the migrations in '%s': No such file or "
		      "directory",
		      nowhere);
	auto_free char *empty =
	    xasprintf("no migrations for mariadb in '%s': it holds no *.sql "
		      "and no *.mariadb.sql",
		      dir);
	auto_free char *path = fs_join(dir, "1.postgres.sql");
	auto_free char *file =
	    xasprintf("migrations '%s' are not a directory", path);
	auto_free char *broken = fs_join(dir, "2.sql");
	auto_free char *gone =
	    xasprintf("cannot open '%s': No such file or directory", broken);

	(void)state;
	fails(nowhere, NULL, DIALECT_MARIADB, ERROR_CONFIG, no_dir);
	fails(dir, NULL, DIALECT_MARIADB, ERROR_CONFIG, empty);
	put("1.postgres.sql", "a");
	fails(dir, NULL, DIALECT_MARIADB, ERROR_CONFIG, empty);
	fails(path, NULL, DIALECT_MARIADB, ERROR_CONFIG, file);
	assert_int_equal(symlink("nowhere", broken), 0);
	fails(dir, NULL, DIALECT_POSTGRES, ERROR_IO, gone);
	unlink(broken);
	assert_int_equal(mkfifo(broken, 0600), 0);
	free(gone);
	gone = xasprintf("'%s' is not a regular file", broken);
	fails(dir, NULL, DIALECT_POSTGRES, ERROR_CONFIG, gone);
}

static void too_large(void **state)
{
	auto_free char *path = fs_join(dir, "1.sql");
	auto_free char *text =
	    xasprintf("'%s' is larger than 67108864 bytes", path);

	(void)state;
	put("1.sql", "a");
	assert_int_equal(truncate(path, 64 * 1024 * 1024 + 1), 0);
	fails(dir, NULL, DIALECT_POSTGRES, ERROR_IO, text);
}

static void seeds(void **state)
{
	auto_free char *one = fs_join(dir, "one.sql");
	auto_free char *two = fs_join(dir, "two.sql");
	auto_free char *text = xasprintf("no seed file '%s'", two);
	char *list[] = {two, one, NULL};
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	auto_error struct error err = ERROR_INIT;

	(void)state;
	put("one.sql", "1");
	fails(NULL, list, DIALECT_SQLITE, ERROR_CONFIG, text);
	put("two.sqlite.sql", "2");
	if (load(NULL, list, DIALECT_SQLITE, &m, &err) < 0)
		fail_msg("%s", error_text(&err));
	assert_int_equal(m.n, 2);
	assert_int_equal(m.n_seeds, 2);
	assert_string_equal(m.files[0].sql, "2");
	assert_string_equal(m.files[1].sql, "1");
}

static void nothing_at_all(void **state)
{
	auto_migrations struct migrations m = MIGRATIONS_INIT;

	(void)state;
	assert_int_equal(load(NULL, NULL, DIALECT_SQLITE, &m, NULL), 0);
	assert_int_equal(m.n, 0);
}

static void key_of(const char *base, const char *settings, enum dialect d,
		   char ret[TEMPLATE_KEY])
{
	auto_migrations struct migrations m = MIGRATIONS_INIT;

	assert_int_equal(load(dir, NULL, d, &m, NULL), 0);
	migrations_key(&m, d, base, settings, ret);
	assert_int_equal(strlen(ret), 32);
}

static void keys(void **state)
{
	char was[TEMPLATE_KEY];
	char now[TEMPLATE_KEY];
	auto_free char *from = NULL;
	auto_free char *to = NULL;

	(void)state;
	put("1.sql", "a");
	put("2.sql", "b");
	key_of("image", "s", DIALECT_POSTGRES, was);
	key_of("image", "s", DIALECT_POSTGRES, now);
	assert_string_equal(was, now);
	/* what is not run does not count */
	put("README", "x");
	put("3.down.sql", "x");
	put("3.sqlite.sql", "x");
	key_of("image", "s", DIALECT_POSTGRES, now);
	assert_string_equal(was, now);
	/* a folder by another name is the same */
	from = xstrdup(dir);
	to = xasprintf("%s2", dir);
	assert_int_equal(rename(from, to), 0);
	snprintf(dir, sizeof(dir), "%s", to);
	key_of("image", "s", DIALECT_POSTGRES, now);
	assert_string_equal(was, now);

	key_of("image2", "s", DIALECT_POSTGRES, now);
	assert_string_not_equal(was, now);
	key_of("image", NULL, DIALECT_POSTGRES, now);
	assert_string_not_equal(was, now);
	key_of("image", "s", DIALECT_MARIADB, now);
	assert_string_not_equal(was, now);
	put("3.sql", "");
	key_of("image", "s", DIALECT_POSTGRES, now);
	assert_string_not_equal(was, now);
	assert_int_equal(fs_remove_tree(to, NULL), 0);
}

static void keys_of_names_and_contents(void **state)
{
	static const char *const trees[][4] = {
	    {"1.sql", "a", "2.sql", "b"},  {"1.sql", "b", "2.sql", "a"},
	    {"1.sql", "ab", "2.sql", ""},  {"1.sql", "a", "20.sql", "b"},
	    {"1.sql", "a", "2.sql", "b "}, {"1.up.sql", "a", "2.up.sql", "b"},
	};
	char all[array_len(trees)][TEMPLATE_KEY];

	for (size_t i = 0; i < array_len(trees); i++) {
		each(state);
		put(trees[i][0], trees[i][1]);
		put(trees[i][2], trees[i][3]);
		key_of("image", "s", DIALECT_POSTGRES, all[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(all[i], all[j]);
	}
}

static void note(void *ctx, const struct progress_event *e)
{
	buf_printf(ctx, "%s %s %d/%d\n", e->step, strrchr(e->item, '/') + 1,
		   (int)e->current, (int)e->total);
}

static void applying(void **state)
{
	auto_free char *path = fs_join(dir, "db");
	auto_free char *text =
	    xasprintf("%s/2.sql:2: near \"BAD\": syntax error", dir);
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf seen = BUF_INIT;
	struct progress progress = {note, &seen};
	struct deadline d = deadline_in(10000, NULL);
	struct db_address a = {.dialect = DIALECT_SQLITE, .path = path};
	auto_db struct db *db = NULL;
	auto_free char *value = NULL;

	(void)state;
	put("1.sql", "CREATE TABLE t (a);");
	put("2.sql", "INSERT INTO t VALUES (1);\nBAD;\n");
	put("3.sql", "INSERT INTO t VALUES (2);");
	assert_int_equal(load(dir, NULL, DIALECT_SQLITE, &m, NULL), 0);
	assert_int_equal(migrations_run(&m, &a, &d, &progress, &err), -1);
	assert_string_equal(err.text, text);
	assert_int_equal(err.kind, ERROR_MIGRATION);
	assert_string_equal(err.detail, "BAD;");
	assert_string_equal(seen.s, "migrate 1.sql 1/3\nmigrate 2.sql 2/3\n");
	assert_int_equal(db_connect(&a, &d, &db, NULL), 0);
	assert_int_equal(
	    db_value(db, "SELECT count(*) FROM t", &d, &value, NULL), 0);
	assert_string_equal(value, "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(name_order, each),
	    cmocka_unit_test_setup(dialects, each),
	    cmocka_unit_test_setup(up_and_down, each),
	    cmocka_unit_test_setup(one_version_twice, each),
	    cmocka_unit_test_setup(directories_that_fail, each),
	    cmocka_unit_test_setup(too_large, each),
	    cmocka_unit_test_setup(seeds, each),
	    cmocka_unit_test_setup(nothing_at_all, each),
	    cmocka_unit_test_setup(keys, each),
	    cmocka_unit_test_setup(keys_of_names_and_contents, each),
	    cmocka_unit_test_setup(applying, each),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
