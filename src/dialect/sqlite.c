/* SPDX-License-Identifier: MIT */
#include "dialect/driver.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "dialect/sqlite_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/* how many steps of SQLite's machine between two looks at the clock */
	STEPS_PER_LOOK = 2000
};

struct sqlite {
	struct db db;
	char *path;
	sqlite3 *handle;
};

static struct sqlite *sqlite_of(struct db *db)
{
	return (struct sqlite *)db;
}

sqlite3 *sqlite_handle(struct db *db)
{
	return sqlite_of(db)->handle;
}

struct db *sqlite_adopt(sqlite3 *handle, const char *path)
{
	struct sqlite *s = xcalloc(1, sizeof(*s));

	s->db.driver = &sqlite_driver;
	s->db.dialect = DIALECT_SQLITE;
	s->path = xstrdup(path);
	s->handle = handle;
	return &s->db;
}

static void cleanup_stmt(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}
#define auto_stmt __attribute__((cleanup(cleanup_stmt)))

int sqlite_error(sqlite3 *handle, int rc, struct error *err)
{
	const char *text = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(rc);
	enum error_kind kind = ERROR_DATABASE;

	if ((rc & 0xff) == SQLITE_FULL)
		kind = ERROR_NO_SPACE;
	else if ((rc & 0xff) == SQLITE_BUSY)
		kind = ERROR_BUSY;
	/* "disk I/O error" hides what the system said */
	if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN) {
		int system = handle ? sqlite3_system_errno(handle) : 0;

		if (system)
			return error_set_errno(err, ERROR_IO, system, "%s",
					       text);
		kind = ERROR_IO;
	}
	if ((rc & 0xff) == SQLITE_NOTADB)
		return error_set(err, kind, "%s: it is encrypted, or damaged",
				 text);
	return error_set(err, kind, "%s", text);
}

/* Non-zero interrupts the statement. */
static int on_progress(void *arg)
{
	const struct deadline *d = arg;

	return deadline_check(d, "", NULL) < 0;
}

static void set_deadline(sqlite3 *handle, struct deadline *d)
{
	sqlite3_progress_handler(handle, d ? STEPS_PER_LOOK : 0, on_progress,
				 d);
}

static void close_handle(struct sqlite *s)
{
	sqlite3_close_v2(s->handle);
	s->handle = NULL;
}

static void sqlite_close(struct db *db)
{
	struct sqlite *s = sqlite_of(db);

	close_handle(s);
	free(s->path);
	free(s);
}

/*
 * What runs here can be made again, and sealing flushes it once, at the end.
 * Both settings are this connection's own: the application's are not touched,
 * and a file whose author chose WAL keeps that.
 */
static int make_fast(sqlite3 *handle)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	const unsigned char *mode = NULL;

	if (sqlite3_prepare_v2(handle, "PRAGMA journal_mode", -1, &stmt,
			       NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		mode = sqlite3_column_text(stmt, 0);
	if (mode && !strcmp((const char *)mode, "delete"))
		sqlite3_exec(handle, "PRAGMA journal_mode = MEMORY", NULL, NULL,
			     NULL);
	return sqlite3_exec(handle, "PRAGMA synchronous = OFF", NULL, NULL,
			    NULL);
}

static int open_handle(struct sqlite *s, struct error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc = sqlite3_open_v2(s->path, &s->handle, flags, NULL);

	if (rc != SQLITE_OK) {
		sqlite_error(s->handle, rc, err);
		close_handle(s);
		return -1;
	}
	rc = make_fast(s->handle);
	if (rc != SQLITE_OK) {
		sqlite_error(s->handle, rc, err);
		close_handle(s);
		return -1;
	}
	return 0;
}

static int sqlite_connect(const struct db_address *a, const struct deadline *d,
			  struct db **ret, struct error *err)
{
	auto_db struct db *db = NULL;
	struct sqlite *s;

	if (deadline_check(d, "opening the file", err) < 0)
		return -1;
	/* ":memory:", "" and "file:…?mode=memory" are each somebody's own
	 * empty database, never the one that was meant */
	if (!a->path || a->path[0] != '/')
		return error_set(err, ERROR_REFUSED,
				 "'%s' is not an absolute path",
				 a->path ? a->path : "");
	s = xcalloc(1, sizeof(*s));
	s->db.driver = &sqlite_driver;
	s->db.dialect = DIALECT_SQLITE;
	s->path = xstrdup(a->path);
	db = &s->db;
	if (open_handle(s, err) < 0)
		return -1;
	*ret = take_ptr(&db);
	return 0;
}

static int step_error(sqlite3 *handle, int rc, const struct deadline *d,
		      struct error *err)
{
	if ((rc & 0xff) == SQLITE_INTERRUPT &&
	    deadline_check(d, "waiting for sqlite", err) < 0)
		return -1;
	return sqlite_error(handle, rc, err);
}

/* Runs one prepared statement to its end. *value: the first column of the
 * first row, unless there is one already. */
static int step_all(sqlite3 *handle, sqlite3_stmt *stmt,
		    const struct deadline *d, bool *have_row, char **value,
		    struct error *err)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (!value || *have_row || sqlite3_column_count(stmt) < 1)
			continue;
		*have_row = true;
		*value =
		    xstrdup_or_null((const char *)sqlite3_column_text(stmt, 0));
	}
	return rc == SQLITE_DONE ? 0 : step_error(handle, rc, d, err);
}

