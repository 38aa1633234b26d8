/* SPDX-License-Identifier: MIT */
#include "dialect/driver.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/net.h"
#include "dialect/address_private.h"
#include "dialect/detour.h"
#include "dialect/maria.h"

#include <errno.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

struct mariadb {
	struct db db;
	char *database; /* NULL: none chosen */
	char *socket;   /* NULL: by TCP */
	bool abandoned; /* in the middle of an exchange */
	MYSQL mysql;
};

static struct mariadb *mariadb_of(struct db *db)
{
	return (struct mariadb *)db;
}

static void init_library(void)
{
	mysql_library_init(0, NULL, NULL);
}

/* Once, however many threads connect at the same time. */
void mariadb_global_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_library);
}

/* "Can't connect to server on '127.0.0.1' (111)": the number in words. */
static int lib_error(MYSQL *mysql, struct error *err)
{
	const char *text = mysql_error(mysql);
	const char *open = strrchr(text, '(');
	char *end;
	long number;

	if (!*text)
		return error_set(err, ERROR_DATABASE, "connection lost");
	if (mysql_errno(mysql) < 2000 || !open)
		return error_set(err, ERROR_DATABASE, "%s", text);
	number = strtol(open + 1, &end, 10);
	if (number <= 0 || strcmp(end, ")") != 0)
		return error_set(err, ERROR_DATABASE, "%s", text);
	return error_set(err, ERROR_DATABASE, "%.*s(%s)", (int)(open - text),
			 text, strerror((int)number));
}

/*
 * Waits for what a _start or _cont call asked for and gives what the next
 * _cont call is to be told; -1 with *err set when the deadline passed.
 */
static int wait_for(MYSQL *mysql, int asked, const struct deadline *d,
		    struct error *err)
{
	struct pollfd p = {.fd = mysql_get_socket(mysql)};
	int64_t ms = -1;
	int got = 0;
	int n;

	if (asked & MYSQL_WAIT_READ)
		p.events |= POLLIN;
	if (asked & MYSQL_WAIT_WRITE)
		p.events |= POLLOUT;
	if (asked & MYSQL_WAIT_EXCEPT)
		p.events |= POLLPRI;
	if (asked & MYSQL_WAIT_TIMEOUT)
		ms = mysql_get_timeout_value_ms(mysql);
	n = deadline_poll(d, &p, 1, ms, "waiting for mariadb", err);
	if (n < 0)
		return -1;
	if (n == 0)
		return MYSQL_WAIT_TIMEOUT;
	if (p.revents & (POLLIN | POLLHUP | POLLERR))
		got |= MYSQL_WAIT_READ;
	if (p.revents & (POLLOUT | POLLHUP | POLLERR))
		got |= MYSQL_WAIT_WRITE;
	if (p.revents & POLLPRI)
		got |= MYSQL_WAIT_EXCEPT;
	return got & asked ? got & asked : asked & ~MYSQL_WAIT_TIMEOUT;
}

static void set_options(MYSQL *mysql, const struct db_address *a)
{
	unsigned protocol =
	    db_by_tcp(a) ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
	my_bool no = 0;
	unsigned local_infile = 0;

	/* No READ_DEFAULT_FILE and no READ_DEFAULT_GROUP: with neither, the
	 * library reads no my.cnf. */
	mysql_options(mysql, MYSQL_OPT_NONBLOCK, 0);
	mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(mysql, MYSQL_OPT_RECONNECT, &no);
	mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &local_infile);
	mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &no);
	mysql_optionsv(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name",
		       "testenv");
}

/* As clients and drivers spell it. */
static char *ssl_param(const struct db_address *a, const char *part)
{
	auto_free char *dash = xasprintf("ssl-%s", part);
	auto_free char *underscore = xasprintf("ssl_%s", part);
	char *value = db_param(a, dash);

	return value ? value : db_param(a, underscore);
}

