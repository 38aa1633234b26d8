/* SPDX-License-Identifier: MIT */
#include "dialect/address.h"

#include "base/error.h"
#include "dialect/address_private.h"

#include <stdbool.h>
#include <string.h>

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* A path keeps its slashes, which is what file: URLs and people expect. */
static void put_path(struct buf *b, const char *path)
{
	char one[2] = {0, 0};

	for (; *path; path++) {
		one[0] = *path;
		if (*path == '/')
			buf_putc(b, '/');
		else
			buf_put_percent(b, one);
	}
}

static void put_host(struct buf *b, const char *host)
{
	bool ipv6 = strchr(host, ':') != NULL;

	buf_printf(b, ipv6 ? "[%s]" : "%s", host);
}

static void put_user(struct buf *b, const struct db_address *a)
{
	if (!a->user)
		return;
	buf_put_percent(b, a->user);
	if (a->password) {
		buf_putc(b, ':');
		buf_put_percent(b, a->password);
	}
	buf_putc(b, '@');
}

/* buf_put_query for a buffer that may hold a '?' of its own before. */
static void put_param(struct buf *b, bool *any, const char *key,
		      const char *value)
{
	if (!value)
		return;
	buf_printf(b, "%c%s=", *any ? '&' : '?', key);
	buf_put_percent(b, value);
	*any = true;
}

/* The parameters that lead to a Unix socket, in the dialect's own words. */
static void put_socket(struct buf *b, const struct db_address *a, bool *any)
{
	auto_buf struct buf dir = BUF_INIT;
	unsigned port;

	if (db_by_tcp(a))
		return;
	if (a->dialect == DIALECT_MARIADB) {
		put_param(b, any, "unix_socket", a->socket);
		return;
	}
	put_param(b, any, "host", db_socket_dir(a, &dir));
	port = db_socket_port(a);
	if (port != 5432)
		buf_printf(b, "&port=%u", port);
}

/* scheme://user:password@host:port/database?socket; ret_any: whether there are
 * parameters already. */
static void put_server_url(struct buf *b, const struct db_address *a,
			   const char *scheme, bool *ret_any)
{
	*ret_any = false;
	buf_printf(b, "%s://", scheme);
	put_user(b, a);
	if (db_by_tcp(a)) {
		put_host(b, or_empty(a->host));
		buf_printf(b, ":%u", a->port);
	} else if (a->dialect == DIALECT_MARIADB) {
		buf_puts(b, "localhost");
	}
	buf_putc(b, '/');
	buf_put_percent(b, or_empty(a->database));
	put_socket(b, a, ret_any);
}

static void put_more(struct buf *b, const struct db_address *a, bool any)
{
	if (a->params)
		buf_printf(b, "%c%s", any ? '&' : '?', a->params);
}

void db_url(const struct db_address *a, struct buf *ret)
{
	bool any;

	switch (a->dialect) {
	case DIALECT_POSTGRES:
		put_server_url(ret, a, "postgresql", &any);
		put_more(ret, a, any);
		break;
	case DIALECT_MARIADB:
		put_server_url(ret, a, "mysql", &any);
		put_more(ret, a, any);
		break;
	case DIALECT_SQLITE:
		/* three slashes, and the fourth begins the path */
		buf_puts(ret, "sqlite:///");
		put_path(ret, or_empty(a->path));
		break;
	}
}

static void put_mariadb_url(struct buf *b, const struct db_address *a)
{
	bool any;

	if (a->dialect == DIALECT_MARIADB)
		put_server_url(b, a, "mariadb", &any);
	else
		db_url(a, b);
}

/* Neither driver takes the user before the host. Over a socket: pgjdbc needs
 * junixsocket beside it, MariaDB's Connector/J has it built in. */
