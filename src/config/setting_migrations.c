/* SPDX-License-Identifier: MIT */
/* What fills a template: migrations, seeds, commands. */
#include "config/setting_private.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

int set_migrations(struct config *c, struct config_service *s,
		   const struct place *at, const char *value, struct error *err)
{
	(void)c;
	if (!*value)
		return place_error(at, err, "no directory");
	setting_replace(&s->migrations, setting_absolute(at, value));
	return 0;
}

int set_layout(struct config *c, struct config_service *s,
	       const struct place *at, const char *value, struct error *err)
{
	static const struct choice words[] = {
	    {"auto", 0},           {"plain", 0},       {"flyway", 0},
	    {"golang-migrate", 0}, {"sqlx", 0},        {"dbmate", 0},
	    {"goose", 0},          {"sql-migrate", 0}, {NULL, 0}};
	int ignored;

	(void)c;
	if (setting_choose(words, at, value, &ignored, err) < 0)
		return -1;
	setting_replace(&s->layout,
			strcmp(value, "auto") ? xstrdup(value) : NULL);
	return 0;
}

int set_bookkeeping(struct config *c, struct config_service *s,
		    const struct place *at, const char *value,
		    struct error *err)
{
	static const struct choice words[] = {{"yes", 0}, {"no", 1}, {NULL, 0}};
	int chosen;

	(void)c;
	if (setting_choose(words, at, value, &chosen, err) < 0)
		return -1;
	s->no_bookkeeping = chosen;
	return 0;
}

static int set_command(const struct place *at, const char *value,
		       char **command, char **dir, struct error *err)
{
	if (!value[strspn(value, " \t\n")])
		return place_error(at, err, "no command");
	setting_replace(command, xstrdup(value));
	setting_replace(dir, setting_absolute(at, "."));
	return 0;
}

int set_migrate(struct config *c, struct config_service *s,
		const struct place *at, const char *value, struct error *err)
{
	(void)c;
	return set_command(at, value, &s->migrate, &s->migrate_dir, err);
}

int set_seed_command(struct config *c, struct config_service *s,
		     const struct place *at, const char *value,
		     struct error *err)
{
	(void)c;
	return set_command(at, value, &s->seed_command, &s->seed_dir, err);
}

/* The paths are one list, that of the weightiest place. */
static int add_path(struct config *c, const struct config_service *s,
		    struct strvec *list, const char *key,
		    const struct place *at, const char *value,
		    struct error *err)
{
	auto_free char *start = xasprintf("%s.", key);
	auto_free char *first = xasprintf("%s.%s1", s->name, start);

	if (!*value)
		return place_error(at, err, "no path");
	if (config_origin_of(c, first) < at->origin) {
		strvec_free(list);
		config_forget(c, s->name, start);
	}
	if (list->n >= CONFIG_LIST_MAX)
		return place_error(at, err, "more than %d of them",
				   CONFIG_LIST_MAX);
	strvec_take(list, setting_absolute(at, value));
	return 0;
}

int set_migrate_inputs(struct config *c, struct config_service *s,
		       const struct place *at, const char *value,
		       struct error *err)
{
	return add_path(c, s, &s->migrate_inputs, "migrate-inputs", at, value,
			err);
}

int set_seed(struct config *c, struct config_service *s, const struct place *at,
	     const char *value, struct error *err)
{
	return add_path(c, s, &s->seeds, "seed", at, value, err);
}
