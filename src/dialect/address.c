/* SPDX-License-Identifier: MIT */
#include "dialect/address_private.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum dialect dialect;
} dialect_names[] = {
    {"postgres", DIALECT_POSTGRES}, {"postgresql", DIALECT_POSTGRES},
    {"pg", DIALECT_POSTGRES},       {"mariadb", DIALECT_MARIADB},
    {"mysql", DIALECT_MARIADB},     {"sqlite", DIALECT_SQLITE},
    {"sqlite3", DIALECT_SQLITE},
};

const char *dialect_name(enum dialect d)
{
	switch (d) {
	case DIALECT_POSTGRES:
		return "postgres";
	case DIALECT_MARIADB:
		return "mariadb";
	case DIALECT_SQLITE:
		return "sqlite";
	}
	return "unknown";
}

int dialect_parse(const char *name, enum dialect *ret)
{
	size_t i;

	for (i = 0; i < array_len(dialect_names); i++) {
		if (strcasecmp(name, dialect_names[i].name) != 0)
			continue;
		*ret = dialect_names[i].dialect;
		return 0;
	}
	return -1;
}

void db_address_free(struct db_address *a)
{
	free(a->host);
	free(a->socket_dir);
	free(a->socket);
	free(a->user);
	if (a->password)
		explicit_bzero(a->password, strlen(a->password));
	free(a->password);
	free(a->database);
	free(a->slot_user);
	free(a->path);
	free(a->params);
	*a = (struct db_address){.dialect = a->dialect};
}

void db_address_copy(const struct db_address *from, struct db_address *ret)
{
	*ret = (struct db_address){
	    .dialect = from->dialect,
	    .host = xstrdup_or_null(from->host),
	    .port = from->port,
	    .socket_dir = xstrdup_or_null(from->socket_dir),
	    .socket = xstrdup_or_null(from->socket),
	    .user = xstrdup_or_null(from->user),
	    .password = xstrdup_or_null(from->password),
	    .database = xstrdup_or_null(from->database),
	    .slot_user = xstrdup_or_null(from->slot_user),
	    .path = xstrdup_or_null(from->path),
	    .params = xstrdup_or_null(from->params),
	};
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool db_address_same_server(const struct db_address *a,
			    const struct db_address *b)
{
	return (a->host || a->socket) && a->port == b->port &&
	       same_text(a->host, b->host) && same_text(a->socket, b->socket);
}

const char *db_socket_dir(const struct db_address *a, struct buf *scratch)
{
	const char *slash;

	if (a->socket_dir || !a->socket)
		return a->socket_dir;
	slash = strrchr(a->socket, '/');
	buf_clear(scratch);
	if (slash)
		buf_put(scratch, a->socket, (size_t)(slash - a->socket));
	return scratch->s;
}

unsigned db_socket_port(const struct db_address *a)
{
	const char *dot = a->socket ? strrchr(a->socket, '.') : NULL;
	unsigned long port = dot ? strtoul(dot + 1, NULL, 10) : 0;

	return port > 0 && port <= 65535 ? (unsigned)port : 5432;
}

char *db_variable_prefix(const char *service)
{
	struct buf b = BUF_INIT;

	if (isdigit((unsigned char)*service))
		buf_putc(&b, '_');
	for (; *service; service++) {
		unsigned char c = (unsigned char)*service;

		buf_putc(&b, isascii(c) && isalnum(c) ? (char)toupper(c) : '_');
	}
	return buf_take(&b);
}
