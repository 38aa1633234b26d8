/* SPDX-License-Identifier: MIT */
#include "route/map.h"

#include "wire/route.h"

#include <string.h>

/* Adds "/part" to buf, or takes the last part off for "..". */
static bool add_part(char *buf, size_t size, size_t *len, const char *part,
		     size_t n)
{
	if (!n || (n == 1 && part[0] == '.'))
		return true;
	if (n == 2 && part[0] == '.' && part[1] == '.') {
		while (*len && buf[--*len] != '/')
			;
		return true;
	}
	if (n + 1 >= size - *len)
		return false;
	buf[(*len)++] = '/';
	memcpy(buf + *len, part, n);
	*len += n;
	return true;
}

static bool add_parts(char *buf, size_t size, size_t *len, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (!add_part(buf, size, len, path, n))
			return false;
		path += n;
		path += *path == '/';
	}
	return true;
}

bool route_clean(const char *cwd, const char *path, char *buf, size_t size)
{
	size_t len = 0;

	if (size < 2)
		return false;
	if (path[0] != '/' && !add_parts(buf, size, &len, cwd))
		return false;
	if (!add_parts(buf, size, &len, path))
		return false;
	if (!len)
		buf[len++] = '/';
	buf[len] = '\0';
	return true;
}

/* Keeps text[0..n) as a string. */
static bool keep(char *buf, size_t size, const char *text, size_t n)
{
	if (n >= size)
		return false;
	memcpy(buf, text, n);
	buf[n] = '\0';
	return true;
}

enum route_kind route_match(const char *dir, const char *path,
			    struct route_match *ret)
{
	size_t n = strlen(dir);

	*ret = (struct route_match){.kind = ROUTE_NO};
	if (!n || strncmp(path, dir, n) != 0)
		return ROUTE_NO;
	path += n;
	if (!*path)
		return ret->kind = ROUTE_IS_DIR;
	if (*path++ != '/')
		return ROUTE_NO;
	n = strcspn(path, "/");
	if (!keep(ret->service, sizeof(ret->service), path, n))
		return ROUTE_NO;
	path += n;
	if (!*path)
		return ret->kind = ROUTE_IS_SERVICE;
	n = strlen(ROUTE_FILE);
	if (strncmp(++path, ROUTE_FILE, n) != 0)
		return ROUTE_NO;
	path += n;
	if (strchr(path, '/') ||
	    !keep(ret->suffix, sizeof(ret->suffix), path, strlen(path)))
		return ROUTE_NO;
	return ret->kind = ROUTE_IS_FILE;
}

bool route_target(const struct route_match *m, const char *dir,
		  const char *file, char *buf, size_t size)
{
	bool is_file = m->kind == ROUTE_IS_FILE;
	const char *from = m->kind == ROUTE_IS_DIR ? dir : file;
	/* a directory that is a link must not look like one */
	const char *more = is_file ? m->suffix : "/.";
	const char *slash = strrchr(from, '/');
	size_t n = strlen(from), n_more = strlen(more);

	if (!is_file)
		n = slash ? (size_t)(slash - from) : 0;
	if (n + n_more >= size)
		return false;
	memcpy(buf, from, n);
	memcpy(buf + n, more, n_more + 1);
	return true;
}
