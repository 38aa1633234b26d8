/* SPDX-License-Identifier: MIT */
#include "config/compose.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/progress.h"
#include "config/companion.h"
#include "config/compose_private.h"
#include "config/interpolate.h"
#include "config/setting.h"
#include "config/yaml.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_MAX = 1024 * 1024
};

char *compose_where(const struct compose_reader *r, const struct yaml *at)
{
	return xasprintf("%s:%d:%d", r->name, at->line, at->column);
}

int compose_fail(struct compose_reader *r, const struct yaml *at,
		 const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	return error_set(r->err, ERROR_CONFIG, "%s:%d:%d: %s", r->name,
			 at->line, at->column, text);
}

void compose_notice(struct compose_reader *r, const struct yaml *at,
		    const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	strvec_pushf(&r->notices, "%s:%d:%d: %s", r->name, at->key_line,
		     at->key_column, text);
}

static const char *lookup(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static void on_unset(void *ctx, const char *name)
{
	struct compose_reader *r = ctx;

	compose_notice(r, r->at, "variable '%s' is not set: taken as empty",
		       name);
}

int compose_text(struct compose_reader *r, const struct yaml *node,
		 struct buf *ret)
{
	struct interpolation with = {lookup, on_unset, r};

	r->at = node;
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_SCALAR)
		return compose_fail(
		    r, node, "%s%sa single value is wanted here",
		    node->key ? node->key : "", node->key ? ": " : "");
	if (interpolate(node->text, &with, ret, r->err) < 0)
		return error_wrap(r->err, "%s:%d:%d", r->name, node->line,
				  node->column);
	return 0;
}

static int apply_text(struct compose_reader *r, const struct setting *setting,
		      struct config_service *s, const struct yaml *at,
		      const char *key, const char *text)
{
	auto_free char *position = compose_where(r, at);
	struct place place = {ORIGIN_FILE, position, key, r->dir};

	return setting_apply(setting, r->c, s, &place, text, r->err);
}

int compose_assignment(struct compose_reader *r, const struct yaml *node,
		       struct buf *ret, bool *ret_there)
{
	auto_buf struct buf value = BUF_INIT;
	const char *inherited;

	*ret_there = true;
	if (compose_text(r, node, &value) < 0)
		return -1;
	if (!node->key && strchr(value.s, '=')) {
		buf_puts(ret, value.s);
		return 0;
	}
	if (node->key && node->kind != YAML_NULL) {
		buf_printf(ret, "%s=%s", node->key, value.s);
		return 0;
	}
	inherited = getenv(node->key ? node->key : value.s);
	*ret_there = inherited;
	if (inherited)
		buf_printf(ret, "%s=%s", node->key ? node->key : value.s,
			   inherited);
	return 0;
}

/* A list setting: one value, a list of them, or for assignments a map. */
static int apply_list(struct compose_reader *r, const struct setting *setting,
		      struct config_service *s, const struct yaml *node)
{
	bool assignments = strcmp(setting->key, "seed") != 0 &&
			   strcmp(setting->key, "migrate-inputs") != 0;
	size_t n = node->kind == YAML_SCALAR ? 1 : node->n;

	if (node->kind == YAML_MAP && !assignments)
		return compose_fail(r, node, "%s: a list is wanted here",
				    node->key);
	for (size_t i = 0; i < n; i++) {
		const struct yaml *one =
		    node->kind == YAML_SCALAR ? node : &node->children[i];
		auto_buf struct buf text = BUF_INIT;
		bool there = true;

		if (node->kind != YAML_SCALAR && assignments) {
			if (compose_assignment(r, one, &text, &there) < 0)
				return -1;
		} else if (compose_text(r, one, &text) < 0) {
			return -1;
		}
		if (there &&
		    apply_text(r, setting, s, one, node->key, text.s) < 0)
			return -1;
	}
	return 0;
}

static int apply_node(struct compose_reader *r, const struct setting *setting,
		      struct config_service *s, const struct yaml *node)
{
	auto_buf struct buf text = BUF_INIT;