static void set_tls(MYSQL *mysql, const struct db_address *a)
{
	auto_free char *ca = ssl_param(a, "ca");
	auto_free char *cert = ssl_param(a, "cert");
	auto_free char *key = ssl_param(a, "key");
	auto_free char *mode = ssl_param(a, "mode");
	my_bool yes = 1;

	if (!db_demands_tls(a))
		return;
	mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
	if (ca)
		mysql_options(mysql, MYSQL_OPT_SSL_CA, ca);
	if (cert)
		mysql_options(mysql, MYSQL_OPT_SSL_CERT, cert);
	if (key)
		mysql_options(mysql, MYSQL_OPT_SSL_KEY, key);
	if (mode && !strncasecmp(mode, "verify", 6))
		mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
}

static int begin_session(struct mariadb *m, const struct db_address *a,
			 const char *path, MYSQL **ret_done)
{
	unsigned long flags = CLIENT_MULTI_STATEMENTS | CLIENT_MULTI_RESULTS;

	return mysql_real_connect_start(
	    ret_done, &m->mysql, path ? NULL : a->host, a->user, a->password,
	    a->database, a->port, path, flags);
}

/* In the library's own words. */
static int no_connection(const struct db_address *a, int failure,
			 const struct deadline *d, struct error *err)
{
	if (deadline_check(d, "waiting for mariadb", err) < 0)
		return -1;
	if (db_by_tcp(a))
		return error_set_errno(err, ERROR_DATABASE, failure,
				       "can't reach '%s'", a->host);
	return error_set(err, ERROR_DATABASE,
			 "Can't connect to local server through socket '%s' "
			 "(%s)",
			 a->socket, strerror(failure));
}

static int begin_by_socket(struct mariadb *m, const struct db_address *a,
			   const struct deadline *d, MYSQL **ret_done,
			   int *ret_status, struct error *err)
{
	struct detour detour = {.server = -1};
	int failure = detour_begin(&detour, a->socket, d);
	int status;

	if (failure)
		return no_connection(a, failure, d, err);
	status = begin_session(m, a, detour.path, ret_done);
	failure =
	    detour_end(&detour, status ? (int)mysql_get_socket(&m->mysql) : -1);
	m->abandoned = failure != 0;
	if (failure)
		return no_connection(a, failure, d, err);
	*ret_status = status;
	return 0;
}

/*
 * A TCP connection that fails at once is closed twice by the library, too (see
 * detour.h): that is one without a route, which the same question over UDP
 * tells without a packet. Of a name nothing is asked here.
 */
static int check_route(const struct db_address *a, const struct deadline *d,
		       struct error *err)
{
	struct sockaddr_storage to;
	auto_close int fd = -1;
	socklen_t len;

	if (!a->host || !net_address(a->host, a->port, &to, &len))
		return 0;
	fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, len) < 0)
		return no_connection(a, errno, d, err);
	return 0;
}

static int start_session(struct mariadb *m, const struct db_address *a,
			 const struct deadline *d, struct error *err)
{
	MYSQL *done = NULL;
	int status = 0;

	if (m->socket) {
		if (begin_by_socket(m, a, d, &done, &status, err) < 0)
			return -1;
	} else {
		if (check_route(a, d, err) < 0)
			return -1;
		status = begin_session(m, a, NULL, &done);
	}
	while (status) {
		status = wait_for(&m->mysql, status, d, err);
		m->abandoned = status < 0;
		if (status < 0)
			return -1;
		status = mysql_real_connect_cont(&done, &m->mysql, status);
	}
	return done ? 0 : lib_error(&m->mysql, err);
}

static void my_close(struct db *db)
{
	struct mariadb *m = mariadb_of(db);

	/* closing says good-bye first, and would wait for a server that reads
	 * no more */
	if (m->abandoned)
		shutdown(mysql_get_socket(&m->mysql), SHUT_RDWR);
	mysql_close(&m->mysql);
	free(m->database);
	free(m->socket);
	free(m);
}

static int my_connect(const struct db_address *a, const struct deadline *d,
		      struct db **ret, struct error *err)
{
	struct mariadb *m = xcalloc(1, sizeof(*m));
	auto_db struct db *db = NULL;

