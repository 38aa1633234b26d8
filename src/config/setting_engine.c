/* SPDX-License-Identifier: MIT */
/* Which engine, and the registries it is to use. */
#include "config/setting_private.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

int set_host(struct config *c, struct config_service *s, const struct place *at,
	     const char *value, struct error *err)
{
	(void)s;
	if (!*value)
		return place_error(at, err, "no address");
	setting_replace(&c->host, xstrdup(value));
	return 0;
}

/* A registry's host, and a path on it. */
static int check_registry(const struct place *at, const char *value,
			  struct error *err)
{
	size_t len = strlen(value);

	if (!len || strstr(value, "://") || strpbrk(value, " \t\n@") ||
	    !strpbrk(value, ".:") || value[0] == '/' || value[len - 1] == '/')
		return place_error(
		    at, err, "'%s' is not a registry's HOST[:PORT][/PATH]",
		    value);
	return 0;
}

/* What "docker.io" is replaced by. */
int set_mirror(struct config *c, struct config_service *s,
	       const struct place *at, const char *value, struct error *err)
{
	(void)s;
	if (check_registry(at, value, err) < 0)
		return -1;
	setting_replace(&c->mirror, xstrdup(value));
	return 0;
}

int set_swarm_registry(struct config *c, struct config_service *s,
		       const struct place *at, const char *value,
		       struct error *err)
{
	(void)s;
	if (check_registry(at, value, err) < 0)
		return -1;
	setting_replace(&c->swarm_registry, xstrdup(value));
	return 0;
}

/* As docker service create --constraint has them, with commas between. */
int set_swarm_constraint(struct config *c, struct config_service *s,
			 const struct place *at, const char *value,
			 struct error *err)
{
	auto_strvec struct strvec list = STRVEC_INIT;
	const char *p = value;

	(void)s;
	for (;;) {
		size_t len = strcspn(p, ",");
		auto_free char *one = xstrndup(p, len);

		if (!strstr(one, "==") && !strstr(one, "!="))
			return place_error(at, err,
					   "'%s' is not a constraint such as "
					   "node.labels.tests==yes",
					   one);
		if (list.n >= CONFIG_LIST_MAX)
			return place_error(at, err, "more than %d of them",
					   CONFIG_LIST_MAX);
		strvec_push(&list, one);
		if (!p[len])
			break;
		p += len + 1;
	}
	strvec_free(&c->swarm_constraints);
	strvec_extend(&c->swarm_constraints, list.v);
	return 0;
}
