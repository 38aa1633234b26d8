/* SPDX-License-Identifier: MIT */
#include "dialect/address.h"

#include "base/alloc.h"
#include "base/error.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *scheme;
	enum dialect dialect;
	uint16_t port;
} schemes[] = {
    {"postgresql", DIALECT_POSTGRES, 5432},
    {"postgres", DIALECT_POSTGRES, 5432},
    {"mysql", DIALECT_MARIADB, 3306},
    {"mariadb", DIALECT_MARIADB, 3306},
};

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL for one that holds a NUL or half an escape. */
static char *decode(const char *text, size_t len)
{
	char *out = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int high;
		int low;

		if (text[i] != '%') {
			out[n++] = text[i];
			continue;
		}
		high = i + 2 < len ? hex_of(text[i + 1]) : -1;
		low = high < 0 ? -1 : hex_of(text[i + 2]);
		if (low < 0 || (!high && !low)) {
			free(out);
			return NULL;
		}
		out[n++] = (char)(high * 16 + low);
		i += 2;
	}
	out[n] = '\0';
	return out;
}

static int bad(const char *what, struct error *err)
{
	return error_set(err, ERROR_CONFIG,
			 "the server's URL has %s that nobody can read", what);
}

static int take(const char *text, size_t len, const char *what, char **ret,
		struct error *err)
{
	char *value = decode(text, len);

	if (!value)
		return bad(what, err);
	if (*value)
		*ret = value;
	else
		free(value);
	return 0;
}

/* user:password */
static int take_login(const char *text, size_t len, struct db_address *a,
		      struct error *err)
{
	const char *colon = memchr(text, ':', len);
	size_t user = colon ? (size_t)(colon - text) : len;

	if (take(text, user, "a user", &a->user, err) < 0)
		return -1;
	if (!colon)
		return 0;
	return take(colon + 1, len - user - 1, "a password", &a->password, err);
}

static int take_port(const char *text, size_t len, struct db_address *a,
		     struct error *err)
{
	auto_free char *number = xstrndup(text, len);
	char *end;
	unsigned long port = strtoul(number, &end, 10);

	if (!len)
		return 0;
	if (!isdigit((unsigned char)*number) || *end || !port || port > 65535)
		return bad("a port", err);
	a->port = (uint16_t)port;
	return 0;
}

/* host:port, [v6]:port */
static int take_place(const char *text, size_t len, struct db_address *a,
		      struct error *err)
{
	const char *colon = NULL;
	size_t host = len;

	if (memchr(text, ',', len))
		return error_set(err, ERROR_CONFIG,
				 "the server's URL names more than one host");
	if (len && *text == '[') {
		const char *close = memchr(text, ']', len);

		if (!close)
			return bad("a host", err);
		host = (size_t)(close - text) + 1;
		colon = host < len ? close + 1 : NULL;
		if (colon && *colon != ':')
			return bad("a host", err);
		if (take(text + 1, host - 2, "a host", &a->host, err) < 0)
			return -1;
	} else {
		colon = memchr(text, ':', len);
		host = colon ? (size_t)(colon - text) : len;
		if (take(text, host, "a host", &a->host, err) < 0)
			return -1;
	}
	return colon ? take_port(colon + 1, len - host - 1, a, err) : 0;
}

/* The value of one parameter in a query; NULL. Not decoded. */
static const char *find_param(const char *query, const char *name,
			      size_t *ret_len)
{
	size_t n = strlen(name);

	while (query && *query) {
		size_t len = strcspn(query, "&");

		if (len > n && !strncmp(query, name, n) && query[n] == '=') {
			*ret_len = len - n - 1;
			return query + n + 1;
		}
		query += len + (query[len] == '&');
	}
	return NULL;
}

char *db_param(const struct db_address *a, const char *name)
{
	size_t len = 0;
	const char *value = find_param(a->params, name, &len);

	return value ? decode(value, len) : NULL;
}

static void drop_param(struct db_address *a, const char *name)
{
	auto_buf struct buf kept = BUF_INIT;
	size_t n = strlen(name);
	const char *query = a->params;

	while (query && *query) {
		size_t len = strcspn(query, "&");

		if (strncmp(query, name, n) != 0 || query[n] != '=') {
			if (kept.len)
				buf_putc(&kept, '&');
			buf_put(&kept, query, len);
		}
		query += len + (query[len] == '&');
	}
	free(a->params);
	a->params = kept.len ? buf_take(&kept) : NULL;
}

bool db_demands_tls(const struct db_address *a)
{
	static const char *const names[] = {"sslmode", "ssl-mode", "ssl_mode",
					    "ssl"};

	for (size_t i = 0; i < array_len(names); i++) {
		auto_free char *mode = db_param(a, names[i]);

		if (mode && (!strcasecmp(mode, "require") ||
			     !strcasecmp(mode, "required") ||
			     !strcasecmp(mode, "true") ||
			     !strncasecmp(mode, "verify", 6)))
			return true;
	}
	return false;
}