static void put_jdbc(struct buf *b, const struct db_address *a)
{
	bool pg = a->dialect == DIALECT_POSTGRES;
	bool any = false;

	if (a->dialect == DIALECT_SQLITE) {
		buf_printf(b, "jdbc:sqlite:%s", or_empty(a->path));
		return;
	}
	buf_puts(b, pg ? "jdbc:postgresql://" : "jdbc:mariadb://");
	put_host(b, db_by_tcp(a) ? or_empty(a->host) : "localhost");
	if (db_by_tcp(a))
		buf_printf(b, ":%u", a->port);
	buf_putc(b, '/');
	buf_put_percent(b, or_empty(a->database));
	put_param(b, &any, "user", a->user);
	put_param(b, &any, "password", a->password);
	if (db_by_tcp(a))
		return;
	if (!pg) {
		put_param(b, &any, "localSocket", a->socket);
		return;
	}
	put_param(b, &any, "socketFactory",
		  "org.newsclub.net.unix.AFUNIXSocketFactory$FactoryArg");
	put_param(b, &any, "socketFactoryArg", a->socket);
}

/*
 * go-sql-driver/mysql reads user and password as they stand (it looks for the
 * last '@' and the last '/') but decodes the database. For Postgres both lib/pq
 * and pgx take the URL; lib/pq insists on TLS unless told. SQLite: a file: URI,
 * since both drivers cut a plain path at '?'.
 */
static void put_go_dsn(struct buf *b, const struct db_address *a)
{
	bool any;

	if (a->dialect == DIALECT_SQLITE) {
		buf_puts(b, "file:");
		put_path(b, or_empty(a->path));
		return;
	}
	if (a->dialect == DIALECT_POSTGRES) {
		put_server_url(b, a, "postgresql", &any);
		put_param(b, &any, "sslmode", "disable");
		return;
	}
	if (a->user)
		buf_puts(b, a->user);
	if (a->password)
		buf_printf(b, ":%s", a->password);
	if (db_by_tcp(a)) {
		buf_puts(b, "@tcp(");
		put_host(b, or_empty(a->host));
		buf_printf(b, ":%u)/", a->port);
	} else {
		buf_printf(b, "@unix(%s)/", or_empty(a->socket));
	}
	buf_put_percent(b, or_empty(a->database));
}

/* psycopg 3 and PyMySQL by name: plain postgresql:// is psycopg2, which {url}
 * gives. SQLAlchemy does not decode the path of a file. */
static void put_sqlalchemy(struct buf *b, const struct db_address *a)
{
	bool any;

	if (a->dialect == DIALECT_SQLITE)
		buf_printf(b, "sqlite:///%s", or_empty(a->path));
	else
		put_server_url(b, a,
			       a->dialect == DIALECT_POSTGRES
				   ? "postgresql+psycopg"
				   : "mysql+pymysql",
			       &any);
}

static void put_conninfo(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(b, "%s%s='", b->len ? " " : "", key);
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *value);
	}
	buf_putc(b, '\'');
}

/* A connection string of libpq's; what is not Postgres has none. */
static void put_libpq(struct buf *ret, const struct db_address *a)
{
	auto_buf struct buf b = BUF_INIT;
	auto_buf struct buf dir = BUF_INIT;

	if (a->dialect != DIALECT_POSTGRES)
		return;
	put_conninfo(&b, "host",
		     db_by_tcp(a) ? a->host : db_socket_dir(a, &dir));
	buf_printf(&b, " port='%u'",
		   db_by_tcp(a) ? a->port : db_socket_port(a));
	put_conninfo(&b, "user", a->user);
	put_conninfo(&b, "password", a->password);
	put_conninfo(&b, "dbname", a->database);
	buf_puts(ret, b.s);
}

/* What one {name} is expanded with. `in_url`: a "://" stands before it. */
struct expansion {
	const struct db_address *a;
	const struct db_template_extra *extra;
	bool in_url;
};

static void put_plain(struct buf *b, const struct expansion *x,
		      const char *value)
{
	if (x->in_url)
		put_path(b, or_empty(value));
	else
		buf_puts(b, or_empty(value));
}

static void put_part(struct buf *b, const struct expansion *x,
		     const char *value)
{
	if (x->in_url)
		buf_put_percent(b, or_empty(value));
	else
		buf_puts(b, or_empty(value));
}

/* clang-format off */
static const char *const template_names[] = {
    "url", "host", "port", "user", "password", "database", "socket", "path",
    "jdbc_url", "go_dsn", "sqlalchemy_url", "mariadb_url", "libpq", "worker",
    "slot", "scratch", NULL,
};
/* clang-format on */

