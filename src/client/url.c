/* SPDX-License-Identifier: MIT */
/*
 * Database URLs as testenv writes them and as people do:
 *
 *	postgresql://user:password@host:5432/database?host=/socket/directory
 *	mysql://user:password@host:3306/database?unix_socket=/socket/file
 *	sqlite:////absolute/path, sqlite:///relative/path
 */
#include "testenv/testenv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* In place. False for what is no %XX, and for a NUL. */
static bool decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '%') {
			*to++ = *text;
			continue;
		}
		high = hex_digit(text[1]);
		low = high < 0 ? -1 : hex_digit(text[2]);
		if (low < 0 || !(high | low))
			return false;
		*to++ = (char)(high << 4 | low);
		text += 2;
	}
	*to = '\0';
	return true;
}

/* Cuts text at the first of these bytes; what is behind it, or NULL. */
static char *cut(char *text, const char *at)
{
	char *p = strpbrk(text, at);

	if (!p)
		return NULL;
	*p = '\0';
	return p + 1;
}

static bool parse_scheme(char *text)
{
	if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z')))
		return false;
	for (; *text; text++) {
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
		else if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789+-.",
				 *text))
			return false;
	}
	return true;
}

static bool parse_port(const char *text, unsigned *ret)
{
	unsigned port = 0;

	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		port = port * 10 + (unsigned)(*p - '0');
		if (port > 65535)
			return false;
	}
	*ret = port;
	return port || !*text;
}

/* host, host:port, [::1]:port; an empty host is none. */
static bool parse_host(char *text, struct testenv_url *url)
{
	char *port;

	if (*text == '[') {
		char *end = strchr(++text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return false;
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else {
		port = cut(text, ":");
	}
	if (port && !parse_port(port, &url->port))
		return false;
	url->host = *text ? text : NULL;
	return decode(text);
}

/* user:password@host:port */
static bool parse_authority(char *text, struct testenv_url *url)
{
	char *at = strrchr(text, '@');
	char *password;

	if (!at)
		return parse_host(text, url);
	*at = '\0';
	password = cut(text, ":");
	url->user = text;
	url->password = password;
	return decode(text) && (!password || decode(password)) &&
	       parse_host(at + 1, url);
}

static bool is_postgres(const struct testenv_url *url)
{
	return strncmp(url->scheme, "postgres", 8) == 0;
}

/* The parameters that lead to a Unix socket; a host that is a path is one. */
static bool parse_query(char *text, struct testenv_url *url)
{
	while (text) {
		char *next = cut(text, "&");
		char *value = cut(text, "=");

		if (value && !decode(value))
			return false;
		if (!value || !*value)
			;
		else if (strcmp(text, "unix_socket") == 0 ||
			 strcmp(text, "socket") == 0)
			url->socket = value;
		else if (is_postgres(url) && strcmp(text, "host") == 0)
			url->host = value;
		else if (is_postgres(url) && strcmp(text, "port") == 0 &&
			 !parse_port(value, &url->port))
			return false;
		text = next;
	}
	if (is_postgres(url) && url->host && url->host[0] == '/') {
		url->socket = url->host;
		url->host = NULL;
	}
	return true;
}

/* What is behind "scheme://". */
static bool parse_rest(char *rest, struct testenv_url *url)
{
	char *query, *path;

	cut(rest, "#");
	query = cut(rest, "?");
	path = cut(rest, "/");
	if (strncmp(url->scheme, "sqlite", 6) == 0) {
		url->path = path;
		return !*rest && path && *path && decode(path);
	}
	if (!parse_authority(rest, url) || (path && !decode(path)))
		return false;
	url->database = path && *path ? path : NULL;
	return parse_query(query, url);
}

enum testenv_result testenv_url_parse(const char *text,
				      struct testenv_url **ret_url)
{
	size_t len = text ? strlen(text) : 0;
	struct testenv_url *url;
	char *copy, *colon;

	if (!text || !ret_url)
		return TESTENV_INVALID;
	url = calloc(1, sizeof(*url) + len + 1);
	if (!url)
		return TESTENV_NO_MEMORY;
	copy = memcpy((char *)(url + 1), text, len + 1);
	colon = strstr(copy, "://");
	url->scheme = copy;
	if (colon)
		*colon = '\0';
	if (!colon || !parse_scheme(copy) || !parse_rest(colon + 3, url)) {
		free(url);
		return TESTENV_BAD_URL;
	}
	*ret_url = url;
	return TESTENV_OK;
}

void testenv_url_free(struct testenv_url *url)
{
	free(url);
}
