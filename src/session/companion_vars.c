/* SPDX-License-Identifier: MIT */
/* What the command sees of the services beside the databases. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "config/companion.h"
#include "dialect/address.h"
#include "session/companions_internal.h"

#include <stdlib.h>
#include <string.h>

const char *companion_scheme(const char *image, enum probe probe)
{
	static const struct {
		const char *name, *scheme;
	} known[] = {
	    {"rabbitmq", "amqp"},          {"mongo", "mongodb"},
	    {"mongodb", "mongodb"},        {"nats", "nats"},
	    {"clickhouse-server", "http"}, {"elasticsearch", "http"},
	    {"opensearch", "http"},        {NULL, NULL},
	};
	const char *slash = strrchr(image, '/');
	const char *name = slash ? slash + 1 : image;
	size_t len = strcspn(name, ":@");

	if (probe == PROBE_HTTP)
		return "http";
	if (probe == PROBE_REDIS || companion_is_redis(image))
		return "redis";
	for (size_t i = 0; known[i].name; i++)
		if (strlen(known[i].name) == len &&
		    !strncmp(known[i].name, name, len))
			return known[i].scheme;
	return "tcp";
}

static uint16_t outside_of(const struct companion_address *a,
			   const char *inside)
{
	char *end;
	long port = strtol(inside, &end, 10);

	for (size_t i = 0; !*end && i < a->n_ports; i++)
		if (a->ports[i].inside == port)
			return a->ports[i].outside;
	return 0;
}

static int put_word(const char *name, const struct companion_words *w,
		    struct buf *out, struct error *err)
{
	const struct companion_address *a = w->address;
	bool v6 = strchr(a->host, ':') != NULL;
	bool in_url = strstr(out->s, "://") != NULL;
	uint16_t port;

	if (!strcmp(name, "url"))
		buf_puts(out, w->url ? w->url : "");
	else if (!strcmp(name, "host"))
		buf_printf(out, in_url && v6 ? "[%s]" : "%s", a->host);
	else if (!strcmp(name, "port"))
		buf_printf(out, "%u", a->n_ports ? a->ports[0].outside : 0U);
	else if (!strcmp(name, "slot"))
		buf_puts(out, w->slot ? w->slot : "");
	else if (!strcmp(name, "worker"))
		buf_puts(out, w->worker ? w->worker : "");
	else if (!strncmp(name, "port:", 5)) {
		port = outside_of(a, name + 5);
		if (!port)
			return error_set(err, ERROR_CONFIG,
					 "'{%s}': that port is not among the "
					 "service's",
					 name);
		buf_printf(out, "%u", port);
	} else {
		return error_set(err, ERROR_CONFIG,
				 "'{%s}' is none of: {url} {host} {port} "
				 "{port:NUMBER} {slot} {worker}",
				 name);
	}
	return 0;
}

int companion_expand(const char *text, const struct companion_words *words,
		     struct buf *ret, struct error *err)
{
	auto_buf struct buf out = BUF_INIT;

	for (const char *p = text; *p;) {
		auto_free char *name = NULL;
		size_t len;

		if ((*p == '{' || *p == '}') && p[1] == *p) {
			buf_putc(&out, *p);
			p += 2;
			continue;
		}
		if (*p != '{') {
			buf_putc(&out, *p++);
			continue;
		}
		len = strcspn(++p, "}");
		if (!p[len])
			return error_set(err, ERROR_CONFIG, "'{%s' has no '}'",
					 p);
		name = xstrndup(p, len);
		if (put_word(name, words, &out, err) < 0)
			return -1;
		p += len + 1;
	}
	buf_put(ret, out.s, out.len);
	return 0;
}

static int put_url(const struct member *m, struct companion_words *w,
		   struct buf *ret, struct error *err)
{
	auto_free char *by_default = xasprintf(
	    "%s://{host}:{port}",
	    companion_scheme(m->config->image, companion_probe(m->companion)));

	if (companion_expand(m->config->url ? m->config->url : by_default, w,
			     ret, err) < 0)
		return error_wrap(err, "service '%s': url", m->config->name);
	return 0;
}

static int put_exports(const struct member *m, const struct companion_words *w,
		       struct strvec *env, struct error *err)
{
	for (size_t i = 0; i < m->config->exports.n; i++) {
		const char *entry = m->config->exports.v[i];
		const char *equals = strchr(entry, '=');
		auto_free char *name =
		    xstrndup(entry, (size_t)(equals - entry));
		auto_buf struct buf value = BUF_INIT;

		if (companion_expand(equals + 1, w, &value, err) < 0)
			return error_wrap(err, "service '%s': export '%s'",
					  m->config->name, name);
		strvec_env_set(env, name, value.s);
	}
	return 0;
}

static void set(struct strvec *env, const char *prefix, const char *what,
		const char *value)
{
	auto_free char *name = xasprintf("%s_%s", prefix, what);

	strvec_env_set(env, name, value);
}

/* The address alone: a service without a port has none of it. */
static int put_address(const struct member *m, const char *prefix,
		       struct companion_words *w, struct strvec *env,
		       struct error *err)
{
	const struct companion_address *a = w->address;
	auto_buf struct buf url = BUF_INIT;

