/* SPDX-License-Identifier: MIT */
/* needs-packages: postgresql */
/*
 * Clones and resets on a Postgres server of the test's own: the corpus under
 * every strategy, what is noticed and what is not to be, random changes.
 * TESTENV_ROUNDS: rounds of random changes (18); TESTENV_SEED.
 */
#include "dialect/clone.h"
#include "dialect/original.h"
#include "dialect/state.h"
#include "live/dialect/server.h"

#include <time.h>

static struct server server;
static char user[] = "app";
static char app[] = "app";

static struct db_address at(char *database)
{
	return (struct db_address){.dialect = DIALECT_POSTGRES,
				   .socket_dir = server.dir,
				   .user = user,
				   .database = database};
}

static struct db *connect_to(const char *database)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	auto_free char *name = xstrdup(database);
	auto_free char *path =
	    xasprintf("%s/.s.PGSQL.%u", server.dir, server.port);
	struct db_address a = at(name);
	struct db *db = NULL;

	a.socket = path;
	ok(db_wait_ready(&a, NULL, &d, &db, &err), &err);
	return db;
}

static void sql(struct db *db, const char *text)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;

	ok(db_exec(db, text, &d, &err), &err);
}

static void in(const char *database, const char *text)
{
	auto_db struct db *db = connect_to(database);

	sql(db, text);
}

static char *value(struct db *db, const char *text)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	char *v = NULL;

	ok(db_value(db, text, &d, &v, &err), &err);
	return v;
}

static int set_up(void **state)
{
	auto_free char *initdb = program("/usr/lib/postgresql/*/bin/initdb");
	auto_free char *postgres =
	    program("/usr/lib/postgresql/*/bin/postgres");
	auto_strvec struct strvec init = STRVEC_INIT;
	auto_strvec struct strvec argv = STRVEC_INIT;

	(void)state;
	server_dir(&server);
	strvec_push(&init, initdb);
	strvec_pushf(&init, "-D%s/data", server.dir);
	strvec_push(&init, "-Uapp");
	strvec_push(&init, "-Atrust");
	strvec_push(&init, "-N");
	strvec_push(&init, "--locale=C.UTF-8");
	run_to_end(&server, init.v);
	strvec_push(&argv, postgres);
	strvec_pushf(&argv, "-D%s/data", server.dir);
	strvec_pushf(&argv, "-k%s", server.dir);
	strvec_pushf(&argv, "-p%u", server.port);
	for (const char *const *s =
		 (const char *const[]){
		     "fsync=off", "wal_level=minimal", "max_wal_senders=0",
		     "autovacuum=off", "listen_addresses=127.0.0.1",
		     "full_page_writes=off", "checkpoint_timeout=1h",
		     "max_prepared_transactions=5", NULL};
	     *s; s++)
		strvec_pushf(&argv, "-c%s", *s);
	server.pid = spawn(&server, argv.v, 0, SIGQUIT);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	server_remove(&server);
	return 0;
}

/* The database `app` as a script of the corpus makes it. */
static void fill(const char *corpus)
{
	auto_free char *path =
	    xasprintf("%s/corpus/postgres-%s.sql", TESTS_DIR, corpus);
	auto_buf struct buf text = BUF_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_db struct db *db = NULL;

	in("postgres", "CREATE DATABASE app");
	ok(fs_read_file(path, &text, &err), &err);
	db = connect_to(app);
	run_script(db, corpus, text.s);
}

static void forget(struct db *admin)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;

	ok(original_drop(admin, app, &d, &err), &err);
	ok(original_drop(admin, ORIGINAL_NAME, &d, &err), &err);
}

static void keep(struct db *admin)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	auto_free char *why = NULL;
	int kept = clone_keep(admin, app, &d, &why, &err);

	ok(kept, &err);
	if (!kept)
		fail_msg("not kept: %s", why);
}

static struct clones *open_clones(struct db *admin, const char *database)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	struct clones *c = NULL;

	ok(clones_open(admin, database, &d, &c, &err), &err);
	assert_non_null(c);
	return c;
}

static void expect_equal(struct clones *c, struct db *admin, const char *name)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf difference = BUF_INIT;
	int equal = clones_compare(c, admin, name, &d, &difference, &err);

	ok(equal, &err);
	if (!equal)
		fail_msg("'%s' differs: %s", name, difference.s);
}

