/* SPDX-License-Identifier: MIT */
#include "dialect/driver.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "dialect/address_private.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

struct postgres {
	struct db db;
	PGconn *conn;
};

static PGconn *conn_of(struct db *db)
{
	return ((struct postgres *)db)->conn;
}

static void cleanup_result(PGresult **result)
{
	PQclear(*result);
}
#define auto_result __attribute__((cleanup(cleanup_result)))

/* libpq's own failures: "connection to server at … failed: CAUSE\n…". Only the
 * first line, and of that the cause. */
static int conn_error(PGconn *conn, struct error *err)
{
	const char *text = PQerrorMessage(conn);
	const char *end = text + strcspn(text, "\n");
	const char *cause = strstr(text, " failed: ");

	if (cause && cause < end)
		text = cause + strlen(" failed: ");
	if (!strncmp(text, "FATAL:  ", 8))
		text += 8;
	if (text == end)
		return error_set(err, ERROR_DATABASE, "connection lost");
	return error_set(err, ERROR_DATABASE, "%.*s", (int)(end - text), text);
}

static int result_error(PGconn *conn, const PGresult *result, struct error *err)
{
	const char *message =
	    PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);

	if (!message)
		return conn_error(conn, err);
	if (detail)
		error_set(err, ERROR_DATABASE, "%s (%s)", message, detail);
	else
		error_set(err, ERROR_DATABASE, "%s", message);
	if (hint)
		error_hint(err, "%s", hint);
	return -1;
}

static void on_notice(void *arg, const PGresult *result)
{
	const char *message =
	    PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	(void)arg;
	if (message)
		log_debug("postgres: %s", message);
}

static int wait_socket(PGconn *conn, short events, const struct deadline *d,
		       struct error *err)
{
	struct pollfd p = {.fd = PQsocket(conn), .events = events};

	if (p.fd < 0)
		return conn_error(conn, err);
	return deadline_poll(d, &p, 1, -1, "waiting for postgres", err) < 0 ? -1
									    : 0;
}

static int finish_connect(PGconn *conn, const struct deadline *d,
			  struct error *err)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	if (PQstatus(conn) == CONNECTION_BAD)
		return conn_error(conn, err);
	while (status != PGRES_POLLING_OK) {
		short events =
		    status == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (status == PGRES_POLLING_FAILED)
			return conn_error(conn, err);
		if (wait_socket(conn, events, d, err) < 0)
			return -1;
		status = PQconnectPoll(conn);
	}
	return 0;
}

/* What a URL's parameters may say to libpq; others are for the tests' driver.
 */
static const char *const url_params[] = {
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "gssencmode",
    "channel_binding",
    "connect_timeout",
};

/*
 * Every parameter that has a variable in the environment is given, because
 * libpq would else take it from there. The password file is one that cannot be
 * there: libpq complains on stderr about one that is not a plain file.
 */
static PGconn *start_connect(const struct db_address *a)
{
	auto_buf struct buf dir = BUF_INIT;
	auto_free char *port =
	    xasprintf("%u", db_by_tcp(a) ? a->port : db_socket_port(a));
	const char *const pairs[][2] = {
	    {"host", db_by_tcp(a) ? a->host : db_socket_dir(a, &dir)},
	    {"port", port},
	    {"user", a->user},
	    {"password", a->password},
	    {"dbname", a->database},
	    {"passfile", "/dev/null/none"},
	    {"sslmode", "disable"},
	    {"gssencmode", "disable"},
	    {"channel_binding", "disable"},
	    {"target_session_attrs", "any"},
	    {"client_encoding", "UTF8"},
	    {"options", "-c client_min_messages=warning"},
	    {"application_name", "testenv"},
	};
	const char *keys[array_len(pairs) + array_len(url_params) + 2] = {NULL};
	const char *values[array_len(keys)] = {NULL};
	auto_strvec struct strvec given = STRVEC_INIT;
	size_t n = 0;

	for (size_t i = 0; i < array_len(pairs); i++) {
		if (!pairs[i][1] || !*pairs[i][1])
			continue;
		keys[n] = pairs[i][0];
		values[n++] = pairs[i][1];
	}
	/* ssl=true is JDBC's way to say it */
	if (db_demands_tls(a)) {
		keys[n] = "sslmode";
		values[n++] = "require";
	}
	/* a later one of the same name counts */
	for (size_t i = 0; i < array_len(url_params); i++) {
		char *value = db_param(a, url_params[i]);

		if (!value)
			continue;
		strvec_take(&given, value);
		keys[n] = url_params[i];
		values[n++] = value;
	}
	return PQconnectStartParams(keys, values, 0);
}

