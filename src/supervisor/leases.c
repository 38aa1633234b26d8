/* SPDX-License-Identifier: MIT */
#include "supervisor/leases.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/log.h"
#include "session/session.h"
#include "supervisor/ending.h"
#include "supervisor/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utlist.h>

enum {
	/* Connections wait in the router; what waits here are their owners. */
	MAX_WAITERS = 4096,
	JOB_MS = 120000,
	LOOKS = 3 /* for the owner of one caller */
};

/* One slot being made or cleaned, on a thread of the pool's. */
struct job {
	uv_work_t work;
	struct leases *leases;
	struct session *session;
	struct cancel *cancel;
	bool clean;
	bool same_owner; /* who keeps it: a reset */
	unsigned slot;
	int result;
	struct error err;
};

static void pump(struct leases *l);

static void on_exit_closed(uv_handle_t *handle)
{
	int fd = (int)(intptr_t)handle->data;

	close(fd);
	free(handle);
}

static void unwatch_process(struct tenant *t);

/* One is enough: each takes a place in the pool that others could use. */
static bool stays(const struct tenant *t)
{
	struct leases *l = t->leases;
	const struct tenant *other, *next;
	uv_os_fd_t fd = -1;

	if (l->frozen)
		return true;
	if (!l->keeps || !t->holds)
		return false;
	HASH_ITER(by_key, l->by_key, other, next)
	{
		if (other->kept)
			return false;
	}
	uv_fileno((uv_handle_t *)t->exit, &fd);
	return ending_was_failure(t->owner.pid, fd);
}

static void on_process_end(uv_poll_t *poll, int status, int events)
{
	struct tenant *t = poll->data;
	struct leases *l = t->leases;

	(void)status;
	(void)events;
	if (stays(t)) {
		log_debug("tenant %s '%s': its database stays", t->owner.key,
			  t->owner.label);
		t->kept = true;
		unwatch_process(t);
		return;
	}
	tenant_end(t, "its process has ended");
	pump(l);
}

static int refuse_ended(const struct owner *o, struct error *err)
{
	return error_set(err, ERROR_REFUSED, "process %ld (%s) has ended",
			 (long)o->pid, o->label);
}

static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* pid and start time name one process; between the look at /proc that gave them
 * and pidfd_open the pid may have been reused, so the start is compared again.
 * One that cannot be read, as without a free descriptor, is no such sign.
 */
static int check_start(const struct owner *o, int pidfd, struct error *err)
{
	uint64_t start = ident_start_time(o->pid);

	if (start == o->start)
		return 0;
	if (start)
		return error_set(err, ERROR_REFUSED,
				 "process %ld (%s) has ended, and its number "
				 "is another's",
				 (long)o->pid, o->label);
	if (has_ended(pidfd))
		return refuse_ended(o, err);
	return error_set(err, ERROR_INTERNAL,
			 "process %ld (%s) is there, and cannot be looked at",
			 (long)o->pid, o->label);
}

static int open_process(const struct owner *o, int *ret, struct error *err)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, o->pid, 0);
	int failure = errno;

	if (fd < 0 && failure != ESRCH)
		return error_set_errno(err, ERROR_INTERNAL, failure,
				       "cannot watch process %ld (%s)",
				       (long)o->pid, o->label);
	if (fd < 0)
		return refuse_ended(o, err);
	if (check_start(o, fd, err) < 0)
		return -1;
	*ret = take_fd(&fd);
	return 0;
}

static int watch_process(struct tenant *t, struct error *err)
{
	const struct owner *o = &t->owner;
	int fd;

	if (!o->pid)
		return 0;
	if (open_process(o, &fd, err) < 0)
		return -1;
	t->exit = xcalloc(1, sizeof(*t->exit));
	if (uv_poll_init(&t->leases->supervisor->loop, t->exit, fd) < 0) {
		close(fd);
		free(t->exit);
		t->exit = NULL;
		return error_set(err, ERROR_INTERNAL,
				 "cannot watch process %ld", (long)o->pid);
	}
	t->exit->data = t;
	uv_poll_start(t->exit, UV_READABLE, on_process_end);
	return 0;
}

