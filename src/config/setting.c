/* SPDX-License-Identifier: MIT */
#include "config/setting.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/secret.h"
#include "config/setting_private.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int place_error(const struct place *at, struct error *err, const char *fmt, ...)
{
	enum error_kind kind =
	    at->origin == ORIGIN_FLAG ? ERROR_USAGE : ERROR_CONFIG;
	auto_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	return error_set(err, kind, "%s: %s%s%s", at->where,
			 at->key ? at->key : "", at->key ? ": " : "", text);
}

static void put_words(struct buf *out, const struct choice *choices)
{
	for (bool first = true; choices->word; choices++) {
		buf_printf(out, "%s%s", first ? "" : ", ", choices->word);
		first = false;
	}
}

int setting_choose(const struct choice *choices, const struct place *at,
		   const char *value, int *ret, struct error *err)
{
	auto_buf struct buf words = BUF_INIT;

	for (const struct choice *c = choices; c->word; c++) {
		if (strcmp(c->word, value) != 0)
			continue;
		*ret = c->value;
		return 0;
	}
	put_words(&words, choices);
	return place_error(at, err, "'%s' is none of: %s", value, words.s);
}

void setting_replace(char **slot, char *value)
{
	free(*slot);
	*slot = value;
}

char *setting_absolute(const struct place *at, const char *path)
{
	auto_free char *joined = NULL;

	if (path[0] == '/' || !at->base)
		return fs_absolute(path);
	joined = fs_join(at->base, path);
	return fs_absolute(joined);
}

bool config_is_assignment(const char *text)
{
	size_t n = 0;

	while ((text[n] >= 'A' && text[n] <= 'Z') ||
	       (text[n] >= 'a' && text[n] <= 'z') || text[n] == '_' ||
	       (n && text[n] >= '0' && text[n] <= '9'))
		n++;
	return n && text[n] == '=';
}

static int add_assignment(struct strvec *list, const struct place *at,
			  const char *value, struct error *err)
{
	auto_free char *name = NULL;

	if (!config_is_assignment(value))
		return place_error(at, err, "'%s' is not NAME=VALUE", value);
	if (list->n >= CONFIG_LIST_MAX)
		return place_error(at, err, "more than %d of them",
				   CONFIG_LIST_MAX);
	name = xstrndup(value, strcspn(value, "="));
	strvec_env_set(list, name, strchr(value, '=') + 1);
	return 0;
}

/* Databases */

const char *config_image_db(const char *image)
{
	static const struct {
		const char *name, *db;
	} known[] = {
	    {"postgres", "postgres"},    {"postgresql", "postgres"},
	    {"postgis", "postgres"},     {"pgvector", "postgres"},
	    {"timescaledb", "postgres"}, {"mariadb", "mariadb"},
	    {"mysql", "mariadb"},        {NULL, NULL},
	};
	const char *name = strrchr(image, '/');
	size_t len;

	name = name ? name + 1 : image;
	len = strcspn(name, ":@");
	for (unsigned i = 0; known[i].name; i++)
		if (strlen(known[i].name) == len &&
		    !strncmp(known[i].name, name, len))
			return known[i].db;
	return NULL;
}

static const char *canonical_db(const char *name, size_t len)
{
	static const char *const names[][2] = {
	    {"postgres", "postgres"}, {"postgresql", "postgres"},
	    {"pg", "postgres"},       {"mariadb", "mariadb"},
	    {"mysql", "mariadb"},     {"sqlite", "sqlite"},
	    {"sqlite3", "sqlite"},    {NULL, NULL},
	};

	for (unsigned i = 0; names[i][0]; i++)
		if (strlen(names[i][0]) == len &&
		    !strncmp(names[i][0], name, len))
			return names[i][1];
	return NULL;
}

