/* SPDX-License-Identifier: MIT */
/* Existing servers of a session, and what dead sessions left on them. */
#include "session/internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "dialect/db.h"
#include "provider/existing.h"
#include "provider/labels.h"
#include "session/death.h"
#include "session/existing.h"

#include <stdlib.h>
#include <string.h>

enum {
	QUICK_MS = 5000
};

static const char *why_dead(const struct existing_db *d,
			    const struct label_owner *self)
{
	return d->marked ? death_of(&d->labels, self, clock_wall_s()) : NULL;
}

int session_collect_server(const char *url, bool only_look,
			   const struct deadline *deadline,
			   session_found_fn *fn, void *ctx, struct error *err)
{
	auto_db_address struct db_address a = {.dialect = DIALECT_POSTGRES};
	auto_existing_dbs struct existing_dbs l = EXISTING_DBS_INIT;
	auto_free char *mine = label_owner();
	auto_db struct db *db = NULL;
	struct label_owner self;

	if (label_owner_parse(mine, &self) < 0)
		return error_set(err, ERROR_INTERNAL, "'%s' is no owner", mine);
	if (existing_address(url, &a, err) < 0 ||
	    db_connect(&a, deadline, &db, err) < 0 ||
	    existing_list(db, a.dialect, deadline, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		const char *why = why_dead(&l.list[i], &self);
		auto_error struct error failure = ERROR_INIT;
		int result = 0;

		if (!why)
			continue;
		if (!only_look)
			result = existing_drop(db, &a, l.list[i].name, NULL,
					       deadline, &failure);
		fn(ctx, l.list[i].name, why, result < 0 ? &failure : NULL);
	}
	return 0;
}

static void say_found(void *ctx, const char *name, const char *why,
		      const struct error *failure)
{
	(void)ctx;
	log_debug("gc: database '%s': %s", name, failure ? failure->text : why);
}

/* Whoever cleans up after us has to know it before there is a database. */
static int tell(struct session *s, struct error *err)
{
	auto_buf struct buf urls = BUF_INIT;

	for (unsigned i = 0; i < s->n_services; i++) {
		const char *url = s->services[i].config->url;

		if (url && strpbrk(url, "\t\n"))
			return error_set(err, ERROR_CONFIG,
					 "service '%s': a server's URL holds "
					 "no tabs or line ends",
					 s->services[i].config->name);
		if (url)
			buf_printf(&urls, "\t%s", url);
	}
	return urls.len ? session_tell(s, ESTATE_SERVERS, urls.s, err) : 0;
}

static int check_owner(const struct session *s, const struct service *service,
		       struct error *err)
{
	auto_db_address struct db_address a = {.dialect = DIALECT_POSTGRES};

	if (db_url_parse(service->config->url, &a, err) < 0)
		return -1;
	if (!db_demands_tls(&a) ||
	    (s->config->owner && !strcmp(s->config->owner, "command")))
		return 0;
	error_set(err, ERROR_CONFIG,
		  "the URL demands TLS, which cannot be kept up where each "
		  "process is led to a database of its own");
	error_hint(err, "give all of the command one: --owner command");
	return -1;
}

static int open_one(struct session *s, struct service *service,
		    const struct deadline *deadline, struct error *err)
{
	struct deadline quick = deadline_sooner(*deadline, QUICK_MS);
	auto_error struct error why = ERROR_INIT;

	if (check_owner(s, service, err) < 0 ||
	    provider_open_server(&service->spec, &s->owner, deadline,
				 s->progress, &service->provider, err) < 0)
		return -1;
	if (session_collect_server(service->config->url, false, &quick,
				   say_found, NULL, &why) < 0)
		log_debug("gc: %s", why.text);
	return 0;
}

int session_open_existing(struct session *s, const struct deadline *deadline,
			  struct error *err)
{
	if (tell(s, err) < 0)
		return -1;
	for (unsigned i = 0; i < s->n_services; i++) {
		struct service *service = &s->services[i];

		if (service->backend == BACKEND_SERVER &&
		    open_one(s, service, deadline, err) < 0)
			return error_wrap(err, "service '%s'",
					  service->config->name);
	}
	return 0;
}