	if (setting->list)
		return apply_list(r, setting, s, node);
	/* fallback may be written as a list, too */
	if (node->kind == YAML_LIST && !strcmp(setting->key, "fallback")) {
		for (size_t i = 0; i < node->n; i++) {
			if (i)
				buf_putc(&text, ',');
			if (compose_text(r, &node->children[i], &text) < 0)
				return -1;
		}
	} else if (compose_text(r, node, &text) < 0) {
		return -1;
	}
	if (node->kind == YAML_LIST && !node->n)
		buf_puts(&text, "none");
	if (!text.len)
		return compose_fail(r, node, "%s: has no value", node->key);
	return apply_text(r, setting, s, node, node->key, text.s);
}

static const struct setting *file_setting(const char *key)
{
	for (const struct setting *s = settings; s->key; s++)
		if (s->file_key && !strcmp(s->file_key, key))
			return s;
	return NULL;
}

/* x-testenv of a service (s) or of the whole file (NULL). In the table's order:
 * the database before what depends on it. */
static int read_extension(struct compose_reader *r, const struct yaml *x,
			  struct config_service *s)
{
	if (x->kind == YAML_NULL)
		return 0;
	if (x->kind != YAML_MAP)
		return compose_fail(r, x,
				    "x-testenv: a mapping is wanted here");
	for (size_t i = 0; i < x->n; i++) {
		const struct yaml *node = &x->children[i];
		const struct setting *setting = file_setting(node->key);
		/* how strictly to part is also said for one service */
		bool both = !strcmp(node->key, "isolation") ||
			    !strcmp(node->key, "fresh");

		if (!setting || (setting->of_service != !!s && !(both && s))) {
			compose_notice(r, node,
				       "x-testenv has no '%s' here: it has no "
				       "effect",
				       node->key);
			continue;
		}
		if (apply_node(r, setting, s, node) < 0)
			return -1;
	}
	return 0;
}

/* What of the official images' variables testenv decides itself. */
static bool take_over(struct config_service *s, const char *name,
		      const char *value)
{
	static const char *const decided[] = {"PASSWORD",
					      "ROOT_PASSWORD",
					      "PASSWORD_FILE",
					      "ROOT_PASSWORD_FILE",
					      "RANDOM_ROOT_PASSWORD",
					      "ALLOW_EMPTY_PASSWORD",
					      "ALLOW_EMPTY_ROOT_PASSWORD",
					      NULL};
	bool postgres = !strcmp(s->db, "postgres");
	char **slot = NULL;

	if (postgres && !strncmp(name, "POSTGRES_", 9))
		name += 9;
	else if (!postgres && !strncmp(name, "MARIADB_", 8))
		name += 8;
	else if (!postgres && !strncmp(name, "MYSQL_", 6))
		name += 6;
	else
		return false;
	if (!strcmp(name, postgres ? "DB" : "DATABASE"))
		slot = &s->database;
	else if (!strcmp(name, "USER"))
		slot = &s->user;
	if (slot) {
		free(*slot);
		*slot = *value ? xstrdup(value) : NULL;
		return true;
	}
	for (const char *const *d = decided; *d; d++)
		if (!strcmp(name, *d))
			return true;
	return false;
}

static int read_variable(struct compose_reader *r, struct config_service *s,
			 const struct yaml *node)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *position = compose_where(r, node);
	auto_free char *name = NULL;
	auto_free char *key = NULL;
	struct place at = {ORIGIN_FILE, position, "environment", r->dir};
	const char *value;
	bool there;

	if (compose_assignment(r, node, &text, &there) < 0)
		return -1;
	if (!there)
		return 0;
	if (!config_is_assignment(text.s))
		return place_error(&at, r->err, "'%s' is not NAME=VALUE",
				   text.s);
	if (s->env.n >= CONFIG_LIST_MAX)
		return place_error(&at, r->err, "more than %d of them",
				   CONFIG_LIST_MAX);
	value = strchr(text.s, '=') + 1;
	name = xstrndup(text.s, strcspn(text.s, "="));
	if (!take_over(s, name, value))
		strvec_env_set(&s->env, name, value);
	key = xasprintf("%s.environment.%s", s->name, name);
	config_record(r->c, key, value, &at);
	return 0;
}

