/* SPDX-License-Identifier: MIT */
#include "session/companions.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "config/companion.h"
#include "session/companions_internal.h"
#include "session/internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	START_WIDTH = 8,
	SLOT_WIDTH = 4,
	CLEAN_UP_MS = 20000,
	RESET_MS = 30000
};

static enum probe probe_of(const struct config_companion *c)
{
	switch (c->probe) {
	case COMPANION_AUTO:
		if (c->probe_cmd.n)
			return PROBE_EXEC;
		return PROBE_AUTO;
	case COMPANION_TCP:
		return PROBE_TCP;
	case COMPANION_REDIS:
		return PROBE_REDIS;
	case COMPANION_HTTP:
		return PROBE_HTTP;
	case COMPANION_EXEC:
		return PROBE_EXEC;
	case COMPANION_HEALTHCHECK:
		return c->probe_cmd.n ? PROBE_EXEC : PROBE_IMAGE_HEALTHCHECK;
	case COMPANION_EXIT:
		return PROBE_EXIT;
	case COMPANION_NONE:
		break;
	}
	return PROBE_NONE;
}

static const char *const *list_or_null(bool said, const struct strvec *list)
{
	return said ? (const char *const *)list->v : NULL;
}

static struct member *find(const struct companions *all, const char *name)
{
	for (unsigned i = 0; i < all->n; i++)
		if (!strcmp(all->members[i].config->name, name))
			return &all->members[i];
	return NULL; /* a database */
}

static bool depends_on(const struct companions *all, const struct member *m,
		       const struct member *other)
{
	for (size_t i = 0; i < m->config->depends_on.n; i++)
		if (find(all, m->config->depends_on.v[i]) == other)
			return true;
	return false;
}

static bool is_linked(const struct companions *all, const struct member *m)
{
	for (unsigned i = 0; i < all->n; i++)
		if (depends_on(all, m, &all->members[i]) ||
		    depends_on(all, &all->members[i], m))
			return true;
	return false;
}

static void describe(struct companions *all, struct member *m)
{
	const struct config_companion *c = m->config;
	const struct session *s = all->session;

	m->mounts = xcalloc(c->n_binds + 1, sizeof(*m->mounts));
	for (size_t i = 0; i < c->n_binds; i++)
		m->mounts[i] = (struct container_mount){
		    c->binds[i].source, c->binds[i].target, true};
	m->spec = (struct companion_spec){
	    .name = c->name,
	    .image = c->image,
	    .mirror = s->config->mirror,
	    .pull_age_s = c->pull_age_s,
	    .platform = c->platform,
	    .env = (const char *const *)c->env.v,
	    .cmd = list_or_null(c->has_command, &c->command),
	    .entrypoint = list_or_null(c->has_entrypoint, &c->entrypoint),
	    .user = c->user,
	    .working_dir = c->working_dir,
	    .mounts = m->mounts,
	    .n_mounts = c->n_binds,
	    .tmpfs = (const char *const *)c->tmpfs.v,
	    .ports = c->ports,
	    .n_ports = c->n_ports,
	    .no_port = c->no_port,
	    .probe = probe_of(c),
	    .probe_path = c->probe_path,
	    .probe_cmd = list_or_null(c->probe_cmd.n > 0, &c->probe_cmd),
	    .reset_cmd = list_or_null(c->reset.n > 0, &c->reset),
	    .memory_bytes = c->memory_bytes,
	    .start_timeout_ms = c->start_timeout_ms,
	};
	m->spec.linked = is_linked(all, m);
	m->spec.swarm = session_wants_swarm(s->config);
	m->spec.swarm_registry = s->config->swarm_registry;
	m->spec.swarm_constraints =
	    (const char *const *)s->config->swarm_constraints.v;
	m->companion =
	    companion_open(s->engine, &m->spec, &s->owner, s->progress);
}

/* No engine: the optional ones are told in one line. */
static int without_engine(struct companions *all, const struct error *why,
			  struct error *err)
{
	auto_buf struct buf names = BUF_INIT;

