/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "config/companion.h"
#include "config/compose.h"
#include "config/effect.h"
#include "config/setting.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	START_TIMEOUT_MS = 5 * 60 * 1000, /* a pull is part of it */
	/* Of templates kept in one place. A migrated server adds 30 to 60 MB to
	 * its image (measured with the demonstration's schema on Postgres 15
	 * and MariaDB 10.11), so this is some seventy of them, and a third of
	 * the disk that a hosted CI runner has free. */
	CACHE_GIB = 4
};

static const char hint_example[] =
    "for example: testenv exec --db postgres --migrations db/migrations -- "
    "ctest -j8";

static void service_free(struct config_service *s)
{
	free(s->name);
	free(s->db);
	free(s->version);
	free(s->image);
	free(s->platform);
	free(s->url);
	free(s->migrations);
	free(s->layout);
	free(s->migrate);
	free(s->seed_command);
	free(s->migrate_dir);
	free(s->seed_dir);
	free(s->database);
	free(s->user);
	strvec_free(&s->seeds);
	strvec_free(&s->migrate_inputs);
	strvec_free(&s->env);
	strvec_free(&s->exports);
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < config->n_services; i++)
		service_free(&config->services[i]);
	config_drop_companions(config);
	for (size_t i = 0; i < config->n_values; i++) {
		free(config->values[i].key);
		free(config->values[i].value);
		free(config->values[i].where);
	}
	free(config->services);
	free(config->values);
	free(config->project_dir);
	free(config->file);
	free(config->require);
	free(config->host);
	free(config->mirror);
	free(config->swarm_registry);
	strvec_free(&config->swarm_constraints);
	free(config->owner);
	strvec_free(&config->fallback);
	strvec_free(&config->env);
	*config = (struct config){.fallback = STRVEC_INIT,
				  .swarm_constraints = STRVEC_INIT,
				  .env = STRVEC_INIT};
}

/* What holds if nobody says otherwise, in the words of the settings. */
static const struct {
	const char *key, *value;
} defaults[] = {
    {"workers", "auto"},        {"backend", "auto"},  {"fallback", "sqlite"},
    {"isolation", "container"}, {"fresh", "owner"},   {"owner", "auto"},
    {"transport", "tcp"},       {"keep", "never"},    {"timeout", "0"},
    {"start-timeout", "5m"},    {"rebuild", "false"}, {"quiet", "false"},
    {"no-cache", "false"},      {"cache-size", "4g"}, {"verify", "false"},
};

static void set_defaults(struct config *c)
{
	static const struct place nobody = {ORIGIN_DEFAULT, "", NULL, NULL};

	*c = (struct config){
	    .start_timeout_ms = START_TIMEOUT_MS,
	    .cache_bytes = (int64_t)CACHE_GIB << 30,
	    .fallback = STRVEC_INIT,
	    .swarm_constraints = STRVEC_INIT,
	    .env = STRVEC_INIT,
	};
	strvec_push(&c->fallback, "sqlite");
	for (size_t i = 0; i < array_len(defaults); i++)
		config_record(c, defaults[i].key, defaults[i].value, &nobody);
}

/* "TESTENV_START_TIMEOUT" */
static char *variable_of(const struct setting *setting)
{
	char *name = xasprintf("TESTENV_%s", setting->key);

	for (char *p = name; *p; p++) {
		if (*p == '-')
			*p = '_';
		else if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	}
	return name;
}

/* Unset and empty are the same. Borrowed. */
static const char *variable_value(const struct setting *setting,
				  const char *name)
{
	const char *value = getenv(name);

	/* inside a session this one says what serves it */
	if (!strcmp(setting->key, "backend") && getenv("TESTENV_SESSION"))
		return NULL;
	return value && *value ? value : NULL;
}

/* The file */

static int read_file(struct config *c, const char *path, const char *name,
		     const struct progress *progress, bool *ret_relevant,
		     struct error *err)
{
	char *slash;

