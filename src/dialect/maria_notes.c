/* SPDX-License-Identifier: MIT */
#include "dialect/maria.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"

#include <stdlib.h>
#include <string.h>

static void put_value(struct buf *sql, const char *text)
{
	db_put_literal(DIALECT_MARIADB, sql, text);
}

static void put_values(struct buf *sql, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_puts(sql, ", ");
		put_value(sql, v[i] ? v[i] : "");
	}
	buf_puts(sql, ")");
}

void maria_notes_free(struct maria_notes *n)
{
	for (size_t i = 0; i < n->n_tables; i++) {
		free(n->tables[i].name);
		free(n->tables[i].auto_increment);
		free(n->tables[i].sum);
		free(n->tables[i].empty);
		free(n->tables[i].put);
		free(n->tables[i].fill);
	}
	free(n->tables);
	free(n->cascades);
	free(n->database);
	free(n->only_in_place);
	free(n->no_rebuild);
	maria_schema_free(&n->schema);
	*n = (struct maria_notes){0};
}

const char *maria_notes_original(const struct maria_notes *n)
{
	return n->plain ? n->database : MARIA_ORIGINAL;
}

size_t maria_notes_table(const struct maria_notes *n, const char *name)
{
	size_t i;

	for (i = 0; i < n->n_tables; i++)
		if (!strcmp(n->tables[i].name, name))
			break;
	return i;
}

static int make_tables(struct db *db, const struct deadline *deadline,
		       struct error *err)
{
	static const char *const tables[] = {
	    "canary` (id INT)",
	    "objects` (seq INT PRIMARY KEY, kind INT, type TEXT, name TEXT,"
	    " `on` TEXT, sql_ LONGTEXT, mode TEXT, client TEXT,"
	    " connection TEXT, zone TEXT, engine TEXT, auto_increment TEXT)",
	    "tables` (seq INT PRIMARY KEY, name TEXT, sequence INT,"
	    " checked INT, auto_increment TEXT, sum TEXT, empty LONGTEXT,"
	    " put LONGTEXT, fill LONGTEXT)",
	    "cascades` (parent INT, child INT, PRIMARY KEY (parent, child))",
	    /* in brackets, as clang takes two lines for a lost comma */
	    ("facts` (db TEXT, options TEXT, only_in_place TEXT,"
	     " no_rebuild TEXT)"),
	};
	auto_buf struct buf sql = BUF_INIT;

	for (size_t i = 0; i < array_len(tables); i++)
		buf_printf(&sql,
			   "%sCREATE TABLE " MARIA_ORIGINAL ".`testenv:%s"
			   " ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE"
			   " utf8mb4_bin STATS_AUTO_RECALC=0",
			   i ? "; " : "", tables[i]);
	return db_exec(db, sql.s, deadline, err);
}

static int save_objects(struct db *db, const struct maria_schema *s,
			const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	for (size_t i = 0; i < s->n; i++) {
		const struct maria_object *o = &s->v[i];
		const char *const v[] = {
		    o->type,   o->name,           o->on,         o->sql,
		    o->mode,   o->client,         o->connection, o->zone,
		    o->engine, o->auto_increment,
		};

		buf_clear(&sql);
		buf_printf(&sql,
			   "INSERT INTO " MARIA_ORIGINAL ".`testenv:objects`"
			   " VALUES (%zu, %d, ",
			   i, (int)o->kind);
		put_values(&sql, v, array_len(v));
		if (db_exec(db, sql.s, deadline, err) < 0)
			return -1;
	}
	return 0;
}

