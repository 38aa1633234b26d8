/* SPDX-License-Identifier: MIT */
#include "dialect/db.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "dialect/driver.h"
#include "dialect/transaction.h"

#include <string.h>

enum {
	SHOWN_LINES = 10,
	SHOWN_BYTES = 2000
};

/* The statement as the error's detail: its first lines. */
static void show_statement(const struct sql_statement *st, struct error *err)
{
	auto_buf struct buf b = BUF_INIT;
	size_t n = st->len < SHOWN_BYTES ? st->len : SHOWN_BYTES;
	unsigned lines = 0;
	size_t i;

	for (i = 0; i < n && lines < SHOWN_LINES; i++) {
		if (st->sql[i] == '\r')
			continue;
		lines += st->sql[i] == '\n';
		buf_putc(&b, st->sql[i]);
	}
	while (i == st->len && b.len && b.s[b.len - 1] == '\n')
		buf_truncate(&b, b.len - 1);
	if (i < st->len)
		buf_puts(&b, b.s[b.len - 1] == '\n' ? "…" : "\n…");
	error_detail(err, b.s);
}

static int at_line(const char *name, size_t line, struct error *err)
{
	/* what stopped it from outside says nothing about the script */
	if (err && err->kind == ERROR_DATABASE)
		err->kind = ERROR_MIGRATION;
	return error_wrap(err, "%s:%zu", name, line);
}

static int statement_failed(const char *name, const struct sql_statement *st,
			    const struct sql_place *place, struct error *err)
{
	size_t line = place->in_data ? st->data_line : st->line;

	if (place->line)
		line += place->line - 1;
	at_line(name, line, err);
	show_statement(st, err);
	return -1;
}

/* The servers' interfaces take strings that end at a NUL: what lies behind one
 * would be left out without a word. */
static int check_text(const char *name, const char *sql, size_t len,
		      struct error *err)
{
	const char *nul = memchr(sql, '\0', len);

	if (len >= 2 &&
	    (!memcmp(sql, "\xff\xfe", 2) || !memcmp(sql, "\xfe\xff", 2)))
		return error_set(err, ERROR_MIGRATION,
				 "%s:1: the file is UTF-16; UTF-8 is needed",
				 name);
	if (!nul)
		return 0;
	return error_set(err, ERROR_MIGRATION, "%s:%zu: a NUL byte in the SQL",
			 name, sql_line_of(sql, (size_t)(nul - sql)));
}

static int run_statements(struct db *db, const char *name, struct sql_split *sp,
			  const struct deadline *d, struct error *err)
{
	struct sql_statement st;
	size_t line;
	int rc;

	while ((rc = sql_split_next(sp, &st, &line, err)) > 0) {
		struct sql_place place = {0};

		if (db->driver->statement(db, &st, d, &place, err) < 0)
			return statement_failed(name, &st, &place, err);
		if (db->dialect == DIALECT_SQLITE)
			sql_split_seek(sp, &st, st.len);
	}
	return rc < 0 ? at_line(name, line, err) : 0;
}

static int commit_failed(const char *name, struct error *err)
{
	if (err && err->kind == ERROR_DATABASE)
		err->kind = ERROR_MIGRATION;
	return error_wrap(err, "%s: at its end", name);
}

/* In a transaction of ours: it is ended where all went well. */
static int run_text(struct db *db, const char *name, const char *sql,
		    size_t len, bool in_ours, const struct deadline *deadline,
		    struct error *err)
{
	/* SQLite would copy the rest of a text that ends without a NUL for each
	 * of its statements */
	auto_free char *text = NULL;
	struct sql_split sp;

	if (check_text(name, sql, len, err) < 0)
		return -1;
	/* SET search_path and the like of one file are not meant for the next;
	 * the clients of these dialects run each file in a session of its own
	 */
	if (db->used_by_script && db->driver->reset(db, deadline, err) < 0)
		return error_wrap(err, "%s", name);
	db->used_by_script = true;
	text = xstrndup(sql, len);
	sql_split_init(&sp, db->dialect, text, len);
	if (in_ours && db_exec(db, "BEGIN", deadline, err) < 0)
		return error_wrap(err, "%s", name);
	if (run_statements(db, name, &sp, deadline, err) < 0)
		return -1;
	if (in_ours && db->driver->in_transaction(db) &&
	    db_exec(db, "COMMIT", deadline, err) < 0)
		return commit_failed(name, err);
	if (db->driver->in_transaction(db))
		return error_set(err, ERROR_MIGRATION,
				 "%s: a transaction is still open at the end "
				 "of the file",
				 name);
	return 0;
}

int db_run_script(struct db *db, const char *name, const char *sql, size_t len,
		  const struct deadline *deadline, struct error *err)
{
	return run_text(db, name, sql, len, false, deadline, err);
}

int db_run_migration(struct db *db, const char *name, const char *sql,
		     size_t len, const struct deadline *deadline,
		     struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	auto_error struct error ignored = ERROR_INIT;

	if (!sql_fits_transaction(db->dialect, sql, len))
		return db_run_script(db, name, sql, len, deadline, err);
	db->not_in_transaction = false;
	if (run_text(db, name, sql, len, true, deadline, &why) == 0)
		return 0;
	/* a connection that was given up on can only be closed */
	if (why.kind != ERROR_MIGRATION)
		return error_move(err, &why);
	db_exec(db, "ROLLBACK", deadline, &ignored);
	if (!db->not_in_transaction)
		return error_move(err, &why);
	log_debug("once more without a transaction: %s", why.text);
	return db_run_script(db, name, sql, len, deadline, err);
}
