/* SPDX-License-Identifier: MIT */
#include "config/companion.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/ident.h"
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

void config_companion_free(struct config_companion *c)
{
	for (size_t i = 0; i < c->n_binds; i++) {
		free(c->binds[i].source);
		free(c->binds[i].target);
	}
	free(c->binds);
	free(c->name);
	free(c->image);
	free(c->platform);
	free(c->where);
	free(c->user);
	free(c->working_dir);
	free(c->probe_path);
	free(c->url);
	strvec_free(&c->env);
	strvec_free(&c->command);
	strvec_free(&c->entrypoint);
	strvec_free(&c->tmpfs);
	strvec_free(&c->depends_on);
	strvec_free(&c->finishes);
	strvec_free(&c->probe_cmd);
	strvec_free(&c->exports);
	strvec_free(&c->reset);
}

void config_drop_companions(struct config *config)
{
	for (size_t i = 0; i < config->n_companions; i++)
		config_companion_free(&config->companions[i]);
	free(config->companions);
	config->companions = NULL;
	config->n_companions = 0;
}

/* Words */

/* What is in quotes from p on, which is behind the opening one; its end, or
 * NULL where there is none. */
static const char *take_quoted(const char *p, char quote, struct buf *word)
{
	for (; *p && *p != quote; p++) {
		if (quote == '"' && *p == '\\' && p[1] &&
		    strchr("\"\\$`", p[1]))
			p++;
		buf_putc(word, *p);
	}
	return *p ? p + 1 : NULL;
}

int config_words(const char *text, struct strvec *ret, struct error *err)
{
	const char *p = text;

	for (;;) {
		auto_buf struct buf word = BUF_INIT;

		p += strspn(p, " \t\r\n");
		if (!*p)
			return 0;
		while (*p && !strchr(" \t\r\n", *p)) {
			if (*p == '\'' || *p == '"') {
				p = take_quoted(p + 1, *p, &word);
				if (!p)
					return error_set(
					    err, ERROR_CONFIG,
					    "a quote is not closed in '%s'",
					    text);
				continue;
			}
			if (*p == '\\' && p[1])
				p++;
			buf_putc(&word, *p++);
		}
		strvec_push(ret, word.s);
	}
}

/* Templates */

static bool is_word(const char *name, size_t len)
{
	static const char *const words[] = {"url",  "host",   "port",
					    "slot", "worker", NULL};

	for (const char *const *w = words; *w; w++)
		if (strlen(*w) == len && !strncmp(*w, name, len))
			return true;
	return len > 5 && !strncmp(name, "port:", 5) &&
	       strspn(name + 5, "0123456789") == len - 5;
}

int config_check_template(const char *text, struct error *err)
{
	for (const char *p = text; *p; p++) {
		size_t len;

		if (*p != '{')
			continue;
		if (p[1] == '{') {
			p++;
			continue;
		}
		len = strcspn(p + 1, "}");
		if (!p[1 + len])
			return error_set(err, ERROR_CONFIG, "'%s' has no '}'",
					 p);
		if (!is_word(p + 1, len))
			return error_set(err, ERROR_CONFIG,
					 "'%.*s' is none of: {url} {host} "
					 "{port} {port:NUMBER} {slot} {worker}",
					 (int)len + 2, p);
		p += len + 1;
	}
	return 0;
}

/* Order */

enum mark {
	UNSEEN,
	ON_THE_WAY,
	PLACED
};

struct ordering {
	struct config *config;
	enum mark *marks;
	size_t *order; /* n of them placed so far */
	size_t n;
	size_t *way; /* the chain of dependencies being followed */
	size_t depth;
	struct error *err;
};

static long find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_companions; i++)
		if (!strcmp(config->companions[i].name, name))
			return (long)i;
	return -1;
}

static bool is_database(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_services; i++)
		if (!strcmp(config->services[i].name, name))
			return true;
	return false;
}

static int cycle(struct ordering *o, size_t back_to)
{
	const struct config_companion *all = o->config->companions;
	auto_buf struct buf names = BUF_INIT;
	size_t start = 0;

	while (o->way[start] != back_to)
		start++;
	for (size_t i = start; i < o->depth; i++)
		buf_printf(&names, "%s -> ", all[o->way[i]].name);
	buf_puts(&names, all[back_to].name);
	return error_set(o->err, ERROR_CONFIG,
			 "%s: services depend on each other: %s",
			 all[back_to].where, names.s);
}