static void postgres_close(struct db *db)
{
	PQfinish(conn_of(db));
	free(db);
}

/* Takes the connection that was begun. */
static int finish(PGconn *conn, const struct deadline *d, struct db **ret,
		  struct error *err)
{
	struct postgres *pg = xcalloc(1, sizeof(*pg));
	auto_db struct db *db = &pg->db;

	pg->db.driver = &postgres_driver;
	pg->db.dialect = DIALECT_POSTGRES;
	pg->conn = conn;
	if (!pg->conn)
		return error_set(err, ERROR_INTERNAL, "libpq has no memory");
	if (finish_connect(pg->conn, d, err) < 0)
		return -1;
	PQsetNoticeReceiver(pg->conn, on_notice, NULL);
	PQsetnonblocking(pg->conn, 1);
	*ret = take_ptr(&db);
	return 0;
}

static int postgres_connect(const struct db_address *a,
			    const struct deadline *d, struct db **ret,
			    struct error *err)
{
	return finish(start_connect(a), d, ret, err);
}

/* As the connection was made, but for the database. Before 17 there are no
 * event triggers of a login, and no setting against them. */
static int postgres_beside(struct db *db, const char *database,
			   const struct deadline *d, struct db **ret,
			   struct error *err)
{
	enum {
		MAX = 64
	};
	PQconninfoOption *options = PQconninfo(conn_of(db));
	bool quiet = PQserverVersion(conn_of(db)) >= 170000;
	const char *keys[MAX] = {NULL};
	const char *values[MAX] = {NULL};
	PGconn *conn;
	size_t n = 0;

	for (PQconninfoOption *o = options; o && o->keyword; o++) {
		if (!o->val || n == MAX - 1)
			continue;
		keys[n] = o->keyword;
		values[n++] = !strcmp(o->keyword, "dbname") ? database
			      : quiet && !strcmp(o->keyword, "options")
				  ? "-c client_min_messages=warning "
				    "-c event_triggers=off"
				  : o->val;
	}
	conn = PQconnectStartParams(keys, values, 0);
	PQconninfoFree(options);
	return finish(conn, d, ret, err);
}

/* Sends what is queued, reading meanwhile: a server that cannot send its
 * notices stops reading what we send. */
static int flush(PGconn *conn, const struct deadline *d, struct error *err)
{
	int left;

	while ((left = PQflush(conn)) > 0) {
		if (wait_socket(conn, POLLIN | POLLOUT, d, err) < 0)
			return -1;
		if (!PQconsumeInput(conn))
			return conn_error(conn, err);
	}
	return left < 0 ? conn_error(conn, err) : 0;
}

/* The next result without blocking; *ret NULL when the query is through. */
static int next_result(PGconn *conn, const struct deadline *d, PGresult **ret,
		       struct error *err)
{
	while (PQisBusy(conn)) {
		if (wait_socket(conn, POLLIN, d, err) < 0)
			return -1;
		if (!PQconsumeInput(conn))
			return conn_error(conn, err);
	}
	*ret = PQgetResult(conn);
	return 0;
}

