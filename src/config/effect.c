/* SPDX-License-Identifier: MIT */
#include "config/effect.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/progress.h"
#include "config/setting.h"

#include <stdlib.h>
#include <string.h>

enum {
	ON_SERVER = 1 << 0, /* one that exists */
	ON_FILE = 1 << 1,
	ON_LOCAL = 1 << 2,
	ON_CONTAINER = 1 << 3 /* or what stands in for one */
};

/* Where a setting has an effect, or one of its values. */
static const struct {
	const char *key;
	const char *value; /* NULL: any */
	unsigned on;
} effects[] = {
    {"image", NULL, ON_CONTAINER},
    {"pull", NULL, ON_CONTAINER},
    {"platform", NULL, ON_CONTAINER},
    {"memory", NULL, ON_CONTAINER},
    {"mirror", NULL, ON_CONTAINER},
    {"isolation", "database", ON_SERVER | ON_LOCAL | ON_CONTAINER},
    {"isolation", NULL, ON_LOCAL | ON_CONTAINER},
    {"fallback", "none", ON_SERVER | ON_FILE | ON_LOCAL | ON_CONTAINER},
    {"fallback", NULL, ON_FILE | ON_CONTAINER},
    {"transport", NULL, ON_SERVER | ON_LOCAL | ON_CONTAINER},
};

/* Was the setting given as a flag, for all or for one service? */
static bool is_flag(const struct config *c, const char *key)
{
	for (size_t i = 0; i < c->n_values; i++) {
		const char *dot = strrchr(c->values[i].key, '.');

		if (c->values[i].origin == ORIGIN_FLAG &&
		    !strcmp(dot ? dot + 1 : c->values[i].key, key))
			return true;
	}
	return false;
}

/* What serves; *ret_meant when it was chosen by a flag, like what is checked
 * against it. */
static unsigned kind_of(const struct config *c, const struct config_service *s,
			bool *ret_meant)
{
	const char *require = c->require ? c->require : "";

	*ret_meant = is_flag(c, "db");
	if (s->url)
		return ON_SERVER;
	if (!strcmp(s->db, "sqlite"))
		return ON_FILE;
	*ret_meant = is_flag(c, "backend") || is_flag(c, "require");
	if (c->backend == BACKEND_SQLITE)
		return ON_FILE;
	if (c->backend == BACKEND_LOCAL || !strcmp(require, "local"))
		return ON_LOCAL;
	return ON_CONTAINER;
}

static unsigned effect_of(const char *key, const char *value)
{
	for (size_t i = 0; i < array_len(effects); i++)
		if (!strcmp(effects[i].key, key) &&
		    (!effects[i].value || !strcmp(effects[i].value, value)))
			return effects[i].on;
	return ~0U;
}

/* Why not, of the one kind that there is, else of all. */
static const char *reason(const char *key, unsigned kinds)
{
	if (!strcmp(key, "isolation"))
		return kinds == ON_FILE ? "each owner gets a file"
					: "on an existing server each owner "
					  "gets a database";
	if (!strcmp(key, "fallback"))
		return kinds == ON_SERVER
			   ? "nothing stands in for an existing server"
			   : "nothing stands in for local programs";
	if (!strcmp(key, "transport"))
		return "sqlite is a file";
	switch (kinds) {
	case ON_SERVER:
		return "an existing server is no container";
	case ON_FILE:
		return "sqlite is a file and needs no container";
	case ON_LOCAL:
		return "local programs need no container";
	default:
		return "nothing here is in a container";
	}
}

/* The part of "db.pull" that names the setting, and whom it is for (NULL: all).
 */
static const char *split_key(const struct config *c, const char *key,
			     const struct config_service **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < c->n_services; i++) {
		size_t n = strlen(c->services[i].name);

		if (strncmp(key, c->services[i].name, n) != 0 || key[n] != '.')
			continue;
		*ret = &c->services[i];
		return key + n + 1;
	}
	return key;
}

static int check_value(const struct config *c, const struct config_value *v,
		       const struct progress *progress, struct error *err)
{
	const struct config_service *whose;
	const char *key = split_key(c, v->key, &whose);
	unsigned on = effect_of(key, v->value);
	unsigned kinds = 0;
	bool meant = false;

	for (size_t i = 0; i < c->n_services; i++)
		if (!whose || whose == &c->services[i])
			kinds |= kind_of(c, &c->services[i], &meant);
	if (v->origin == ORIGIN_DEFAULT || kinds & on)
		return 0;
	if (v->origin == ORIGIN_FLAG && meant)
		return error_set(err, ERROR_USAGE, "%s: '%s' has no effect: %s",
				 v->where, v->value, reason(key, kinds));
	/* it says which database, too, and the other is part of it */
	if (!strcmp(key, "image") || !strcmp(key, "platform"))
		return 0;
	progress_notice(progress, "%s: %s%s'%s' has no effect: %s", v->where,
			v->origin == ORIGIN_FILE ? key : "",
			v->origin == ORIGIN_FILE ? ": " : "", v->value,
			reason(key, kinds));
	return 0;
}

int effect_check(const struct config *c, const struct progress *progress,
		 struct error *err)
{
	for (size_t i = 0; c->n_services && i < c->n_values; i++)
		if (check_value(c, &c->values[i], progress, err) < 0)
			return -1;
	return 0;
}
