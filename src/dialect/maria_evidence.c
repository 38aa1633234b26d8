/* SPDX-License-Identifier: MIT */
#include "dialect/maria.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"

#include <stdlib.h>
#include <string.h>

/* The statements asked together, in this order. */
enum {
	SET_CHANGED,
	SET_IDS,
	SET_CANARY,
	SET_ALTERS,
	SET_ORIGINAL,
	SET_ORIGINAL_IDS,
	SET_SURROUNDINGS /* and what follows */
};

/* "db/t#P#p0" is the table t of db, in the encoding of file names. */
#define DECODED(part, n)                                         \
	"CONVERT(CONVERT(CAST(SUBSTRING_INDEX(" part ", '/', " n \
	") AS BINARY) USING filename) USING utf8mb4)"
#define ID_DATABASE DECODED("NAME", "1")
#define ID_TABLE    DECODED("SUBSTRING_INDEX(NAME, '#', 1)", "-1")

void maria_evidence_free(struct maria_evidence *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].name);
		free(e->v[i].changed);
		free(e->v[i].ids);
	}
	free(e->v);
	free(e->surroundings);
	free(e->canary);
	free(e->original);
	*e = (struct maria_evidence){0};
}

static void text(struct buf *b, const char *s)
{
	db_put_literal(DIALECT_MARIADB, b, s);
}

/*
 * InnoDB's counts are there only for tables that it has opened, so that to ask
 * for them opens all: each file, which under overlayfs is copied for that.
 * Where no row was written since the server started they are all 0.
 */
static const char *counts(bool fresh)
{
	return fresh ? "(SELECT NAME, TABLE_ID, 0 AS MODIFIED_COUNTER FROM"
		       " information_schema.INNODB_SYS_TABLES) AS x"
		     : "information_schema.INNODB_SYS_TABLESTATS";
}

/* FLUSH can take the counts away; so can IMPORT put a file under a table,
 * which needs ALTER TABLE. */
static void put_counts(struct buf *sql, const char *name, bool fresh)
{
	buf_puts(sql, "SELECT TABLE_NAME, ROWS_CHANGED FROM"
		      " information_schema.TABLE_STATISTICS WHERE"
		      " ROWS_CHANGED > 0 AND TABLE_SCHEMA = ");
	text(sql, name);
	buf_puts(sql, "; SELECT " ID_TABLE ", GROUP_CONCAT(TABLE_ID ORDER BY"
		      " NAME), SUM(MODIFIED_COUNTER) FROM ");
	buf_puts(sql, counts(fresh));
	buf_puts(sql,
		 " WHERE NAME LIKE '%/%' AND BINARY " ID_DATABASE " = BINARY ");
	text(sql, name);
	buf_puts(sql,
		 " GROUP BY BINARY " ID_TABLE "; SELECT ROWS_CHANGED FROM"
		 " information_schema.TABLE_STATISTICS WHERE TABLE_SCHEMA"
		 " = '" MARIA_ORIGINAL "' AND TABLE_NAME ="
		 " 'testenv:canary'; SHOW GLOBAL STATUS WHERE"
		 " Variable_name IN ('Com_alter_table', 'Com_flush',"
		 " 'Com_lock_tables'); "
		 "SELECT TABLE_NAME, ROWS_CHANGED FROM"
		 " information_schema.TABLE_STATISTICS WHERE"
		 " ROWS_CHANGED > 0 AND TABLE_SCHEMA = '" MARIA_ORIGINAL
		 "' AND TABLE_NAME <> 'testenv:canary' ORDER BY BINARY"
		 " TABLE_NAME; SELECT NAME, TABLE_ID, MODIFIED_COUNTER FROM ");
	buf_puts(sql, counts(fresh));
	buf_puts(sql, " WHERE NAME LIKE '" MARIA_ORIGINAL
		      "/%' AND NAME <> '" MARIA_ORIGINAL
		      "/testenv@003acanary' ORDER BY BINARY NAME");
}

/*
 * All that an owner can change outside his database: global settings,
 * accounts and privileges, plugins, other databases with their routines,
 * tables and rows, the original among them, and transactions prepared and left.
 * What moves by itself is left out. `userstat` switched off and on again would
 * hide what was done in between, so of that it counts who set it, too, which
 * stays "SQL" from the first SET on.
 */
