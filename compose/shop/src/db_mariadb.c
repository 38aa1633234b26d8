/* SPDX-License-Identifier: MIT */
#include "db_driver.h"

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_PARAMS = 16
};

static enum db_status status_of(unsigned code)
{
	switch (code) {
	case 1062: /* ER_DUP_ENTRY */
		return DB_UNIQUE;
	case 1451: /* ER_ROW_IS_REFERENCED_2 */
	case 1452: /* ER_NO_REFERENCED_ROW_2 */
		return DB_FOREIGN_KEY;
	case 4025: /* ER_CONSTRAINT_FAILED */
		return DB_CHECK;
	case 1048: /* ER_BAD_NULL_ERROR */
	case 1364: /* ER_NO_DEFAULT_FOR_FIELD */
		return DB_NOT_NULL;
	case 1644: /* ER_SIGNAL_EXCEPTION */
		return DB_REFUSED;
	case 1205: /* ER_LOCK_WAIT_TIMEOUT */
	case 1213: /* ER_LOCK_DEADLOCK */
	case 1020: /* ER_CHECKREAD: changed since the snapshot */
		return DB_BUSY;
	case 2006: /* CR_SERVER_GONE_ERROR */
	case 2013: /* CR_SERVER_LOST */
		return DB_LOST;
	default:
		return DB_ERROR;
	}
}

/* The parts of mysql://user:password@host:port/database?unix_socket=FILE */
struct parts {
	char *user, *password, *host, *database, *socket;
	unsigned port;
};

static void parts_free(struct parts *p)
{
	free(p->user);
	free(p->password);
	free(p->host);
	free(p->database);
	free(p->socket);
}

static void parts_read(const char *url, struct parts *p)
{
	static const char query[] = "unix_socket=";
	const char *at = strstr(url, "://"), *end, *mark;

	at = at ? at + 3 : url + strlen(url);
	end = at + strcspn(at, "/?");
	mark = memchr(at, '@', (size_t)(end - at));
	if (mark) {
		size_t user = strcspn(at, ":@");

		p->user = db_percent_decode(at, user);
		if (at[user] == ':')
			p->password = db_percent_decode(
			    at + user + 1, (size_t)(mark - at) - user - 1);
		at = mark + 1;
	}
	p->host = db_percent_decode(at, strcspn(at, ":/?"));
	at += strcspn(at, ":/?");
	if (*at == ':')
		p->port = (unsigned)strtoul(at + 1, NULL, 10);
	if (*end == '/')
		p->database = db_percent_decode(end + 1, strcspn(end + 1, "?"));
	mark = strstr(end, query);
	if (mark) {
		mark += sizeof(query) - 1;
		p->socket = db_percent_decode(mark, strcspn(mark, "&"));
	}
}

static enum db_status my_open(struct db *db, const char *url)
{
	struct parts p = {0};
	MYSQL *handle = mysql_init(NULL);
	enum db_status status = DB_OK;
	char sql[96];

	if (!handle)
		return db_fail(db, DB_ERROR, "no memory");
	db->handle = handle;
	parts_read(url, &p);
	mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	snprintf(sql, sizeof(sql),
		 "set innodb_lock_wait_timeout = %d, sql_mode = 'ansi,"
		 "traditional'",
		 DB_LOCK_WAIT_S);
	if (!mysql_real_connect(handle, p.host, p.user, p.password, p.database,
				p.port, p.socket, 0))
		status = db_fail(db, DB_LOST, mysql_error(handle));
	else if (mysql_query(handle, sql))
		status = db_fail(db, status_of(mysql_errno(handle)),
				 mysql_error(handle));
	parts_free(&p);
	return status;
}

static void my_close(struct db *db)
{
	mysql_close(db->handle);
}

static void fill(MYSQL_BIND *bind, struct db_value *v)
{
	switch (v->type) {
	case DB_TYPE_INT:
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		bind->buffer = &v->number;
		break;
	case DB_TYPE_TEXT:
	case DB_TYPE_BLOB:
		bind->buffer_type = v->type == DB_TYPE_TEXT ? MYSQL_TYPE_STRING
							    : MYSQL_TYPE_BLOB;
		/* only read, but the library's struct has no const */
		memcpy(&bind->buffer, &v->data, sizeof(v->data));
		bind->buffer_length = v->len;
		break;
	case DB_TYPE_NULL:
	default:
		bind->buffer_type = MYSQL_TYPE_NULL;
	}
}