	for (unsigned i = 0; i < all->n; i++) {
		struct member *m = &all->members[i];

		if (!m->config->optional) {
			error_copy(err, why);
			error_wrap(err, "service '%s' needs a container engine",
				   m->config->name);
			error_hint(err, "'optional: yes' under its x-testenv "
					"lets the tests run without it");
			return -1;
		}
		buf_printf(&names, "%s'%s'", i ? ", " : "", m->config->name);
		m->state = MEMBER_MISSING;
	}
	progress_notice(all->session->progress, "without %s: %s", names.s,
			error_text(why));
	return 0;
}

struct companions *companions_new(struct session *s, const struct error *why,
				  struct error *err)
{
	struct companions *all = xcalloc(1, sizeof(*all));

	all->session = s;
	all->n = (unsigned)s->config->n_companions;
	all->members = xcalloc(all->n + 1U, sizeof(*all->members));
	pthread_mutex_init(&all->mutex, NULL);
	pthread_cond_init(&all->moved, NULL);
	for (unsigned i = 0; i < all->n; i++)
		all->members[i].config = &s->config->companions[i];
	if (!s->engine && without_engine(all, why, err) < 0) {
		companions_free(all, NULL);
		return NULL;
	}
	for (unsigned i = 0; s->engine && i < all->n; i++)
		describe(all, &all->members[i]);
	return all;
}

/* The start */

struct start {
	struct companions *all;
	const struct deadline *deadline;
	unsigned slots;
};

static void set_state(struct companions *all, struct member *m,
		      enum member_state state)
{
	pthread_mutex_lock(&all->mutex);
	m->state = state;
	pthread_cond_broadcast(&all->moved);
	pthread_mutex_unlock(&all->mutex);
}

void companions_give_up(struct companions *all)
{
	if (!all)
		return;
	atomic_store(&all->give_up, true);
	pthread_mutex_lock(&all->mutex);
	pthread_cond_broadcast(&all->moved);
	pthread_mutex_unlock(&all->mutex);
}

/* Until it is there or will never be; whoever starts it has a deadline. */
static int await(struct companions *all, const struct member *m,
		 const struct member *other, struct error *err)
{
	enum member_state state;

	pthread_mutex_lock(&all->mutex);
	while (other->state == MEMBER_WAITS && !atomic_load(&all->give_up))
		pthread_cond_wait(&all->moved, &all->mutex);
	state = other->state;
	pthread_mutex_unlock(&all->mutex);
	if (state == MEMBER_READY)
		return 0;
	if (state == MEMBER_WAITS)
		return error_set(err, ERROR_CANCELLED,
				 "service '%s': another one failed",
				 m->config->name);
	return error_set(err, ERROR_SERVER,
			 "service '%s' depends on '%s', which is missing",
			 m->config->name, other->config->name);
}

static int await_dependencies(struct companions *all, const struct member *m,
			      struct error *err)
{
	for (size_t i = 0; i < m->config->depends_on.n; i++) {
		const struct member *other =
		    find(all, m->config->depends_on.v[i]);

		if (other && await(all, m, other, err) < 0)
			return -1;
	}
	return 0;
}

static void need_dependencies(const struct companions *all,
			      const struct member *m, bool *needed)
{
	for (size_t i = 0; i < m->config->depends_on.n; i++) {
		const struct member *other =
		    find(all, m->config->depends_on.v[i]);

		if (other)
			needed[other - all->members] = true;
	}
}

static void add_host(const struct companions *all, const struct member *m,
		     const struct member *other, int slot, struct strvec *ret)
{
	struct companion_address a;
	int its = other->config->per_worker ? slot : COMPANION_SHARED;

	/* one that has done its work has no address any more */
	if (other->spec.probe == PROBE_EXIT ||
	    !companion_address(other->companion, its, &a))
		return;
	if (a.ip[0])
		strvec_pushf(ret, "%s:%s", other->config->name, a.ip);
	else
		progress_notice(all->session->progress,
				"service '%s' cannot reach '%s' by name: "
				"containers have no addresses on this engine",
				m->config->name, other->config->name);
}