static void unwatch_process(struct tenant *t)
{
	uv_poll_t *poll = t->exit;
	uv_os_fd_t fd = -1;

	if (!poll)
		return;
	uv_fileno((uv_handle_t *)poll, &fd);
	poll->data = (void *)(intptr_t)fd;
	uv_close((uv_handle_t *)poll, on_exit_closed);
	t->exit = NULL;
}

struct tenant *leases_find(const struct leases *l, const struct owner *owner)
{
	struct tenant *t = NULL;

	HASH_FIND(by_key, l->by_key, owner->key, strlen(owner->key), t);
	return t;
}

struct tenant *leases_in_slot(const struct leases *l, unsigned slot)
{
	struct pool_view view;
	struct tenant *t = NULL;

	pool_look(l->pool, slot, &view);
	HASH_FIND(by_id, l->by_id, &view.owner, sizeof(view.owner), t);
	return t;
}

int leases_tenant(struct leases *l, const struct owner *owner,
		  struct tenant **ret, struct error *err)
{
	struct tenant *t = leases_find(l, owner);
	const char *worker = owner->worker[0] ? owner->worker : owner->key;

	if (l->closed)
		return error_set(err, ERROR_NO_SESSION,
				 "the session is ending");
	if (t) {
		*ret = t;
		return 0;
	}
	t = xcalloc(1, sizeof(*t));
	t->leases = l;
	t->owner = *owner;
	t->id = ++l->last_id;
	t->since_ms = clock_now_ms();
	if (watch_process(t, err) < 0) {
		free(t);
		return -1;
	}
	if (pool_ask(l->pool, t->id, worker, &t->slot) < 0) {
		unwatch_process(t);
		free(t);
		return error_set(err, ERROR_INTERNAL, "out of memory");
	}
	HASH_ADD_KEYPTR(by_key, l->by_key, t->owner.key, strlen(t->owner.key),
			t);
	HASH_ADD(by_id, l->by_id, id, sizeof(t->id), t);
	log_debug("tenant %s '%s' (%s) asks", t->owner.key, t->owner.label,
		  t->owner.why);
	pump(l);
	/* the pool may have refused it at once, and it be gone */
	t = leases_find(l, owner);
	if (!t)
		return error_set(err, ERROR_SERVER, "no database: %s",
				 l->last_failure ? l->last_failure
						 : "the pool is full");
	*ret = t;
	return 0;
}

/* What is known of a process, for the log. */
static void log_process(const char *what, pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%ld/stat", (long)pid);
	auto_buf struct buf stat = BUF_INIT_MAX(4096);
	auto_error struct error err = ERROR_INIT;

	if (fs_read_file(path, &stat, &err) < 0)
		log_debug("  %s: %s", what, error_text(&err));
	else
		log_debug("  %s: %.200s", what, stat.s);
}

static void log_look(const struct owner *o, const struct error *err)
{
	if (!log_enabled())
		return;
	log_debug("the owner of process %ld is %s (%s, %s), but: %s",
		  (long)o->caller, o->key, o->label, o->why, error_text(err));
	log_process("caller", o->caller);
	log_process("owner", o->pid);
}

int leases_caller(struct leases *l, int fd, bool tcp, struct tenant **ret,
		  struct error *err)
{
	struct owners *owners = &l->supervisor->owners;

	for (int i = 1;; i++) {
		auto_error struct error why = ERROR_INIT;
		struct owner owner;

		if ((tcp ? owners_of_tcp(owners, fd, &owner, err)
			 : owners_of_unix(owners, fd, &owner, err)) < 0)
			return -1;
		if (leases_tenant(l, &owner, ret, &why) == 0)
			return 0;
		log_look(&owner, &why);
		if (why.kind != ERROR_REFUSED || i == LOOKS)
			return error_move(err, &why);
	}
}

/* Its waits are told one by one; a wait may start others on the same tenant,
 * which are not told now. */
static void tell_waits(struct tenant *t, const struct error *err)
{
	struct tenant_wait *list = t->waits;
	struct tenant_wait *w, *next;

	t->waits = NULL;
	DL_FOREACH(list, w)
	w->tenant = NULL;
	DL_FOREACH_SAFE(list, w, next)
	{
		DL_DELETE(list, w);
		w->fn(w, t, err);
	}
}

