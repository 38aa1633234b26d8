/* SPDX-License-Identifier: MIT */
#include "base/strvec.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

char *strvec_empty[1] = {NULL};

void strvec_free(struct strvec *sv)
{
	int saved = errno;

	for (size_t i = 0; i < sv->n; i++)
		free(sv->v[i]);
	if (sv->size)
		free(sv->v);
	sv->v = strvec_empty;
	sv->n = sv->size = 0;
	errno = saved;
}

void strvec_take(struct strvec *sv, char *s)
{
	if (sv->n + 2 > sv->size) {
		size_t size = sv->size ? sv->size * 2 : 16;

		sv->v = xreallocarray(sv->size ? sv->v : NULL, size,
				      sizeof(*sv->v));
		sv->size = size;
	}
	sv->v[sv->n++] = s;
	sv->v[sv->n] = NULL;
}

void strvec_push(struct strvec *sv, const char *s)
{
	strvec_take(sv, xstrdup(s));
}

void strvec_pushf(struct strvec *sv, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	strvec_take(sv, xvasprintf(fmt, args));
	va_end(args);
}

void strvec_extend(struct strvec *sv, char *const *list)
{
	for (; list && *list; list++)
		strvec_push(sv, *list);
}

/* The index of NAME's entry, or n. */
static size_t env_find(const struct strvec *sv, const char *name)
{
	size_t len = strlen(name);
	size_t i;

	for (i = 0; i < sv->n; i++)
		if (!strncmp(sv->v[i], name, len) && sv->v[i][len] == '=')
			break;
	return i;
}

void strvec_env_set(struct strvec *sv, const char *name, const char *value)
{
	size_t i = env_find(sv, name);

	if (i == sv->n) {
		if (value)
			strvec_pushf(sv, "%s=%s", name, value);
		return;
	}
	free(sv->v[i]);
	if (value) {
		sv->v[i] = xasprintf("%s=%s", name, value);
		return;
	}
	memmove(&sv->v[i], &sv->v[i + 1], (sv->n - i) * sizeof(*sv->v));
	sv->n--;
}

void strvec_env_put(struct strvec *sv, const char *entry)
{
	const char *equals = strchr(entry, '=');
	auto_free char *name = NULL;

	if (!equals)
		return;
	name = xstrndup(entry, (size_t)(equals - entry));
	strvec_env_set(sv, name, equals + 1);
}

const char *strvec_env_get(const struct strvec *sv, const char *name)
{
	size_t i = env_find(sv, name);

	return i == sv->n ? NULL : sv->v[i] + strlen(name) + 1;
}

bool strvec_has(const struct strvec *sv, const char *s)
{
	for (size_t i = 0; i < sv->n; i++)
		if (!strcmp(sv->v[i], s))
			return true;
	return false;
}
