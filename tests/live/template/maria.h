/* SPDX-License-Identifier: MIT */
/*
 * live/template/maria.h - a MariaDB server of the test's own with a schema of
 * the corpus kept in it as an original. Program and arguments as in
 * provider/contract.c, as far as cloning needs them.
 */
#ifndef LIVE_TEMPLATE_MARIA_H
#define LIVE_TEMPLATE_MARIA_H

#include "dialect/clone.h"
#include "live/dialect/server.h"
#include "template/migrations.h"

/* The demonstration's schema, and the awkward ones. */
__attribute__((unused)) static const char *const schemas[] = {
    TESTS_DIR "/../compose/shop/db/migrations",
    TESTS_DIR "/corpus/mariadb/types",
    TESTS_DIR "/corpus/mariadb/links",
    TESTS_DIR "/corpus/mariadb/history",
};

static struct server server;
static char *socket_path;
static char root_user[] = "root";
static char app_user[] = "app";

static struct db *connect_as(char *user, char *database)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	struct db_address a = {.dialect = DIALECT_MARIADB,
			       .socket = socket_path,
			       .user = user,
			       .database = database};
	struct db *db = NULL;

	ok(db_wait_ready(&a, NULL, &d, &db, &err), &err);
	return db;
}

static struct db *admin(void)
{
	return connect_as(root_user, NULL);
}

static inline void run(struct db *db, const char *sql)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;

	if (db_exec(db, sql, &d, &err) < 0)
		fail_msg("%s: %s", sql, error_text(&err));
}

static inline void start_server(void)
{
	auto_free char *mariadbd = program("/usr/sbin/mariadbd");
	auto_strvec struct strvec argv = STRVEC_INIT;

	strvec_push(&argv, mariadbd);
	strvec_push(&argv, "--no-defaults");
	strvec_pushf(&argv, "--datadir=%s/data", server.dir);
	/* where a server starts, it removes others' temporary tables */
	strvec_pushf(&argv, "--tmpdir=%s", server.dir);
	strvec_pushf(&argv, "--pid-file=%s/pid", server.dir);
	strvec_pushf(&argv, "--socket=%s", socket_path);
	strvec_pushf(&argv, "--port=%u", server.port);
	strvec_push(&argv, "--bind-address=127.0.0.1");
	strvec_push(&argv, "--skip-name-resolve");
	strvec_push(&argv, "--innodb-flush-log-at-trx-commit=0");
	strvec_push(&argv, "--innodb-flush-method=nosync");
	strvec_push(&argv, "--innodb-doublewrite=0");
	strvec_push(&argv, "--innodb-buffer-pool-size=16M");
	strvec_push(&argv, "--userstat=1");
	strvec_push(&argv, "--loose-debug-no-sync");
	server.pid = spawn(&server, argv.v, 0, SIGKILL);
}

static inline void stop_server(void)
{
	server_stop(&server, SIGTERM);
}

static inline int set_up(void **state)
{
	auto_free char *install = program("/usr/bin/mariadb-install-db");
	auto_free char *data = NULL;
	auto_free char *tmp = NULL;
	struct db *db;

	(void)state;
	server_dir(&server);
	socket_path = fs_join(server.dir, "s.sock");
	data = xasprintf("--datadir=%s/data", server.dir);
	tmp = xasprintf("--tmpdir=%s", server.dir);
	{
		char *argv[] = {
		    install,
		    (char[]){"--no-defaults"},
		    data,
		    (char[]){"--auth-root-authentication-method=normal"},
		    (char[]){"--skip-test-db"},
		    tmp,
		    (char[]){"--innodb-flush-method=nosync"},
		    NULL};

		run_to_end(&server, argv);
	}
	start_server();
	db = admin();
	run(db, "CREATE USER app@localhost; GRANT ALL PRIVILEGES ON *.* TO"
		" app@localhost WITH GRANT OPTION");
	db_close(db);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	server_stop(&server, SIGKILL);
	server_remove(&server);
	free(socket_path);
	return 0;
}

/* Makes `app` from a directory of migrations and keeps it; 1 or 0 as
 * clone_keep, whose reason is compared. */
static inline int keep(const char *dir, const char *why)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	auto_migrations struct migrations m = MIGRATIONS_INIT;
	struct migrations_source source = {.dir = dir};
	auto_free char *reason = NULL;
	auto_db struct db *db = admin();
	struct db_address app = {.dialect = DIALECT_MARIADB,
				 .socket = socket_path,
				 .user = app_user,
				 .database = app_user};
	int kept;

	run(db, "DROP DATABASE IF EXISTS testenv_original; DROP DATABASE IF "
		"EXISTS app; CREATE DATABASE app CHARACTER"
		" SET utf8mb4 COLLATE utf8mb4_swedish_ci COMMENT 'it''s'");
	ok(migrations_load(&source, DIALECT_MARIADB, &m, &err), &err);
	ok(migrations_run(&m, &app, &d, NULL, &err), &err);
	kept = clone_keep(db, "app", &d, &reason, &err);
	ok(kept, &err);
	if (kept && !why)
		return kept;
	if (!why)
		fail_msg("%s: %s", dir, reason);
	assert_string_equal(reason ? reason : "(kept)", why);
	return kept;
}

static inline void forget(void)
{
	auto_db struct db *db = admin();

	run(db, "DROP DATABASE IF EXISTS app; DROP DATABASE IF EXISTS app_0;"
		"DROP DATABASE IF EXISTS app_1");
}

static inline struct clones *open_clones(const char *database)
{
	struct deadline d = within(60000);
	auto_error struct error err = ERROR_INIT;
	auto_db struct db *db = admin();
	struct clones *c = NULL;

	ok(clones_open(db, database, &d, &c, &err), &err);
	assert_non_null(c);
	return c;
}

static inline int restore(struct clones *c, const char *name,
			  struct clone_report *r)
{
	struct deadline d = within(120000);
	auto_error struct error err = ERROR_INIT;
	auto_db struct db *db = admin();
	int done = clones_restore(c, db, name, &d, r, &err);

	ok(done, &err);
	return done;
}

static inline void is_equal(struct clones *c, const char *name,
			    const char *after)
{
	struct deadline d = within(120000);
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf difference = BUF_INIT;
	auto_db struct db *db = admin();
	int equal = clones_compare(c, db, name, &d, &difference, &err);

	ok(equal, &err);
	if (!equal)
		fail_msg("after %s: %s", after, difference.s);
}

#endif
