/* SPDX-License-Identifier: MIT */
/*
 * Leases that a client asks for, and what else concerns the database of one
 * owner. A lease belongs to the connection over which it was asked for.
 */
#include "base/alloc.h"
#include "base/fs.h"
#include "base/ident.h"
#include "config/config.h"
#include "supervisor/front.h"
#include "supervisor/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	MAX_HELD = 64, /* by one connection */
	LEASE_ID = 10,
	MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000
};

/* A lease, or the wish for one. */
struct held {
	struct held *prev, *next;
	struct peer *peer;
	cJSON *id; /* of the request under way; or NULL */
	char lease[LEASE_ID + 1];
	char worker[48];
	struct owner owner;
	bool granted;
	struct tenant_wait wait;
	struct tenant_use use;
	uv_timer_t *timer;     /* how long it may wait */
	struct front **fronts; /* one a service; NULL for a file */
	char *scratch;
};

/* A request about the caller's own database, which it does not have yet. */
struct waiting {
	struct waiting *prev, *next;
	struct peer *peer;
	cJSON *id;
	struct tenant_wait wait;
	bool reset;       /* else: where the file is */
	unsigned service; /* then */
};

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void stop_timer(struct held *h)
{
	uv_timer_t *timer = take_ptr(&h->timer);

	if (timer)
		uv_close((uv_handle_t *)timer, free_handle);
}

/* The owner ends with it; `tell` is not: the request was answered, or nobody is
 * there to be. */
static void held_end(struct held *h)
{
	struct supervisor *s = h->peer->server;
	struct tenant *t = h->use.tenant;

	stop_timer(h);
	DL_DELETE(s->held, h);
	if (h->fronts)
		for (unsigned i = 0; i < session_n_services(s->session); i++)
			front_close(h->fronts[i]);
	tenant_use_drop(&h->use);
	tenant_wait_stop(&h->wait);
	if (t) {
		tenant_end(t, "its lease was released");
		leases_pump(&s->leases);
	}
	if (h->scratch)
		fs_remove_tree(h->scratch, NULL);
	cJSON_Delete(h->id);
	free(h->fronts);
	free(h->scratch);
	free(h);
}

static struct held *find_lease(const struct supervisor *s, const char *lease)
{
	struct held *h;

	DL_FOREACH(s->held, h)
	{
		if (lease && !strcmp(h->lease, lease))
			return h;
	}
	return NULL;
}

/* The same, if it is this connection's. */
static struct held *find_held(const struct peer *p, const char *lease)
{
	struct held *h = find_lease(p->server, lease);

	return h && h->peer == p ? h : NULL;
}

bool lease_ops_holds(const struct peer *p, const char *lease)
{
	const struct held *h = find_held(p, lease);

	return h && h->granted;
}

static struct held *first_held(const struct peer *p)
{
	struct held *h;

	DL_FOREACH(p->server->held, h)
	{
		if (h->peer == p)
			return h;
	}
	return NULL;
}

static unsigned count_held(const struct peer *p)
{
	struct held *h;
	unsigned n = 0;

	DL_FOREACH(p->server->held, h)
	{
		n += h->peer == p;
	}
	return n;
}

static void waiting_end(struct waiting *x)
{
	tenant_wait_stop(&x->wait);
	DL_DELETE(x->peer->server->waiting, x);
	cJSON_Delete(x->id);
	free(x);
}

static struct waiting *first_waiting(const struct peer *p)
{
	struct waiting *x;

	DL_FOREACH(p->server->waiting, x)
	{
		if (x->peer == p)
			return x;
	}
	return NULL;
}

/* An end may be another peer's answer, whose failure is that peer's end: so
 * the search begins anew after each. */
void lease_ops_forget_peer(struct peer *p)
{
	struct held *h;
	struct waiting *x;

	while ((x = first_waiting(p)))
		waiting_end(x);
	while ((h = first_held(p)))
		held_end(h);
}