static void expect_difference(struct clones *c, struct db *admin,
			      const char *lines)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf difference = BUF_INIT;
	int equal = clones_compare(c, admin, app, &d, &difference, &err);

	ok(equal, &err);
	assert_string_equal(difference.s, lines);
	assert_int_equal(equal, 0);
}

static enum clone_way restore_somehow(struct clones *c, struct db *admin)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	struct clone_report report;
	int done = clones_restore(c, admin, app, &d, &report, &err);

	ok(done, &err);
	if (!done)
		fail_msg("not restored: %s", report.why);
	return report.way;
}

static void restore(struct clones *c, struct db *admin, enum clone_way way)
{
	enum clone_way was = restore_somehow(c, admin);

	assert_string_equal(clone_way_name(was), clone_way_name(way));
}

/* ---- the corpus, under each strategy ---- */

static void make_by(struct db *admin, enum original_strategy strategy)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	struct original o = {.strategy = strategy};

	ok(original_clone(admin, &o, "twin", &d, &err), &err);
}

static void round_trips(const char *corpus)
{
	auto_db struct db *admin = connect_to("postgres");
	struct clones *c;
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;

	fill(corpus);
	keep(admin);
	c = open_clones(admin, NULL);
	expect_equal(c, admin, app);
	for (int s = ORIGINAL_DEFAULT; s <= ORIGINAL_FILE_COPY; s++) {
		make_by(admin, (enum original_strategy)s);
		expect_equal(c, admin, "twin");
		ok(original_drop(admin, "twin", &d, &err), &err);
	}
	clones_free(c);
	forget(admin);
}

static void round_trips_objects(void **state)
{
	(void)state;
	round_trips("objects");
}

static void round_trips_privileges(void **state)
{
	auto_free char *comment = NULL;
	auto_db struct db *admin = NULL;
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	struct clones *c;

	(void)state;
	round_trips("privileges");
	fill("privileges");
	admin = connect_to("postgres");
	keep(admin);
	c = open_clones(admin, app);
	in(app, "CREATE TABLE x (a int)");
	restore(c, admin, CLONE_TEMPLATE);
	{
		auto_db struct db *db = connect_to(app);

		/* what a new session of it begins with */
		gives(db, "SHOW search_path", "books, \"Odd\", public");
		gives(db, "SHOW app.tenant", "t1, with ' and \"");
		gives(db, "SHOW DateStyle", "German, DMY");
	}
	comment = value(admin, "SELECT shobj_description(oid, 'pg_database') "
			       "FROM pg_database WHERE datname = 'app'");
	assert_string_equal(comment, "the books; it's ours");
	/* roles are the server's: one that came is noticed */
	sql(admin, "CREATE ROLE newcomer");
	{
		struct clone_report report;

		assert_int_equal(
		    clones_restore(c, admin, app, &d, &report, &err), 0);
		assert_string_equal(report.why,
				    "something outside 'app' was changed");
	}
	sql(admin, "DROP ROLE newcomer");
	clones_free(c);
	forget(admin);
}

static void round_trips_many(void **state)
{
	(void)state;
	round_trips("many");
}

/* ---- what is noticed ---- */

static void notices_each_change(void **state)
{
	static const char *const changes[][2] = {
	    {"UPDATE t1 SET v = v + 1 WHERE id = 7",
	     "rows public.t1: changed\n"},
	    {"DELETE FROM testenv_row", "rows public.testenv_row: 0, not 3\n"},
	    {"SELECT nextval('t2_id_seq')",
	     "sequence value public.t2_id_seq: changed\n"},
	    {"ALTER TABLE t3 ALTER v SET DEFAULT 5",
	     "column public.t3.v: changed\n"},
	    {"CREATE INDEX extra ON t4 (v)", "index public.extra: added\n"},
	    {"DROP INDEX t5_v_name_idx",
	     "index public.t5_v_name_idx: missing\n"},
	    {"ALTER TABLE t6 DISABLE TRIGGER ALL",
	     "table public.t6: changed\n"},
	    {"GRANT SELECT ON t7 TO PUBLIC", "table public.t7: changed\n"},
	    {"COMMENT ON TABLE t8 IS 'x'", "comment table public.t8: added\n"},
	    {"ALTER DATABASE app SET work_mem = '7MB'", "setting: added\n"},
	    {"COMMENT ON DATABASE app IS 'x'", "database: changed\n"},
	    {"GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC",
	     "privileges of the system: changed\n"},
	    {"SELECT lo_create(5)", "large object 5: added\n"},
	};
	auto_db struct db *admin = connect_to("postgres");
	struct clones *c;

	(void)state;
	fill("many");
	keep(admin);
	c = open_clones(admin, app);
	for (size_t i = 0; i < array_len(changes); i++) {
		in(app, changes[i][0]);
		expect_difference(c, admin, changes[i][1]);
		restore(c, admin, CLONE_TEMPLATE);
		expect_equal(c, admin, app);
	}
	clones_free(c);
	forget(admin);
}