void leases_pump(struct leases *l)
{
	pump(l);
}

void tenant_end(struct tenant *t, const char *why)
{
	struct leases *l = t->leases;
	auto_error struct error err = ERROR_INIT;
	struct tenant_use *u, *next;

	log_debug("tenant %s '%s' ends: %s", t->owner.key, t->owner.label, why);
	HASH_DELETE(by_key, l->by_key, t);
	HASH_DELETE(by_id, l->by_id, t);
	unwatch_process(t);
	error_set(&err, ERROR_NO_SESSION, "no database for '%s': %s",
		  t->owner.label, why);
	tell_waits(t, &err);
	DL_FOREACH_SAFE(t->uses, u, next)
	{
		DL_DELETE(t->uses, u);
		u->tenant = NULL;
		u->cut(u);
	}
	pool_gone(l->pool, t->id);
	free(t);
}

void tenant_wait_for(struct tenant *t, struct tenant_wait *w)
{
	w->tenant = t;
	DL_APPEND(t->waits, w);
}

void tenant_wait_stop(struct tenant_wait *w)
{
	struct tenant *t = w->tenant;
	struct leases *l;

	if (!t)
		return;
	l = t->leases;
	DL_DELETE(t->waits, w);
	w->tenant = NULL;
	if (t->waits || t->holds || t->uses)
		return;
	tenant_end(t, "nobody waits for it any more");
	pump(l);
}

void tenant_use_add(struct tenant *t, struct tenant_use *u)
{
	u->tenant = t;
	DL_APPEND(t->uses, u);
}

void tenant_use_drop(struct tenant_use *u)
{
	if (!u->tenant)
		return;
	DL_DELETE(u->tenant->uses, u);
	u->tenant = NULL;
}

int leases_refuse_reset(const struct owner *owner, struct error *err)
{
	error_set(err, ERROR_REFUSED, "'%s' has no database yet", owner->label);
	error_hint(err, "an owner gets its database with its first connection");
	return -1;
}

int tenant_reset(struct tenant *t, struct tenant_wait *w, struct error *err)
{
	struct tenant_use *u, *next;

	if (!t->holds && leases_in_slot(t->leases, t->slot) == t) {
		tenant_wait_for(t, w);
		return 0;
	}
	if (!t->holds || !pool_reset(t->leases->pool, t->id))
		return leases_refuse_reset(&t->owner, err);
	t->holds = false;
	DL_FOREACH_SAFE(t->uses, u, next)
	{
		if (u->through_reset)
			continue;
		DL_DELETE(t->uses, u);
		u->tenant = NULL;
		u->cut(u);
	}
	tenant_wait_for(t, w);
	pump(t->leases);
	return 0;
}

void leases_slot_lost(struct leases *l, unsigned slot)
{
	pool_lost(l->pool, slot);
	pump(l);
}

static struct tenant *find_id(struct leases *l, uint64_t id)
{
	struct tenant *t = NULL;

	HASH_FIND(by_id, l->by_id, &id, sizeof(id), t);
	return t;
}

static void grant(struct leases *l, const struct pool_action *a)
{
	struct tenant *t = find_id(l, a->owner);
	unsigned long waited;

	if (!t)
		return;
	waited = (unsigned long)(clock_now_ms() - t->since_ms);
	if (waited > l->longest_wait_ms)
		l->longest_wait_ms = waited;
	t->since_ms = clock_now_ms();
	t->holds = true;
	t->slot = a->slot;
	log_debug("tenant %s '%s' gets slot %u after %lu ms", t->owner.key,
		  t->owner.label, t->slot, waited);
	tell_waits(t, NULL);
}

static void refuse(struct leases *l, const struct pool_action *a)
{
	struct tenant *t = find_id(l, a->owner);
	auto_free char *why = NULL;

	if (!t)
		return;
	why = l->last_failure && !l->closed
		  ? xasprintf("%s (%s)", a->reason, l->last_failure)
		  : xstrdup(a->reason);
	tenant_end(t, why);
}