/* Addresses of its own for each service, and the directory. */
static int furnish(struct held *h, struct error *err)
{
	struct supervisor *s = h->peer->server;
	unsigned n = session_n_services(s->session);

	h->scratch =
	    xasprintf("%s/scratch-%s", session_data_dir(s->session), h->lease);
	if (fs_mkdir_p(h->scratch, 0700, err) < 0)
		return -1;
	h->fronts = xcalloc(n, sizeof(struct front *));
	for (unsigned i = 0; i < n; i++) {
		struct session_service info;
		auto_free char *name = xasprintf("l%u-%s", i, h->lease);

		session_service(s->session, i, &info);
		if (info.dialect == DIALECT_SQLITE)
			continue;
		h->fronts[i] = front_new(s, i, &h->owner, name, err);
		if (!h->fronts[i] || front_listen(h->fronts[i], err) < 0)
			return -1;
	}
	return 0;
}

static int lease_variables(struct held *h, struct strvec *env,
			   struct error *err)
{
	struct supervisor *s = h->peer->server;
	unsigned n = session_n_services(s->session);
	auto_free struct db_address *addresses =
	    xcalloc(n, sizeof(struct db_address));
	struct session_lease lease = {
	    .id = h->lease,
	    .worker = h->worker[0] ? h->worker : NULL,
	    .scratch = h->scratch,
	    .slot = h->use.tenant->slot,
	    .addresses = addresses,
	};

	for (unsigned i = 0; i < n; i++) {
		if (h->fronts[i])
			front_address(h->fronts[i], &addresses[i]);
		else
			addresses[i] =
			    *session_slot_address(s->session, i, lease.slot);
	}
	if (session_lease_variables(s->session, &lease, env, err) < 0)
		return -1;
	strvec_env_set(env, "TESTENV_SOCKET", s->listener.path);
	return 0;
}

static void answer_lease(struct held *h)
{
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_error struct error err = ERROR_INIT;
	auto_cjson cJSON *id = take_ptr(&h->id);
	struct peer *p = h->peer;
	cJSON *reply;

	if (furnish(h, &err) < 0 || lease_variables(h, &env, &err) < 0) {
		held_end(h);
		ops_refuse(p, id, &err);
		return;
	}
	reply = cJSON_CreateObject();
	cJSON_AddStringToObject(reply, "lease", h->lease);
	cJSON_AddNumberToObject(reply, "slot", h->use.tenant->slot);
	cJSON_AddItemToObject(
	    reply, "env",
	    cJSON_CreateStringArray((const char *const *)env.v, (int)env.n));
	ops_reply(p, id, reply);
}

/* The session ends: the holder is told by the end of its connection. */
static void on_use_cut(struct tenant_use *u)
{
	held_end((struct held *)((char *)u - offsetof(struct held, use)));
}

static void take(struct held *h, struct tenant *t)
{
	stop_timer(h);
	h->granted = true;
	h->use.cut = on_use_cut;
	h->use.through_reset = true;
	tenant_use_add(t, &h->use);
	answer_lease(h);
}

static void refuse_held(struct held *h, const struct error *err)
{
	auto_cjson cJSON *id = take_ptr(&h->id);
	struct peer *p = h->peer;

	held_end(h);
	ops_refuse(p, id, err);
}

static void on_granted(struct tenant_wait *w, struct tenant *t,
		       const struct error *err)
{
	struct held *h =
	    (struct held *)((char *)w - offsetof(struct held, wait));

	if (err)
		refuse_held(h, err);
	else
		take(h, t);
}

