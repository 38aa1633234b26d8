/* SPDX-License-Identifier: MIT */
/*
 * The statements that put a table's rows back. A table with a primary key is
 * compared row by row with its original, byte by byte, and only what differs is
 * written; others are emptied and filled.
 */
#include "dialect/maria.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"

#include <stdlib.h>
#include <string.h>

struct column {
	const char *table, *name, *type, *generated, *extra;
};

/* One table at work: its columns are cols[from .. to). */
struct work {
	const struct maria_object *object;
	const struct column *columns;
	size_t n;
	const struct maria_answer *keys; /* set 1: table, column */
	const char *original;
	struct maria_table *table;
};

static void name(struct buf *b, const char *s)
{
	db_put_identifier(DIALECT_MARIADB, b, s);
}

/* Filled by us: neither computed nor the row's period. */
static bool is_base(const struct column *c)
{
	return !*c->generated;
}

static bool is_any(const char *type, const char *const *types)
{
	for (; *types; types++)
		if (!strcmp(type, *types))
			return true;
	return false;
}

/*
 * Equal bytes, whatever the collation says; false when the type is not known.
 * A number compares as such, and -0.0 as a text; an enum by its number, since
 * its invalid value and '' look the same.
 */
static bool put_equal(struct buf *b, const struct column *c)
{
	static const char *const plain[] = {
	    "tinyint",  "smallint",  "mediumint", "int",       "bigint",
	    "decimal",  "date",      "datetime",  "timestamp", "time",
	    "year",     "bit",       "uuid",      "inet6",     "inet4",
	    "binary",   "varbinary", "tinyblob",  "blob",      "mediumblob",
	    "longblob", NULL};
	static const char *const bytes[] = {"char",
					    "varchar",
					    "tinytext",
					    "text",
					    "mediumtext",
					    "longtext",
					    "set",
					    "geometry",
					    "point",
					    "linestring",
					    "polygon",
					    "multipoint",
					    "multilinestring",
					    "multipolygon",
					    "geometrycollection",
					    NULL};
	static const char *const floats[] = {"float", "double", NULL};
	auto_buf struct buf n = BUF_INIT;

	name(&n, c->name);
	if (is_any(c->type, plain)) {
		buf_printf(b, "t.%s <=> o.%s", n.s, n.s);
	} else if (is_any(c->type, bytes)) {
		buf_printf(b, "BINARY t.%s <=> BINARY o.%s", n.s, n.s);
	} else if (is_any(c->type, floats)) {
		buf_printf(b, "t.%s <=> o.%s AND BINARY t.%s <=> BINARY o.%s",
			   n.s, n.s, n.s, n.s);
	} else if (!strcmp(c->type, "enum")) {
		buf_printf(b, "t.%s + 0 <=> o.%s + 0", n.s, n.s);
	} else {
		return false;
	}
	return true;
}

/* OPEN P`a`, P`b` CLOSE */
static void put_list(struct buf *b, const struct work *w, const char *open,
		     const char *prefix, const char *close)
{
	const char *before = open;

	for (size_t i = 0; i < w->n; i++) {
		if (!is_base(&w->columns[i]))
			continue;
		buf_printf(b, "%s%s", before, prefix);
		name(b, w->columns[i].name);
		before = ", ";
	}
	buf_puts(b, close);
}

static void put_original(struct buf *b, const char *original, const char *table)
{
	name(b, original);
	buf_putc(b, '.');
	name(b, table);
}

/* "t.a = o.a AND t.b = o.b"; *ret_first is one of the key's columns, or NULL
 * when there is no key. */
static void put_key(struct buf *b, const struct work *w, const char **ret_first)
{
	*ret_first = NULL;
	for (size_t i = 0; i < w->keys->n; i++) {
		const struct maria_row *row = &w->keys->rows[i];
		auto_buf struct buf n = BUF_INIT;

		if (row->set != 1 || strcmp(row->v[0], w->object->name) != 0)
			continue;
		name(&n, row->v[1]);
		buf_printf(b, "%st.%s = o.%s", *ret_first ? " AND " : "", n.s,
			   n.s);
		if (!*ret_first)
			*ret_first = row->v[1];
	}
}