/* A database that was only read is left as it is; the least change is not
 * taken for that. */
static void leaves_the_untouched(void **state)
{
	static const char *const touches[] = {
	    "SELECT nextval('t2_id_seq')",
	    "SELECT setval('t2_id_seq', 5, false)",
	    "UPDATE t1 SET v = v WHERE false; SELECT lo_create(0)",
	    "UPDATE quick SET a = 2",
	    "SELECT nextval('free')",
	    "TRUNCATE t30",
	};
	auto_db struct db *admin = connect_to("postgres");
	struct clones *c;

	(void)state;
	fill("many");
	in(app, "CREATE UNLOGGED TABLE quick (a int); INSERT INTO quick VALUES "
		"(1); CREATE UNLOGGED SEQUENCE free");
	keep(admin);
	c = open_clones(admin, app);
	in(app,
	   "SELECT count(*) FROM t1, t2; BEGIN; SELECT * FROM t3; ROLLBACK");
	restore(c, admin, CLONE_UNCHANGED);
	restore(c, admin, CLONE_UNCHANGED);
	expect_equal(c, admin, app);
	for (size_t i = 0; i < array_len(touches); i++) {
		in(app, touches[i]);
		/* so that none is due for the log's size in what follows */
		sql(admin, "CHECKPOINT");
		restore(c, admin, CLONE_TEMPLATE);
		restore(c, admin, CLONE_UNCHANGED);
		expect_equal(c, admin, app);
	}
	clones_free(c);
	forget(admin);
}

/* The owner's own connections are cut, and may come again at once. */
static void cuts_connections(void **state)
{
	auto_db struct db *admin = connect_to("postgres");
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	auto_db struct db *owner = NULL;
	struct clones *c;

	(void)state;
	fill("many");
	keep(admin);
	c = open_clones(admin, app);
	owner = connect_to(app);
	sql(owner, "BEGIN; LOCK TABLE t1; INSERT INTO t1 (name) VALUES ('x')");
	restore(c, admin, CLONE_TEMPLATE);
	expect_equal(c, admin, app);
	assert_int_equal(db_exec(owner, "SELECT 1", &d, &err), -1);
	assert_string_equal(error_kind_name(err.kind), "database");
	db_close(owner);
	owner = connect_to(app);
	gives(owner, "SELECT count(*) FROM t1", "200");
	/* what was prepared needs no connection */
	sql(owner, "BEGIN; INSERT INTO t1 (name) VALUES ('x')");
	sql(owner, "PREPARE TRANSACTION E'it''s\\n1'");
	sql(owner, "BEGIN; INSERT INTO t2 (name) VALUES ('x')");
	sql(owner, "PREPARE TRANSACTION 'another'");
	restore(c, admin, CLONE_TEMPLATE);
	expect_equal(c, admin, app);
	clones_free(c);
	forget(admin);
}

/* An original that somebody opened again is not what it was. */
static void survives_odd_names(void **state)
{
	auto_db struct db *admin = connect_to("postgres");
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	static const char odd[] = "odd \"name\" \\ 'quoted'; x";
	struct clones *c;

	(void)state;
	fill("privileges");
	keep(admin);
	c = open_clones(admin, NULL);
	ok(clones_make(c, admin, odd, &d, NULL, &err), &err);
	expect_equal(c, admin, odd);
	ok(clone_drop(admin, odd, &d, &err), &err);
	ok(clone_drop(admin, odd, &d, &err), &err);
	clones_free(c);
	forget(admin);
}

/* ---- random changes ---- */

static uint64_t seed;
static unsigned ways[CLONE_TEMPLATE + 1];

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % n;
}

/* %t: a table, %c: one of its columns, %q: a sequence, %s: a schema, %f: a
 * function, %n: a number. Many fail; that is not what is tested. */
