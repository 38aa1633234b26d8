/* SPDX-License-Identifier: MIT */
/* What sits under the x-testenv of a service that is no database. */
#include "config/compose_private.h"

#include "base/alloc.h"
#include "base/error.h"
#include "config/companion.h"
#include "config/setting_private.h"

#include <string.h>

static int read_per(struct compose_reader *r, struct config_companion *c,
		    const struct yaml *node)
{
	auto_buf struct buf text = BUF_INIT;

	if (compose_text(r, node, &text) < 0)
		return -1;
	if (strcmp(text.s, "worker") != 0 && strcmp(text.s, "session") != 0)
		return compose_fail(
		    r, node, "per: '%s' is none of: session, worker", text.s);
	c->per_worker = !strcmp(text.s, "worker");
	return 0;
}

/* Instead of what Compose's ports say: "none", one, or a list. */
static int read_port(struct compose_reader *r, struct config_companion *c,
		     const struct yaml *node)
{
	auto_strvec struct strvec items = STRVEC_INIT;

	if (compose_items(r, node, &items) < 0)
		return -1;
	c->n_ports = 0;
	c->no_port = !items.n || (items.n == 1 && !strcmp(items.v[0], "none"));
	if (c->no_port)
		return 0;
	for (size_t i = 0; i < items.n; i++)
		if (companion_add_port(r, c, node, items.v[i]) < 0)
			return -1;
	return 0;
}

static int read_probe_word(struct compose_reader *r, struct config_companion *c,
			   const struct yaml *node)
{
	static const struct choice words[] = {
	    {"auto", COMPANION_AUTO},
	    {"tcp", COMPANION_TCP},
	    {"http", COMPANION_HTTP},
	    {"redis", COMPANION_REDIS},
	    {"healthcheck", COMPANION_HEALTHCHECK},
	    {"exit", COMPANION_EXIT},
	    {"none", COMPANION_NONE},
	    {NULL, 0}};
	auto_buf struct buf text = BUF_INIT;
	auto_free char *where = compose_where(r, node);
	struct place at = {ORIGIN_FILE, where, node->key, r->dir};
	int chosen;

	if (compose_text(r, node, &text) < 0 ||
	    setting_choose(words, &at, text.s, &chosen, r->err) < 0)
		return -1;
	c->probe = (enum companion_probe)chosen;
	return 0;
}

/* A word, or one of "http: /path" and "exec: COMMAND". */
static int read_probe(struct compose_reader *r, struct config_companion *c,
		      const struct yaml *node)
{
	const struct yaml *http = yaml_get(node, "http");
	const struct yaml *exec = yaml_get(node, "exec");

	if (node->kind != YAML_MAP)
		return read_probe_word(r, c, node);
	if (node->n != 1 || (!http && !exec))
		return compose_fail(r, node,
				    "probe: one of 'http: /path' and 'exec: "
				    "COMMAND' is wanted here");
	if (exec) {
		c->probe = COMPANION_EXEC;
		return compose_shell(r, exec, &c->probe_cmd);
	}
	c->probe = COMPANION_HTTP;
	if (compose_replace(r, http, &c->probe_path) < 0)
		return -1;
	if (!c->probe_path || c->probe_path[0] != '/' ||
	    strpbrk(c->probe_path, " \r\n\t#"))
		return compose_fail(r, http,
				    "http: '%s' is not a path such as "
				    "'/health'",
				    c->probe_path ? c->probe_path : "");
	return 0;
}

static int check_template(struct compose_reader *r, const struct yaml *node,
			  const char *text)
{
	if (config_check_template(text, r->err) == 0)
		return 0;
	return error_wrap(r->err, "%s:%d:%d: %s", r->name, node->line,
			  node->column, node->key ? node->key : "export");
}

static int read_url(struct compose_reader *r, struct config_companion *c,
		    const struct yaml *node)
{
	if (compose_replace(r, node, &c->url) < 0)
		return -1;
	return c->url ? check_template(r, node, c->url) : 0;
}

static int read_export(struct compose_reader *r, struct config_companion *c,
		       const struct yaml *node)
{
	if (node->kind == YAML_SCALAR)
		return compose_fail(r, node,
				    "export: a mapping is wanted here");
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml *one = &node->children[i];
		auto_buf struct buf text = BUF_INIT;
		bool there;

		if (compose_assignment(r, one, &text, &there) < 0)
			return -1;
		if (!there || !config_is_assignment(text.s))
			return compose_fail(r, one,
					    "export: '%s' is not NAME=TEMPLATE",
					    text.s);
		if (check_template(r, one, strchr(text.s, '=') + 1) < 0)
			return -1;
		strvec_env_put(&c->exports, text.s);
	}
	return 0;
}

static int read_optional(struct compose_reader *r, struct config_companion *c,
			 const struct yaml *node)
{
	return compose_flag(r, node, &c->optional);
}

static int read_reset(struct compose_reader *r, struct config_companion *c,
		      const struct yaml *node)
{
	return compose_shell(r, node, &c->reset);
}

static int read_start_timeout(struct compose_reader *r,
			      struct config_companion *c,
			      const struct yaml *node)
{
	auto_buf struct buf text = BUF_INIT;

	if (compose_text(r, node, &text) < 0)
		return -1;
	c->start_timeout_ms = config_duration_ms(text.s);
	if (c->start_timeout_ms <= 0)
		return compose_fail(r, node,
				    "start_timeout: '%s' is no duration: 30s, "
				    "2m",
				    text.s);
	return 0;
}

/* Read before all else; see is_started. */
static int read_nothing(struct compose_reader *r, struct config_companion *c,
			const struct yaml *node)
{
	(void)r;
	(void)c;
	(void)node;
	return 0;
}

static const struct compose_key extension_keys[] = {
    {"start", read_nothing},
    {"per", read_per},
    {"port", read_port},
    {"probe", read_probe},
    {"url", read_url},
    {"export", read_export},
    {"optional", read_optional},
    {"reset", read_reset},
    {"start_timeout", read_start_timeout},
    {"memory", companion_memory},
    {"pull", companion_pull},
    {NULL, NULL},
};

int companion_extension(struct compose_reader *r, struct config_companion *c,
			const struct yaml *x)
{
	if (x->kind == YAML_NULL)
		return 0;
	if (x->kind != YAML_MAP)
		return compose_fail(r, x,
				    "x-testenv: a mapping is wanted here");
	r->relevant = true;
	for (size_t i = 0; i < x->n; i++) {
		const struct yaml *node = &x->children[i];
		const struct compose_key *key =
		    compose_find_key(extension_keys, node->key);

		if (!key)
			compose_notice(r, node,
				       "x-testenv has no '%s' here: it has no "
				       "effect",
				       node->key);
		else if (key->read(r, c, node) < 0)
			return -1;
	}
	return 0;
}
