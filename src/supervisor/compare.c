/* SPDX-License-Identifier: MIT */
/*
 * How a database differs from its template: read on the thread pool, since it
 * reads every row, and answered when that is done. The slot is not cleaned
 * meanwhile; its owner goes on, and may change what is being read.
 */
#include "base/alloc.h"
#include "dialect/state.h"
#include "session/session.h"
#include "supervisor/internal.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	MAX_COMPARISONS = 2, /* the pool's threads make databases, too */
	COMPARE_MS = 110000,
	MAX_DIFFERENCES = 1000,
	MAX_TEXT = 200 /* of a definition */
};

struct comparison {
	struct comparison *prev, *next;
	uv_work_t work;
	struct supervisor *supervisor;
	struct peer *peer; /* NULL: gone */
	cJSON *id;
	unsigned service, slot;
	struct db_state template, now;
	int result;
	struct error err;
};

void compare_forget_peer(struct peer *p)
{
	struct comparison *c;

	DL_FOREACH(p->server->comparisons, c)
	{
		if (c->peer == p)
			c->peer = NULL;
	}
}

static void run_comparison(uv_work_t *work)
{
	struct comparison *c = work->data;
	struct deadline d = deadline_in(COMPARE_MS, c->supervisor->cancel);

	c->result =
	    session_slot_states(c->supervisor->session, c->service, c->slot, &d,
				&c->template, &c->now, &c->err);
}

struct list {
	cJSON *rows;
	unsigned n;
};

/* Bounded, without a character cut in two. */
static void add_text(cJSON *json, const char *name, const char *text)
{
	size_t n = strlen(text);
	auto_free char *some = NULL;

	if (n > MAX_TEXT)
		for (n = MAX_TEXT;
		     n && ((unsigned char)text[n] & 0xc0) == 0x80;)
			n--;
	some = xstrndup(text, n);
	cJSON_AddStringToObject(json, name, some);
}

/* What is behind " -- " is not for people. */
static void add_side(cJSON *json, const char *name, const struct state_entry *e)
{
	const char *end = e ? strstr(e->definition, " -- ") : NULL;
	auto_free char *text = NULL;

	if (!e)
		return;
	if (e->rows >= 0) {
		cJSON_AddNumberToObject(json, name, (double)e->rows);
		return;
	}
	text = xstrndup(e->definition, end ? (size_t)(end - e->definition)
					   : strlen(e->definition));
	add_text(json, name, text);
}

static int add_difference(void *ctx, const struct state_entry *from,
			  const struct state_entry *to)
{
	const struct state_entry *e = to ? to : from;
	struct list *list = ctx;
	cJSON *json;

	if (list->n++ >= MAX_DIFFERENCES)
		return 0;
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "kind", e->kind);
	add_text(json, "name", e->name);
	cJSON_AddStringToObject(json, "change",
				!from ? "added"
				: !to ? "missing"
				      : "changed");
	add_side(json, "template", from);
	add_side(json, "now", to);
	cJSON_AddItemToArray(list->rows, json);
	return 0;
}

static void answer(struct comparison *c)
{
	struct list list = {cJSON_CreateArray(), 0};
	cJSON *reply = cJSON_CreateObject();
	struct session_service info;

	session_service(c->supervisor->session, c->service, &info);
	db_state_compare(&c->template, &c->now, add_difference, &list);
	cJSON_AddStringToObject(reply, "service", info.name);
	cJSON_AddNumberToObject(reply, "slot", c->slot);
	cJSON_AddItemToObject(reply, "differences", list.rows);
	if (list.n > MAX_DIFFERENCES)
		cJSON_AddNumberToObject(reply, "more",
					list.n - MAX_DIFFERENCES);
	ops_reply(c->peer, c->id, reply);
}

static void on_compared(uv_work_t *work, int status)
{
	struct comparison *c = work->data;
	struct leases *l = &c->supervisor->leases;

	(void)status;
	DL_DELETE(c->supervisor->comparisons, c);
	if (c->peer && c->result < 0)
		ops_refuse(c->peer, c->id, &c->err);
	else if (c->peer)
		answer(c);
	db_state_free(&c->template);
	db_state_free(&c->now);
	error_clear(&c->err);
	cJSON_Delete(c->id);
	free(c);
	leases_job_end(l);
}

static int find_slot(struct peer *p, const cJSON *request, unsigned *ret,
		     struct error *err)
{
	struct tenant *t;
	unsigned max = p->server->leases.max_slots;

	if (cJSON_HasObjectItem(request, "slot")) {
		*ret = protocol_number(request, "slot", max, max);
		if (*ret < max)
			return 0;
		return error_set(err, ERROR_USAGE, "there is no such slot");
	}
	if (lease_ops_tenant(p, request, &t, err) < 0)
		return -1;
	if (!t->holds)
		return error_set(err, ERROR_BUSY, "'%s' has no database now",
				 t->owner.label);
	*ret = t->slot;
	return 0;
}

int op_diff(struct peer *p, const cJSON *request, struct error *err)
{
	struct supervisor *s = p->server;
	struct comparison *c;
	unsigned service, slot;
	int n;

	DL_COUNT(s->comparisons, c, n);
	if (n >= MAX_COMPARISONS)
		return error_set(err, ERROR_BUSY,
				 "%d comparisons are under way already", n);
	if (lease_ops_service(p, request, &service, err) < 0 ||
	    find_slot(p, request, &slot, err) < 0)
		return -1;
	c = xcalloc(1, sizeof(*c));
	c->supervisor = s;
	c->peer = p;
	c->id = cJSON_DetachItemFromObjectCaseSensitive(
	    (cJSON *)(uintptr_t)request, "id");
	c->service = service;
	c->slot = slot;
	c->work.data = c;
	DL_APPEND(s->comparisons, c);
	leases_job_begin(&s->leases);
	uv_queue_work(&s->loop, &c->work, run_comparison, on_compared);
	return 0;
}