/* INSERT INTO t (a, b) SELECT a, b FROM ORIGINAL.t */
static void write_fill(const struct work *w, const char *hidden,
		       const char *all, struct buf *b)
{
	buf_puts(b, "INSERT INTO ");
	name(b, w->object->name);
	put_list(b, w, " (", "", "");
	buf_printf(b, "%s) SELECT ", hidden);
	put_list(b, w, "", "", hidden);
	buf_puts(b, " FROM ");
	put_original(b, w->original, w->object->name);
	buf_puts(b, all);
}

static bool write_difference(const struct work *w, struct buf *empty,
			     struct buf *put)
{
	auto_buf struct buf key = BUF_INIT;
	auto_buf struct buf equal = BUF_INIT;
	const char *first;

	put_key(&key, w, &first);
	if (!first)
		return false;
	for (size_t i = 0; i < w->n; i++) {
		if (!is_base(&w->columns[i]))
			continue;
		if (equal.len)
			buf_puts(&equal, " AND ");
		if (!put_equal(&equal, &w->columns[i]))
			return false;
	}
	buf_puts(empty, "DELETE t FROM ");
	name(empty, w->object->name);
	buf_puts(empty, " t LEFT JOIN ");
	put_original(empty, w->original, w->object->name);
	buf_printf(empty, " o ON %s WHERE o.", key.s);
	name(empty, first);
	buf_printf(empty, " IS NULL OR NOT (%s)", equal.s);

	buf_puts(put, "INSERT INTO ");
	name(put, w->object->name);
	put_list(put, w, " (", "", ") SELECT ");
	put_list(put, w, "", "o.", " FROM ");
	put_original(put, w->original, w->object->name);
	buf_puts(put, " o LEFT JOIN ");
	name(put, w->object->name);
	buf_printf(put, " t ON %s WHERE t.", key.s);
	name(put, first);
	buf_puts(put, " IS NULL");
	return true;
}

/* Rows of the past are rows, too. */
static void write_versioned(const struct work *w, struct buf *empty,
			    struct buf *fill)
{
	auto_buf struct buf hidden = BUF_INIT;
	auto_buf struct buf start = BUF_INIT;
	auto_buf struct buf end = BUF_INIT;

	for (size_t i = 0; i < w->n; i++) {
		if (!strcmp(w->columns[i].generated, "ROW START"))
			name(&start, w->columns[i].name);
		if (!strcmp(w->columns[i].generated, "ROW END"))
			name(&end, w->columns[i].name);
	}
	buf_printf(&hidden, ", %s, %s", start.len ? start.s : "row_start",
		   end.len ? end.s : "row_end");
	buf_puts(empty, "DELETE FROM ");
	name(empty, w->object->name);
	buf_puts(empty, "; DELETE HISTORY FROM ");
	name(empty, w->object->name);
	buf_puts(fill, "SET SESSION system_versioning_insert_history=1; ");
	write_fill(w, hidden.s, " FOR SYSTEM_TIME ALL", fill);
	buf_puts(fill, "; SET SESSION system_versioning_insert_history=0");
}

static char *taken(struct buf *b)
{
	return xstrdup(b->s);
}

static void write_statements(const struct work *w)
{
	auto_buf struct buf empty = BUF_INIT;
	auto_buf struct buf put = BUF_INIT;
	auto_buf struct buf fill = BUF_INIT;
	bool versioned = strstr(w->object->sql, "WITH SYSTEM VERSIONING");

	if (versioned) {
		write_versioned(w, &empty, &fill);
	} else {
		write_fill(w, "", "", &fill);
		if (w->table->checked || !write_difference(w, &empty, &put)) {
			buf_clear(&empty);
			buf_puts(&empty, "DELETE FROM ");
			name(&empty, w->object->name);
		}
	}
	w->table->empty = taken(&empty);
	w->table->put = put.len ? taken(&put) : taken(&fill);
	w->table->fill = taken(&fill);
}

static void write_sequence(const char *original, const char *sequence,
			   struct maria_table *t)
{
	auto_buf struct buf b = BUF_INIT;