static int read_environment(struct compose_reader *r, struct config_service *s,
			    const struct yaml *node)
{
	if (node->kind == YAML_SCALAR)
		return compose_fail(r, node,
				    "environment: a mapping or a list is "
				    "wanted here");
	for (size_t i = 0; i < node->n; i++)
		if (read_variable(r, s, &node->children[i]) < 0)
			return -1;
	return 0;
}

/* Keys of a database service that need no word: testenv does it all the same
 * (it waits until the server is ready, takes it away …), or they say nothing
 * about one service alone. */
static bool is_no_matter(const char *key)
{
	static const char *const keys[] = {
	    "image",          "environment",       "x-testenv",
	    "healthcheck",    "restart",           "depends_on",
	    "container_name", "hostname",          "expose",
	    "labels",         "profiles",          "networks",
	    "logging",        "stop_grace_period", NULL};

	for (const char *const *k = keys; *k; k++)
		if (!strcmp(*k, key))
			return true;
	return !strncmp(key, "x-", 2);
}

static int read_database(struct compose_reader *r, const struct yaml *node,
			 const char *image, struct config_service *s)
{
	const struct yaml *x = yaml_get(node, "x-testenv");
	const struct yaml *x_db = yaml_get(x, "db");

	r->relevant = true;
	if (image && apply_text(r, setting_find("image"), s,
				yaml_get(node, "image"), "image", image) < 0)
		return -1;
	/* before the environment: its variables are the database's */
	if (x_db && apply_node(r, setting_find("db"), s, x_db) < 0)
		return -1;
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml *key = &node->children[i];
		int rc = 0;

		if (!strcmp(key->key, "environment"))
			rc = read_environment(r, s, key);
		else if (!strcmp(key->key, "mem_limit"))
			rc = apply_node(r, setting_find("memory"), s, key);
		else if (!strcmp(key->key, "pull_policy"))
			rc = apply_node(r, setting_find("pull"), s, key);
		else if (!strcmp(key->key, "platform"))
			rc = apply_node(r, setting_find("platform"), s, key);
		else if (!is_no_matter(key->key))
			compose_notice(r, key,
				       "'%s' of service '%s' is not supported "
				       "and has no effect",
				       key->key, s->name);
		if (rc < 0)
			return -1;
	}
	return x ? read_extension(r, x, s) : 0;
}

static bool is_service_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return n && n <= 63 && !name[n];
}

static int word_char(const char *name)
{
	return isalnum((unsigned char)*name) ? tolower((unsigned char)*name)
					     : '_';
}

/* Do both give the same variables' prefix and the same CTest resource? There
 * only letters and digits count, and not their case; a digit in front gets a
 * '_' before it. */