static void run_job(uv_work_t *work)
{
	struct job *job = work->data;
	struct deadline deadline = deadline_in(JOB_MS, job->cancel);

	job->result = job->clean ? session_slot_clean(job->session, job->slot,
						      job->same_owner,
						      &deadline, &job->err)
				 : session_slot_start(job->session, job->slot,
						      &deadline, &job->err);
}

/* The owner of a slot that was reset has it again. */
static void end_reset(struct leases *l, unsigned slot,
		      const struct error *why_not)
{
	struct tenant *t = leases_in_slot(l, slot);
	auto_error struct error err = ERROR_INIT;

	if (!t)
		return;
	t->holds = true;
	if (why_not) {
		error_copy(&err, why_not);
		error_wrap(&err, "reset failed");
	}
	tell_waits(t, why_not ? &err : NULL);
}

void leases_job_begin(struct leases *l)
{
	l->n_jobs++;
}

void leases_job_end(struct leases *l)
{
	l->n_jobs--;
	if (l->closed && l->n_jobs == 0 && l->closed_fn)
		l->closed_fn(l->supervisor);
	else
		pump(l);
}

/* The slot is as it should be. Whoever else was on a server in whose place this
 * one has come has lost it. */
static void take_over(const struct job *job)
{
	struct leases *l = job->leases;

	free(take_ptr(&l->last_failure));
	session_slot_taken(job->session, job->slot);
	for (unsigned i = 0; i < l->max_slots; i++)
		if (session_slot_is_astray(job->session, i, job->slot))
			pool_lost(l->pool, i);
}

static void on_job_done(uv_work_t *work, int status)
{
	struct job *job = work->data;
	struct leases *l = job->leases;
	bool ok = status == 0 && job->result == 0;

	if (status < 0)
		error_set(&job->err, ERROR_CANCELLED, "the session ends");
	if (!ok) {
		log_debug("slot %u: %s", job->slot, error_text(&job->err));
		free(l->last_failure);
		l->last_failure = xstrdup(error_text(&job->err));
	}
	if (ok)
		take_over(job);
	if (job->clean) {
		pool_cleaned(l->pool, job->slot, ok);
		end_reset(l, job->slot, ok ? NULL : &job->err);
	} else {
		pool_made(l->pool, job->slot, ok);
	}
	error_clear(&job->err);
	free(job);
	leases_job_end(l);
}

static void start_job(struct leases *l, const struct pool_action *a)
{
	struct job *job = xcalloc(1, sizeof(*job));
	struct pool_view view;

	job->leases = l;
	job->session = l->supervisor->session;
	job->cancel = l->supervisor->cancel;
	job->slot = a->slot;
	job->clean = a->kind == POOL_CLEAN;
	pool_look(l->pool, a->slot, &view);
	job->same_owner = job->clean && view.owner;
	job->work.data = job;
	leases_job_begin(l);
	uv_queue_work(&l->supervisor->loop, &job->work, run_job, on_job_done);
}

/* Carries out what the pool wants. Not while it is doing so already: what a
 * grant sets off may ask for more. */
static void pump(struct leases *l)
{
	static bool pumping;
	struct pool_action a;

	if (pumping || !l->pool)
		return;
	pumping = true;
	while (!l->closed && pool_next(l->pool, &a)) {
		switch (a.kind) {
		case POOL_MAKE:
		case POOL_CLEAN:
			start_job(l, &a);
			break;
		case POOL_GRANT:
			grant(l, &a);
			break;
		case POOL_REFUSE:
			refuse(l, &a);
			break;
		}
	}
	pumping = false;
}

int leases_open(struct leases *l, struct supervisor *s,
		const struct leases_spec *spec, struct error *err)
{
	struct pool_config config = {
	    .max_slots = spec->max_slots,
	    .min_slots = spec->ready,
	    .ahead = spec->ahead,
	    .max_waiters = MAX_WAITERS,
	    .fresh = spec->fresh,
	};
	struct pool_action a;

	*l = (struct leases){.supervisor = s,
			     .max_slots = spec->max_slots,
			     .keeps = spec->keeps};
	l->pool = pool_new(&config);
	if (!l->pool)
		return error_set(err, ERROR_INTERNAL, "out of memory");
	/* made already, in parallel, when the session started */
	for (unsigned i = 0; i < spec->ready; i++)
		if (pool_next(l->pool, &a) && a.kind == POOL_MAKE)
			pool_made(l->pool, a.slot, true);
	pump(l);
	return 0;
}