static int copy_in(PGconn *conn, const struct sql_statement *st,
		   const struct deadline *d, struct error *err)
{
	enum {
		CHUNK = 64 * 1024
	};
	size_t at;

	if (!st || !st->data) {
		if (PQputCopyEnd(conn, "no rows follow the statement") < 0)
			return conn_error(conn, err);
		return flush(conn, d, err);
	}
	for (at = 0; at < st->data_len; at += CHUNK) {
		size_t n =
		    st->data_len - at < CHUNK ? st->data_len - at : CHUNK;

		if (PQputCopyData(conn, st->data + at, (int)n) < 0)
			return conn_error(conn, err);
		if (flush(conn, d, err) < 0)
			return -1;
	}
	if (PQputCopyEnd(conn, NULL) < 0)
		return conn_error(conn, err);
	return flush(conn, d, err);
}

/* Rows of COPY … TO stdout, thrown away. */
static int copy_out(PGconn *conn, const struct deadline *d, struct error *err)
{
	char *row;
	int n;

	while ((n = PQgetCopyData(conn, &row, 1)) >= 0) {
		if (n > 0) {
			PQfreemem(row);
			continue;
		}
		if (wait_socket(conn, POLLIN, d, err) < 0)
			return -1;
		if (!PQconsumeInput(conn))
			return conn_error(conn, err);
	}
	return 0;
}

/* Line of the character (not byte) that the server names, counted from 1. */
static size_t line_of_position(const char *sql, const char *position)
{
	unsigned long chars = strtoul(position, NULL, 10);
	size_t at = 0;

	while (sql[at] && chars > 1) {
		at++;
		if (((unsigned char)sql[at] & 0xc0) != 0x80)
			chars--;
	}
	return sql_line_of(sql, at);
}

/* "COPY item, line 2, column price: …" */
static size_t line_of_copy(const char *context)
{
	const char *line = strstr(context, ", line ");

	if (strncmp(context, "COPY ", 5) != 0 || !line)
		return 0;
	return strtoul(line + strlen(", line "), NULL, 10);
}

/*
 * Active transaction, invalid termination of one, a value of an enum that is
 * younger than the transaction, a table with triggers still to fire: all of
 * them are what the same script meets only inside of one transaction.
 */
static bool is_transactions_fault(const PGresult *result)
{
	static const char *const states[] = {"25001", "2D000", "55P04",
					     "55006"};
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	for (size_t i = 0; state && i < array_len(states); i++)
		if (!strcmp(state, states[i]))
			return true;
	return false;
}

static void find_place(const PGresult *result, const char *sql,
		       struct sql_place *ret)
{
	const char *position =
	    PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);

	if (position) {
		ret->line = line_of_position(sql, position);
	} else if (context) {
		ret->line = line_of_copy(context);
		ret->in_data = ret->line > 0;
	}
}

/* What one query's results are gathered into. */
struct outcome {
	const struct sql_statement *st; /* NULL: not from a script */
	struct sql_place *place;        /* NULL: nobody asks */
	char **value;                   /* NULL: nobody asks */
	bool failed, have_row;
	bool transactions_fault;
};

static void keep_value(const PGresult *result, struct outcome *o)
{
	if (!o->value || o->have_row || PQntuples(result) < 1 ||
	    PQnfields(result) < 1)
		return;
	o->have_row = true;
	if (!PQgetisnull(result, 0, 0))
		*o->value = xstrdup(PQgetvalue(result, 0, 0));
}

/* -1 ends everything; a statement's error is kept, and the rest read. */
static int take_result(PGconn *conn, const PGresult *result, const char *sql,
		       struct outcome *o, const struct deadline *d,
		       struct error *err)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE) {
		keep_value(result, o);
	} else if (status == PGRES_COPY_IN) {
		return copy_in(conn, o->st, d, err);
	} else if (status == PGRES_COPY_OUT) {
		return copy_out(conn, d, err);
	} else if (status == PGRES_COPY_BOTH) {
		return error_set(err, ERROR_DATABASE,
				 "replication commands are not supported");
	} else if (status == PGRES_FATAL_ERROR ||
		   status == PGRES_BAD_RESPONSE) {
		if (!o->failed && o->place)
			find_place(result, sql, o->place);
		if (!o->failed) {
			result_error(conn, result, err);
			o->transactions_fault = is_transactions_fault(result);
		}
		o->failed = true;
	}
	return 0;
}

