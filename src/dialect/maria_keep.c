/* SPDX-License-Identifier: MIT */
#include "dialect/maria.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"

#include <stdlib.h>
#include <string.h>

/* Made once, without rows, to see that the definitions can be replayed. */
#define TRIAL "testenv_trial"
/* As `fill` has it. */
#define FROM_ORIGINAL " FROM `" MARIA_ORIGINAL "`"

static void name(struct buf *b, const char *s)
{
	db_put_identifier(DIALECT_MARIADB, b, s);
}

static void text(struct buf *b, const char *s)
{
	db_put_literal(DIALECT_MARIADB, b, s);
}

/*
 * A counter may be ahead of what is on the disk, and would be found lower after
 * a restart: of values reserved for a statement that did not need them, or of
 * rows rolled back. ALTER TABLE writes it down.
 */
static int settle_counters(struct db *db, const struct maria_notes *n,
			   const struct deadline *deadline, struct error *err)
{
	for (size_t i = 0; i < n->n_tables; i++) {
		const struct maria_table *t = &n->tables[i];
		auto_buf struct buf sql = BUF_INIT;

		if (!*t->auto_increment)
			continue;
		buf_puts(&sql, "ALTER TABLE ");
		name(&sql, t->name);
		buf_printf(&sql, " AUTO_INCREMENT=%s", t->auto_increment);
		if (db_exec(db, sql.s, deadline, err) < 0)
			return error_wrap(err, "counter of '%s'", t->name);
	}
	return 0;
}

/* Forgets what the server has fetched in advance: a restart would, too. */
static int settle_sequences(struct db *db, const struct maria_notes *n,
			    const struct deadline *deadline, struct error *err)
{
	for (size_t i = 0; i < n->n_tables; i++)
		if (n->tables[i].sequence &&
		    db_exec(db, n->tables[i].put, deadline, err) < 0)
			return error_wrap(err, "sequence '%s'",
					  n->tables[i].name);
	return 0;
}

static int copy_tables(struct db *db, const struct maria_notes *n,
		       const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	for (size_t i = 0; i < n->n_tables; i++) {
		const struct maria_table *t = &n->tables[i];
		const char *from = strstr(t->fill, FROM_ORIGINAL);

		buf_clear(&sql);
		buf_puts(&sql, "CREATE TABLE " MARIA_ORIGINAL ".");
		name(&sql, t->name);
		buf_puts(&sql, " LIKE ");
		name(&sql, n->database);
		buf_puts(&sql, ".");
		name(&sql, t->name);
		if (db_exec(db, sql.s, deadline, err) < 0)
			return error_wrap(err, "copy table '%s'", t->name);
		/* so that InnoDB's count of its changes stays */
		buf_clear(&sql);
		buf_puts(&sql, "ALTER TABLE " MARIA_ORIGINAL ".");
		name(&sql, t->name);
		buf_puts(&sql, " STATS_AUTO_RECALC=0");
		if (!t->checked && !t->sequence &&
		    db_exec(db, sql.s, deadline, err) < 0)
			return error_wrap(err, "copy table '%s'", t->name);
		/* the other way round, from the database: it is chosen in the
		 * statement as the original's is in `fill` */
		buf_clear(&sql);
		buf_puts(&sql, "USE " MARIA_ORIGINAL "; ");
		buf_put(&sql, t->fill, (size_t)(from - t->fill));
		buf_puts(&sql, " FROM ");
		name(&sql, n->database);
		buf_puts(&sql, from + strlen(FROM_ORIGINAL));
		buf_puts(&sql, "; USE ");
		name(&sql, n->database);
		if (db_exec(db, sql.s, deadline, err) < 0)
			return error_wrap(err, "copy the rows of '%s'",
					  t->name);
	}
	return 0;
}

/* Cascades within the database; one that crosses its border is not seen by
 * anything that is counted there. */
