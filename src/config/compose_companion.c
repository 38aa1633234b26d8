/* SPDX-License-Identifier: MIT */
/* The services of a Compose file that are no databases. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "config/companion.h"
#include "config/compose_private.h"
#include "config/setting.h"
#include "config/setting_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int compose_flag(struct compose_reader *r, const struct yaml *node, bool *ret)
{
	auto_buf struct buf text = BUF_INIT;

	if (compose_text(r, node, &text) < 0)
		return -1;
	if (!strcmp(text.s, "true") || !strcmp(text.s, "yes"))
		*ret = true;
	else if (!strcmp(text.s, "false") || !strcmp(text.s, "no"))
		*ret = false;
	else
		return compose_fail(r, node, "%s: '%s' is none of: yes, no",
				    node->key, text.s);
	return 0;
}

/* The items of a list, or a single value. */
int compose_items(struct compose_reader *r, const struct yaml *node,
		  struct strvec *ret)
{
	size_t n = node->kind == YAML_LIST ? node->n : 1;

	if (node->kind == YAML_NULL)
		return 0;
	if (n > CONFIG_LIST_MAX)
		return compose_fail(r, node, "%s: more than %d of them",
				    node->key, CONFIG_LIST_MAX);
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf text = BUF_INIT;

		if (compose_text(
			r, node->kind == YAML_LIST ? &node->children[i] : node,
			&text) < 0)
			return -1;
		strvec_push(ret, text.s);
	}
	return 0;
}

/* A list is the words; a text is split as a shell would. */
static int words_of(struct compose_reader *r, const struct yaml *node,
		    struct strvec *ret)
{
	auto_buf struct buf text = BUF_INIT;

	strvec_free(ret);
	if (node->kind == YAML_LIST)
		return compose_items(r, node, ret);
	if (compose_text(r, node, &text) < 0)
		return -1;
	if (config_words(text.s, ret, r->err) < 0)
		return error_wrap(r->err, "%s:%d:%d: %s", r->name, node->line,
				  node->column, node->key);
	return 0;
}

/* A list is the words; a text is for the container's shell. */
int compose_shell(struct compose_reader *r, const struct yaml *node,
		  struct strvec *ret)
{
	auto_buf struct buf text = BUF_INIT;

	strvec_free(ret);
	if (node->kind == YAML_LIST) {
		if (compose_items(r, node, ret) < 0)
			return -1;
	} else if (compose_text(r, node, &text) < 0) {
		return -1;
	}
	if (text.s[strspn(text.s, " \t\n")]) {
		strvec_push(ret, "/bin/sh");
		strvec_push(ret, "-c");
		strvec_push(ret, text.s);
	}
	if (!ret->n)
		return compose_fail(r, node, "%s: no command", node->key);
	return 0;
}

static int read_environment(struct compose_reader *r,
			    struct config_companion *c, const struct yaml *node)
{
	if (node->kind == YAML_SCALAR)
		return compose_fail(r, node,
				    "environment: a mapping or a list is "
				    "wanted here");
	for (size_t i = 0; i < node->n; i++) {
		auto_buf struct buf text = BUF_INIT;
		bool there;

		if (compose_assignment(r, &node->children[i], &text, &there) <
		    0)
			return -1;
		if (there && !config_is_assignment(text.s))
			return compose_fail(
			    r, &node->children[i],
			    "environment: '%s' is not NAME=VALUE", text.s);
		if (c->env.n >= CONFIG_LIST_MAX)
			return compose_fail(r, node,
					    "environment: more than %d of them",
					    CONFIG_LIST_MAX);
		if (there)
			strvec_env_put(&c->env, text.s);
	}
	return 0;
}

static int read_command(struct compose_reader *r, struct config_companion *c,
			const struct yaml *node)
{
	c->has_command = node->kind != YAML_NULL;
	return words_of(r, node, &c->command);
}

static int read_entrypoint(struct compose_reader *r, struct config_companion *c,
			   const struct yaml *node)
{
	c->has_entrypoint = node->kind != YAML_NULL;
	return words_of(r, node, &c->entrypoint);
}

int compose_replace(struct compose_reader *r, const struct yaml *node,
		    char **slot)
{
	auto_buf struct buf text = BUF_INIT;

	if (compose_text(r, node, &text) < 0)
		return -1;
	setting_replace(slot, text.len ? xstrdup(text.s) : NULL);
	return 0;
}

static int read_user(struct compose_reader *r, struct config_companion *c,
		     const struct yaml *node)
{
	return compose_replace(r, node, &c->user);
}