static int run(PGconn *conn, const char *sql, struct outcome *o,
	       const struct deadline *d, struct error *err)
{
	if (deadline_check(d, "waiting for postgres", err) < 0)
		return -1;
	if (!PQsendQuery(conn, sql))
		return conn_error(conn, err);
	if (flush(conn, d, err) < 0)
		return -1;
	for (;;) {
		auto_result PGresult *result = NULL;

		if (next_result(conn, d, &result, err) < 0)
			return -1;
		if (!result)
			return o->failed ? -1 : 0;
		if (take_result(conn, result, sql, o, d, err) < 0)
			return -1;
		if (PQstatus(conn) == CONNECTION_BAD)
			return o->failed ? -1 : conn_error(conn, err);
	}
}

static int postgres_query(struct db *db, const char *sql,
			  const struct deadline *d, char **ret_value,
			  struct error *err)
{
	auto_free char *value = NULL;
	struct outcome o = {.value = ret_value ? &value : NULL};

	if (run(conn_of(db), sql, &o, d, err) < 0)
		return -1;
	if (ret_value)
		*ret_value = take_ptr(&value);
	return 0;
}

static int postgres_statement(struct db *db, struct sql_statement *st,
			      const struct deadline *d,
			      struct sql_place *ret_place, struct error *err)
{
	auto_free char *sql = xstrndup(st->sql, st->len);
	struct outcome o = {.st = st, .place = ret_place};
	int rc = run(conn_of(db), sql, &o, d, err);

	db->not_in_transaction = o.transactions_fault;
	return rc;
}

static int postgres_reset(struct db *db, const struct deadline *d,
			  struct error *err)
{
	return postgres_query(db, "DISCARD ALL", d, NULL, err);
}

static bool postgres_in_transaction(struct db *db)
{
	return PQtransactionStatus(conn_of(db)) != PQTRANS_IDLE;
}

/* The official image's first server, which fills the database and is then
 * stopped, listens on no TCP address; it opens the same Unix socket. */
static int postgres_check_final(struct db *db, const struct deadline *d,
				struct error *err)
{
	auto_free char *addresses = NULL;
	bool by_socket = PQhost(conn_of(db))[0] == '/';

	if (!by_socket)
		return postgres_query(db, "SELECT 1", d, NULL, err);
	if (postgres_query(db, "SHOW listen_addresses", d, &addresses, err) < 0)
		return -1;
	if (!addresses || !*addresses)
		return error_set(err, ERROR_DATABASE,
				 "its first start is not over (it listens on "
				 "no address yet)");
	return 0;
}

/*
 * The verifier is made here, so that the server sees no password. It has
 * Postgres's usual 4096 iterations: fewer would save each connection some
 * milliseconds, but drivers in use refuse them (pgjdbc, r2dbc, Bun).
 */
static int postgres_set_passwords(struct db *db, const char *user,
				  const char *password,
				  const char *admin_password,
				  const struct deadline *d, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;
	char *verifier =
	    PQencryptPasswordConn(conn_of(db), password, user, "scram-sha-256");

	(void)admin_password;
	if (!verifier)
		return conn_error(conn_of(db), err);
	buf_puts(&sql, "ALTER ROLE ");
	db_put_identifier(DIALECT_POSTGRES, &sql, user);
	buf_puts(&sql, " PASSWORD ");
	db_put_literal(DIALECT_POSTGRES, &sql, verifier);
	PQfreemem(verifier);
	return postgres_query(db, sql.s, d, NULL, err);
}

const struct driver postgres_driver = {
    .connect = postgres_connect,
    .close = postgres_close,
    .beside = postgres_beside,
    .query = postgres_query,
    .statement = postgres_statement,
    .reset = postgres_reset,
    .in_transaction = postgres_in_transaction,
    .check_final = postgres_check_final,
    .set_passwords = postgres_set_passwords,
};