	if (compose_read(path, name, c, progress, ret_relevant, err) < 0)
		return -1;
	if (!*ret_relevant)
		return 0;
	c->file = xstrdup(path);
	c->project_dir = xstrdup(path);
	slash = strrchr(c->project_dir, '/');
	slash[slash == c->project_dir] = '\0';
	return 0;
}

/* One that was named: it must be there, and it counts even when empty. */
static int read_named_file(struct config *c, const struct place *at,
			   const char *name, const struct progress *progress,
			   struct error *err)
{
	auto_error struct error cause = ERROR_INIT;
	auto_free char *path = fs_absolute(name);
	bool relevant = true;

	if (!*name)
		return place_error(at, err, "no path");
	config_record(c, "file", name, at);
	if (read_file(c, path, name, progress, &relevant, &cause) == 0)
		return 0;
	if (cause.kind == ERROR_IO)
		return place_error(at, err, "%s", error_text(&cause));
	return error_move(err, &cause);
}

/* In a folder above the working directory others may have put a file. */
static bool is_trusted(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_uid == geteuid() || st.st_uid == 0);
}

static int look_in(struct config *c, const char *dir, bool here,
		   const struct progress *progress, bool *ret_found,
		   struct error *err)
{
	static const char *const names[] = {
	    "compose.yaml", "compose.yml", "testenv.yaml",
	    "docker-compose.yaml", "docker-compose.yml"};

	for (size_t i = 0; !*ret_found && i < array_len(names); i++) {
		auto_free char *path = fs_join(dir, names[i]);

		if (here ? !fs_exists(path) : !is_trusted(path))
			continue;
		if (read_file(c, path, here ? names[i] : path, progress,
			      ret_found, err) < 0) {
			error_hint(err, "-f FILE reads another file, "
					"-f /dev/null none");
			return -1;
		}
	}
	return 0;
}

static int look_upwards(struct config *c, const struct progress *progress,
			struct error *err)
{
	auto_free char *dir = fs_absolute(".");
	bool found = false;

	for (bool here = true;; here = false) {
		char *slash;

		if (look_in(c, dir, here, progress, &found, err) < 0)
			return -1;
		if (found || !strcmp(dir, "/"))
			return 0;
		slash = strrchr(dir, '/');
		slash[slash == dir] = '\0';
	}
}

static int load_file(struct config *c, const struct config_flag *flags,
		     size_t n_flags, const struct progress *progress,
		     struct error *err)
{
	const char *variable = getenv("TESTENV_FILE");
	struct place at = {ORIGIN_FLAG, "--file", NULL, NULL};

	for (size_t i = n_flags; i > 0; i--)
		if (!strcmp(flags[i - 1].key, "file"))
			return read_named_file(c, &at, flags[i - 1].value,
					       progress, err);
	at = (struct place){ORIGIN_ENVIRONMENT, "TESTENV_FILE", NULL, NULL};
	if (variable && *variable)
		return read_named_file(c, &at, variable, progress, err);
	return look_upwards(c, progress, err);
}

/* Variables and flags */

/* Whom a flag or variable of one service is about. */
static int target(struct config *c, const struct setting *setting,
		  const struct place *at, struct config_service **ret,
		  struct error *err)
{
	*ret = NULL;
	if (!setting->of_service)
		return 0;
	if (c->n_services > 1)
		return place_error(at, err,
				   "the file has %zu database services: say "
				   "there which one this is for",
				   c->n_services);
	*ret = c->n_services ? &c->services[0] : config_add_service(c, "db");
	return 0;
}

static int apply(struct config *c, const struct setting *setting,
		 const struct place *at, const char *value, struct error *err)
{
	struct config_service *s;

	if (!strcmp(setting->key, "file"))
		return 0; /* read long ago */
	if (target(c, setting, at, &s, err) < 0)
		return -1;
	return setting_apply(setting, c, s, at, value, err);
}

static int load_variables(struct config *c, struct error *err)
{
	for (const struct setting *s = settings; s->key; s++) {
		auto_free char *name = variable_of(s);
		const char *value = variable_value(s, name);
		struct place at = {ORIGIN_ENVIRONMENT, name, NULL, NULL};

		if (value && apply(c, s, &at, value, err) < 0)
			return -1;
	}
	return 0;
}

