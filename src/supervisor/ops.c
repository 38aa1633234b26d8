/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/strvec.h"
#include "session/ctest.h"
#include "supervisor/internal.h"
#include "wire/route.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	MAX_NAMES = 4096 /* each is looked up in a list */
};

void ops_reply(struct peer *p, const cJSON *id, cJSON *members)
{
	cJSON *json = members ? members : cJSON_CreateObject();

	cJSON_AddTrueToObject(json, "ok");
	if (id)
		cJSON_AddItemToObject(json, "id", cJSON_Duplicate(id, true));
	peer_send(p, json);
}

void ops_refuse(struct peer *p, const cJSON *id, const struct error *err)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddFalseToObject(json, "ok");
	cJSON_AddItemToObject(json, "error", protocol_error_to_json(err));
	if (id)
		cJSON_AddItemToObject(json, "id", cJSON_Duplicate(id, true));
	peer_send(p, json);
}

static void parked_free(struct supervisor *s, struct parked *w)
{
	DL_DELETE(s->parked, w);
	w->peer->n_parked--;
	cJSON_Delete(w->id);
	free(w);
}

void ops_forget_peer(struct peer *p)
{
	struct supervisor *s = p->server;
	struct parked *w, *next;

	DL_FOREACH_SAFE(s->parked, w, next)
	{
		if (w->peer == p)
			parked_free(s, w);
	}
}

/* An answer may close its peer, which takes that peer's other requests off the
 * list: so the search begins anew after each. */
static struct parked *first_parked(struct supervisor *s, enum parked_for what)
{
	struct parked *w;

	DL_FOREACH(s->parked, w)
	{
		if (w->what == what)
			return w;
	}
	return NULL;
}

unsigned ops_unpark(struct supervisor *s, enum parked_for what,
		    const struct error *err)
{
	struct parked *w;
	unsigned n = 0;

	while ((w = first_parked(s, what))) {
		auto_cjson cJSON *id = take_ptr(&w->id);
		struct peer *p = w->peer;

		parked_free(s, w);
		if (err)
			ops_refuse(p, id, err);
		else
			ops_reply(p, id, NULL);
		n++;
	}
	return n;
}

static int park(struct peer *p, const cJSON *request, enum parked_for what,
		struct error *err)
{
	struct supervisor *s = p->server;
	struct parked *w;

	if (p->n_parked >= MAX_PARKED)
		return error_set(err, ERROR_BUSY,
				 "%d requests of this connection wait already",
				 MAX_PARKED);
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "progress")))
		relay_subscribe(p);
	w = xcalloc(1, sizeof(*w));
	w->peer = p;
	w->what = what;
	w->id = cJSON_DetachItemFromObjectCaseSensitive(
	    (cJSON *)(uintptr_t)request, "id");
	p->n_parked++;
	DL_APPEND(s->parked, w);
	return 0;
}

/*
 * The requests. Each replies, or parks the request, or fails with *err, which
 * becomes the reply. `request` is an object.
 */
static int op_hello(struct peer *p, const cJSON *request, struct error *err)
{
	unsigned version = protocol_number(request, "version", 1U << 30, 0);

	if (version != PROTOCOL_VERSION)
		return error_set(err, ERROR_PROTOCOL,
				 "the session speaks version %d of the "
				 "protocol, not %u",
				 PROTOCOL_VERSION, version);
	p->greeted = true;
	ops_reply(p, cJSON_GetObjectItemCaseSensitive(request, "id"),
		  status_hello(p->server));
	return 0;
}

static int op_wait(struct peer *p, const cJSON *request, struct error *err)
{
	struct supervisor *s = p->server;

	if (s->state == STATE_STARTING || s->state == STATE_ENDING)
		return park(p, request, PARKED_READY, err);
	if (s->state == STATE_READY &&
	    cJSON_IsTrue(
		cJSON_GetObjectItemCaseSensitive(request, "progress"))) {
		relay_subscribe(p);
		relay_forget(&s->relay);
	}
	ops_reply(p, cJSON_GetObjectItemCaseSensitive(request, "id"), NULL);
	return 0;
}