static bool expand_url(struct buf *b, const struct expansion *x,
		       const char *name)
{
	static const struct {
		const char *name;
		void (*put)(struct buf *b, const struct db_address *a);
	} urls[] = {
	    {"mariadb_url", put_mariadb_url},
	    {"jdbc_url", put_jdbc},
	    {"go_dsn", put_go_dsn},
	    {"sqlalchemy_url", put_sqlalchemy},
	    {"libpq", put_libpq},
	};
	size_t i;

	if (!strcmp(name, "url")) {
		db_url(x->a, b);
		return true;
	}
	for (i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		if (strcmp(name, urls[i].name) != 0)
			continue;
		urls[i].put(b, x->a);
		return true;
	}
	return false;
}

static bool expand_path(struct buf *b, const struct expansion *x,
			const char *name)
{
	if (!strcmp(name, "socket"))
		put_plain(b, x, db_by_tcp(x->a) ? NULL : x->a->socket);
	else if (!strcmp(name, "path"))
		put_plain(b, x, x->a->path);
	else if (!strcmp(name, "scratch"))
		put_plain(b, x, x->extra->scratch);
	else
		return false;
	return true;
}

static bool expand_part(struct buf *b, const struct expansion *x,
			const char *name)
{
	const struct db_address *a = x->a;

	if (!strcmp(name, "host") && db_by_tcp(a) && x->in_url)
		put_host(b, or_empty(a->host));
	else if (!strcmp(name, "host"))
		buf_puts(b, db_by_tcp(a) ? or_empty(a->host) : "");
	else if (!strcmp(name, "port") && db_by_tcp(a))
		buf_printf(b, "%u", a->port);
	else if (!strcmp(name, "port"))
		return true;
	else if (!strcmp(name, "user"))
		put_part(b, x, a->user);
	else if (!strcmp(name, "password"))
		put_part(b, x, a->password);
	else if (!strcmp(name, "database"))
		put_part(b, x, a->database);
	else if (!strcmp(name, "worker"))
		put_part(b, x, x->extra->worker);
	else if (!strcmp(name, "slot"))
		put_part(b, x, x->extra->slot);
	else
		return false;
	return true;
}

static int unknown_name(const char *name, size_t len, struct error *err)
{
	auto_buf struct buf known = BUF_INIT;
	size_t i;

	for (i = 0; template_names[i]; i++)
		buf_printf(&known, "%s{%s}", i ? " " : "", template_names[i]);
	return error_set(err, ERROR_CONFIG,
			 "'{%.*s}' is not something to export; there are %s",
			 len > 40 ? 40 : (int)len, name, known.s);
}

/* One "{name}" at p, just behind its brace; NULL with *err set, or behind the
 * closing brace. */
static const char *expand_one(const char *p, const struct expansion *x,
			      struct buf *out, struct error *err)
{
	size_t len = strcspn(p, "{}");
	char name[24];

	if (p[len] != '}') {
		error_set(err, ERROR_CONFIG,
			  "'{' without '}' in an export; '{{' is a brace");
		return NULL;
	}
	if (len < sizeof(name)) {
		memcpy(name, p, len);
		name[len] = '\0';
		if (expand_url(out, x, name) || expand_path(out, x, name) ||
		    expand_part(out, x, name))
			return p + len + 1;
	}
	unknown_name(p, len, err);
	return NULL;
}

int db_expand(const struct db_address *a, const char *text,
	      const struct db_template_extra *extra, struct buf *ret,
	      struct error *err)
{
	static const struct db_template_extra none;
	auto_buf struct buf out = BUF_INIT;
	struct expansion x = {a, extra ? extra : &none, false};
	const char *p = text;

	while (*p) {
		if (*p != '{' && *p != '}') {
			x.in_url = x.in_url || !strncmp(p, "://", 3);
			buf_putc(&out, *p++);
		} else if (p[1] == *p) {
			buf_putc(&out, *p);
			p += 2;
		} else if (*p == '}') {
			buf_putc(&out, *p++);
		} else {
			p = expand_one(p + 1, &x, &out, err);
			if (!p)
				return -1;
		}
	}
	buf_put(ret, out.s, out.len);
	return 0;
}