/* In the order of the table, not of the command line: --image after --db. */
static int load_flags(struct config *c, const struct config_flag *flags,
		      size_t n_flags, struct error *err)
{
	for (const struct setting *s = settings; s->key; s++) {
		auto_free char *name = xasprintf("--%s", s->key);
		struct place at = {ORIGIN_FLAG, name, NULL, NULL};

		for (size_t i = 0; i < n_flags; i++)
			if (!strcmp(flags[i].key, s->key) &&
			    apply(c, s, &at, flags[i].value, err) < 0)
				return -1;
	}
	return 0;
}

/* What only the whole can tell */

static int nothing_asked(const struct config *c, struct error *err)
{
	if (c->file)
		error_set(err, ERROR_CONFIG,
			  "no database asked for: '%s' has no service that "
			  "is one, and there is no --db",
			  c->file);
	else
		error_set(err, ERROR_USAGE,
			  "no database asked for: no --db, and no Compose "
			  "file with one here or above");
	error_hint(err, "%s", hint_example);
	return -1;
}

/* An existing server is one that has a URL, and nothing else. */
static int check_server(const struct config *c, const struct config_service *s,
			struct error *err)
{
	bool wanted = c->backend == BACKEND_SERVER ||
		      (c->require && !strcmp(c->require, "server"));

	if (!s->url && !wanted)
		return 0;
	if (!s->url) {
		error_set(err, ERROR_CONFIG,
			  "service '%s': no existing server is named", s->name);
		error_hint(err, "give its URL: --db postgresql://...");
		return -1;
	}
	if (c->backend != BACKEND_AUTO && c->backend != BACKEND_SERVER)
		return error_set(err, ERROR_CONFIG,
				 "service '%s' is an existing server, and the "
				 "backend is to be '%s'",
				 s->name, config_backend_name(c->backend));
	if (c->require && strcmp(c->require, "server") != 0)
		return error_set(err, ERROR_CONFIG,
				 "service '%s' is an existing server, and '%s' "
				 "is required",
				 s->name, c->require);
	if (s->image)
		return error_set(err, ERROR_CONFIG,
				 "service '%s' is an existing server and runs "
				 "no image such as '%s'",
				 s->name, s->image);
	return 0;
}

static int check_service(struct config *c, struct config_service *s,
			 struct error *err)
{
	bool needs_engine = c->backend == BACKEND_CONTAINER ||
			    c->backend == BACKEND_SWARM ||
			    (c->require && (!strcmp(c->require, "container") ||
					    !strcmp(c->require, "swarm")));

	if (!s->db && c->backend == BACKEND_SQLITE)
		s->db = xstrdup("sqlite");
	if (!s->db && s->image) {
		error_set(err, ERROR_CONFIG,
			  "cannot tell which database image '%s' is", s->image);
		error_hint(err, "say it: --db postgres or --db mariadb");
		return -1;
	}
	if (!s->db)
		return nothing_asked(c, err);
	if (check_server(c, s, err) < 0)
		return -1;
	if (strcmp(s->db, "sqlite") != 0)
		return 0;
	if (needs_engine)
		return error_set(err, ERROR_CONFIG,
				 "service '%s': sqlite is a file and cannot "
				 "be served by a container",
				 s->name);
	if (s->image)
		return error_set(err, ERROR_CONFIG,
				 "service '%s': sqlite is a file and runs no "
				 "image such as '%s'",
				 s->name, s->image);
	return 0;
}

static int check(struct config *c, bool may_be_empty, struct error *err)
{
	const char *backend = config_backend_name(c->backend);

	if (!c->n_services && c->backend == BACKEND_SQLITE)
		config_add_service(c, "db");
	if (!c->n_services && !may_be_empty)
		return nothing_asked(c, err);
	if (c->require && c->backend != BACKEND_AUTO &&
	    strcmp(c->require, backend) != 0)
		return error_set(err, ERROR_CONFIG,
				 "backend '%s' is asked for, and '%s' is "
				 "required",
				 backend, c->require);
	for (size_t i = 0; i < c->n_services; i++) {
		struct config_service *s = &c->services[i];

		if (may_be_empty && !s->db && !s->image &&
		    c->backend != BACKEND_SQLITE) {
			service_free(s);
			c->n_services = 0;
			return 0;
		}
		if (check_service(c, s, err) < 0)
			return -1;
	}
	return 0;
}