	mariadb_global_init();
	if (!mysql_init(&m->mysql)) {
		free(m);
		return error_set(err, ERROR_INTERNAL,
				 "Connector/C cannot start");
	}
	db = &m->db;
	m->db.driver = &mariadb_driver;
	m->db.dialect = DIALECT_MARIADB;
	m->database = xstrdup_or_null(a->database);
	m->socket = db_by_tcp(a) ? NULL : xstrdup(a->socket);
	set_options(&m->mysql, a);
	set_tls(&m->mysql, a);
	if (start_session(m, a, d, err) < 0)
		return -1;
	*ret = take_ptr(&db);
	return 0;
}

static int my_beside(struct db *db, const char *database,
		     const struct deadline *d, struct db **ret,
		     struct error *err)
{
	const MYSQL *mysql = &mariadb_of(db)->mysql;
	const char *path = mariadb_of(db)->socket;
	auto_db_address struct db_address a = {
	    .dialect = DIALECT_MARIADB,
	    .host = path ? NULL : xstrdup(mysql->host),
	    .port = (uint16_t)(path ? 0 : mysql->port),
	    .socket = xstrdup_or_null(path),
	    .user = xstrdup(mysql->user),
	    .password = xstrdup_or_null(mysql->passwd),
	    .database = xstrdup(database),
	};

	return my_connect(&a, d, ret, err);
}

static int send_query(MYSQL *mysql, const char *sql, size_t len,
		      const struct deadline *d, struct error *err)
{
	int failed = 0;
	int status = mysql_real_query_start(&failed, mysql, sql, len);

	while (status) {
		status = wait_for(mysql, status, d, err);
		if (status < 0)
			return -1;
		status = mysql_real_query_cont(&failed, mysql, status);
	}
	return failed ? lib_error(mysql, err) : 0;
}

static int fetch_row(MYSQL *mysql, MYSQL_RES *result, const struct deadline *d,
		     MYSQL_ROW *ret, struct error *err)
{
	int status = mysql_fetch_row_start(ret, result);

	while (status) {
		status = wait_for(mysql, status, d, err);
		if (status < 0)
			return -1;
		status = mysql_fetch_row_cont(ret, result, status);
	}
	return !*ret && mysql_errno(mysql) ? lib_error(mysql, err) : 0;
}

/* Reads one result to its end, row by row: it may be of any size. */
static int read_result(MYSQL *mysql, const struct deadline *d, bool *have_row,
		       char **value, struct error *err)
{
	MYSQL_RES *result = mysql_use_result(mysql);
	MYSQL_ROW row;
	int rc;

	if (!result)
		return mysql_field_count(mysql) ? lib_error(mysql, err) : 0;
	while ((rc = fetch_row(mysql, result, d, &row, err)) == 0 && row) {
		if (!value || *have_row)
			continue;
		*have_row = true;
		if (row[0])
			*value = xstrdup(row[0]);
	}
	/* After a failure the library would wait here for the rows that never
	 * came; without its connection it does not. */
	if (rc < 0)
		result->handle = NULL;
	mysql_free_result(result);
	return rc;
}

/* 1: there is one more result, 0: that was all. */
static int next_result(MYSQL *mysql, const struct deadline *d,
		       struct error *err)
{
	int rc = 0;
	int status = mysql_next_result_start(&rc, mysql);

	while (status) {
		status = wait_for(mysql, status, d, err);
		if (status < 0)
			return -1;
		status = mysql_next_result_cont(&rc, mysql, status);
	}
	if (rc > 0)
		return lib_error(mysql, err);
	return rc == 0;
}

static int run_all(MYSQL *mysql, const char *sql, size_t len,
		   const struct deadline *d, char **value, struct error *err)
{
	bool have_row = false;
	int more = 1;

	if (send_query(mysql, sql, len, d, err) < 0)
		return -1;
	while (more > 0) {
		if (read_result(mysql, d, &have_row, value, err) < 0)
			return -1;
		more = next_result(mysql, d, err);
	}
	return more;
}

