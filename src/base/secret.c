/* SPDX-License-Identifier: MIT */
#include "base/secret.h"

#include "base/alloc.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Part of a text becomes "***", or what there is room for. */
static void hide(char *at, size_t len)
{
	size_t stars = len < 3 ? len : 3;
	size_t rest = strlen(at + len);

	memset(at, '*', stars);
	memmove(at + stars, at + len, rest);
	explicit_bzero(at + stars + rest, len - stars);
}

static char *last_at(char *text, size_t len)
{
	return memrchr(text, '@', len);
}

static bool hide_login(char *authority)
{
	/* a password may hold what should have been encoded */
	char *at = last_at(authority, strcspn(authority, "?#"));
	char *colon;

	if (!at)
		at = last_at(authority, strlen(authority));
	colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
	if (!colon)
		return false;
	hide(colon + 1, (size_t)(at - colon - 1));
	return true;
}

static bool hide_params(char *query)
{
	static const char *const names[] = {
	    "password=", "sslpassword=", "passwd="};
	bool found = false;

	for (char *p = query; p && *p; p += strcspn(p, "&")) {
		p += *p == '&' || *p == '?';
		for (size_t i = 0; i < array_len(names); i++) {
			size_t n = strlen(names[i]);

			if (strncmp(p, names[i], n) != 0)
				continue;
			hide(p + n, strcspn(p + n, "&"));
			found = true;
		}
	}
	return found;
}

bool secret_hide(char *url)
{
	char *scheme = strstr(url, "://");
	bool found;

	/* a script's text may hold one, too: that is left as it is */
	if (!scheme || strcspn(url, " \t\n") < (size_t)(scheme - url))
		return false;
	found = hide_login(scheme + 3);
	return hide_params(strchr(scheme + 3, '?')) || found;
}

char **secret_take_args(int argc, char **argv)
{
	char **copy = xcalloc((size_t)argc + 1, sizeof(char *));

	for (int i = 0; i < argc; i++) {
		copy[i] = xstrdup(argv[i]);
		secret_hide(argv[i]);
	}
	return copy;
}

void secret_hide_variable(const char *name)
{
	char *value = getenv(name);

	if (value)
		secret_hide(value);
}