static int place(struct ordering *o, size_t i);

static int place_dependency(struct ordering *o, size_t i, const char *name)
{
	const struct config_companion *c = &o->config->companions[i];
	long d = find(o->config, name);

	/* a database cannot be reached by them, so there is nothing to wait
	 * for */
	if (d < 0 && is_database(o->config, name))
		return 0;
	if (d < 0)
		return error_set(o->err, ERROR_CONFIG,
				 "%s: service '%s' depends on '%s', which is "
				 "no service that is started",
				 c->where, c->name, name);
	if (o->config->companions[d].per_worker && !c->per_worker)
		return error_set(o->err, ERROR_CONFIG,
				 "%s: service '%s' is one for all and depends "
				 "on '%s', of which each worker has its own",
				 c->where, c->name, name);
	return place(o, (size_t)d);
}

/* At most as deep as there are services. */
static int place(struct ordering *o, size_t i) /* NOLINT(misc-no-recursion) */
{
	const struct config_companion *c = &o->config->companions[i];

	if (o->marks[i] == PLACED)
		return 0;
	if (o->marks[i] == ON_THE_WAY)
		return cycle(o, i);
	o->marks[i] = ON_THE_WAY;
	o->way[o->depth++] = i;
	for (size_t d = 0; d < c->depends_on.n; d++)
		if (place_dependency(o, i, c->depends_on.v[d]) < 0)
			return -1;
	o->depth--;
	o->marks[i] = PLACED;
	o->order[o->n++] = i;
	return 0;
}

int config_order_companions(struct config *config, struct error *err)
{
	size_t n = config->n_companions;
	auto_free enum mark *marks = xcalloc(n + 1, sizeof(*marks));
	auto_free size_t *order = xcalloc(n + 1, sizeof(*order));
	auto_free size_t *way = xcalloc(n + 1, sizeof(*way));
	struct ordering o = {config, marks, order, 0, way, 0, err};
	struct config_companion *sorted;

	for (size_t i = 0; i < n; i++)
		if (place(&o, i) < 0)
			return -1;
	sorted = xcalloc(n + 1, sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		sorted[i] = config->companions[order[i]];
	free(config->companions);
	config->companions = sorted;
	return 0;
}

/* Identity */

static void add_list(struct digest *d, const struct strvec *list)
{
	int64_t n = (int64_t)list->n;

	digest_add(d, &n, sizeof(n));
	for (size_t i = 0; i < list->n; i++)
		digest_add_str(d, list->v[i]);
}

static void add_number(struct digest *d, int64_t n)
{
	digest_add(d, &n, sizeof(n));
}

void config_companion_digest(const struct config_companion *c, struct digest *d)
{
	digest_add_str(d, c->name);
	digest_add_str(d, c->image);
	digest_add_str(d, c->platform);
	add_list(d, &c->env);
	add_number(d, c->has_command);
	add_list(d, &c->command);
	add_number(d, c->has_entrypoint);
	add_list(d, &c->entrypoint);
	digest_add_str(d, c->user);
	digest_add_str(d, c->working_dir);
	add_number(d, (int64_t)c->n_binds);
	for (size_t i = 0; i < c->n_binds; i++) {
		digest_add_str(d, c->binds[i].source);
		digest_add_str(d, c->binds[i].target);
	}
	add_list(d, &c->tmpfs);
	add_list(d, &c->depends_on);
	add_number(d, (int64_t)c->n_ports);
	for (size_t i = 0; i < c->n_ports; i++)
		add_number(d, c->ports[i]);
	add_number(d, c->no_port);
	add_number(d, c->probe);
	digest_add_str(d, c->probe_path);
	add_list(d, &c->probe_cmd);
	add_number(d, c->probe_off);
	add_number(d, c->per_worker);
	add_number(d, c->optional);
	digest_add_str(d, c->url);
	add_list(d, &c->exports);
	add_list(d, &c->reset);
	add_number(d, c->memory_bytes);
}