static int run(struct mariadb *m, const char *sql, size_t len,
	       const struct deadline *d, char **value, struct error *err)
{
	auto_error struct error e = ERROR_INIT;

	if (deadline_check(d, "waiting for mariadb", err) < 0)
		return -1;
	if (run_all(&m->mysql, sql, len, d, value, &e) == 0)
		return 0;
	if (e.kind != ERROR_DATABASE)
		m->abandoned = true;
	return error_move(err, &e);
}

static int my_query(struct db *db, const char *sql, const struct deadline *d,
		    char **ret_value, struct error *err)
{
	auto_free char *value = NULL;

	if (run(mariadb_of(db), sql, strlen(sql), d, ret_value ? &value : NULL,
		err) < 0)
		return -1;
	if (ret_value)
		*ret_value = take_ptr(&value);
	return 0;
}

static void add_row(struct maria_answer *a, unsigned set, unsigned n,
		    MYSQL_ROW from)
{
	struct maria_row *row;

	a->rows = xreallocarray(a->rows, a->n + 1, sizeof(*a->rows));
	row = &a->rows[a->n++];
	*row = (struct maria_row){set, n, xcalloc(n, sizeof(char *))};
	for (unsigned i = 0; i < n; i++)
		row->v[i] = xstrdup_or_null(from[i]);
}

void maria_answer_free(struct maria_answer *a)
{
	for (size_t i = 0; i < a->n; i++) {
		for (unsigned k = 0; k < a->rows[i].n; k++)
			free(a->rows[i].v[k]);
		free(a->rows[i].v);
	}
	free(a->rows);
	*a = (struct maria_answer){NULL, 0};
}

static int keep_result(MYSQL *mysql, unsigned set, const struct deadline *d,
		       struct maria_answer *answer, struct error *err)
{
	MYSQL_RES *result = mysql_use_result(mysql);
	MYSQL_ROW row;
	int rc;

	if (!result)
		return mysql_field_count(mysql) ? lib_error(mysql, err) : 0;
	while ((rc = fetch_row(mysql, result, d, &row, err)) == 0 && row)
		add_row(answer, set, mysql_num_fields(result), row);
	if (rc < 0)
		result->handle = NULL; /* as in read_result */
	mysql_free_result(result);
	return rc;
}

static int ask_all(MYSQL *mysql, const char *sql, const struct deadline *d,
		   struct maria_answer *answer, struct error *err)
{
	unsigned set = 0;
	int more = 1;

	if (send_query(mysql, sql, strlen(sql), d, err) < 0)
		return -1;
	while (more > 0) {
		if (keep_result(mysql, set++, d, answer, err) < 0)
			return -1;
		more = next_result(mysql, d, err);
	}
	return more;
}

int maria_ask(struct db *db, const char *sql, const struct deadline *d,
	      struct maria_answer *ret, struct error *err)
{
	struct mariadb *m = mariadb_of(db);
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	auto_error struct error e = ERROR_INIT;

	if (deadline_check(d, "waiting for mariadb", err) < 0)
		return -1;
	if (ask_all(&m->mysql, sql, d, &answer, &e) < 0) {
		if (e.kind != ERROR_DATABASE)
			m->abandoned = true;
		return error_move(err, &e);
	}
	*ret = answer;
	answer = (struct maria_answer){NULL, 0};
	return 0;
}

/*
 * "You have an error in your SQL syntax; … near 'x' at line 3": the line is the
 * statement's own, and would contradict the script's that stands in front.
 */
static void take_line(struct error *err, struct sql_place *ret)
{
	static const char mark[] = " at line ";
	char *at = NULL;
	char *end;
	char *p;
	unsigned long line;

	for (p = err->text; (p = strstr(p, mark)); p++)
		at = p;
	if (!at)
		return;
	line = strtoul(at + strlen(mark), &end, 10);
	if (*end || !line)
		return;
	ret->line = line;
	*at = '\0';
}