static int op_status(struct peer *p, const cJSON *request, struct error *err)
{
	(void)err;
	ops_reply(p, cJSON_GetObjectItemCaseSensitive(request, "id"),
		  status_json(p->server));
	return 0;
}

/* The names that are no more in an environment which the session's variables
 * were put into. */
static int find_unset(struct supervisor *s, unsigned slot, const cJSON *names,
		      cJSON *ret_list, struct error *err)
{
	auto_strvec struct strvec env = STRVEC_INIT;
	const cJSON *name;

	cJSON_ArrayForEach (name, names) {
		if (cJSON_IsString(name))
			strvec_env_set(&env, name->valuestring, "");
	}
	if (session_variables(s->session, slot, &env, err) < 0)
		return -1;
	cJSON_ArrayForEach (name, names) {
		if (cJSON_IsString(name) &&
		    !strvec_env_get(&env, name->valuestring))
			cJSON_AddItemToArray(
			    ret_list, cJSON_CreateString(name->valuestring));
	}
	return 0;
}

static int op_env(struct peer *p, const cJSON *request, struct error *err)
{
	struct supervisor *s = p->server;
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_cjson cJSON *reply = cJSON_CreateObject();
	unsigned slot =
	    protocol_number(request, "slot", 1U << 20, SESSION_SLOT_ANY);
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(request, "names");

	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "routed")))
		slot = SESSION_SLOT_ROUTED;
	if (cJSON_GetArraySize(names) > MAX_NAMES)
		return error_set(err, ERROR_PROTOCOL, "more than %d variables",
				 MAX_NAMES);
	if (session_variables(s->session, slot, &env, err) < 0 ||
	    find_unset(s, slot, names, cJSON_AddArrayToObject(reply, "unset"),
		       err) < 0)
		return -1;
	strvec_env_set(&env, "TESTENV_SOCKET", s->listener.path);
	if (slot == SESSION_SLOT_ROUTED)
		strvec_env_set(&env, ROUTE_DIR_VAR, s->route_dir);
	cJSON_AddItemToObject(
	    reply, "env",
	    cJSON_CreateStringArray((const char *const *)env.v, (int)env.n));
	ops_reply(p, cJSON_GetObjectItemCaseSensitive(request, "id"),
		  take_ptr(&reply));
	return 0;
}

static int op_target(struct peer *p, const cJSON *request, struct error *err)
{
	cJSON *reply =
	    status_target(p->server, protocol_string(request, "service"),
			  protocol_number(request, "slot", 1U << 20, 0), err);

	if (!reply)
		return -1;
	ops_reply(p, cJSON_GetObjectItemCaseSensitive(request, "id"), reply);
	return 0;
}

static int op_ctest_spec(struct peer *p, const cJSON *request,
			 struct error *err)
{
	auto_buf struct buf spec = BUF_INIT;
	cJSON *reply = cJSON_CreateObject();

	(void)err;
	session_ctest_spec(p->server->session, &spec);
	cJSON_AddStringToObject(reply, "spec", spec.s);
	ops_reply(p, cJSON_GetObjectItemCaseSensitive(request, "id"), reply);
	return 0;
}

static int op_down(struct peer *p, const cJSON *request, struct error *err)
{
	auto_error struct error why = ERROR_INIT;

	if (park(p, request, PARKED_GONE, err) < 0)
		return -1;
	error_set(&why, ERROR_NO_SESSION, "session '%s' was ended",
		  p->server->id);
	supervisor_end(p->server, &why);
	return 0;
}

/* A command is about to run in the session, or runs in it. */
static int op_root(struct peer *p, const cJSON *request, struct error *err)
{
	struct supervisor *s = p->server;
	unsigned pid = protocol_number(request, "pid", INT32_MAX, 0);
	unsigned reaper = protocol_number(request, "reaper", INT32_MAX, 0);
	const char *lease = protocol_string(request, "lease");

	if (!pid)
		return error_set(err, ERROR_PROTOCOL, "'root' needs a pid");
	if (lease && !lease_ops_holds(p, lease))
		return error_set(err, ERROR_USAGE,
				 "this connection holds no lease '%.20s'",
				 lease);
	owners_add(&s->owners, (pid_t)pid, (pid_t)reaper, lease, p);
	if (serve_listen(s, err) < 0)
		return -1;
	ops_reply(p, cJSON_GetObjectItemCaseSensitive(request, "id"), NULL);
	return 0;
}

