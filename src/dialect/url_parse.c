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
	static const char *const names[] = {"sslmode", "ssl-mode", "ssl_mode"};

	for (size_t i = 0; i < array_len(names); i++) {
		auto_free char *mode = db_param(a, names[i]);

		if (mode && (!strcasecmp(mode, "require") ||
			     !strcasecmp(mode, "required") ||
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

/* Those that say where the server is are part of the address. */
static void take_socket(struct db_address *a)
{
	static const char *const names[] = {"host", "unix_socket", "socket"};
	bool pg = a->dialect == DIALECT_POSTGRES;

	for (size_t i = pg ? 0 : 1; i < (pg ? 1 : array_len(names)); i++) {
		auto_free char *value = db_param(a, names[i]);

		if (!value || value[0] != '/')
			continue;
		drop_param(a, names[i]);
		if (pg) {
			auto_free char *port = db_param(a, "port");

			drop_param(a, "port");
			a->socket_dir = xstrdup(value);
			a->socket = xasprintf("%s/.s.PGSQL.%s", value,
					      port ? port : "5432");
		} else {
			a->socket = xstrdup(value);
		}
		a->port = 0;
		return;
	}
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