static void on_too_late(uv_timer_t *timer)
{
	auto_error struct error err = ERROR_INIT;
	struct held *h = timer->data;
	const struct leases *l = &h->peer->server->leases;
	struct pool_counts counts;

	pool_count(l->pool, &counts);
	if (counts.slots == l->max_slots || !l->last_failure) {
		error_set(&err, ERROR_BUSY,
			  "no database became free in time: all %u are in use",
			  l->max_slots);
		error_hint(&err, "--workers gives the session more");
	} else {
		error_set(&err, ERROR_BUSY,
			  "no database became free in time (in use: %u of "
			  "%u), and no other can be made: %s",
			  counts.leased, l->max_slots, l->last_failure);
	}
	refuse_held(h, &err);
}

static void limit_wait(struct held *h, const cJSON *request)
{
	struct supervisor *s = h->peer->server;
	unsigned ms =
	    protocol_number(request, "timeout_ms", MAX_TIMEOUT_MS,
			    (unsigned)s->spec.config->start_timeout_ms);

	h->timer = xcalloc(1, sizeof(*h->timer));
	uv_timer_init(&s->loop, h->timer);
	h->timer->data = h;
	uv_timer_start(h->timer, on_too_late, ms, 0);
}

/* For the refusal, which is made from the request. */
static void give_back_id(const cJSON *request, cJSON **id)
{
	if (*id)
		cJSON_AddItemToObject((cJSON *)(uintptr_t)request, "id",
				      take_ptr(id));
}

/* 0: not known */
static pid_t pid_of(const struct peer *p)
{
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)&p->pipe, &fd) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return 0;
	return cred.pid;
}

static struct held *held_new(struct peer *p, const cJSON *request)
{
	struct held *h = xcalloc(1, sizeof(*h));
	const char *worker = protocol_string(request, "worker");

	h->peer = p;
	h->id = cJSON_DetachItemFromObjectCaseSensitive(
	    (cJSON *)(uintptr_t)request, "id");
	ident_random(h->lease, LEASE_ID);
	snprintf(h->worker, sizeof(h->worker), "%s", worker ? worker : "");
	h->owner =
	    (struct owner){.kind = OWNER_IS_LEASE, .root = OWNER_NO_ROOT};
	snprintf(h->owner.key, sizeof(h->owner.key), "lease:%s", h->lease);
	snprintf(h->owner.worker, sizeof(h->owner.worker), "%s", h->worker);
	snprintf(h->owner.label, sizeof(h->owner.label), "%.40s",
		 worker ? worker : "lease");
	snprintf(h->owner.why, sizeof(h->owner.why), "lease held by pid %ld",
		 (long)pid_of(p));
	DL_APPEND(p->server->held, h);
	return h;
}

int op_lease(struct peer *p, const cJSON *request, struct error *err)
{
	struct held *h;
	struct tenant *t;

	if (count_held(p) >= MAX_HELD)
		return error_set(err, ERROR_BUSY,
				 "this connection holds %d leases already",
				 MAX_HELD);
	h = held_new(p, request);
	if (leases_tenant(&p->server->leases, &h->owner, &t, err) < 0) {
		give_back_id(request, &h->id);
		held_end(h);
		return -1;
	}
	if (t->holds) {
		take(h, t);
		return 0;
	}
	h->wait.fn = on_granted;
	tenant_wait_for(t, &h->wait);
	limit_wait(h, request);
	return 0;
}

int op_release(struct peer *p, const cJSON *request, struct error *err)
{
	const char *lease = protocol_string(request, "lease");
	struct held *h = find_held(p, lease);

	if (!h)
		return error_set(err, ERROR_USAGE,
				 "this connection holds no lease '%.20s'",
				 lease ? lease : "");
	held_end(h);
	ops_reply(p, cJSON_GetObjectItemCaseSensitive(request, "id"), NULL);
	return 0;
}

/* The owner of whoever asks. */
static int owner_of_peer(struct peer *p, struct owner *ret, struct error *err)
{
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&p->pipe, &fd) < 0)
		return error_set(err, ERROR_INTERNAL, "no connection");
	return owners_of_unix(&p->server->owners, fd, ret, err);
}