static int run_all(sqlite3 *handle, const char *sql, const struct deadline *d,
		   char **value, struct error *err)
{
	bool have_row = false;

	while (*sql) {
		auto_stmt sqlite3_stmt *stmt = NULL;
		int rc = sqlite3_prepare_v2(handle, sql, -1, &stmt, &sql);

		if (rc != SQLITE_OK)
			return step_error(handle, rc, d, err);
		if (stmt &&
		    step_all(handle, stmt, d, &have_row, value, err) < 0)
			return -1;
	}
	return 0;
}

static int sqlite_query(struct db *db, const char *sql,
			const struct deadline *d, char **ret_value,
			struct error *err)
{
	struct sqlite *s = sqlite_of(db);
	auto_free char *value = NULL;
	struct deadline own = *d;
	int rc;

	if (deadline_check(d, "waiting for sqlite", err) < 0)
		return -1;
	set_deadline(s->handle, &own);
	rc = run_all(s->handle, sql, d, ret_value ? &value : NULL, err);
	set_deadline(s->handle, NULL);
	if (rc == 0 && ret_value)
		*ret_value = take_ptr(&value);
	return rc;
}

/* Where a statement that could not be compiled probably ends, to show it. */
static size_t guess_end(const struct sql_statement *st)
{
	enum {
		MAX = 4000
	};
	auto_buf struct buf text = BUF_INIT;

	for (size_t i = 0; i < st->len && i < MAX; i++) {
		buf_putc(&text, st->sql[i]);
		if (st->sql[i] == ';' && sqlite3_complete(text.s))
			return i + 1;
	}
	return st->len;
}

static int sqlite_statement(struct db *db, struct sql_statement *st,
			    const struct deadline *d,
			    struct sql_place *ret_place, struct error *err)
{
	struct sqlite *s = sqlite_of(db);
	auto_stmt sqlite3_stmt *stmt = NULL;
	struct deadline own = *d;
	bool have_row = false;
	const char *tail;
	int rc;

	if (deadline_check(d, "waiting for sqlite", err) < 0)
		return -1;
	rc = sqlite3_prepare_v2(s->handle, st->sql, -1, &stmt, &tail);
	if (rc != SQLITE_OK) {
		int offset = sqlite3_error_offset(s->handle);

		if (offset >= 0)
			ret_place->line = sql_line_of(st->sql, (size_t)offset);
		st->len = guess_end(st);
		return step_error(s->handle, rc, d, err);
	}
	st->len = (size_t)(tail - st->sql);
	set_deadline(s->handle, &own);
	rc = stmt ? step_all(s->handle, stmt, d, &have_row, NULL, err) : 0;
	set_deadline(s->handle, NULL);
	return rc;
}

/* PRAGMAs, temporary tables and attached files live in the handle. */
static int sqlite_reset(struct db *db, const struct deadline *d,
			struct error *err)
{
	struct sqlite *s = sqlite_of(db);

	(void)d;
	close_handle(s);
	return open_handle(s, err);
}

static bool sqlite_in_transaction(struct db *db)
{
	return !sqlite3_get_autocommit(sqlite_of(db)->handle);
}