/* Fetches with no room, which gives each column's length, then each column. */
static int take_row(MYSQL_STMT *stmt, MYSQL_BIND *binds,
		    const unsigned long *lengths, const my_bool *nulls,
		    struct db_rows *ret, size_t row)
{
	unsigned col;

	for (col = 0; col < ret->n_cols; col++) {
		struct db_cell *cell = &ret->cells[row * ret->n_cols + col];
		MYSQL_BIND bind = binds[col];

		if (nulls[col])
			continue;
		cell->len = lengths[col];
		cell->data = db_alloc(cell->len + 1, 1);
		bind.buffer = cell->data;
		bind.buffer_length = cell->len;
		if (cell->len && mysql_stmt_fetch_column(stmt, &bind, col, 0))
			return -1;
	}
	return 0;
}

static int take_rows(MYSQL_STMT *stmt, struct db_rows *ret)
{
	unsigned n_cols = mysql_stmt_field_count(stmt), col;
	unsigned long *lengths = db_alloc(n_cols, sizeof(*lengths));
	MYSQL_BIND *binds = db_alloc(n_cols, sizeof(*binds));
	my_bool *nulls = db_alloc(n_cols, sizeof(*nulls));
	int rc = 0;
	size_t row;

	for (col = 0; col < n_cols; col++) {
		binds[col].buffer_type = MYSQL_TYPE_STRING;
		binds[col].length = &lengths[col];
		binds[col].is_null = &nulls[col];
	}
	if (mysql_stmt_bind_result(stmt, binds) ||
	    mysql_stmt_store_result(stmt))
		rc = -1;
	else
		db_rows_shape(ret, (size_t)mysql_stmt_num_rows(stmt), n_cols);
	for (row = 0; rc == 0 && row < ret->n_rows; row++) {
		int fetched = mysql_stmt_fetch(stmt);

		if (fetched != 0 && fetched != MYSQL_DATA_TRUNCATED)
			rc = -1;
		else
			rc = take_row(stmt, binds, lengths, nulls, ret, row);
	}
	free(lengths);
	free(binds);
	free(nulls);
	return rc;
}

/* begin, commit and their like: not every server prepares them. */
static enum db_status run_plain(struct db *db, const char *sql)
{
	if (mysql_query(db->handle, sql))
		return db_fail(db, status_of(mysql_errno(db->handle)),
			       mysql_error(db->handle));
	return DB_OK;
}

static enum db_status my_run(struct db *db, const char *sql,
			     const struct db_value *params, size_t n_params,
			     struct db_rows *ret)
{
	struct db_value values[MAX_PARAMS];
	MYSQL_BIND binds[MAX_PARAMS] = {{0}};
	enum db_status status = DB_OK;
	MYSQL_STMT *stmt;
	size_t i;

	if (n_params > MAX_PARAMS)
		return db_fail(db, DB_ERROR, "too many parameters");
	if (n_params == 0 && strncmp(sql, "select", 6))
		return run_plain(db, sql);
	stmt = mysql_stmt_init(db->handle);
	if (!stmt)
		return db_fail(db, DB_ERROR, "no memory");
	for (i = 0; i < n_params; i++) {
		values[i] = params[i];
		fill(&binds[i], &values[i]);
	}
	if (mysql_stmt_prepare(stmt, sql, strlen(sql)) ||
	    (n_params && mysql_stmt_bind_param(stmt, binds)) ||
	    mysql_stmt_execute(stmt) ||
	    (mysql_stmt_field_count(stmt) && take_rows(stmt, ret)))
		status = db_fail(db, status_of(mysql_stmt_errno(stmt)),
				 mysql_stmt_error(stmt));
	mysql_stmt_close(stmt);
	return status;
}

const struct db_driver db_mariadb = {
    .name = "mariadb",
    .schemes = {"mysql:", "mariadb:"},
    .begin = "start transaction",
    .for_update = " for update",
    .open = my_open,
    .close = my_close,
    .run = my_run,
};