/* The session outlives its starter, until it is idle for too long. */
static int op_keep(struct peer *p, const cJSON *request, struct error *err)
{
	struct supervisor *s = p->server;
	cJSON *reply;

	if (!p->starter || s->spec.inner)
		return error_set(err, ERROR_REFUSED,
				 "only who started the session can keep it");
	reply = cJSON_CreateObject();
	cJSON_AddItemToObject(reply, "slots", leases_freeze(&s->leases));
	ops_reply(p, cJSON_GetObjectItemCaseSensitive(request, "id"), reply);
	return 0;
}

enum op_flags {
	OP_FIRST = 1 << 0, /* may come before hello */
	OP_READY = 1 << 1, /* needs a session that can be used */
	OP_ALIVE = 1 << 2, /* in a failed session, the failure is the answer */
};
static const struct op {
	const char *name;
	unsigned flags;
	int (*run)(struct peer *p, const cJSON *request, struct error *err);
} ops[] = {
    {"hello", OP_FIRST, op_hello},
    {"wait", OP_ALIVE, op_wait},
    {"status", 0, op_status},
    {"env", OP_ALIVE | OP_READY, op_env},
    {"target", OP_ALIVE | OP_READY, op_target},
    {"ctest-spec", OP_ALIVE | OP_READY, op_ctest_spec},
    {"root", OP_ALIVE | OP_READY, op_root},
    {"lease", OP_ALIVE | OP_READY, op_lease},
    {"release", OP_READY, op_release},
    {"reset", OP_READY, op_reset},
    {"diff", OP_READY, op_diff},
    {"route", OP_READY, op_route},
    {"keep", OP_READY, op_keep},
    {"down", 0, op_down},
};

static const struct op *find_op(const char *name)
{
	for (size_t i = 0; name && i < array_len(ops); i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	return NULL;
}

static int refuse_state(struct supervisor *s, const struct op *op,
			struct error *err)
{
	if (s->state == STATE_FAILED && op->flags & OP_ALIVE) {
		s->failure_told = true;
		return error_copy(err, &s->failure);
	}
	if (s->state == STATE_READY || !(op->flags & OP_READY))
		return 0;
	if (s->state != STATE_STARTING)
		return error_set(err, ERROR_NO_SESSION,
				 "session '%s' is ending", s->id);
	error_set(err, ERROR_BUSY, "session '%s' is still starting", s->id);
	error_hint(err, "'testenv wait' waits until it is ready");
	return -1;
}

static int run(struct peer *p, const cJSON *request, struct error *err)
{
	const char *name = protocol_string(request, "op");
	const struct op *op = find_op(name);

	if (!cJSON_IsObject(request))
		return error_set(err, ERROR_PROTOCOL,
				 "the request is not a JSON object");
	if (!op)
		return error_set(err, ERROR_PROTOCOL, "unknown request '%.40s'",
				 name ? name : "");
	if (!p->greeted && !(op->flags & OP_FIRST))
		return error_set(err, ERROR_PROTOCOL,
				 "the first request must be 'hello'");
	if (refuse_state(p->server, op, err) < 0)
		return -1;
	return op->run(p, request, err);
}

/* Who has not said hello is a stranger, and gets one answer. */
void ops_request(struct peer *p, const char *line, size_t len)
{
	auto_cjson cJSON *request = cJSON_ParseWithLength(line, len);
	auto_error struct error err = ERROR_INIT;

	if (run(p, request, &err) == 0)
		return;
	ops_refuse(p, cJSON_GetObjectItemCaseSensitive(request, "id"), &err);
	if (!p->greeted)
		peer_leave(p);
	if (p->server->state == STATE_FAILED && p->server->failure_told)
		supervisor_end(p->server, NULL);
}