static int read_cascades(struct db *db, struct maria_notes *n,
			 const struct deadline *deadline, char **ret_why,
			 struct error *err)
{
	static const char part[] =
	    "CONVERT(CAST(SUBSTRING_INDEX(%s, '/', %d) AS BINARY) USING "
	    "filename)";
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "SELECT TYPE & 15 <> 0");
	for (int i = 0; i < 4; i++) {
		buf_puts(&sql, ", ");
		buf_printf(&sql, part, i < 2 ? "REF_NAME" : "FOR_NAME",
			   i % 2 ? -1 : 1);
	}
	buf_puts(&sql, " FROM information_schema.INNODB_SYS_FOREIGN");
	if (maria_ask(db, sql.s, deadline, &answer, err) < 0)
		return -1;
	for (size_t i = 0; i < answer.n; i++) {
		char **v = answer.rows[i].v;
		bool parent = v[1] && !strcmp(v[1], n->database);
		bool child = v[3] && !strcmp(v[3], n->database);
		size_t p, c;

		if (!parent && !child)
			continue;
		if (!parent || !child) {
			*ret_why = xasprintf("a foreign key leads from '%s' to "
					     "'%s'",
					     v[3], v[1]);
			return 0;
		}
		p = maria_notes_table(n, v[2]);
		c = maria_notes_table(n, v[4]);
		if (*v[0] != '1' || p == n->n_tables || c == n->n_tables)
			continue;
		n->cascades = xreallocarray(n->cascades, n->n_cascades + 1,
					    sizeof(*n->cascades));
		n->cascades[n->n_cascades++] = (struct maria_cascade){p, c};
	}
	return 1;
}

/* Why its definitions cannot be made in a database of another name. */
char *maria_names_itself(const struct maria_notes *n)
{
	for (size_t i = 0; i < n->schema.n; i++) {
		const struct maria_object *o = &n->schema.v[i];
		bool written =
		    o->kind >= MARIA_ROUTINE && o->kind != MARIA_VIEW;

		if (maria_names_database(o->sql, n->database, written))
			return xasprintf("'%s' names its database", o->name);
	}
	return xstrdup("");
}

/* A text in another character set would have to be sent in it. */
char *maria_foreign_text(const struct maria_notes *n)
{
	for (size_t i = 0; i < n->schema.n; i++) {
		const struct maria_object *o = &n->schema.v[i];

		if (!*o->sql)
			return xasprintf("'%s' cannot be read", o->name);
		if (*o->client && strncmp(o->client, "utf8", 4) != 0 &&
		    !maria_is_ascii(o->sql))
			return xasprintf("'%s' is written in %s", o->name,
					 o->client);
	}
	return xstrdup("");
}

/* Privileges on single tables and routines do not go along, and those on
 * routines go with them when they are dropped. */
static int find_grants(struct db *db, struct maria_notes *n,
		       const struct deadline *deadline, struct error *err)
{
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "SELECT (SELECT COUNT(*) FROM mysql.tables_priv WHERE"
		       " Db = ");
	text(&sql, n->database);
	buf_puts(&sql, ") + (SELECT COUNT(*) FROM mysql.columns_priv WHERE"
		       " Db = ");
	text(&sql, n->database);
	buf_puts(&sql, ") <> 0, (SELECT COUNT(*) FROM mysql.procs_priv WHERE"
		       " Db = ");
	text(&sql, n->database);
	buf_puts(&sql, ") <> 0");
	if (maria_ask(db, sql.s, deadline, &answer, err) < 0)
		return -1;
	if (answer.n && *answer.rows[0].v[1] == '1' && !*n->no_rebuild) {
		free(n->no_rebuild);
		n->no_rebuild =
		    xstrdup("there are privileges on single routines");
	}
	if (answer.n && !*n->only_in_place &&
	    (*answer.rows[0].v[0] == '1' || *answer.rows[0].v[1] == '1')) {
		free(n->only_in_place);
		n->only_in_place = xstrdup(
		    "there are privileges on single tables or routines");
	}
	return 0;
}

static void replace(char **at, char *by)
{
	free(*at);
	*at = by;
}

