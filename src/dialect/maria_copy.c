/* SPDX-License-Identifier: MIT */
#include "dialect/copy.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"
#include "dialect/maria.h"

#include <stdlib.h>
#include <string.h>

struct db_copy {
	struct maria_notes notes;
};

void db_copy_free(struct db_copy *copy)
{
	if (!copy)
		return;
	maria_notes_free(&copy->notes);
	free(copy);
}

static void cleanup_copy(struct db_copy **copy)
{
	db_copy_free(*copy);
}

/* Where events run, one of the template's would change it. 1, 0, -1. */
static int has_live_event(struct db *db, const struct maria_notes *n,
			  const struct deadline *deadline, char **ret_why,
			  struct error *err)
{
	auto_free char *scheduler = NULL;

	for (size_t i = 0; i < n->schema.n; i++) {
		if (n->schema.v[i].kind != MARIA_EVENT)
			continue;
		if (db_value(db, "SELECT @@event_scheduler", deadline,
			     &scheduler, err) < 0)
			return -1;
		if (!scheduler || strcmp(scheduler, "ON") != 0)
			return 0;
		*ret_why = xasprintf("event '%s' runs in the template, too",
				     n->schema.v[i].name);
		return 1;
	}
	return 0;
}

/* 1; 0 with *ret_why; -1. */
static int read_template(struct db *db, struct maria_notes *n,
			 const struct deadline *deadline, char **ret_why,
			 struct error *err)
{
	auto_free char *itself = NULL;
	auto_free char *foreign = NULL;
	int fits;

	if (maria_session(db, deadline, err) < 0 ||
	    maria_schema_list(db, n->database, n->plain, deadline, &n->schema,
			      err) < 0 ||
	    maria_schema_define(db, &n->schema, deadline, err) < 0)
		return -1;
	if (!n->schema.exists)
		return error_set(err, ERROR_DATABASE, "no database '%s'",
				 n->database);
	fits = has_live_event(db, n, deadline, ret_why, err);
	if (fits)
		return fits < 0 ? -1 : 0;
	fits = maria_columns(db, n, deadline, ret_why, err);
	if (fits != 1)
		return fits;
	itself = maria_names_itself(n);
	foreign = maria_foreign_text(n);
	if (!*itself && !*foreign)
		return 1;
	*ret_why = *itself ? take_ptr(&itself) : take_ptr(&foreign);
	return 0;
}

int db_copy_open(struct db *db, const char *from,
		 const struct deadline *deadline, struct db_copy **ret,
		 char **ret_why, struct error *err)
{
	__attribute__((cleanup(cleanup_copy))) struct db_copy *copy =
	    xcalloc(1, sizeof(*copy));
	auto_free char *why = NULL;
	int fits;

	copy->notes.database = xstrdup(from);
	copy->notes.plain = true;
	fits = read_template(db, &copy->notes, deadline, &why, err);
	if (fits < 0)
		return error_wrap(err, "read '%s'", from);
	if (db_exec(db, "USE information_schema", deadline, err) < 0)
		return -1;
	if (fits)
		*ret = take_ptr(&copy);
	else
		*ret_why = take_ptr(&why);
	return fits;
}

int db_copy_fill(const struct db_copy *copy, struct db *db, const char *to,
		 const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "ALTER DATABASE ");
	db_put_identifier(DIALECT_MARIADB, &sql, to);
	buf_printf(&sql, " %s; USE ", copy->notes.schema.options);
	db_put_identifier(DIALECT_MARIADB, &sql, to);
	if (maria_session(db, deadline, err) < 0 ||
	    db_exec(db, sql.s, deadline, err) < 0 ||
	    maria_refill(db, &copy->notes, true, deadline, err) < 0)
		return error_wrap(err, "copy '%s' to '%s'",
				  copy->notes.database, to);
	return db_exec(db, "USE information_schema", deadline, err);
}

int db_copy_compare(const struct db_copy *copy, struct db *db, const char *to,
		    bool rows, const struct deadline *deadline,
		    struct buf *ret_difference, struct error *err)
{
	int equal = rows ? maria_compare(db, &copy->notes, to, deadline,
					 ret_difference, err)
			 : maria_compare_schema(db, &copy->notes, to, deadline,
						ret_difference, err);

	if (equal < 0)
		return error_wrap(err, "compare '%s' with '%s'", to,
				  copy->notes.database);
	return equal && db_exec(db, "USE information_schema", deadline, err) < 0
		   ? -1
		   : equal;
}