static int load(const struct config_flag *flags, size_t n_flags,
		bool may_be_empty, const struct progress *progress,
		struct config *ret, struct error *err)
{
	struct config c;

	set_defaults(&c);
	if (load_file(&c, flags, n_flags, progress, err) < 0 ||
	    load_variables(&c, err) < 0 ||
	    load_flags(&c, flags, n_flags, err) < 0 ||
	    check(&c, may_be_empty, err) < 0 ||
	    config_order_companions(&c, err) < 0 ||
	    effect_check(&c, progress, err) < 0) {
		config_free(&c);
		return -1;
	}
	if (!c.project_dir)
		c.project_dir = fs_absolute(".");
	*ret = c;
	return 0;
}

int config_load(const struct config_flag *flags, size_t n_flags,
		const struct progress *progress, struct config *ret,
		struct error *err)
{
	return load(flags, n_flags, false, progress, ret, err);
}

int config_load_any(const struct config_flag *flags, size_t n_flags,
		    const struct progress *progress, struct config *ret,
		    struct error *err)
{
	return load(flags, n_flags, true, progress, ret, err);
}

/* Identity */

static void add_number(struct digest *d, int64_t n)
{
	digest_add(d, &n, sizeof(n));
}

static void add_list(struct digest *d, const struct strvec *list)
{
	add_number(d, (int64_t)list->n);
	for (size_t i = 0; i < list->n; i++)
		digest_add_str(d, list->v[i]);
}

static void add_service(struct digest *d, const struct config_service *s)
{
	digest_add_str(d, s->name);
	digest_add_str(d, s->db);
	digest_add_str(d, s->version);
	digest_add_str(d, s->image);
	digest_add_str(d, s->platform);
	digest_add_str(d, s->url);
	digest_add_str(d, s->migrations);
	digest_add_str(d, s->layout);
	add_number(d, s->no_bookkeeping);
	digest_add_str(d, s->migrate);
	digest_add_str(d, s->seed_command);
	digest_add_str(d, s->migrate_dir);
	digest_add_str(d, s->seed_dir);
	add_list(d, &s->migrate_inputs);
	digest_add_str(d, s->database);
	digest_add_str(d, s->user);
	add_number(d, s->memory_bytes);
	add_list(d, &s->seeds);
	add_list(d, &s->env);
	add_list(d, &s->exports);
}

/* Left out: what is about one command (its env, its time limit, keep) or one
 * run (rebuild, no-cache, quiet, how long to wait for a start). */
void config_identity(const struct config *config, char ret[CONFIG_IDENTITY])
{
	struct digest *d = digest_new();
	char hex[DIGEST_HEX];

	digest_add_str(d, config->project_dir);
	digest_add_str(d, config->file);
	add_number(d, (int64_t)config->n_services);
	for (size_t i = 0; i < config->n_services; i++)
		add_service(d, &config->services[i]);
	add_number(d, (int64_t)config->n_companions);
	for (size_t i = 0; i < config->n_companions; i++)
		config_companion_digest(&config->companions[i], d);
	add_number(d, config->workers);
	add_number(d, config->backend);
	add_number(d, config->isolation);
	add_number(d, config->transport);
	add_number(d, config->fresh);
	add_number(d, config->verify);
	digest_add_str(d, config->owner);
	add_list(d, &config->fallback);
	digest_add_str(d, config->require);
	digest_add_str(d, config->host);
	digest_add_str(d, config->mirror);
	digest_add_str(d, config->swarm_registry);
	add_list(d, &config->swarm_constraints);
	digest_end(d, hex);
	memcpy(ret, hex, CONFIG_IDENTITY - 1);
	ret[CONFIG_IDENTITY - 1] = '\0';
}