static void put_surroundings(struct buf *sql, const char *name, bool fresh)
{
	buf_puts(
	    sql,
	    "; SELECT MD5(GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE"
	    " SEPARATOR ';')) FROM information_schema.GLOBAL_VARIABLES WHERE"
	    " VARIABLE_NAME NOT LIKE 'GTID%'; "
	    "SELECT GLOBAL_VALUE_ORIGIN FROM information_schema."
	    "SYSTEM_VARIABLES WHERE VARIABLE_NAME = 'userstat'; "
	    "CHECKSUM TABLE mysql.global_priv, mysql.db, mysql.tables_priv,"
	    " mysql.columns_priv, mysql.procs_priv, mysql.proxies_priv,"
	    " mysql.roles_mapping, mysql.func, mysql.plugin, mysql.servers; "
	    "XA RECOVER FORMAT='SQL'; "
	    "SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME FROM"
	    " information_schema.SCHEMATA WHERE BINARY SCHEMA_NAME <> BINARY ");
	text(sql, name);
	buf_puts(sql, " ORDER BY BINARY SCHEMA_NAME; SELECT"
		      " MD5(GROUP_CONCAT(db, '.', type, '.', name, modified"
		      " ORDER BY db, type, name)) FROM mysql.proc WHERE"
		      " db <> ");
	text(sql, name);
	buf_puts(sql, "; SELECT MD5(GROUP_CONCAT(db, '.', name, modified"
		      " ORDER BY db, name)) FROM mysql.event WHERE db <> ");
	text(sql, name);
	buf_puts(sql, "; SELECT TABLE_SCHEMA, TABLE_NAME, ROWS_CHANGED FROM"
		      " information_schema.TABLE_STATISTICS WHERE"
		      " ROWS_CHANGED > 0 AND TABLE_SCHEMA NOT LIKE '" MARIA_LOOK
		      "%' AND TABLE_SCHEMA NOT IN ('mysql',"
		      " 'sys', 'information_schema', 'performance_schema', ");
	text(sql, name);
	buf_puts(sql, ") ORDER BY BINARY TABLE_SCHEMA, BINARY TABLE_NAME; "
		      "SELECT NAME, TABLE_ID, MODIFIED_COUNTER FROM ");
	buf_puts(sql, counts(fresh));
	buf_puts(sql, " WHERE NAME LIKE '%/%' AND NAME NOT LIKE 'mysql/%' AND "
		      "NAME NOT LIKE"
		      " '" MARIA_ORIGINAL "/%' AND BINARY " ID_DATABASE
		      " <> BINARY ");
	text(sql, name);
	buf_puts(sql, " ORDER BY BINARY NAME");
}

static struct maria_count *count_of(struct maria_evidence *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (!strcmp(e->v[i].name, name))
			return &e->v[i];
	e->v = xreallocarray(e->v, e->n + 1, sizeof(*e->v));
	e->v[e->n] =
	    (struct maria_count){xstrdup(name), xstrdup(""), xstrdup(""), 0};
	return &e->v[e->n++];
}

static void replace(char **at, const char *by)
{
	free(*at);
	*at = xstrdup(by ? by : "");
}

static void add_line(struct buf *b, const struct maria_row *row)
{
	buf_printf(b, "%u", row->set);
	for (unsigned i = 0; i < row->n; i++)
		buf_printf(b, "|%s", row->v[i] ? row->v[i] : "");
	buf_putc(b, '\n');
}

static long long number(const char *s)
{
	return s ? strtoll(s, NULL, 10) : 0;
}

static void take(struct maria_evidence *e, struct buf *original,
		 struct buf *surroundings, const struct maria_row *row)
{
	switch (row->set) {
	case SET_CHANGED:
		if (row->v[0])
			replace(&count_of(e, row->v[0])->changed, row->v[1]);
		break;
	case SET_IDS:
		if (!row->v[0])
			break;
		replace(&count_of(e, row->v[0])->ids, row->v[1]);
		count_of(e, row->v[0])->modified = number(row->v[2]);
		break;
	case SET_CANARY:
		replace(&e->canary, row->v[0]);
		break;
	case SET_ALTERS:
		if (row->v[0] && !strcmp(row->v[0], "Com_lock_tables"))
			e->locks = number(row->v[1]);
		else
			e->alters += number(row->v[1]);
		break;
	case SET_ORIGINAL:
	case SET_ORIGINAL_IDS:
		add_line(original, row);
		break;
	default:
		add_line(surroundings, row);
		break;
	}
}

int maria_evidence_read(struct maria_clones *c, struct db *db, const char *name,
			bool wide, const struct deadline *deadline,
			struct maria_evidence *ret, struct error *err)
{
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	auto_buf struct buf surroundings = BUF_INIT;
	auto_buf struct buf original = BUF_INIT;
	auto_buf struct buf sql = BUF_INIT;
	int result;

	put_counts(&sql, name, c->fresh);
	if (wide && c->database)
		put_surroundings(&sql, name, c->fresh);
	pthread_mutex_lock(&c->alter_mutex);
	result = maria_ask(db, sql.s, deadline, &answer, err);
	*ret =
	    (struct maria_evidence){.canary = NULL, .alters = -c->own_alters};
	pthread_mutex_unlock(&c->alter_mutex);
	if (result < 0)
		return -1;
	ret->canary = xstrdup("");
	for (size_t i = 0; i < answer.n; i++)
		take(ret, &original, &surroundings, &answer.rows[i]);
	ret->original = xstrdup(original.s);
	ret->surroundings = xstrdup(surroundings.s);
	return 0;
}

int maria_canary(struct db *db, unsigned rows, const struct deadline *deadline,
		 struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "INSERT INTO " MARIA_ORIGINAL ".`testenv:canary` VALUES"
		       " (1)");
	for (unsigned i = 1; i < rows; i++)
		buf_puts(&sql, ", (1)");
	return db_exec(db, sql.s, deadline, err);
}