/* Whether the definitions, replayed, are what they were. */
static int try_rebuild(struct db *db, struct maria_notes *n,
		       const struct deadline *deadline, struct error *err)
{
	auto_maria_schema struct maria_schema made = {0};
	auto_buf struct buf difference = BUF_INIT_MAX(4096);
	auto_error struct error why = ERROR_INIT;
	auto_error struct error ignored = ERROR_INIT;

	if (*n->no_rebuild || *n->only_in_place)
		return 0;
	if (maria_rebuild(db, n, TRIAL, false, deadline, &why) < 0 ||
	    maria_schema_list(db, TRIAL, false, deadline, &made, &why) < 0 ||
	    maria_schema_define(db, &made, deadline, &why) < 0) {
		if (why.kind != ERROR_DATABASE)
			return error_move(err, &why);
		replace(&n->no_rebuild, xstrdup(why.text));
	} else if (!maria_schema_equal(&n->schema, &made, &difference)) {
		difference.s[strcspn(difference.s, "\n")] = '\0';
		replace(&n->no_rebuild,
			xasprintf("made anew, %s", difference.s));
	}
	if (*n->no_rebuild)
		replace(&n->only_in_place, xstrdup(n->no_rebuild));
	return db_exec(db,
		       "USE information_schema; DROP DATABASE IF EXISTS " TRIAL,
		       deadline, &ignored) < 0
		   ? error_move(err, &ignored)
		   : 0;
}

static int keep_in(struct db *db, struct maria_notes *n,
		   const struct deadline *deadline, char **ret_why,
		   struct error *err)
{
	int fits;

	if (maria_session(db, deadline, err) < 0 ||
	    db_exec(db,
		    "DROP DATABASE IF EXISTS " MARIA_ORIGINAL
		    "; CREATE DATABASE " MARIA_ORIGINAL
		    " CHARACTER SET utf8mb4",
		    deadline, err) < 0 ||
	    maria_schema_list(db, n->database, false, deadline, &n->schema,
			      err) < 0 ||
	    maria_schema_define(db, &n->schema, deadline, err) < 0)
		return -1;
	fits = maria_columns(db, n, deadline, ret_why, err);
	if (fits == 1)
		fits = read_cascades(db, n, deadline, ret_why, err);
	if (fits != 1)
		return fits;
	if (settle_counters(db, n, deadline, err) < 0 ||
	    copy_tables(db, n, deadline, err) < 0 ||
	    settle_sequences(db, n, deadline, err) < 0)
		return -1;
	n->only_in_place = maria_names_itself(n);
	n->no_rebuild = maria_foreign_text(n);
	if (find_grants(db, n, deadline, err) < 0 ||
	    try_rebuild(db, n, deadline, err) < 0 ||
	    maria_sums_take(db, n, deadline, err) < 0 ||
	    maria_notes_save(db, n, deadline, err) < 0)
		return -1;
	return maria_compare(db, n, n->database, deadline, NULL, err);
}

int maria_keep(struct db *admin, const char *database,
	       const struct deadline *deadline, char **ret_why,
	       struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	auto_free char *unfit = NULL;
	struct maria_notes n = {.database = xstrdup(database)};
	int kept = keep_in(admin, &n, deadline, &unfit, &why);

	maria_notes_free(&n);
	if (kept == 1)
		return db_exec(admin, "USE information_schema", deadline, err) <
			       0
			   ? -1
			   : 1;
	/* what the server refuses here it would refuse every time */
	if (kept < 0 && why.kind != ERROR_DATABASE)
		return error_move(err, &why);
	if (db_exec(admin,
		    "USE information_schema; DROP DATABASE IF "
		    "EXISTS " MARIA_ORIGINAL "; DROP DATABASE IF EXISTS " TRIAL,
		    deadline, err) < 0)
		return -1;
	if (kept < 0)
		*ret_why = xstrdup(why.text);
	else
		*ret_why = unfit ? take_ptr(&unfit)
				 : xstrdup("a copy of it is not equal");
	return 0;
}