char *db_plain_params(const struct db_address *a)
{
	static const char *const about_tls[] = {"ssl", "tls", "gssenc",
						"channel_binding"};
	auto_buf struct buf kept = BUF_INIT;
	const char *query = a->params;

	while (query && *query) {
		size_t len = strcspn(query, "&");
		bool keep = len > 0;

		for (size_t i = 0; i < array_len(about_tls); i++)
			if (!strncmp(query, about_tls[i], strlen(about_tls[i])))
				keep = false;
		if (keep && kept.len)
			buf_putc(&kept, '&');
		if (keep)
			buf_put(&kept, query, len);
		query += len + (query[len] == '&');
	}
	return kept.len ? buf_take(&kept) : NULL;
}

/* A parameter that is part of the address, which it replaces there. */
static int take_param(struct db_address *a, const char *name, char **at,
		      struct error *err)
{
	size_t len = 0;
	const char *value = find_param(a->params, name, &len);
	auto_free char *taken = NULL;

	if (!value)
		return 0;
	if (take(value, len, "a parameter", &taken, err) < 0)
		return -1;
	drop_param(a, name);
	if (!taken)
		return 0;
	free(*at);
	*at = take_ptr(&taken);
	return 0;
}

/* libpq's rules: parameters count more than what stands before them. */
static int take_libpq(struct db_address *a, struct error *err)
{
	auto_free char *port = NULL;

	if (take_param(a, "host", &a->host, err) < 0 ||
	    take_param(a, "hostaddr", &a->host, err) < 0 ||
	    take_param(a, "port", &port, err) < 0 ||
	    take_param(a, "dbname", &a->database, err) < 0)
		return -1;
	if (a->host && strchr(a->host, ','))
		return error_set(err, ERROR_CONFIG,
				 "the server's URL names more than one host");
	return port ? take_port(port, strlen(port), a, err) : 0;
}

static int take_params(struct db_address *a, struct error *err)
{
	if (take_param(a, "user", &a->user, err) < 0 ||
	    take_param(a, "password", &a->password, err) < 0)
		return -1;
	if (a->dialect == DIALECT_POSTGRES)
		return take_libpq(a, err);
	if (take_param(a, "socket", &a->socket, err) < 0)
		return -1;
	return take_param(a, "unix_socket", &a->socket, err);
}

/* A host that is a path is a socket: its directory (postgres), itself
 * (mariadb). */
static void take_socket(struct db_address *a)
{
	if (a->host && a->host[0] == '/' && a->dialect == DIALECT_POSTGRES) {
		a->socket_dir = take_ptr(&a->host);
		a->socket = xasprintf("%s/.s.PGSQL.%u", a->socket_dir, a->port);
	} else if (a->host && a->host[0] == '/' && !a->socket) {
		a->socket = take_ptr(&a->host);
	}
	if (!a->socket)
		return;
	free(take_ptr(&a->host));
	a->port = 0;
}

static int take_rest(const char *text, struct db_address *a, struct error *err)
{
	size_t authority = strcspn(text, "/?#");
	const char *at = NULL;
	const char *path = text + authority;
	const char *query;
	size_t len;

	/* the last one: a password may hold one that is not encoded */
	for (size_t i = 0; i < authority; i++)
		if (text[i] == '@')
			at = text + i;
	if (at && take_login(text, (size_t)(at - text), a, err) < 0)
		return -1;
	at = at ? at + 1 : text;
	if (take_place(at, (size_t)(path - at), a, err) < 0)
		return -1;
	path += *path == '/';
	len = strcspn(path, "?#");
	if (take(path, len, "a database", &a->database, err) < 0)
		return -1;
	query = path + len;
	if (*query == '?' && strcspn(query + 1, "#"))
		a->params = xstrndup(query + 1, strcspn(query + 1, "#"));
	if (take_params(a, err) < 0)
		return -1;
	take_socket(a);
	return 0;
}

int db_url_parse(const char *url, struct db_address *ret, struct error *err)
{
	const char *colon = strstr(url, "://");
	auto_db_address struct db_address a = {.dialect = DIALECT_POSTGRES};
	size_t len = colon ? (size_t)(colon - url) : 0;
	size_t i = 0;

	while (i < array_len(schemes) &&
	       (strlen(schemes[i].scheme) != len ||
		strncmp(schemes[i].scheme, url, len) != 0))
		i++;
	if (i == array_len(schemes))
		return error_set(err, ERROR_CONFIG,
				 "'%.*s' is not the URL of a server: "
				 "postgresql://, mysql:// or mariadb://",
				 (int)(len < 20 ? len : 20), url);
	a.dialect = schemes[i].dialect;
	a.port = schemes[i].port;
	if (take_rest(colon + 3, &a, err) < 0)
		return -1;
	*ret = a;
	a = (struct db_address){.dialect = a.dialect};
	return 0;
}