static bool same_word(const char *a, const char *b)
{
	if (isdigit((unsigned char)*a) && !isdigit((unsigned char)*b))
		return *b && word_char(b) == '_' && same_word(a, b + 1);
	if (isdigit((unsigned char)*b) && !isdigit((unsigned char)*a))
		return same_word(b, a);
	while (*a && *b && word_char(a) == word_char(b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

static int check_name(struct compose_reader *r, const struct yaml *node,
		      const char *other)
{
	if (!same_word(other, node->key))
		return 0;
	return compose_fail(r, node,
			    "service '%s' has the same variables as service "
			    "'%s'",
			    node->key, other);
}

static int check_names(struct compose_reader *r, const struct yaml *node)
{
	for (size_t i = 0; i < r->c->n_services; i++)
		if (check_name(r, node, r->c->services[i].name) < 0)
			return -1;
	for (size_t i = 0; i < r->c->n_companions; i++)
		if (check_name(r, node, r->c->companions[i].name) < 0)
			return -1;
	return 0;
}

/* Does its x-testenv say what only a database has? */
static bool is_about_database(const struct yaml *x)
{
	for (size_t i = 0; x && x->kind == YAML_MAP && i < x->n; i++) {
		const char *key = x->children[i].key;
		const struct setting *setting = file_setting(key);

		if (setting && setting->of_service &&
		    strcmp(key, "pull") != 0 && strcmp(key, "export") != 0 &&
		    strcmp(key, "memory") != 0)
			return true;
	}
	return false;
}

static int read_service(struct compose_reader *r, const struct yaml *node)
{
	auto_buf struct buf image = BUF_INIT;
	const struct yaml *x = yaml_get(node, "x-testenv");
	const struct yaml *image_node = yaml_get(node, "image");

	if (node->kind != YAML_MAP)
		return compose_fail(r, node, "service '%s' is no mapping",
				    node->key);
	if (!is_service_name(node->key))
		return compose_fail(r, node, "'%s' is no name for a service",
				    node->key);
	if (image_node && compose_text(r, image_node, &image) < 0)
		return -1;
	if (check_names(r, node) < 0)
		return -1;
	if (!yaml_get(x, "db") && !config_image_db(image.s)) {
		if (is_about_database(x))
			return compose_fail(
			    r, node,
			    "cannot tell which database service '%s' is: say "
			    "'db: postgres' or 'db: mariadb' under its "
			    "x-testenv",
			    node->key);
		return compose_companion(r, node, image.s);
	}
	if (r->c->n_services >= CONFIG_SERVICES_MAX)
		return compose_fail(r, node, "more than %d services",
				    CONFIG_SERVICES_MAX);
	return read_database(r, node, image_node ? image.s : NULL,
			     config_add_service(r->c, node->key));
}

static int read_services(struct compose_reader *r, const struct yaml *node)
{
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_MAP)
		return compose_fail(r, node,
				    "services: a mapping is wanted here");
	for (size_t i = 0; i < node->n; i++)
		if (read_service(r, &node->children[i]) < 0)
			return -1;
	return 0;
}

/* Keys of the file that say nothing by themselves. */
static bool is_definition(const char *key)
{
	static const char *const keys[] = {"name",    "version", "networks",
					   "volumes", "configs", "secrets",
					   NULL};

	for (const char *const *k = keys; *k; k++)
		if (!strcmp(*k, key))
			return true;
	return !strncmp(key, "x-", 2);
}

static int read_root(struct compose_reader *r, const struct yaml *root)
{
	if (root->kind == YAML_NULL)
		return 0;
	if (root->kind != YAML_MAP)
		return compose_fail(r, root, "a Compose file is a mapping");
	for (size_t i = 0; i < root->n; i++) {
		const struct yaml *node = &root->children[i];
		int rc = 0;

		if (!strcmp(node->key, "services")) {
			rc = read_services(r, node);
		} else if (!strcmp(node->key, "x-testenv")) {
			r->relevant = true;
			rc = read_extension(r, node, NULL);
		} else if (!is_definition(node->key)) {
			compose_notice(r, node,
				       "'%s' is not supported and has no "
				       "effect",
				       node->key);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

int compose_read(const char *path, const char *name, struct config *c,
		 const struct progress *progress, bool *ret_relevant,
		 struct error *err)
{
	auto_buf struct buf text = BUF_INIT_MAX(FILE_MAX);
	auto_yaml struct yaml root = YAML_INIT;
	auto_free char *dir = xstrdup(path);
	struct compose_reader r = {.name = name,
				   .dir = dir,
				   .c = c,
				   .err = err,
				   .notices = STRVEC_INIT,
				   .passed_over = STRVEC_INIT};
	char *slash;
	int rc;

	/* path is absolute; "/compose.yaml" is in "/" */
	slash = strrchr(dir, '/');
	slash[slash == dir] = '\0';
	if (fs_read_file(path, &text, err) < 0 ||
	    yaml_parse(name, text.s, text.len, &root, err) < 0)
		return -1;
	rc = read_root(&r, &root);
	if (rc == 0)
		compose_settle(&r);
	if (*ret_relevant && c->n_companions)
		r.relevant = true;
	if (!r.relevant)
		config_drop_companions(c);
	for (size_t i = 0; rc == 0 && r.relevant && i < r.notices.n; i++)
		progress_notice(progress, "%s", r.notices.v[i]);
	strvec_free(&r.notices);
	strvec_free(&r.passed_over);
	if (rc == 0)
		*ret_relevant = r.relevant;
	return rc;
}