static int read_working_dir(struct compose_reader *r,
			    struct config_companion *c, const struct yaml *node)
{
	return compose_replace(r, node, &c->working_dir);
}

static int read_tmpfs(struct compose_reader *r, struct config_companion *c,
		      const struct yaml *node)
{
	strvec_free(&c->tmpfs);
	if (compose_items(r, node, &c->tmpfs) < 0)
		return -1;
	for (size_t i = 0; i < c->tmpfs.n; i++)
		if (c->tmpfs.v[i][0] != '/')
			return compose_fail(r, node,
					    "tmpfs: '%s' is not an absolute "
					    "path",
					    c->tmpfs.v[i]);
	return 0;
}

static int add_bind(struct compose_reader *r, struct config_companion *c,
		    const struct yaml *node, const char *source,
		    const char *target, bool read_only)
{
	struct place at = {ORIGIN_FILE, NULL, NULL, r->dir};
	struct companion_bind bind;

	if (target[0] != '/')
		return compose_fail(
		    r, node, "volumes: '%s' is not an absolute path", target);
	if (c->n_binds >= CONFIG_LIST_MAX)
		return compose_fail(r, node, "volumes: more than %d of them",
				    CONFIG_LIST_MAX);
	if (source[0] == '~' && (!source[1] || source[1] == '/')) {
		const char *home = getenv("HOME");
		auto_free char *path =
		    fs_join(home ? home : "/",
			    source[1] && source[2] ? source + 2 : ".");

		bind.source = setting_absolute(&at, path);
	} else {
		bind.source = setting_absolute(&at, source);
	}
	bind.target = xstrdup(target);
	c->binds = xreallocarray(c->binds, c->n_binds + 1, sizeof(*c->binds));
	c->binds[c->n_binds++] = bind;
	if (!read_only)
		compose_notice(r, node,
			       "'%s' is read-only in service '%s': tests "
			       "change nothing on this machine",
			       target, c->name);
	return 0;
}

/* What is no path is a volume's name. */
static bool is_path(const char *source)
{
	return source[0] == '/' || source[0] == '.' || source[0] == '~';
}

static void no_volume(struct compose_reader *r, const struct yaml *node,
		      const struct config_companion *c, const char *source)
{
	compose_notice(r, node,
		       "volume '%s' is not used: service '%s' keeps its data "
		       "in its own container, and shares none",
		       source, c->name);
}

/* "SOURCE:TARGET[:OPTIONS]", or a TARGET alone: a fresh one each time, as all
 * of a container's files are. */
static int read_short_volume(struct compose_reader *r,
			     struct config_companion *c,
			     const struct yaml *node, const char *text)
{
	const char *colon = strchr(text, ':');
	auto_free char *source = NULL;
	auto_free char *target = NULL;
	auto_free char *options = NULL;
	size_t len;

	if (!colon)
		return 0;
	source = xstrndup(text, (size_t)(colon - text));
	len = strcspn(colon + 1, ":");
	target = xstrndup(colon + 1, len);
	options = xasprintf(",%s,", colon[1 + len] ? colon + 2 + len : "");
	if (!is_path(source)) {
		no_volume(r, node, c, source);
		return 0;
	}
	return add_bind(r, c, node, source, target,
			strstr(options, ",ro,") != NULL);
}

static int text_at(struct compose_reader *r, const struct yaml *map,
		   const char *key, struct buf *ret)
{
	const struct yaml *node = yaml_get(map, key);

	return node ? compose_text(r, node, ret) : 0;
}

static int read_long_volume(struct compose_reader *r,
			    struct config_companion *c, const struct yaml *node)
{
	const struct yaml *read_only = yaml_get(node, "read_only");
	auto_buf struct buf type = BUF_INIT;
	auto_buf struct buf source = BUF_INIT;
	auto_buf struct buf target = BUF_INIT;
	bool ro = false;

	if (text_at(r, node, "type", &type) < 0 ||
	    text_at(r, node, "source", &source) < 0 ||
	    text_at(r, node, "target", &target) < 0 ||
	    (read_only && compose_flag(r, read_only, &ro) < 0))
		return -1;
	if (!strcmp(type.s, "bind") && source.len)
		return add_bind(r, c, node, source.s, target.s, ro);
	if (!strcmp(type.s, "tmpfs") && target.s[0] == '/')
		strvec_push(&c->tmpfs, target.s);
	else if (!strcmp(type.s, "volume") && source.len)
		no_volume(r, node, c, source.s);
	else if (strcmp(type.s, "volume") != 0)
		return compose_fail(
		    r, node, "volumes: testenv has no '%s' mount", type.s);
	return 0;
}

