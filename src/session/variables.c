/* SPDX-License-Identifier: MIT */
/*
 * What the command sees: product.md's table of variables.
 */
#include "session/internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "session/ctest.h"

#include <stdlib.h>
#include <string.h>

/* DATABASE_URL and the client's own for the first service; NAME_… for each, and
 * the slots one by one for a runner that picks by index. */
static void service_variables(const struct session *s, unsigned i,
			      unsigned slot, struct strvec *env)
{
	const struct service *service = &s->services[i];
	auto_free char *prefix = db_variable_prefix(service->config->name);

	if (i == 0)
		db_variables(&service->slots[slot], NULL, env);
	db_variables(&service->slots[slot], prefix, env);
	for (unsigned n = 0; n < service->n_slots; n++) {
		auto_free char *name = NULL;
		auto_buf struct buf url = BUF_INIT;

		db_url(&service->slots[n], &url);
		name = xasprintf("%s_URL_%u", i == 0 ? "TESTENV" : prefix, n);
		strvec_env_set(env, name, url.s);
	}
}

static int service_exports(const struct service *service, unsigned slot,
			   const char *scratch, struct strvec *env,
			   struct error *err)
{
	auto_free char *number = xasprintf("%u", slot);
	struct db_template_extra extra = {.slot = number, .scratch = scratch};

	for (size_t i = 0; i < service->config->exports.n; i++) {
		const char *entry = service->config->exports.v[i];
		const char *equals = strchr(entry, '=');
		auto_free char *name = NULL;
		auto_buf struct buf value = BUF_INIT;

		if (!equals)
			return error_set(err, ERROR_CONFIG,
					 "export '%s' is not NAME=TEMPLATE",
					 entry);
		name = xstrndup(entry, (size_t)(equals - entry));
		if (db_expand(&service->slots[slot], equals + 1, &extra, &value,
			      err) < 0)
			return error_wrap(err, "export '%s'", name);
		strvec_env_set(env, name, value.s);
	}
	return 0;
}

static int session_facts(const struct session *s, unsigned slot,
			 const char *scratch, struct strvec *env,
			 struct error *err)
{
	auto_free char *number = xasprintf("%u", slot);
	auto_free char *lease = xasprintf("%s-%u", s->id, slot);
	auto_free char *spec = fs_join(s->data_dir, "ctest-spec.json");
	auto_buf struct buf json = BUF_INIT;

	session_ctest_spec(s, &json);
	if (fs_write_file(spec, json.s, json.len, 0600, err) < 0 ||
	    fs_mkdir_p(scratch, 0700, err) < 0)
		return -1;
	strvec_env_set(env, "TESTENV_BACKEND", session_backend(s));
	strvec_env_set(env, "TESTENV_DIALECT",
		       dialect_name(s->services[0].dialect));
	strvec_env_set(env, "TESTENV_FALLBACK_REASON", s->fallback_reason);
	strvec_env_set(env, "TESTENV_SESSION", s->id);
	strvec_env_set(env, "TESTENV_SLOT", number);
	strvec_env_set(env, "TESTENV_LEASE", lease);
	strvec_env_set(env, "TESTENV_SCRATCH", scratch);
	strvec_env_set(env, "TESTENV_CTEST_SPEC", spec);
	return 0;
}

int session_variables(const struct session *s, unsigned slot,
		      struct strvec *env, struct error *err)
{
	auto_free char *scratch = xasprintf("%s/scratch-%u", s->data_dir, slot);

	if (!s->n_services || slot >= s->services[0].n_slots)
		return error_set(err, ERROR_USAGE, "there is no slot %u", slot);
	for (unsigned i = 0; i < s->n_services; i++) {
		service_variables(s, i, slot, env);
		if (service_exports(&s->services[i], slot, scratch, env, err) <
		    0)
			return -1;
	}
	if (session_facts(s, slot, scratch, env, err) < 0)
		return -1;
	for (size_t i = 0; i < s->config->env.n; i++) {
		const char *entry = s->config->env.v[i];
		const char *equals = strchr(entry, '=');
		auto_free char *name = NULL;

		if (!equals)
			continue;
		name = xstrndup(entry, (size_t)(equals - entry));
		strvec_env_set(env, name, equals + 1);
	}
	return 0;
}

int session_own_variables(const struct session *s, unsigned slot,
			  struct strvec *ret, struct error *err)
{
	return session_variables(s, slot, ret, err);
}