static int my_statement(struct db *db, struct sql_statement *st,
			const struct deadline *d, struct sql_place *ret_place,
			struct error *err)
{
	struct mariadb *m = mariadb_of(db);
	auto_error struct error e = ERROR_INIT;

	if (run(m, st->sql, st->len, d, NULL, &e) == 0)
		return 0;
	if (mysql_errno(&m->mysql) == ER_PARSE_ERROR)
		take_line(&e, ret_place);
	return error_move(err, &e);
}

static int my_reset(struct db *db, const struct deadline *d, struct error *err)
{
	struct mariadb *m = mariadb_of(db);
	auto_buf struct buf use = BUF_INIT;
	int failed = 0;
	int status = mysql_reset_connection_start(&failed, &m->mysql);

	while (status) {
		status = wait_for(&m->mysql, status, d, err);
		m->abandoned = status < 0;
		if (status < 0)
			return -1;
		status =
		    mysql_reset_connection_cont(&failed, &m->mysql, status);
	}
	if (failed)
		return lib_error(&m->mysql, err);
	/* the server's own character set is back, and the last USE stands */
	buf_puts(&use, "SET NAMES utf8mb4");
	if (m->database) {
		buf_puts(&use, "; USE ");
		db_put_identifier(DIALECT_MARIADB, &use, m->database);
	}
	return my_query(db, use.s, d, NULL, err);
}

static bool my_in_transaction(struct db *db)
{
	unsigned status = 0;

	mariadb_get_infov(&mariadb_of(db)->mysql,
			  MARIADB_CONNECTION_SERVER_STATUS, &status);
	return status & SERVER_STATUS_IN_TRANS;
}

/* The official image's first server, which fills the database and is then
 * stopped, opens the same Unix socket, but runs with --skip-networking. */
static int my_check_final(struct db *db, const struct deadline *d,
			  struct error *err)
{
	auto_free char *value = NULL;

	if (!mariadb_of(db)->socket)
		return my_query(db, "SELECT 1", d, NULL, err);
	if (my_query(db, "SELECT @@skip_networking", d, &value, err) < 0)
		return -1;
	if (value && strcmp(value, "0") != 0)
		return error_set(err, ERROR_DATABASE,
				 "its first start is not over (it runs without "
				 "networking yet)");
	return 0;
}

static void put_account(struct buf *b, const char *user, const char *host,
			const char *hash)
{
	buf_puts(b, b->len ? ", " : "ALTER USER IF EXISTS ");
	db_put_literal(DIALECT_MARIADB, b, user);
	buf_puts(b, "@");
	db_put_literal(DIALECT_MARIADB, b, host);
	buf_puts(b, " IDENTIFIED BY PASSWORD ");
	db_put_literal(DIALECT_MARIADB, b, hash);
}

/* One statement for all accounts, those that are not there passed over; hashed
 * here, so that no log of the server's can hold a password. */
static int my_set_passwords(struct db *db, const char *user,
			    const char *password, const char *admin_password,
			    const struct deadline *d, struct error *err)
{
	static const char *const hosts[] = {"%", "localhost"};
	char hash[IDENT_MYSQL_HASH];
	auto_buf struct buf sql = BUF_INIT;
	size_t i;

	ident_mysql_hash(password, hash);
	for (i = 0; i < array_len(hosts); i++)
		put_account(&sql, user, hosts[i], hash);
	if (admin_password && strcmp(user, "root") != 0) {
		ident_mysql_hash(admin_password, hash);
		for (i = 0; i < array_len(hosts); i++)
			put_account(&sql, "root", hosts[i], hash);
	}
	return my_query(db, sql.s, d, NULL, err);
}

const struct driver mariadb_driver = {
    .connect = my_connect,
    .close = my_close,
    .beside = my_beside,
    .query = my_query,
    .statement = my_statement,
    .reset = my_reset,
    .in_transaction = my_in_transaction,
    .check_final = my_check_final,
    .set_passwords = my_set_passwords,
};