static int read_volumes(struct compose_reader *r, struct config_companion *c,
			const struct yaml *node)
{
	if (node->kind != YAML_LIST && node->kind != YAML_NULL)
		return compose_fail(r, node, "volumes: a list is wanted here");
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml *one = &node->children[i];
		auto_buf struct buf text = BUF_INIT;

		if (one->kind == YAML_MAP) {
			if (read_long_volume(r, c, one) < 0)
				return -1;
			continue;
		}
		if (compose_text(r, one, &text) < 0 ||
		    read_short_volume(r, c, one, text.s) < 0)
			return -1;
	}
	return 0;
}

/* 0 for what is no port. */
static uint16_t port_of(const char *text)
{
	size_t n = strspn(text, "0123456789");
	long port = n && n <= 5 && !text[n] ? strtol(text, NULL, 10) : 0;

	return port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
}

int companion_add_port(struct compose_reader *r, struct config_companion *c,
		       const struct yaml *node, const char *text)
{
	uint16_t port = port_of(text);

	if (!port)
		return compose_fail(r, node, "'%s' is not a port", text);
	for (size_t i = 0; i < c->n_ports; i++)
		if (c->ports[i] == port)
			return 0;
	if (c->n_ports >= COMPANION_PORTS_MAX)
		return compose_fail(r, node, "more than %d ports",
				    COMPANION_PORTS_MAX);
	c->ports[c->n_ports++] = port;
	return 0;
}

/* "8080:80", "127.0.0.1::80/tcp", "80": only the container's side counts. */
static int read_short_port(struct compose_reader *r, struct config_companion *c,
			   const struct yaml *node)
{
	auto_buf struct buf text = BUF_INIT;
	const char *inside;
	char *slash;

	if (compose_text(r, node, &text) < 0)
		return -1;
	slash = strchr(text.s, '/');
	if (slash && strcmp(slash, "/tcp") != 0) {
		compose_notice(r, node,
			       "port '%s' of service '%s' is not published: "
			       "only TCP is",
			       text.s, c->name);
		return 0;
	}
	if (slash)
		*slash = '\0';
	inside = strrchr(text.s, ':');
	return companion_add_port(r, c, node, inside ? inside + 1 : text.s);
}

static int read_ports(struct compose_reader *r, struct config_companion *c,
		      const struct yaml *node)
{
	if (node->kind != YAML_LIST && node->kind != YAML_NULL)
		return compose_fail(r, node, "%s: a list is wanted here",
				    node->key);
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml *one = &node->children[i];
		auto_buf struct buf target = BUF_INIT;
		auto_buf struct buf protocol = BUF_INIT;
		int rc = 0;

		if (one->kind != YAML_MAP)
			rc = read_short_port(r, c, one);
		else if (text_at(r, one, "target", &target) < 0 ||
			 text_at(r, one, "protocol", &protocol) < 0)
			rc = -1;
		else if (strcmp(protocol.s, "udp") != 0)
			rc = companion_add_port(r, c, one, target.s);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* The list, or the keys of a mapping with conditions: all are waited for until
 * they are ready. */
static int read_depends_on(struct compose_reader *r, struct config_companion *c,
			   const struct yaml *node)
{
	if (node->kind != YAML_MAP)
		return compose_items(r, node, &c->depends_on);
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml *one = &node->children[i];
		auto_buf struct buf condition = BUF_INIT;

		strvec_push(&c->depends_on, one->key);
		if (text_at(r, one, "condition", &condition) < 0)
			return -1;
		if (!strcmp(condition.s, "service_completed_successfully"))
			strvec_push(&c->finishes, one->key);
	}
	return 0;
}

/* "CMD", "CMD-SHELL" or "NONE" comes first in a list. */
static int read_test(struct compose_reader *r, struct config_companion *c,
		     const struct yaml *node)
{
	auto_strvec struct strvec words = STRVEC_INIT;

	if (node->kind != YAML_LIST)
		return compose_shell(r, node, &c->probe_cmd);
	if (compose_items(r, node, &words) < 0)
		return -1;
	strvec_free(&c->probe_cmd);
	if (words.n && !strcmp(words.v[0], "NONE")) {
		c->probe_off = true;
	} else if (words.n > 1 && !strcmp(words.v[0], "CMD")) {
		strvec_extend(&c->probe_cmd, words.v + 1);
	} else if (words.n == 2 && !strcmp(words.v[0], "CMD-SHELL")) {
		strvec_push(&c->probe_cmd, "/bin/sh");
		strvec_push(&c->probe_cmd, "-c");
		strvec_push(&c->probe_cmd, words.v[1]);
	} else {
		return compose_fail(r, node,
				    "test: 'CMD' with a command, 'CMD-SHELL' "
				    "with a text, or 'NONE' is wanted here");
	}
	return 0;
}