static const char *const changes[] = {
    "INSERT INTO %t (%c) VALUES (%n)",
    "INSERT INTO %t DEFAULT VALUES",
    "INSERT INTO %t SELECT * FROM %t LIMIT 5",
    "UPDATE %t SET %c = %n",
    "UPDATE %t SET %c = NULL WHERE ctid = '(0,1)'",
    "UPDATE %t SET %c = DEFAULT",
    "DELETE FROM %t",
    "DELETE FROM %t WHERE ctid = '(0,2)'",
    "TRUNCATE %t CASCADE",
    "TRUNCATE %t RESTART IDENTITY CASCADE",
    "BEGIN; DELETE FROM %t; ROLLBACK",
    "BEGIN; DELETE FROM %t",
    "BEGIN; SAVEPOINT a; DELETE FROM %t; ROLLBACK TO a; COMMIT",
    "SELECT nextval('%q')",
    "SELECT setval('%q', %n)",
    "SELECT setval('%q', %n, false)",
    "ALTER SEQUENCE %q INCREMENT %n",
    "DROP SEQUENCE %q CASCADE",
    "SELECT count(*) FROM %t",
    "COPY %t TO '/dev/null'",
    "CREATE TEMPORARY TABLE made AS SELECT * FROM %t",
    "CREATE TABLE made_%n AS SELECT * FROM %t",
    "CREATE UNLOGGED TABLE made (LIKE %t INCLUDING ALL)",
    "CREATE SCHEMA made_%n; CREATE VIEW made_%n.v AS SELECT 1",
    "CREATE MATERIALIZED VIEW made_view AS SELECT * FROM %t",
    "REFRESH MATERIALIZED VIEW store.counted",
    "CREATE INDEX ON %t (%c)",
    "CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'SELECT %n'",
    "CREATE TYPE made AS ENUM ('a%n')",
    "CREATE EXTENSION IF NOT EXISTS hstore",
    "DROP EXTENSION hstore CASCADE",
    "ALTER TABLE %t ADD COLUMN made int DEFAULT %n",
    "ALTER TABLE %t DROP COLUMN %c CASCADE",
    "ALTER TABLE %t RENAME %c TO made",
    "ALTER TABLE %t ALTER %c SET DEFAULT %n",
    "ALTER TABLE %t ALTER %c TYPE text USING %c::text",
    "ALTER TABLE %t RENAME TO made",
    "ALTER TABLE %t SET UNLOGGED",
    "ALTER TABLE %t ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE %t DISABLE TRIGGER ALL",
    "ALTER TABLE %t SET (fillfactor = 50)",
    "ALTER TABLE %t REPLICA IDENTITY FULL",
    "GRANT SELECT ON %t TO PUBLIC",
    "REVOKE ALL ON SCHEMA %s FROM PUBLIC",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA %s GRANT SELECT ON TABLES TO PUBLIC",
    "COMMENT ON TABLE %t IS 'made %n'",
    "COMMENT ON SCHEMA %s IS 'made %n'",
    "COMMENT ON DATABASE app IS 'made %n'",
    "ALTER DATABASE app SET work_mem = '9MB'",
    "ALTER DATABASE app RESET ALL",
    "DROP TABLE %t CASCADE",
    "DROP SCHEMA %s CASCADE",
    "DROP FUNCTION %f CASCADE",
    "VACUUM FULL %t",
    "CLUSTER %t",
    "ANALYZE %t",
    "REINDEX TABLE %t",
    "SELECT lo_from_bytea(0, 'x%n')",
    "SELECT lo_unlink(oid) FROM pg_largeobject_metadata LIMIT 1",
    "DO $$ BEGIN DELETE FROM %t; RAISE division_by_zero; END $$",
    "SELECT pg_notify('made', '%n')",
    "BEGIN; DELETE FROM %t; PREPARE TRANSACTION 'made'",
};

static const char *names_of(char kind)
{
	switch (kind) {
	case 't':
		return "SELECT oid::regclass::text AS x FROM pg_class WHERE "
		       "relkind IN ('r', 'p', 'v', 'm', 'f') AND oid >= 16384 "
		       "AND relpersistence <> 't'";
	case 'q':
		return "SELECT oid::regclass::text AS x FROM pg_class WHERE "
		       "relkind = 'S' AND oid >= 16384";
	case 's':
		return "SELECT oid::regnamespace::text AS x FROM pg_namespace "
		       "WHERE oid >= 2200 AND nspname !~ '^pg_'";
	default:
		return "SELECT oid::regprocedure::text AS x FROM pg_proc WHERE "
		       "oid >= 16384";
	}
}

