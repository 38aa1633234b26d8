/* SPDX-License-Identifier: MIT */
#include "docker/events.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "docker/engine.h"
#include "docker/json.h"
#include "docker/reply.h"
#include "docker/stream.h"
#include "http/http.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	/* in a row, without a stream in between: 7 s, an engine's restart */
	ATTEMPTS = 8,
	PAUSE_MS = 100,
	PAUSE_MAX_MS = 2000,
	STEADY_MS = 1000, /* what lasts this long was a stream */
	STREAM_MS = 24 * 60 * 60 * 1000
};

struct engine_watch {
	struct engine *engine;
	char *filters; /* JSON */
	engine_event_fn *fn;
	void *ctx;
	struct cancel *stop;
	pthread_t thread;
	int64_t since_ns; /* of the engine's clock: what was not seen yet */
	bool answered;    /* by the present stream */
};

static int64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Podman's older words for what Docker calls die and destroy. */
static const char *action_name(const char *action)
{
	if (!strcmp(action, "died"))
		return "die";
	if (!strcmp(action, "remove"))
		return "destroy";
	return action;
}

static int read_exit_code(const cJSON *attributes)
{
	const char *text = json_str(attributes, "exitCode");

	if (!text)
		text = json_str(attributes, "containerExitCode");
	return text ? (int)strtol(text, NULL, 10) : -1;
}

/* timeNano is over 2^53, so cJSON's double is some 100 ns off: an event may
 * come twice after a reconnect, none is lost. */
static void note_time(struct engine_watch *w, const cJSON *object)
{
	const cJSON *nano = json_get(object, "timeNano");
	int64_t at;

	if (!cJSON_IsNumber(nano) || !(nano->valuedouble > 0) ||
	    nano->valuedouble > 9e18)
		return;
	at = (int64_t)nano->valuedouble;
	if (at > w->since_ns)
		w->since_ns = at;
}

static int on_object(void *ctx, const cJSON *object)
{
	struct engine_watch *w = ctx;
	const cJSON *actor = json_get(object, "Actor");
	const cJSON *attributes = json_get(actor, "Attributes");
	const char *action = json_str(object, "Action");
	const char *id = json_str(actor, "ID");
	const char *name = json_str(attributes, "name");
	struct engine_event event = {.exit_code = read_exit_code(attributes)};

	w->answered = true;
	if (!action)
		return 0;
	event.action = action_name(action);
	event.id = id ? id : "";
	event.name = name ? name : "";
	note_time(w, object);
	if (!cancel_reason(w->stop))
		w->fn(w->ctx, &event);
	return 0;
}

static char *events_path(const struct engine_watch *w)
{
	struct buf path = BUF_INIT;

	buf_printf(&path, "/events?since=%lld.%09lld",
		   (long long)(w->since_ns / 1000000000),
		   (long long)(w->since_ns % 1000000000));
	buf_put_query(&path, "filters", w->filters);
	return buf_take(&path);
}

/* One stream, to its end. */
static int follow(struct engine_watch *w, struct error *err)
{
	auto_free char *path = events_path(w);
	auto_stream struct stream stream = STREAM_INIT(on_object, w);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	struct deadline deadline = deadline_in(STREAM_MS, w->stop);
	struct http_request request = {
	    .path = path, .data = stream_put, .data_ctx = &stream};

	if (engine_send(w->engine, &request, &deadline, &reply, err) < 0)
		return -1;
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err, "events");
	return stream_end(&stream, "events", err);
}

static void *watch_main(void *ctx)
{
	struct engine_watch *w = ctx;
	struct deadline forever = deadline_in(INT64_MAX / 4, w->stop);
	int64_t pause_ms = PAUSE_MS;
	struct engine_event lost = {
	    .action = "lost", .id = "", .name = "", .exit_code = -1};

	for (int failures = 0; failures < ATTEMPTS;) {
		auto_error struct error err = ERROR_INIT;
		int64_t began = clock_now_ms();

		w->answered = false;
		follow(w, &err);
		if (cancel_reason(w->stop))
			return NULL;
		log_debug("docker: the event stream ended: %s",
			  error_text(&err));
		if (w->answered || clock_now_ms() - began >= STEADY_MS) {
			failures = 0;
			pause_ms = PAUSE_MS;
		}
		failures++;
		if (deadline_poll(&forever, NULL, 0, pause_ms, "events", &err) <
		    0)
			return NULL;
		pause_ms =
		    pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
	w->fn(w->ctx, &lost);
	return NULL;
}

static char *watch_filters(const char *label)
{
	auto_json cJSON *filters = cJSON_CreateObject();

	json_add_filter(filters, "type", "container");
	json_add_filter(filters, "label", label);
	return json_text(filters);
}

static void watch_free(struct engine_watch *w)
{
	cancel_free(w->stop);
	free(w->filters);
	free(w);
}

/* Signals are for the threads that expect them. */
static int start_thread(struct engine_watch *w)
{
	sigset_t all;
	sigset_t before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, watch_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int engine_watch_start(struct engine *engine, const char *label,
		       engine_event_fn *fn, void *ctx,
		       struct engine_watch **ret, struct error *err)
{
	struct cancel *stop = cancel_new(err);
	struct engine_watch *w;
	int rc;

	if (!stop)
		return -1;
	w = xcalloc(1, sizeof(*w));
	*w = (struct engine_watch){.engine = engine,
				   .filters = watch_filters(label),
				   .fn = fn,
				   .ctx = ctx,
				   .stop = stop,
				   .since_ns = wall_ns()};
	rc = start_thread(w);
	if (rc) {
		watch_free(w);
		return error_set_errno(err, ERROR_INTERNAL, rc,
				       "events: thread");
	}
	*ret = w;
	return 0;
}

void engine_watch_stop(struct engine_watch *watch)
{
	if (!watch)
		return;
	cancel_trip(watch->stop, SIGTERM);
	pthread_join(watch->thread, NULL);
	watch_free(watch);
}