/* How often and how long is testenv's own matter: at once and often, until the
 * start's deadline. */
static int read_healthcheck(struct compose_reader *r,
			    struct config_companion *c, const struct yaml *node)
{
	const struct yaml *disable = yaml_get(node, "disable");
	const struct yaml *test = yaml_get(node, "test");

	if (node->kind != YAML_MAP)
		return compose_fail(r, node,
				    "healthcheck: a mapping is wanted here");
	if (disable && compose_flag(r, disable, &c->probe_off) < 0)
		return -1;
	return test && !c->probe_off ? read_test(r, c, test) : 0;
}

/* A value that has the words and checks of a database's: its text, and where it
 * stands. The caller frees. */
static int read_value(struct compose_reader *r, const struct yaml *node,
		      struct buf *ret_text, char **ret_where,
		      struct place *ret_at)
{
	if (compose_text(r, node, ret_text) < 0)
		return -1;
	*ret_where = compose_where(r, node);
	*ret_at = (struct place){ORIGIN_FILE, *ret_where, node->key, r->dir};
	return 0;
}

int companion_memory(struct compose_reader *r, struct config_companion *c,
		     const struct yaml *node)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *where = NULL;
	struct place at;

	if (read_value(r, node, &text, &where, &at) < 0)
		return -1;
	return setting_memory(&at, text.s, &c->memory_bytes, r->err);
}

int companion_pull(struct compose_reader *r, struct config_companion *c,
		   const struct yaml *node)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *where = NULL;
	struct place at;

	if (read_value(r, node, &text, &where, &at) < 0)
		return -1;
	return setting_pull_age(&at, text.s, &c->pull_age_s, r->err);
}

static int read_platform(struct compose_reader *r, struct config_companion *c,
			 const struct yaml *node)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *where = NULL;
	struct place at;

	if (read_value(r, node, &text, &where, &at) < 0)
		return -1;
	return setting_platform(&at, text.s, &c->platform, r->err);
}