	if (!a->n_ports)
		return put_exports(m, w, env, err);
	if (put_url(m, w, &url, err) < 0)
		return -1;
	w->url = url.s;
	set(env, prefix, "URL", url.s);
	set(env, prefix, "HOST", a->host);
	for (size_t i = 0; i < a->n_ports; i++) {
		auto_free char *port = xasprintf("%u", a->ports[i].outside);
		auto_free char *name = xasprintf("PORT_%u", a->ports[i].inside);

		if (i == 0)
			set(env, prefix, "PORT", port);
		if (a->n_ports > 1)
			set(env, prefix, name, port);
	}
	return put_exports(m, w, env, err);
}

/* CACHE_URL_0 …: one by one, for a runner that picks by index. */
static int put_indexes(const struct member *m, const char *prefix,
		       struct strvec *env, struct error *err)
{
	for (unsigned slot = 0; slot < m->n_numbered; slot++) {
		const struct companion_address *a = &m->numbered[slot];
		auto_free char *number = xasprintf("%u", slot);
		auto_free char *name = xasprintf("URL_%u", slot);
		auto_buf struct buf url = BUF_INIT;
		struct companion_words w = {a, NULL, number, NULL};

		if (!a->n_ports)
			continue;
		if (put_url(m, &w, &url, err) < 0)
			return -1;
		set(env, prefix, name, url.s);
	}
	return 0;
}

static void forget(const struct member *m, const char *prefix,
		   struct strvec *env)
{
	set(env, prefix, "URL", NULL);
	set(env, prefix, "HOST", NULL);
	set(env, prefix, "PORT", NULL);
	for (size_t i = 0; i < m->config->exports.n; i++) {
		const char *entry = m->config->exports.v[i];
		auto_free char *name = xstrndup(entry, strcspn(entry, "="));

		strvec_env_set(env, name, NULL);
	}
}

static bool address_for(const struct member *m,
			const struct companion_view *view,
			struct companion_address *ret)
{
	long slot = view->slot;

	if (!m->config->per_worker)
		return companion_address(m->companion, COMPANION_SHARED, ret);
	if (!view->leased && slot < 0 && m->public.n_ports)
		*ret = m->public;
	else if (!view->leased && slot >= 0 && slot < m->n_numbered &&
		 m->numbered[slot].n_ports)
		*ret = m->numbered[slot];
	else
		return companion_address(m->companion, slot < 0 ? 0 : (int)slot,
					 ret);
	return true;
}

int companions_variables(const struct companions *all,
			 const struct companion_view *view, struct strvec *env,
			 struct error *err)
{
	auto_free char *number =
	    view->slot < 0 ? NULL : xasprintf("%ld", view->slot);

	for (unsigned i = 0; all && i < all->n; i++) {
		const struct member *m = &all->members[i];
		auto_free char *prefix = db_variable_prefix(m->config->name);
		struct companion_address a;
		struct companion_words w = {&a, NULL, number, view->worker};

		if (m->state != MEMBER_READY || !address_for(m, view, &a)) {
			forget(m, prefix, env);
			continue;
		}
		if (put_address(m, prefix, &w, env, err) < 0 ||
		    put_indexes(m, prefix, env, err) < 0)
			return -1;
	}
	return 0;
}