static bool is_version(const char *v)
{
	size_t len = strspn(v, "0123456789.abcdefghijklmnopqrstuvwxyz_-"
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return len && len <= 128 && !v[len] && v[0] != '.' && v[0] != '-';
}

static int unknown_db(const struct place *at, const char *value,
		      struct error *err)
{
	place_error(at, err, "unknown database '%s'", value);
	error_hint(err, "testenv knows postgres, mariadb and sqlite, with a "
			"version as in postgres:16");
	return -1;
}

static int check_version(const struct place *at, const char *value,
			 const char *db, const char *version, struct error *err)
{
	if (!strcmp(db, "sqlite"))
		return place_error(at, err,
				   "'%s': sqlite is built in and has no "
				   "version to choose",
				   value);
	if (!strncmp(value, "mysql:", 6)) {
		place_error(at, err,
			    "'%s': this is MariaDB's, not MySQL's "
			    "version",
			    value);
		error_hint(err, "give --image %s for MySQL's own server",
			   value);
		return -1;
	}
	if (!is_version(version))
		return place_error(at, err, "'%s' has no usable version",
				   value);
	return 0;
}

static int set_db(struct config *c, struct config_service *s,
		  const struct place *at, const char *value, struct error *err)
{
	size_t len = strcspn(value, ":");
	const char *db = canonical_db(value, len);
	const char *version = value[len] ? value + len + 1 : NULL;
	auto_free char *image_key = xasprintf("%s.image", s->name);
	bool url = strstr(value, "://") != NULL;

	if (!db && !url)
		return unknown_db(at, value, err);
	if (!url && version && check_version(at, value, db, version, err) < 0)
		return -1;
	/* an image said with less weight was another database's */
	if (s->image && config_origin_of(c, image_key) < at->origin)
		setting_replace(&s->image, NULL);
	if (url)
		return setting_url(s, db, at, value, err);
	setting_replace(&s->db, xstrdup(db));
	setting_replace(&s->version, xstrdup_or_null(version));
	setting_replace(&s->url, NULL);
	return 0;
}

static int set_image(struct config *c, struct config_service *s,
		     const struct place *at, const char *value,
		     struct error *err)
{
	const char *db = config_image_db(value);
	auto_free char *db_key = xasprintf("%s.db", s->name);

	if (!*value || strpbrk(value, " \t\n") || value[0] == '-')
		return place_error(at, err, "'%s' is not an image's name",
				   value);
	if (db && (!s->db || config_origin_of(c, db_key) < at->origin)) {
		setting_replace(&s->db, xstrdup(db));
		setting_replace(&s->version, NULL);
	}
	setting_replace(&s->image, xstrdup(value));
	return 0;
}

static int set_export(struct config *c, struct config_service *s,
		      const struct place *at, const char *value,
		      struct error *err)
{
	(void)c;
	return add_assignment(&s->exports, at, value, err);
}

/* The whole */

static int set_workers(struct config *c, struct config_service *s,
		       const struct place *at, const char *value,
		       struct error *err)
{
	char *end;
	long n;

	(void)s;
	if (!strcmp(value, "auto")) {
		c->workers = 0;
		return 0;
	}
	n = strtol(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || n < 1 ||
	    n > CONFIG_WORKERS_MAX)
		return place_error(at, err,
				   "'%s' is neither 'auto' nor a number from "
				   "1 to %d",
				   value, CONFIG_WORKERS_MAX);
	c->workers = (int)n;
	return 0;
}

static const struct choice backends[] = {
    {"auto", BACKEND_AUTO},
    {"container", BACKEND_CONTAINER},
    {"swarm", BACKEND_SWARM},
    {"server", BACKEND_SERVER},
    {"local", BACKEND_LOCAL},
    {"sqlite", BACKEND_SQLITE},
    {NULL, 0},
};

const char *config_backend_name(enum config_backend b)
{
	for (const struct choice *c = backends; c->word; c++)
		if (c->value == (int)b)
			return c->word;
	return "?";
}

static int set_backend(struct config *c, struct config_service *s,
		       const struct place *at, const char *value,
		       struct error *err)
{
	int chosen;

	(void)s;
	if (setting_choose(backends, at, value, &chosen, err) < 0)
		return -1;
	c->backend = (enum config_backend)chosen;
	return 0;
}

static int set_require(struct config *c, struct config_service *s,
		       const struct place *at, const char *value,
		       struct error *err)
{
	int chosen;

	(void)s;
	if (setting_choose(backends + 1, at, value, &chosen, err) < 0)
		return -1;
	setting_replace(&c->require, xstrdup(value));
	return 0;
}

static int set_fallback(struct config *c, struct config_service *s,
			const struct place *at, const char *value,
			struct error *err)
{
	static const struct choice words[] = {
	    {"sqlite", 0}, {"local", 0}, {NULL, 0}};
	auto_strvec struct strvec list = STRVEC_INIT;
	const char *p = value;
	int ignored;

	(void)s;
	while (strcmp(value, "none") != 0) {
		size_t len = strcspn(p, ",");
		auto_free char *word = xstrndup(p, len);

		if (setting_choose(words, at, word, &ignored, err) < 0) {
			error_hint(err, "or 'none', to fail instead");
			return -1;
		}
		if (!strvec_has(&list, word))
			strvec_push(&list, word);
		if (!p[len])
			break;
		p += len + 1;
	}
	strvec_free(&c->fallback);
	strvec_extend(&c->fallback, list.v);
	return 0;
}

static int set_isolation(struct config *c, struct config_service *s,
			 const struct place *at, const char *value,
			 struct error *err)
{
	static const struct choice words[] = {
	    {"container", ISOLATION_CONTAINER},
	    {"database", ISOLATION_DATABASE},
	    {NULL, 0}};
	int chosen;

	(void)s;
	if (setting_choose(words, at, value, &chosen, err) < 0)
		return -1;
	c->isolation = (enum config_isolation)chosen;
	return 0;
}

static int set_fresh(struct config *c, struct config_service *s,
		     const struct place *at, const char *value,
		     struct error *err)
{
	static const struct choice words[] = {{"owner", FRESH_OWNER},
					      {"worker", FRESH_WORKER},
					      {"never", FRESH_NEVER},
					      {NULL, 0}};
	int chosen;

	(void)s;
	if (setting_choose(words, at, value, &chosen, err) < 0)
		return -1;
	c->fresh = (enum config_fresh)chosen;
	return 0;
}

static int set_owner(struct config *c, struct config_service *s,
		     const struct place *at, const char *value,
		     struct error *err)
{
	static const struct choice words[] = {{"auto", 0},    {"process", 0},
					      {"worker", 0},  {"command", 0},
					      {"depth=N", 0}, {NULL, 0}};
	int ignored;

	(void)s;
	if (strncmp(value, "depth=", 6) != 0 || !value[6] ||
	    value[6 + strspn(value + 6, "0123456789")] || strlen(value) > 9) {
		if (setting_choose(words, at, value, &ignored, err) < 0)
			return -1;
	}
	setting_replace(&c->owner, xstrdup(value));
	return 0;
}

static int set_transport(struct config *c, struct config_service *s,
			 const struct place *at, const char *value,
			 struct error *err)
{
	static const struct choice words[] = {{"tcp", CONFIG_TRANSPORT_TCP},
					      {"unix", CONFIG_TRANSPORT_UNIX},
					      {NULL, 0}};
	int chosen;

	(void)s;
	if (setting_choose(words, at, value, &chosen, err) < 0)
		return -1;
	c->transport = (enum config_transport)chosen;
	return 0;
}

static int set_keep(struct config *c, struct config_service *s,
		    const struct place *at, const char *value,
		    struct error *err)
{
	static const struct choice words[] = {{"never", KEEP_NEVER},
					      {"failure", KEEP_FAILURE},
					      {"always", KEEP_ALWAYS},
					      {NULL, 0}};
	int chosen;

	(void)s;
	if (setting_choose(words, at, value, &chosen, err) < 0)
		return -1;
	c->keep = (enum config_keep)chosen;
	return 0;
}

static int set_env(struct config *c, struct config_service *s,
		   const struct place *at, const char *value, struct error *err)
{
	(void)s;
	return add_assignment(&c->env, at, value, err);
}

static int duration(const struct place *at, const char *value, int64_t *ret,
		    struct error *err)
{
	int64_t ms = config_duration_ms(value);

	if (ms < 0)
		return place_error(at, err,
				   "'%s' is not a duration such as 90s, 5m or "
				   "2h",
				   value);
	*ret = ms;
	return 0;
}

static int set_timeout(struct config *c, struct config_service *s,
		       const struct place *at, const char *value,
		       struct error *err)
{
	(void)s;
	return duration(at, value, &c->timeout_ms, err);
}

static int set_start_timeout(struct config *c, struct config_service *s,
			     const struct place *at, const char *value,
			     struct error *err)
{
	int64_t ms = 0;

	(void)s;
	if (duration(at, value, &ms, err) < 0)
		return -1;
	if (!ms)
		return place_error(at, err, "no time at all to start in");
	c->start_timeout_ms = ms;
	return 0;
}

static int boolean(const struct place *at, const char *value, bool *ret,
		   struct error *err)
{
	static const struct choice words[] = {
	    {"true", 1}, {"false", 0}, {"1", 1}, {"0", 0},
	    {"yes", 1},  {"no", 0},    {NULL, 0}};
	int chosen = 1;

	/* a switch on the command line has no value */
	if (*value && setting_choose(words, at, value, &chosen, err) < 0)
		return -1;
	*ret = chosen;
	return 0;
}

static int set_quiet(struct config *c, struct config_service *s,
		     const struct place *at, const char *value,
		     struct error *err)
{
	(void)s;
	return boolean(at, value, &c->quiet, err);
}

static int set_no_cache(struct config *c, struct config_service *s,
			const struct place *at, const char *value,
			struct error *err)
{
	(void)s;
	return boolean(at, value, &c->no_cache, err);
}

static int set_cache_size(struct config *c, struct config_service *s,
			  const struct place *at, const char *value,
			  struct error *err)
{
	int64_t bytes = config_bytes(value);

	(void)s;
	if (bytes < 0)
		return place_error(
		    at, err, "'%s' is not a size such as 512m or 4g", value);
	c->cache_bytes = bytes;
	return 0;
}

static int set_allow_remote(struct config *c, struct config_service *s,
			    const struct place *at, const char *value,
			    struct error *err)
{
	(void)s;
	return boolean(at, value, &c->allow_remote, err);
}

static int set_rebuild(struct config *c, struct config_service *s,
		       const struct place *at, const char *value,
		       struct error *err)
{
	(void)s;
	return boolean(at, value, &c->rebuild, err);
}

static int set_verify(struct config *c, struct config_service *s,
		      const struct place *at, const char *value,
		      struct error *err)
{
	(void)s;
	return boolean(at, value, &c->verify, err);
}

/* Read before anything else, by config_load. */
static int set_file(struct config *c, struct config_service *s,
		    const struct place *at, const char *value,
		    struct error *err)
{
	(void)c;
	(void)s;
	(void)at;
	(void)value;
	(void)err;
	return 0;
}

const struct setting settings[] = {
    {"file", NULL, false, false, set_file},
    {"db", "db", true, false, set_db},
    {"image", NULL, true, false, set_image},
    {"pull", "pull", true, false, set_pull},
    {"platform", "platform", true, false, set_platform},
    {"migrations", "migrations", true, false, set_migrations},
    {"layout", "layout", true, false, set_layout},
    {"bookkeeping", "bookkeeping", true, false, set_bookkeeping},
    {"migrate", "migrate", true, false, set_migrate},
    {"migrate-inputs", "migrate_inputs", true, true, set_migrate_inputs},
    {"seed", "seed", true, true, set_seed},
    {"seed-command", "seed_command", true, false, set_seed_command},
    {"export", "export", true, true, set_export},
    {"memory", "memory", true, false, set_memory},
    {"workers", "workers", false, false, set_workers},
    {"isolation", "isolation", false, false, set_isolation},
    {"fresh", "fresh", false, false, set_fresh},
    {"owner", "owner", false, false, set_owner},
    {"backend", "backend", false, false, set_backend},
    {"fallback", "fallback", false, false, set_fallback},
    {"require", "require", false, false, set_require},
    {"allow-remote", "allow_remote", false, false, set_allow_remote},
    {"env", "env", false, true, set_env},
    {"transport", "transport", false, false, set_transport},
    {"timeout", "timeout", false, false, set_timeout},
    {"start-timeout", "start_timeout", false, false, set_start_timeout},
    {"keep", "keep", false, false, set_keep},
    {"rebuild", NULL, false, false, set_rebuild},
    {"no-cache", NULL, false, false, set_no_cache},
    {"cache-size", "cache_size", false, false, set_cache_size},
    {"verify", "verify", false, false, set_verify},
    {"mirror", "mirror", false, false, set_mirror},
    {"swarm-registry", "swarm_registry", false, false, set_swarm_registry},
    {"swarm-constraint", "swarm_constraint", false, false,
     set_swarm_constraint},
    {"host", "host", false, false, set_host},
    {"quiet", NULL, false, false, set_quiet},
    {NULL, NULL, false, false, NULL},
};

const struct setting *setting_find(const char *key)
{
	for (const struct setting *s = settings; s->key; s++)
		if (!strcmp(s->key, key))
			return s;
	return NULL;
}

static struct config_value *value_of(const struct config *c, const char *key)
{
	for (size_t i = 0; i < c->n_values; i++)
		if (!strcmp(c->values[i].key, key))
			return &c->values[i];
	return NULL;
}

enum config_origin config_origin_of(const struct config *c, const char *key)
{
	const struct config_value *v = value_of(c, key);

	return v ? v->origin : ORIGIN_DEFAULT;
}

void config_record(struct config *c, const char *key, const char *value,
		   const struct place *at)
{
	struct config_value *v = value_of(c, key);

	if (!v) {
		c->values = xreallocarray(c->values, c->n_values + 1,
					  sizeof(*c->values));
		v = &c->values[c->n_values++];
		*v = (struct config_value){.key = xstrdup(key)};
	}
	setting_replace(&v->value, xstrdup(value));
	setting_replace(&v->where, xstrdup(at->where));
	v->origin = at->origin;
}

void config_forget(struct config *c, const char *service, const char *start)
{
	auto_free char *key = xasprintf("%s.%s", service, start);
	size_t kept = 0;

	for (size_t i = 0; i < c->n_values; i++) {
		struct config_value *v = &c->values[i];

		if (strncmp(v->key, key, strlen(key)) != 0) {
			c->values[kept++] = *v;
			continue;
		}
		free(v->key);
		free(v->value);
		free(v->where);
	}
	c->n_values = kept;
}

struct config_service *config_add_service(struct config *c, const char *name)
{
	struct config_service *s;

	c->services =
	    xreallocarray(c->services, c->n_services + 1, sizeof(*c->services));
	s = &c->services[c->n_services++];
	*s = (struct config_service){
	    .name = xstrdup(name),
	    .pull_age_s = PULL_MISSING,
	    .migrate_inputs = STRVEC_INIT,
	    .seeds = STRVEC_INIT,
	    .env = STRVEC_INIT,
	    .exports = STRVEC_INIT,
	};
	return s;
}

/* "db.seed" or "workers"; for an assignment "env.NAME". */
static void record_setting(const struct setting *setting, struct config *c,
			   const struct config_service *s,
			   const struct place *at, const char *value)
{
	auto_buf struct buf key = BUF_INIT;
	size_t name = setting->list && config_is_assignment(value)
			  ? strcspn(value, "=")
			  : 0;

	if (setting->of_service)
		buf_printf(&key, "%s.", s->name);
	buf_puts(&key, setting->key);
	if (name) {
		buf_putc(&key, '.');
		buf_put(&key, value, name);
		value += name + 1;
	} else if (setting->list) {
		bool seeds = s && !strcmp(setting->key, "seed");

		buf_printf(&key, ".%zu",
			   seeds ? s->seeds.n
			   : s   ? s->migrate_inputs.n
				 : 0);
	}
	if (strstr(value, "://") && !strcmp(setting->key, "db")) {
		auto_free char *shown = xstrdup(value);

		secret_hide(shown);
		config_record(c, key.s, shown, at);
		return;
	}
	config_record(c, key.s, *value ? value : "true", at);
}

int setting_apply(const struct setting *setting, struct config *c,
		  struct config_service *s, const struct place *at,
		  const char *value, struct error *err)
{
	if (setting->set(c, s, at, value, err) < 0)
		return -1;
	record_setting(setting, c, s, at, value);
	return 0;
}