static int save_tables(struct db *db, const struct maria_notes *n,
		       const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	for (size_t i = 0; i < n->n_tables; i++) {
		const struct maria_table *t = &n->tables[i];
		const char *const v[] = {t->auto_increment, t->sum, t->empty,
					 t->put, t->fill};

		buf_clear(&sql);
		buf_printf(&sql,
			   "INSERT INTO " MARIA_ORIGINAL ".`testenv:tables`"
			   " VALUES (%zu, ",
			   i);
		put_value(&sql, t->name);
		buf_printf(&sql, ", %d, %d, ", t->sequence, t->checked);
		put_values(&sql, v, array_len(v));
		if (db_exec(db, sql.s, deadline, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < n->n_cascades; i++) {
		buf_clear(&sql);
		buf_printf(&sql,
			   "INSERT IGNORE INTO " MARIA_ORIGINAL
			   ".`testenv:cascades` VALUES (%zu, %zu)",
			   n->cascades[i].parent, n->cascades[i].child);
		if (db_exec(db, sql.s, deadline, err) < 0)
			return -1;
	}
	return 0;
}

int maria_notes_save(struct db *db, const struct maria_notes *n,
		     const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;
	const char *const v[] = {n->database, n->schema.options,
				 n->only_in_place, n->no_rebuild};

	/* the facts last: with them the notes are whole */
	buf_puts(&sql, "INSERT INTO " MARIA_ORIGINAL ".`testenv:facts`"
		       " VALUES (");
	put_values(&sql, v, array_len(v));
	if (make_tables(db, deadline, err) < 0 ||
	    save_objects(db, &n->schema, deadline, err) < 0 ||
	    save_tables(db, n, deadline, err) < 0)
		return -1;
	return db_exec(db, sql.s, deadline, err);
}

static void load_object(struct maria_notes *n, char **v)
{
	struct maria_object *o;

	n->schema.v =
	    xreallocarray(n->schema.v, n->schema.n + 1, sizeof(*n->schema.v));
	o = &n->schema.v[n->schema.n++];
	*o = (struct maria_object){
	    .kind = (enum maria_kind)strtol(v[0], NULL, 10),
	    .type = take_ptr(&v[1]),
	    .name = take_ptr(&v[2]),
	    .on = take_ptr(&v[3]),
	    .sql = take_ptr(&v[4]),
	    .mode = take_ptr(&v[5]),
	    .client = take_ptr(&v[6]),
	    .connection = take_ptr(&v[7]),
	    .zone = take_ptr(&v[8]),
	    .engine = take_ptr(&v[9]),
	    .auto_increment = take_ptr(&v[10]),
	};
}

static void load_table(struct maria_notes *n, char **v)
{
	n->tables =
	    xreallocarray(n->tables, n->n_tables + 1, sizeof(*n->tables));
	n->tables[n->n_tables++] = (struct maria_table){
	    .name = take_ptr(&v[0]),
	    .sequence = *v[1] == '1',
	    .checked = *v[2] == '1',
	    .auto_increment = take_ptr(&v[3]),
	    .sum = take_ptr(&v[4]),
	    .empty = take_ptr(&v[5]),
	    .put = take_ptr(&v[6]),
	    .fill = take_ptr(&v[7]),
	};
}

static void load_cascade(struct maria_notes *n, char **v)
{
	n->cascades =
	    xreallocarray(n->cascades, n->n_cascades + 1, sizeof(*n->cascades));
	n->cascades[n->n_cascades++] = (struct maria_cascade){
	    strtoul(v[0], NULL, 10), strtoul(v[1], NULL, 10)};
}

static void load_row(struct maria_notes *n, struct maria_row *row)
{
	switch (row->set) {
	case 0:
		n->database = take_ptr(&row->v[0]);
		n->schema.options = take_ptr(&row->v[1]);
		n->schema.exists = true;
		n->only_in_place = take_ptr(&row->v[2]);
		n->no_rebuild = take_ptr(&row->v[3]);
		break;
	case 1:
		load_object(n, row->v);
		break;
	case 2:
		load_table(n, row->v);
		break;
	default:
		load_cascade(n, row->v);
		break;
	}
}

/* Whatever a server says: a NULL where none can be, or a number out of range,
 * is notes that somebody has written to. */
static bool is_sound(const struct maria_answer *answer)
{
	for (size_t i = 0; i < answer->n; i++)
		for (unsigned k = 0; k < answer->rows[i].n; k++)
			if (!answer->rows[i].v[k])
				return false;
	return answer->n > 0 && answer->rows[0].set == 0;
}

int maria_notes_load(struct db *db, struct maria_notes *ret,
		     const struct deadline *deadline, struct error *err)
{
	static const char ask[] =
	    "SELECT db, options, only_in_place, no_rebuild"
	    " FROM " MARIA_ORIGINAL ".`testenv:facts`; "
	    "SELECT kind, type, name, `on`, sql_, mode, client, connection,"
	    " zone, engine, auto_increment"
	    " FROM " MARIA_ORIGINAL ".`testenv:objects` ORDER BY seq; "
	    "SELECT name, sequence, checked, auto_increment, sum, empty, put,"
	    " fill FROM " MARIA_ORIGINAL ".`testenv:tables` ORDER BY seq; "
	    "SELECT parent, child FROM " MARIA_ORIGINAL ".`testenv:cascades`";
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	struct maria_notes n = {0};

	if (maria_ask(db, ask, deadline, &answer, err) < 0)
		return -1;
	if (!is_sound(&answer))
		return error_set(err, ERROR_DATABASE,
				 "the original's notes are damaged");
	for (size_t i = 0; i < answer.n; i++)
		load_row(&n, &answer.rows[i]);
	for (size_t i = 0; i < n.n_cascades; i++) {
		if (n.cascades[i].parent < n.n_tables &&
		    n.cascades[i].child < n.n_tables)
			continue;
		maria_notes_free(&n);
		return error_set(err, ERROR_DATABASE,
				 "the original's notes are damaged");
	}
	*ret = n;
	return 0;
}