/* One of the names that a query gives as x; "nothing" for none. */
static char *pick(struct db *db, const char *query)
{
	auto_free char *text =
	    xasprintf("SELECT x FROM (%s) AS y ORDER BY md5(x || '%u') LIMIT 1",
		      query, below(1000));
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	char *found = NULL;

	if (db_value(db, text, &d, &found, &err) < 0)
		assert_string_equal(error_kind_name(err.kind), "database");
	return found ? found : xstrdup("nothing");
}

static char *column_of(struct db *db, const char *table)
{
	auto_buf struct buf query = BUF_INIT;

	buf_puts(&query, "SELECT quote_ident(attname) AS x FROM pg_attribute "
			 "WHERE attnum > 0 AND NOT attisdropped AND attrelid = "
			 "to_regclass(");
	db_put_literal(DIALECT_POSTGRES, &query, table);
	buf_putc(&query, ')');
	return pick(db, query.s);
}

static void put_change(struct db *db, const char *form, struct buf *ret)
{
	auto_free char *table = pick(db, names_of('t'));
	auto_free char *column = column_of(db, table);

	for (; *form; form++) {
		auto_free char *other = NULL;

		if (*form != '%') {
			buf_putc(ret, *form);
			continue;
		}
		form++;
		if (*form == 'q' || *form == 's' || *form == 'f')
			other = pick(db, names_of(*form));
		if (*form == 'n')
			buf_printf(ret, "%u", below(100));
		else
			buf_puts(ret, *form == 't'   ? table
				      : *form == 'c' ? column
						     : other);
	}
}

/* Statements may fail on what others did: that is part of it. */
static void change(struct buf *ret_said)
{
	auto_db struct db *db = connect_to(app);

	for (unsigned n = below(6); n > 0; n--) {
		struct deadline d = within(60000);
		auto_error struct error err = ERROR_INIT;
		auto_buf struct buf b = BUF_INIT;

		put_change(db, changes[below(array_len(changes))], &b);
		buf_printf(ret_said, "\n  %s;", b.s);
		if (db_exec(db, b.s, &d, &err) < 0)
			assert_string_equal(error_kind_name(err.kind),
					    "database");
	}
}

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

/* The template's choice is in its comment. */
static void choose(struct db *admin, enum original_strategy strategy)
{
	auto_free char *text =
	    xasprintf("UPDATE pg_shdescription SET description = "
		      "regexp_replace(description, '^testenv \\d', 'testenv "
		      "%d') WHERE description ~ '^testenv \\d'",
		      (int)strategy);

	sql(admin, text);
}

static void rounds_of(struct clones *c, struct db *admin, unsigned long rounds)
{
	for (unsigned long i = 0; i < rounds; i++) {
		struct deadline d = within(60000);
		auto_error struct error err = ERROR_INIT;
		auto_buf struct buf said = BUF_INIT;
		auto_buf struct buf difference = BUF_INIT;
		struct clone_report report;

		change(&said);
		if (clones_restore(c, admin, app, &d, &report, &err) != 1)
			fail_msg("%s, after%s", error_text(&err), said.s);
		ways[report.way]++;
		ok(clones_compare(c, admin, app, &d, &difference, &err), &err);
		if (difference.len)
			fail_msg("%safter%s", difference.s, said.s);
	}
}

static void random_changes(void **state)
{
	static const char *const corpus[] = {"many", "objects", "privileges"};
	unsigned long rounds = number("TESTENV_ROUNDS", 18);
	auto_db struct db *admin = connect_to("postgres");

	(void)state;
	seed = number("TESTENV_SEED", 1);
	print_message("%lu rounds, seed %llu\n", rounds,
		      (unsigned long long)seed);
	for (size_t i = 0; i < array_len(corpus); i++) {
		fill(corpus[i]);
		keep(admin);
		for (int s = ORIGINAL_DEFAULT; s <= ORIGINAL_FILE_COPY; s++) {
			struct clones *c;

			choose(admin, (enum original_strategy)s);
			c = open_clones(admin, app);
			rounds_of(c, admin, rounds / 9 + 1);
			clones_free(c);
		}
		forget(admin);
	}
	print_message("unchanged: %u, cloned: %u\n", ways[CLONE_UNCHANGED],
		      ways[CLONE_TEMPLATE]);
}