/* "NAME:IP" of each service that it depends on, or that one of those does. */
static void hosts_of(const struct companions *all, const struct member *m,
		     int slot, struct strvec *ret)
{
	auto_free bool *needed = xcalloc(all->n, sizeof(*needed));

	need_dependencies(all, m, needed);
	/* they come before it, each behind its own */
	for (long i = m - all->members - 1; i >= 0; i--) {
		if (!needed[i])
			continue;
		need_dependencies(all, &all->members[i], needed);
		add_host(all, m, &all->members[i], slot, ret);
	}
}

struct slot_start {
	const struct start *start;
	struct member *member;
};

static int start_container(struct companions *all, struct member *m, int slot,
			   const struct deadline *deadline, struct error *err)
{
	auto_strvec struct strvec hosts = STRVEC_INIT;

	hosts_of(all, m, slot, &hosts);
	return companion_start(m->companion, slot, (const char *const *)hosts.v,
			       &all->give_up, deadline, err);
}

static int start_slot(void *arg, size_t i, struct error *err)
{
	const struct slot_start *ctx = arg;

	return start_container(ctx->start->all, ctx->member, (int)i,
			       ctx->start->deadline, err);
}

static int start_containers(const struct start *start, struct member *m,
			    struct error *err)
{
	struct slot_start ctx = {start, m};

	if (m->config->per_worker)
		return parallel_run(start->slots, SLOT_WIDTH, start_slot, &ctx,
				    err);
	return start_container(start->all, m, COMPANION_SHARED, start->deadline,
			       err);
}

static int try_member(const struct start *start, struct member *m,
		      struct error *err)
{
	const struct progress *progress = start->all->session->progress;
	const char *name = m->config->name;

	if (companion_prepare(m->companion, start->deadline, err) < 0 ||
	    await_dependencies(start->all, m, err) < 0)
		return -1;
	progress_step(progress, name, "starting service '%s' from '%s'", name,
		      companion_image(m->companion));
	if (start_containers(start, m, err) < 0)
		return -1;
	progress_done(progress, name, "service '%s' is ready", name);
	return 0;
}

static bool may_be_missing(const struct member *m, const struct error *why)
{
	return m->config->optional && why->kind != ERROR_CANCELLED;
}

static int start_member(void *arg, size_t i, struct error *err)
{
	const struct start *start = arg;
	struct companions *all = start->all;
	struct member *m = &all->members[i];
	auto_error struct error why = ERROR_INIT;

	if (m->state == MEMBER_MISSING)
		return 0;
	if (try_member(start, m, &why) == 0) {
		set_state(all, m, MEMBER_READY);
		return 0;
	}
	/* what made the others give up is the error to report */
	if (why.kind == ERROR_CANCELLED && atomic_load(&all->give_up))
		return 0;
	if (may_be_missing(m, &why)) {
		progress_notice(all->session->progress, "without '%s': %s",
				m->config->name, error_text(&why));
		set_state(all, m, MEMBER_MISSING);
		return 0;
	}
	if (!why.hint &&
	    (why.kind == ERROR_SERVER || why.kind == ERROR_TIMEOUT ||
	     why.kind == ERROR_PULL || why.kind == ERROR_NO_IMAGE))
		error_hint(&why, "'start: no' under its x-testenv leaves it "
				 "out");
	companions_give_up(all);
	return error_move(err, &why);
}

/* In the configuration's order each comes behind those it depends on, and jobs
 * are taken up in order: the first that is not done waits for nobody. */
int companions_start(struct companions *all, unsigned slots,
		     const struct deadline *deadline, struct error *err)
{
	struct start start = {all, deadline, slots};

	return parallel_run(all->n, START_WIDTH, start_member, &start, err);
}

/* One slot's, later */

static bool has_own(const struct member *m)
{
	return m->config->per_worker && m->state == MEMBER_READY;
}

int companions_start_slot(struct companions *all, unsigned slot,
			  const struct deadline *deadline, struct error *err)
{
	for (unsigned i = 0; all && i < all->n; i++) {
		struct member *m = &all->members[i];
		bool runs;

		if (!has_own(m))
			continue;
		runs = companion_is_running(m->companion, (int)slot, deadline);
		if (!runs &&
		    (companion_stop(m->companion, (int)slot, deadline, err) <
			 0 ||
		     start_container(all, m, (int)slot, deadline, err) < 0))
			return -1;
	}
	return 0;
}