	/* writing its one row also forgets the values fetched in advance */
	buf_puts(&b, "INSERT INTO ");
	name(&b, sequence);
	buf_puts(&b, " SELECT * FROM ");
	put_original(&b, original, sequence);
	t->empty = xstrdup("");
	t->put = taken(&b);
	t->fill = taken(&b);
}

static char *unfit(const struct maria_object *o)
{
	static const char *const engines[] = {"InnoDB", "MyISAM", "Aria", NULL};

	if (!is_any(o->engine, engines))
		return xasprintf("table '%s' has the engine %s", o->name,
				 *o->engine ? o->engine : "of another server");
	if (!strncmp(o->name, "testenv:", 8))
		return xasprintf("table '%s' has a name of ours", o->name);
	if (strstr(o->sql, "AS ROW START") &&
	    strstr(o->sql, "bigint(20) unsigned GENERATED ALWAYS AS ROW"))
		return xasprintf("table '%s' is versioned by transactions",
				 o->name);
	return NULL;
}

static void add_table(struct maria_notes *n, const struct maria_object *o,
		      const struct column *columns, size_t n_columns,
		      const struct maria_answer *answer)
{
	struct maria_table *t;
	struct work w = {.object = o, .keys = answer};
	size_t from = 0;

	w.original = maria_notes_original(n);
	n->tables =
	    xreallocarray(n->tables, n->n_tables + 1, sizeof(*n->tables));
	t = &n->tables[n->n_tables++];
	*t = (struct maria_table){
	    .name = xstrdup(o->name),
	    .sequence = o->kind == MARIA_SEQUENCE,
	    .checked = strcmp(o->engine, "InnoDB") != 0,
	    .auto_increment = xstrdup(o->auto_increment),
	};
	if (t->sequence) {
		write_sequence(maria_notes_original(n), o->name, t);
		return;
	}
	while (from < n_columns && strcmp(columns[from].table, o->name) != 0)
		from++;
	w.columns = columns + from;
	while (from + w.n < n_columns && !strcmp(w.columns[w.n].table, o->name))
		w.n++;
	w.table = t;
	write_statements(&w);
}

static int ask(struct db *db, const char *database,
	       const struct deadline *deadline, struct maria_answer *ret,
	       struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql,
		 "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE,"
		 " IFNULL(GENERATION_EXPRESSION, ''), IFNULL(EXTRA, '')"
		 " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ");
	db_put_literal(DIALECT_MARIADB, &sql, database);
	buf_puts(&sql, " ORDER BY BINARY TABLE_NAME, ORDINAL_POSITION; "
		       "SELECT TABLE_NAME, COLUMN_NAME"
		       " FROM information_schema.STATISTICS WHERE INDEX_NAME ="
		       " 'PRIMARY' AND TABLE_SCHEMA = ");
	db_put_literal(DIALECT_MARIADB, &sql, database);
	buf_puts(&sql, " ORDER BY BINARY TABLE_NAME, SEQ_IN_INDEX");
	return maria_ask(db, sql.s, deadline, ret, err);
}

int maria_columns(struct db *db, struct maria_notes *n,
		  const struct deadline *deadline, char **ret_why,
		  struct error *err)
{
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	auto_free struct column *columns = NULL;
	size_t n_columns = 0;

	if (ask(db, n->database, deadline, &answer, err) < 0)
		return -1;
	columns = xcalloc(answer.n + 1, sizeof(*columns));
	for (size_t i = 0; i < answer.n; i++) {
		char **v = answer.rows[i].v;

		if (answer.rows[i].set == 0)
			columns[n_columns++] =
			    (struct column){v[0], v[1], v[2], v[3], v[4]};
	}
	for (size_t i = 0; i < n->schema.n; i++) {
		const struct maria_object *o = &n->schema.v[i];

		if (o->kind != MARIA_TABLE && o->kind != MARIA_SEQUENCE)
			continue;
		*ret_why = unfit(o);
		if (*ret_why)
			return 0;
		add_table(n, o, columns, n_columns, &answer);
	}
	return 1;
}
