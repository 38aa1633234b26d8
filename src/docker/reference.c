/* SPDX-License-Identifier: MIT */
#include "docker/reference.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

void reference_free(struct reference *r)
{
	free(r->repository);
	free(r->tag);
	free(r->digest);
	*r = (struct reference)REFERENCE_INIT;
}

static bool all_of(const char *s, const char *allowed)
{
	return *s && !s[strspn(s, allowed)];
}

/* The length of the part before the first slash if that is a registry: it has a
 * dot or a port, or is "localhost"; else 0. */
static size_t registry_len(const char *repository)
{
	size_t len = strcspn(repository, "/");

	if (!repository[len])
		return 0;
	if (memchr(repository, '.', len) || memchr(repository, ':', len) ||
	    (len == 9 && !memcmp(repository, "localhost", 9)))
		return len;
	return 0;
}

static bool is_repository(const char *s)
{
	size_t host = registry_len(s);
	auto_free char *registry = xstrndup(s, host);

	if (host) {
		if (!all_of(registry, LOWER UPPER DIGITS ".-:[]"))
			return false;
		s += host + 1;
	}
	return all_of(s, LOWER DIGITS "._-/") && *s != '/' &&
	       s[strlen(s) - 1] != '/' && !strstr(s, "//");
}

int reference_parse(const char *name, struct reference *ret, struct error *err)
{
	auto_reference struct reference r = REFERENCE_INIT;
	const char *at = strchr(name, '@');
	size_t len = at ? (size_t)(at - name) : strlen(name);
	const char *slash = memrchr(name, '/', len);
	const char *base = slash ? slash + 1 : name;
	const char *colon = memchr(base, ':', len - (size_t)(base - name));

	if (at)
		r.digest = xstrdup(at + 1);
	if (colon)
		r.tag = xstrndup(colon + 1, len - (size_t)(colon + 1 - name));
	r.repository = xstrndup(name, colon ? (size_t)(colon - name) : len);
	if (!is_repository(r.repository) ||
	    (r.tag && (!all_of(r.tag, LOWER UPPER DIGITS "_.-") ||
		       strlen(r.tag) > 128)) ||
	    (r.digest && !all_of(r.digest, LOWER UPPER DIGITS ":+._-")))
		return error_set(err, ERROR_CONFIG,
				 "'%s' is not an image's "
				 "name",
				 name);
	*ret = r;
	r = (struct reference)REFERENCE_INIT;
	return 0;
}

const char *reference_version(const struct reference *r)
{
	if (r->digest)
		return r->digest;
	return r->tag ? r->tag : "latest";
}

char *reference_registry(const struct reference *r)
{
	size_t len = registry_len(r->repository);

	return len ? xstrndup(r->repository, len) : xstrdup("docker.io");
}

char *reference_qualified(const struct reference *r)
{
	if (registry_len(r->repository))
		return xstrdup(r->repository);
	return xasprintf("docker.io/%s%s",
			 strchr(r->repository, '/') ? "" : "library/",
			 r->repository);
}