const struct compose_key *compose_find_key(const struct compose_key *keys,
					   const char *name)
{
	for (; keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

static const struct compose_key compose_keys[] = {
    {"environment", read_environment},
    {"command", read_command},
    {"entrypoint", read_entrypoint},
    {"user", read_user},
    {"working_dir", read_working_dir},
    {"volumes", read_volumes},
    {"tmpfs", read_tmpfs},
    {"healthcheck", read_healthcheck},
    {"depends_on", read_depends_on},
    {"ports", read_ports},
    {"expose", read_ports},
    {"mem_limit", companion_memory},
    {"pull_policy", companion_pull},
    {"platform", read_platform},
    {NULL, NULL},
};

/* Needs no word: testenv does it all the same, or it is about nothing that a
 * test could see. */
static bool is_no_matter(const char *key)
{
	static const char *const keys[] = {
	    "image",    "restart",     "container_name",
	    "hostname", "labels",      "networks",
	    "logging",  "stop_signal", "stop_grace_period",
	    "build",    "profiles",    NULL};

	for (const char *const *k = keys; *k; k++)
		if (!strcmp(*k, key))
			return true;
	return !strncmp(key, "x-", 2);
}

/* As "docker compose up" without a word about it: what has a profile is not
 * started; and what is built from source is mostly the tested program. */
static int is_started(struct compose_reader *r, const struct yaml *node,
		      const char *image, bool *ret)
{
	const struct yaml *said =
	    yaml_get(yaml_get(node, "x-testenv"), "start");
	const char *why = NULL;

	*ret = true;
	if (said && compose_flag(r, said, ret) < 0)
		return -1;
	if (!*ret)
		return 0;
	if (!image || !*image)
		why = "it has no image";
	else if (!said && yaml_get(node, "build"))
		why = "it is built from source; 'start: yes' under its "
		      "x-testenv takes its image";
	else if (!said && yaml_get(node, "profiles"))
		why = "it has a profile; 'start: yes' under its x-testenv "
		      "starts it";
	*ret = !why;
	if (why && said)
		return compose_fail(r, node, "service '%s' cannot start: %s",
				    node->key, why);
	if (why)
		compose_notice(r, node, "service '%s' is not started: %s",
			       node->key, why);
	return 0;
}

static struct config_companion *add(struct config *c, const char *name)
{
	struct config_companion *new;

	c->companions = xreallocarray(c->companions, c->n_companions + 1,
				      sizeof(*c->companions));
	new = &c->companions[c->n_companions++];
	*new = (struct config_companion){
	    .name = xstrdup(name),
	    .pull_age_s = PULL_MISSING,
	    .env = STRVEC_INIT,
	    .command = STRVEC_INIT,
	    .entrypoint = STRVEC_INIT,
	    .tmpfs = STRVEC_INIT,
	    .depends_on = STRVEC_INIT,
	    .finishes = STRVEC_INIT,
	    .probe_cmd = STRVEC_INIT,
	    .exports = STRVEC_INIT,
	    .reset = STRVEC_INIT,
	};
	return new;
}

/* For "doctor --config". */
static void record_image(struct compose_reader *r, const struct yaml *node,
			 const struct config_companion *c)
{
	auto_free char *where = compose_where(r, yaml_get(node, "image"));
	auto_free char *key = xasprintf("%s.image", c->name);
	struct place at = {ORIGIN_FILE, where, NULL, r->dir};

	config_record(r->c, key, c->image, &at);
}

/* DATABASE_URL is the first database's, TESTENV_URL_0 too. */
static bool is_taken(const char *name)
{
	return !strcasecmp(name, "database") || !strcasecmp(name, "testenv");
}

int compose_companion(struct compose_reader *r, const struct yaml *node,
		      const char *image)
{
	const struct yaml *x = yaml_get(node, "x-testenv");
	struct config_companion *c;
	bool started;

	if (is_started(r, node, image, &started) < 0)
		return -1;
	if (!started) {
		strvec_push(&r->passed_over, node->key);
		return 0;
	}
	if (is_taken(node->key))
		return compose_fail(r, node,
				    "'%s' is no name for a service: testenv's "
				    "own variables begin with it",
				    node->key);
	if (r->c->n_companions >= CONFIG_SERVICES_MAX)
		return compose_fail(r, node, "more than %d services",
				    CONFIG_SERVICES_MAX);
	c = add(r->c, node->key);
	c->image = xstrdup(image);
	c->where = compose_where(r, node);
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml *one = &node->children[i];
		const struct compose_key *key =
		    compose_find_key(compose_keys, one->key);

		if (key && key->read(r, c, one) < 0)
			return -1;
		if (!key && !is_no_matter(one->key))
			compose_notice(r, one,
				       "'%s' of service '%s' is not supported "
				       "and has no effect",
				       one->key, c->name);
	}
	record_image(r, node, c);
	return x ? companion_extension(r, c, x) : 0;
}

static const char *depends_on_any(const struct config_companion *c,
				  const struct strvec *names)
{
	for (size_t i = 0; i < c->depends_on.n; i++)
		if (strvec_has(names, c->depends_on.v[i]))
			return c->depends_on.v[i];
	return NULL;
}

static void drop(struct config *c, size_t i)
{
	config_companion_free(&c->companions[i]);
	c->n_companions--;
	memmove(&c->companions[i], &c->companions[i + 1],
		(c->n_companions - i) * sizeof(*c->companions));
}

/* That others wait for its end tells that it ends. */
static void settle_ends(struct config *config)
{
	for (size_t i = 0; i < config->n_companions; i++) {
		struct config_companion *c = &config->companions[i];

		for (size_t k = 0; k < config->n_companions; k++)
			if (c->probe == COMPANION_AUTO &&
			    strvec_has(&config->companions[k].finishes,
				       c->name))
				c->probe = COMPANION_EXIT;
	}
}

void compose_settle(struct compose_reader *r)
{
	settle_ends(r->c);
	for (size_t i = 0; i < r->c->n_companions; i++) {
		struct config_companion *c = &r->c->companions[i];
		const char *other = depends_on_any(c, &r->passed_over);

		if (!other)
			continue;
		strvec_pushf(&r->notices,
			     "%s: service '%s' is not started: it depends on "
			     "'%s', which is not",
			     c->where, c->name, other);
		strvec_push(&r->passed_over, c->name);
		drop(r->c, i);
		i = (size_t)-1; /* another may depend on this one */
	}
}