static int answer_route(struct peer *p, const cJSON *id, unsigned service,
			const struct tenant *t, struct error *err)
{
	const struct db_address *a =
	    session_slot_address(p->server->session, service, t->slot);
	cJSON *reply;

	if (!a->path)
		return error_set(err, ERROR_USAGE, "the service is not a file");
	reply = cJSON_CreateObject();
	cJSON_AddStringToObject(reply, "path", a->path);
	ops_reply(p, id, reply);
	return 0;
}

static void on_answer(struct tenant_wait *w, struct tenant *t,
		      const struct error *err)
{
	struct waiting *x =
	    (struct waiting *)((char *)w - offsetof(struct waiting, wait));
	auto_cjson cJSON *id = take_ptr(&x->id);
	auto_error struct error why = ERROR_INIT;
	struct peer *p = x->peer;
	unsigned service = x->service;
	bool reset = x->reset;

	waiting_end(x);
	if (err)
		ops_refuse(p, id, err);
	else if (reset)
		ops_reply(p, id, NULL);
	else if (answer_route(p, id, service, t, &why) < 0)
		ops_refuse(p, id, &why);
}

static struct waiting *waiting_new(struct peer *p, const cJSON *request)
{
	struct waiting *x = xcalloc(1, sizeof(*x));

	x->peer = p;
	x->id = cJSON_DetachItemFromObjectCaseSensitive(
	    (cJSON *)(uintptr_t)request, "id");
	x->wait.fn = on_answer;
	DL_APPEND(p->server->waiting, x);
	return x;
}

static bool is_url_of(const struct supervisor *s, unsigned slot,
		      const char *url)
{
	for (unsigned i = 0; i < session_n_services(s->session); i++) {
		const struct db_address *a =
		    session_slot_address(s->session, i, slot);
		auto_buf struct buf own = BUF_INIT;

		if (!a->path)
			continue;
		db_url(a, &own);
		if (!strcmp(own.s, url))
			return true;
	}
	return false;
}

/* A file is named by its path, where nobody can tell who comes: it is whose
 * slot it is. A caller in no command was given the first, as `env` says. */
static struct tenant *tenant_of_file(const struct supervisor *s,
				     const char *url, const struct owner *owner)
{
	for (unsigned i = 0; url && i < s->leases.max_slots; i++) {
		struct tenant *t = leases_in_slot(&s->leases, i);

		if (t && is_url_of(s, i, url))
			return t;
	}
	return s->route_dir && owner->root == OWNER_NO_ROOT
		   ? leases_in_slot(&s->leases, 0)
		   : NULL;
}

/* "…@127.0.0.1:4711/…": a front's address in somebody's URL. */
static bool leads_to(const char *url, const struct front *f)
{
	struct db_address a = {.dialect = DIALECT_POSTGRES};
	auto_free char *place = NULL;

	if (!f || f->companion_port)
		return false;
	front_address(f, &a);
	if (a.host)
		place = xasprintf("@%s:%u/", a.host, a.port);
	else if (a.socket_dir)
		place = xstrdup(a.socket_dir);
	return place && strstr(url, place);
}

/* Of a URL that leads to an address of one owner's; NULL for any other. */
static struct tenant *tenant_of_front(const struct supervisor *s,
				      const char *url)
{
	struct held *h;

	for (unsigned i = 0; i < s->n_fronts; i++)
		if (s->fronts[i] && s->fronts[i]->fixed &&
		    leads_to(url, s->fronts[i]))
			return leases_find(&s->leases, &s->fronts[i]->owner);
	DL_FOREACH(s->held, h)
	{
		for (unsigned i = 0;
		     h->fronts && i < session_n_services(s->session); i++)
			if (leads_to(url, h->fronts[i]))
				return h->use.tenant;
	}
	return NULL;
}