int companions_reset_slot(struct companions *all, unsigned slot,
			  const struct deadline *deadline, struct error *err)
{
	struct deadline limit = deadline_sooner(*deadline, RESET_MS);

	if (companions_start_slot(all, slot, deadline, err) < 0)
		return -1;
	for (unsigned i = 0; all && i < all->n; i++)
		if (has_own(&all->members[i]) &&
		    companion_reset(all->members[i].companion, (int)slot,
				    &limit, err) < 0)
			return -1;
	return 0;
}

struct end {
	struct companions *all;
	const struct deadline *deadline;
};

static int close_member(void *arg, size_t i, struct error *err)
{
	const struct end *end = arg;

	(void)err;
	companion_close(end->all->members[i].companion, end->deadline);
	return 0;
}

void companions_free(struct companions *all, const struct deadline *deadline)
{
	struct deadline limit = deadline_in(CLEAN_UP_MS, NULL);
	struct end end = {all, deadline ? deadline : &limit};

	if (!all)
		return;
	parallel_run(all->n, START_WIDTH, close_member, &end, NULL);
	for (unsigned i = 0; i < all->n; i++) {
		free(all->members[i].mounts);
		free(all->members[i].numbered);
	}
	pthread_cond_destroy(&all->moved);
	pthread_mutex_destroy(&all->mutex);
	free(all->members);
	free(all);
}

/* What is known of them */

unsigned companions_count(const struct companions *all)
{
	return all ? all->n : 0;
}

const struct config_companion *companions_config(const struct companions *all,
						 unsigned i)
{
	return all->members[i].config;
}

bool companions_is_missing(const struct companions *all, unsigned i)
{
	return all->members[i].state != MEMBER_READY;
}

struct companion *companions_at(const struct companions *all, unsigned i)
{
	return companions_is_missing(all, i) ? NULL : all->members[i].companion;
}

void companions_set_public(struct companions *all, unsigned i, int slot,
			   const struct companion_address *address)
{
	struct member *m = &all->members[i];

	if (slot < 0) {
		m->public = *address;
		return;
	}
	while (m->n_numbered <= (unsigned)slot) {
		m->numbered = xreallocarray(m->numbered, m->n_numbered + 1U,
					    sizeof(*m->numbered));
		m->numbered[m->n_numbered++] = (struct companion_address){0};
	}
	m->numbered[slot] = *address;
}

bool companions_any_per_worker(const struct companions *all)
{
	for (unsigned i = 0; all && i < all->n; i++)
		if (all->members[i].config->per_worker)
			return true;
	return false;
}

unsigned session_n_companions(const struct session *s)
{
	return companions_count(s->companions);
}

void session_companion(const struct session *s, unsigned i,
		       struct session_companion *ret)
{
	const struct companion *c = companions_at(s->companions, i);

	*ret = (struct session_companion){
	    .name = companions_config(s->companions, i)->name,
	    .image = c ? companion_image(c) : NULL,
	    .probe = c ? companion_probe_name(c) : NULL,
	    .per_worker = companions_config(s->companions, i)->per_worker,
	    .missing = !c,
	};
}

static int instance_of(const struct session *s, unsigned i, unsigned slot)
{
	return companions_config(s->companions, i)->per_worker
		   ? (int)slot
		   : COMPANION_SHARED;
}

bool session_companion_address(const struct session *s, unsigned i,
			       unsigned slot, struct companion_address *ret)
{
	struct companion *c = companions_at(s->companions, i);

	return c && companion_address(c, instance_of(s, i, slot), ret);
}

char *session_companion_name(const struct session *s, unsigned i, unsigned slot)
{
	struct companion *c = companions_at(s->companions, i);

	return c ? companion_name(c, instance_of(s, i, slot)) : NULL;
}

void session_set_companion_public(struct session *s, unsigned i, int slot,
				  const struct companion_address *address)
{
	companions_set_public(s->companions, i, slot, address);
}
