/* SPDX-License-Identifier: MIT */
#include "db_driver.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OID_BYTEA = 17 /* as pg_type has it; never changes */
};

static enum db_status status_of(const char *sqlstate)
{
	static const struct {
		const char *code;
		enum db_status status;
	} table[] = {
	    {"23505", DB_UNIQUE},  {"23503", DB_FOREIGN_KEY},
	    {"23514", DB_CHECK},   {"23502", DB_NOT_NULL},
	    {"P0001", DB_REFUSED}, /* raise exception */
	    {"40001", DB_BUSY},    /* serialization */
	    {"40P01", DB_BUSY},    /* deadlock */
	    {"55P03", DB_BUSY},    /* lock_timeout */
	};
	size_t i;

	for (i = 0; sqlstate && i < sizeof(table) / sizeof(*table); i++)
		if (!strcmp(sqlstate, table[i].code))
			return table[i].status;
	return DB_ERROR;
}

static enum db_status failed(struct db *db, const PGresult *result)
{
	if (PQstatus(db->handle) != CONNECTION_OK)
		return db_fail(db, DB_LOST, PQerrorMessage(db->handle));
	return db_fail(db,
		       status_of(PQresultErrorField(result, PG_DIAG_SQLSTATE)),
		       PQresultErrorMessage(result));
}

/* "a = ? and b = '?'" becomes "a = $1 and b = '?'"; the caller frees. */
static char *numbered(const char *sql)
{
	char *out = db_alloc(strlen(sql) * 4 + 1, 1);
	size_t n = 0, arg = 0;
	char quote = 0;

	for (; *sql; sql++) {
		if (quote ? *sql == quote : *sql == '\'' || *sql == '"')
			quote = quote ? 0 : *sql;
		if (*sql == '?' && !quote && arg < 999)
			n += (size_t)snprintf(out + n, 5, "$%zu", ++arg);
		else
			out[n++] = *sql;
	}
	return out;
}

static enum db_status pg_open(struct db *db, const char *url)
{
	char sql[128];
	PGresult *result;
	enum db_status status = DB_OK;

	db->handle = PQconnectdb(url);
	if (PQstatus(db->handle) != CONNECTION_OK)
		return db_fail(db, DB_LOST, PQerrorMessage(db->handle));
	snprintf(sql, sizeof(sql),
		 "set client_min_messages = warning; set lock_timeout = '%ds'",
		 DB_LOCK_WAIT_S);
	result = PQexec(db->handle, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		status = failed(db, result);
	PQclear(result);
	return status;
}

static void pg_close(struct db *db)
{
	PQfinish(db->handle);
}

static void take_rows(const PGresult *result, struct db_rows *ret)
{
	int row, col;

	db_rows_shape(ret, (size_t)PQntuples(result),
		      (size_t)PQnfields(result));
	for (row = 0; row < PQntuples(result); row++) {
		for (col = 0; col < PQnfields(result); col++) {
			size_t len = (size_t)PQgetlength(result, row, col);
			const char *data = PQgetvalue(result, row, col);
			unsigned char *raw = NULL;

			if (PQgetisnull(result, row, col))
				continue;
			if (PQftype(result, col) == OID_BYTEA)
				raw = PQunescapeBytea(
				    (const unsigned char *)data, &len);
			db_rows_set(ret, (size_t)row, (size_t)col,
				    raw ? (const void *)raw : data, len);
			PQfreemem(raw);
		}
	}
}

enum {
	MAX_PARAMS = 16
};

/* How libpq wants its arguments. */
struct arguments {
	const char *values[MAX_PARAMS];
	int lengths[MAX_PARAMS], formats[MAX_PARAMS];
	Oid types[MAX_PARAMS];
	char numbers[MAX_PARAMS][24];
};

static void fill(struct arguments *a, size_t i, const struct db_value *v)
{
	a->lengths[i] = (int)v->len;
	switch (v->type) {
	case DB_TYPE_INT:
		snprintf(a->numbers[i], sizeof(a->numbers[i]), "%" PRId64,
			 v->number);
		a->values[i] = a->numbers[i];
		break;
	case DB_TYPE_BLOB:
		a->formats[i] = 1;
		a->types[i] = OID_BYTEA;
		a->values[i] = v->len ? v->data : "";
		break;
	case DB_TYPE_TEXT:
		a->values[i] = v->data;
		break;
	case DB_TYPE_NULL:
	default:
		break;
	}
}

static enum db_status pg_run(struct db *db, const char *sql,
			     const struct db_value *params, size_t n_params,
			     struct db_rows *ret)
{
	struct arguments a = {0};
	enum db_status status = DB_OK;
	PGresult *result;
	char *text;
	size_t i;

	if (n_params > MAX_PARAMS)
		return db_fail(db, DB_ERROR, "too many parameters");
	for (i = 0; i < n_params; i++)
		fill(&a, i, &params[i]);
	text = numbered(sql);
	result = PQexecParams(db->handle, text, (int)n_params, a.types,
			      a.values, a.lengths, a.formats, 0);
	free(text);
	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
		take_rows(result, ret);
		break;
	case PGRES_COMMAND_OK:
		break;
	default:
		status = failed(db, result);
	}
	PQclear(result);
	return status;
}

const struct db_driver db_postgres = {
    .name = "postgres",
    .schemes = {"postgresql:", "postgres:"},
    .begin = "begin",
    .for_update = " for update",
    .open = pg_open,
    .close = pg_close,
    .run = pg_run,
};