/* Does it lead to a database of this session at all? */
static bool is_ours(const struct supervisor *s, const char *url)
{
	for (unsigned i = 0; i < s->n_fronts; i++)
		if (leads_to(url, s->fronts[i]))
			return true;
	for (unsigned i = 0; i < s->leases.max_slots; i++)
		if (leases_in_slot(&s->leases, i) && is_url_of(s, i, url))
			return true;
	return s->route_dir && !strncmp(url, "sqlite:", 7) &&
	       strstr(url, s->route_dir);
}

/* Only one that has a database: a new one would be clean, and have to be waited
 * for. */
static int own_tenant(struct peer *p, const cJSON *request, struct tenant **ret,
		      struct error *err)
{
	const struct supervisor *s = p->server;
	struct owner owner;

	if (owner_of_peer(p, &owner, err) < 0)
		return -1;
	*ret = tenant_of_file(s, protocol_string(request, "url"), &owner);
	if (!*ret)
		*ret = leases_find(&s->leases, &owner);
	return *ret ? 0 : leases_refuse_reset(&owner, err);
}

/* Of a lease whoever knows its id, of a user that the socket lets in, may
 * reset it: the id is random, and only its holder's environment has it. */
int lease_ops_tenant(struct peer *p, const cJSON *request, struct tenant **ret,
		     struct error *err)
{
	const char *lease = protocol_string(request, "lease");
	const char *url = protocol_string(request, "url");
	struct held *h;

	*ret = url ? tenant_of_front(p->server, url) : NULL;
	if (*ret)
		return 0;
	if (url &&
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "strict")) &&
	    !is_ours(p->server, url)) {
		error_set(err, ERROR_REFUSED,
			  "the URL leads to no database of session '%s'",
			  p->server->id);
		error_hint(err,
			   "only databases that testenv made can be named");
		return -1;
	}
	if (!cJSON_HasObjectItem(request, "lease"))
		return own_tenant(p, request, ret, err);
	h = find_lease(p->server, lease);
	if (!h)
		return error_set(err, ERROR_REFUSED,
				 "session '%s' has no lease '%.20s'",
				 p->server->id, lease ? lease : "");
	if (!h->granted)
		return error_set(err, ERROR_BUSY,
				 "lease '%s' has no database yet", h->lease);
	*ret = h->use.tenant;
	return 0;
}

int op_reset(struct peer *p, const cJSON *request, struct error *err)
{
	struct waiting *x;
	struct tenant *t;

	if (lease_ops_tenant(p, request, &t, err) < 0)
		return -1;
	x = waiting_new(p, request);
	x->reset = true;
	if (tenant_reset(t, &x->wait, err) < 0) {
		give_back_id(request, &x->id);
		waiting_end(x);
		return -1;
	}
	return 0;
}

int lease_ops_service(struct peer *p, const cJSON *request, unsigned *ret,
		      struct error *err)
{
	const char *name = protocol_string(request, "service");
	struct session *session = p->server->session;

	for (unsigned i = 0; i < session_n_services(session); i++) {
		struct session_service info;

		session_service(session, i, &info);
		if (!name || !strcmp(info.name, name)) {
			*ret = i;
			return 0;
		}
	}
	return error_set(err, ERROR_USAGE, "there is no service '%.60s'",
			 name ? name : "");
}

int op_route(struct peer *p, const cJSON *request, struct error *err)
{
	struct waiting *x;
	struct tenant *t;
	unsigned service;
	uv_os_fd_t fd;

	if (lease_ops_service(p, request, &service, err) < 0)
		return -1;
	if (uv_fileno((uv_handle_t *)&p->pipe, &fd) < 0)
		return error_set(err, ERROR_INTERNAL, "no connection");
	if (leases_caller(&p->server->leases, fd, false, &t, err) < 0)
		return -1;
	if (t->holds)
		return answer_route(
		    p, cJSON_GetObjectItemCaseSensitive(request, "id"), service,
		    t, err);
	x = waiting_new(p, request);
	x->service = service;
	tenant_wait_for(t, &x->wait);
	return 0;
}