static int sqlite_check_final(struct db *db, const struct deadline *d,
			      struct error *err)
{
	/* reads the header: a file that is not a database fails here */
	return sqlite_query(db, "PRAGMA schema_version", d, NULL, err);
}

static int sqlite_set_passwords(struct db *db, const char *user,
				const char *password,
				const char *admin_password,
				const struct deadline *d, struct error *err)
{
	(void)db, (void)user, (void)password, (void)admin_password;
	(void)d, (void)err;
	return 0; /* a file has none */
}

static int check_integrity(struct sqlite *s, struct error *err)
{
	struct deadline d = deadline_in(INT64_MAX / 2, NULL);

	if (sqlite_check(&s->db, &d, err) < 0)
		return error_wrap(err, "the file is damaged");
	return 0;
}

static int check_no_sidecars(const char *path, struct error *err)
{
	static const char *const suffixes[] = {"-wal", "-shm", "-journal"};

	for (size_t i = 0; i < array_len(suffixes); i++) {
		auto_free char *beside = xasprintf("%s%s", path, suffixes[i]);

		if (fs_exists(beside))
			return error_set(err, ERROR_BUSY,
					 "'%s' is there still: another program "
					 "has the database open",
					 beside);
	}
	return 0;
}

/* Whoever finds this file after a power cut must find all of it. */
static int flush_file(const char *path, struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return error_set_errno(err, ERROR_IO, errno, "flush");
	return 0;
}

/* Without a table the file has no bytes yet, like one that was cut off: this
 * makes SQLite write its header, which says nothing new. */
static int give_header(struct sqlite *s, struct error *err)
{
	struct stat st;
	int rc;

	if (stat(s->path, &st) < 0 || st.st_size > 0)
		return 0;
	rc = sqlite3_exec(s->handle, "PRAGMA user_version = 0", NULL, NULL,
			  NULL);
	return rc == SQLITE_OK ? 0 : sqlite_error(s->handle, rc, err);
}

/*
 * PERSIST and TRUNCATE leave a journal that nobody needs, be it a migration's
 * or a command's of its own. SQLite removes it, under its locks, on the way
 * from one to DELETE, and leaves one in use. With a WAL none is.
 */
static void remove_idle_journal(struct sqlite *s)
{
	auto_free char *journal = xasprintf("%s-journal", s->path);

	if (!fs_exists(journal))
		return;
	if (sqlite_file_is_wal(s->path))
		unlink(journal);
	else
		sqlite3_exec(s->handle,
			     "PRAGMA journal_mode = PERSIST;"
			     "PRAGMA journal_mode = DELETE",
			     NULL, NULL, NULL);
}

static int seal(struct sqlite *s, struct error *err)
{
	int rc;

	if (!sqlite3_get_autocommit(s->handle))
		return error_set(err, ERROR_DATABASE,
				 "a transaction is still open");
	/* The last connection to close does the same, but says nothing when
	 * it cannot. The journal mode stays what the schema's author chose. */
	rc = sqlite3_wal_checkpoint_v2(s->handle, NULL,
				       SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (rc != SQLITE_OK)
		return sqlite_error(s->handle, rc, err);
	if (give_header(s, err) < 0 || check_integrity(s, err) < 0)
		return -1;
	remove_idle_journal(s);
	rc = sqlite3_close(s->handle);
	if (rc != SQLITE_OK)
		return sqlite_error(s->handle, rc, err);
	s->handle = NULL;
	if (check_no_sidecars(s->path, err) < 0)
		return -1;
	return flush_file(s->path, err);
}

int sqlite_seal(struct db *db, struct error *err)
{
	auto_db struct db *own = db;
	struct sqlite *s = sqlite_of(own);

	if (seal(s, err) < 0)
		return error_wrap(err, "cannot finish '%s'", s->path);
	return 0;
}

const struct driver sqlite_driver = {
    .connect = sqlite_connect,
    .close = sqlite_close,
    .query = sqlite_query,
    .statement = sqlite_statement,
    .reset = sqlite_reset,
    .in_transaction = sqlite_in_transaction,
    .check_final = sqlite_check_final,
    .set_passwords = sqlite_set_passwords,
};

const char *db_sqlite_version(void)
{
	return sqlite3_libversion();
}
