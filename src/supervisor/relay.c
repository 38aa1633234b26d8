/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "supervisor/internal.h"

#include <stdlib.h>
#include <utlist.h>

static void relayed_free(struct relayed *r)
{
	cJSON_free(r->line);
	free(r);
}

/* Called on any thread. What the loop is too slow for is not kept: progress is
 * for people, and the end of it comes as a reply. */
static void relay_progress(void *ctx, const struct progress_event *event)
{
	struct relay *r = ctx;
	auto_cjson cJSON *json = protocol_event_to_json(event);
	struct relayed *add = xcalloc(1, sizeof(*add));

	add->line = cJSON_PrintUnformatted(json);
	add->lasting = event->kind == PROGRESS_STEP ||
		       event->kind == PROGRESS_DONE ||
		       event->kind == PROGRESS_NOTICE;
	uv_mutex_lock(&r->mutex);
	if (r->n_pending < RELAY_PENDING) {
		DL_APPEND(r->pending, add);
		r->n_pending++;
		add = NULL;
	}
	uv_mutex_unlock(&r->mutex);
	if (add)
		relayed_free(add);
	uv_async_send(&r->wake);
}

static void keep(struct relay *r, struct relayed *event)
{
	struct relayed *oldest;

	if (!event->lasting) {
		relayed_free(event);
		return;
	}
	DL_APPEND(r->backlog, event);
	if (++r->n_backlog <= RELAY_BACKLOG)
		return;
	oldest = r->backlog;
	DL_DELETE(r->backlog, oldest);
	r->n_backlog--;
	relayed_free(oldest);
}

static void publish(struct supervisor *s, const char *line)
{
	struct peer *p, *next;

	DL_FOREACH_SAFE(s->peers, p, next)
	{
		if (p->subscribed && p->out.len < MAX_EVENTS)
			peer_send_line(p, line);
	}
}

void relay_drain(struct supervisor *s)
{
	struct relay *r = &s->relay;
	struct relayed *list, *event, *next;

	uv_mutex_lock(&r->mutex);
	list = take_ptr(&r->pending);
	r->n_pending = 0;
	uv_mutex_unlock(&r->mutex);
	DL_FOREACH_SAFE(list, event, next)
	{
		DL_DELETE(list, event);
		publish(s, event->line);
		keep(r, event);
	}
}

static void on_wake(uv_async_t *wake)
{
	relay_drain(wake->data);
}

void relay_subscribe(struct peer *p)
{
	struct relayed *event;

	if (p->subscribed)
		return;
	p->subscribed = true;
	DL_FOREACH(p->server->relay.backlog, event)
	{
		if (p->closing)
			return;
		peer_send_line(p, event->line);
	}
}

void relay_forget(struct relay *r)
{
	struct relayed *event, *next;

	DL_FOREACH_SAFE(r->backlog, event, next)
	{
		DL_DELETE(r->backlog, event);
		relayed_free(event);
	}
	r->n_backlog = 0;
}

int relay_init(struct relay *r, struct supervisor *s)
{
	r->progress = (struct progress){relay_progress, r};
	r->wake.data = s;
	if (uv_mutex_init(&r->mutex) < 0)
		return -1;
	return uv_async_init(&s->loop, &r->wake, on_wake);
}

void relay_close(struct relay *r)
{
	if (!uv_is_closing((uv_handle_t *)&r->wake))
		uv_close((uv_handle_t *)&r->wake, NULL);
}

void relay_free(struct relay *r)
{
	struct relayed *event, *next;

	relay_forget(r);
	DL_FOREACH_SAFE(r->pending, event, next)
	{
		relayed_free(event);
	}
	uv_mutex_destroy(&r->mutex);
}