/* Who has a database, the one most wanted afterwards first. */
enum holders {
	HOLDS_KEPT,    /* a process that failed */
	HOLDS_PROCESS, /* any other */
	HOLDS_NUMBER   /* whoever used TESTENV_URL_n */
};

static enum holders kind_of(const struct tenant *t)
{
	if (t->kept)
		return HOLDS_KEPT;
	return t->owner.pid ? HOLDS_PROCESS : HOLDS_NUMBER;
}

cJSON *leases_freeze(struct leases *l)
{
	cJSON *list = cJSON_CreateArray();
	const struct tenant *t, *next;
	enum holders best = HOLDS_NUMBER;

	l->frozen = true;
	HASH_ITER(by_key, l->by_key, t, next)
	{
		if (t->holds && kind_of(t) < best)
			best = kind_of(t);
	}
	HASH_ITER(by_key, l->by_key, t, next)
	{
		cJSON *json;

		if (!t->holds || kind_of(t) != best)
			continue;
		json = cJSON_CreateObject();
		cJSON_AddNumberToObject(json, "slot", t->slot);
		cJSON_AddStringToObject(json, "owner", t->owner.label);
		cJSON_AddItemToArray(list, json);
	}
	return list;
}

void leases_close(struct leases *l, struct supervisor *s,
		  void (*fn)(struct supervisor *s))
{
	struct tenant *t, *next;

	l->closed = true;
	l->closed_fn = fn;
	if (l->pool)
		pool_close(l->pool, "the session is ending");
	HASH_ITER(by_key, l->by_key, t, next)
	tenant_end(t, "the session is ending");
	if (l->n_jobs == 0)
		fn(s);
}

void leases_free(struct leases *l)
{
	pool_free(l->pool);
	free(l->last_failure);
	*l = (struct leases){0};
}

static cJSON *slot_json(const struct leases *l, unsigned slot,
			const struct pool_view *view)
{
	cJSON *json = cJSON_CreateObject();
	struct tenant *t = NULL;
	struct tenant_use *u;
	unsigned n = 0;

	cJSON_AddNumberToObject(json, "slot", slot);
	cJSON_AddStringToObject(json, "state", pool_state_name(view->state));
	cJSON_AddNumberToObject(json, "leases", (double)view->leases);
	HASH_FIND(by_id, l->by_id, &view->owner, sizeof(view->owner), t);
	if (!t)
		return json;
	DL_FOREACH(t->uses, u)
	n += !u->through_reset; /* a lease is no connection */
	cJSON_AddStringToObject(json, "owner", t->owner.label);
	cJSON_AddStringToObject(json, "why", t->owner.why);
	if (t->owner.pid)
		cJSON_AddNumberToObject(json, "pid", (double)t->owner.pid);
	/* who has a file open is not seen */
	if (l->supervisor->n_fronts)
		cJSON_AddNumberToObject(json, "connections", n);
	cJSON_AddNumberToObject(
	    json, "age_s", (double)((clock_now_ms() - t->since_ms) / 1000));
	return json;
}

cJSON *leases_json(const struct leases *l)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *slots = cJSON_AddArrayToObject(json, "slots");
	struct pool_counts counts;

	if (!l->pool)
		return json;
	for (unsigned i = 0; i < l->max_slots; i++) {
		struct pool_view view;

		pool_look(l->pool, i, &view);
		if (view.state != POOL_EMPTY)
			cJSON_AddItemToArray(slots, slot_json(l, i, &view));
	}
	pool_count(l->pool, &counts);
	cJSON_AddNumberToObject(json, "max_slots", l->max_slots);
	cJSON_AddNumberToObject(json, "ready", counts.ready);
	cJSON_AddNumberToObject(json, "leased", counts.leased);
	cJSON_AddNumberToObject(json, "waiting", counts.waiters);
	cJSON_AddNumberToObject(json, "granted", (double)counts.granted);
	cJSON_AddNumberToObject(json, "refused", (double)counts.refused);
	cJSON_AddNumberToObject(json, "longest_wait_ms",
				(double)l->longest_wait_ms);
	return json;
}