/* ---- what can go wrong ---- */

static void refuses_what_cannot_be(void **state)
{
	auto_db struct db *admin = connect_to("postgres");
	auto_error struct error err = ERROR_INIT;
	struct deadline d = within(60000);
	auto_free char *why = NULL;
	struct clones *c = NULL;

	(void)state;
	assert_int_equal(clone_keep(admin, "postgres", &d, &why, &err), 0);
	assert_string_equal(why, "it is the maintenance database");
	ok(clones_open(admin, app, &d, &c, &err), &err);
	assert_null(c);
	expect_error(clone_keep(admin, "none", &d, &why, &err), &err,
		     ERROR_DATABASE,
		     "keep 'none' as the original: cannot connect to database "
		     "'none': database \"none\" does not exist");
}

/* A restore that was broken off is in nobody's way. */
static void broken_off(struct clones *c, unsigned ms)
{
	auto_db struct db *admin = connect_to("postgres");
	struct meanwhile m = {.ms = ms};
	auto_error struct error err = ERROR_INIT;
	struct deadline d;

	m.cancel = cancel_new(&err);
	d = deadline_in(60000, m.cancel);
	in(app, "INSERT INTO t1 (name) VALUES ('x')");
	meanwhile_start(&m);
	(void)clones_restore(c, admin, app, &d, NULL, &err);
	meanwhile_end(&m);
	cancel_free(m.cancel);
}

/* The server goes on with a statement whose client has gone, and the restore's
 * cuts connections off: ours is taken when no other is left. */
static struct db *connect_alone(void)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;

	for (;;) {
		auto_db struct db *db = connect_to("postgres");
		auto_free char *others = NULL;

		if (db_value(db,
			     "SELECT count(*) FROM pg_stat_activity WHERE "
			     "backend_type = 'client backend' AND "
			     "pid <> pg_backend_pid()",
			     &d, &others, &err) == 0 &&
		    !strcmp(others, "0"))
			return take_ptr(&db);
		error_clear(&err);
		ok(deadline_poll(&d, NULL, 0, 5, "the others", &err), &err);
	}
}

static void cancelled_in_the_middle(void **state)
{
	auto_db struct db *admin = connect_to("postgres");
	auto_free char *left = NULL;
	struct clones *c;

	(void)state;
	fill("many");
	keep(admin);
	c = open_clones(admin, app);
	for (unsigned ms = 0; ms < 40; ms += 4) {
		broken_off(c, ms);
		db_close(admin);
		admin = connect_alone();
		/* one that was faster left nothing to do */
		restore_somehow(c, admin);
		expect_equal(c, admin, app);
	}
	clones_free(c);
	forget(admin);
	left = value(admin, "SELECT string_agg(datname, ' ') FROM pg_database "
			    "WHERE datname LIKE 'testenv%'");
	assert_null(left);
}

/* Whoever clones may be killed: the server goes on alone with what it was told,
 * and the next one is right all the same. */
static void killed_in_the_middle(void **state)
{
	auto_db struct db *admin = connect_to("postgres");
	struct clones *c;

	(void)state;
	fill("many");
	keep(admin);
	c = open_clones(admin, app);
	for (unsigned ms = 2; ms < 60; ms += 8) {
		struct timespec pause = {0, (long)ms * 1000000};
		pid_t pid;

		in(app, "INSERT INTO t1 (name) VALUES ('x')");
		pid = fork();
		if (pid == 0) {
			auto_db struct db *db = connect_to("postgres");
			struct deadline d = within(60000);

			for (;;)
				clones_restore(c, db, app, &d, NULL, NULL);
		}
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		db_close(admin);
		admin = connect_to("postgres");
		restore(c, admin, CLONE_TEMPLATE);
		expect_equal(c, admin, app);
	}
	clones_free(c);
	forget(admin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refuses_what_cannot_be),
	    cmocka_unit_test(round_trips_objects),
	    cmocka_unit_test(round_trips_privileges),
	    cmocka_unit_test(round_trips_many),
	    cmocka_unit_test(notices_each_change),
	    cmocka_unit_test(leaves_the_untouched),
	    cmocka_unit_test(cuts_connections),
	    cmocka_unit_test(survives_odd_names),
	    cmocka_unit_test(random_changes),
	    cmocka_unit_test(cancelled_in_the_middle),
	    cmocka_unit_test(killed_in_the_middle),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
