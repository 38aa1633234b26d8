/* SPDX-License-Identifier: MIT */
#include "docker/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/engine.h"
#include "docker/frames.h"
#include "docker/reply.h"
#include "docker/service.h"
#include "http/http.h"

static char *logs_path(const char *thing, const struct container_log_options *o)
{
	struct buf path = BUF_INIT;

	buf_printf(&path, "%s/logs?stdout=1&stderr=1", thing);
	if (o->follow)
		buf_puts(&path, "&follow=1");
	if (o->timestamps)
		buf_puts(&path, "&timestamps=1");
	if (o->tail)
		buf_printf(&path, "&tail=%d", o->tail);
	return buf_take(&path);
}

int engine_logs(struct engine *engine, const char *thing, const char *what,
		bool tty, const struct container_log_options *options,
		const struct deadline *deadline, container_log_fn *fn,
		void *ctx, struct error *err)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_free char *path = logs_path(thing, options);
	struct frames frames = {.fn = fn, .ctx = ctx, .raw = tty};
	struct http_request request = {
	    .path = path, .data = frames_put, .data_ctx = &frames};

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "%s", what);
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err, "%s", what);
	if (frames.stopped || frames_complete(&frames))
		return 0;
	return error_set(err, ERROR_PROTOCOL, "%s: %s", what,
			 frames.unreadable ? "the stream is not framed"
					   : "the stream ends within a frame");
}

int container_logs(struct engine *engine, const char *id,
		   const struct container_log_options *options,
		   const struct deadline *deadline, container_log_fn *fn,
		   void *ctx, struct error *err)
{
	auto_free char *thing = xasprintf("/containers/%s", id);
	auto_free char *what = xasprintf("logs of container %.12s", id);
	struct container_state state;

	/* engines differ in the content type they give; Tty decides */
	if (container_inspect(engine, id, deadline, &state, err) < 0)
		return error_wrap(err, "logs");
	return engine_logs(engine, thing, what, state.tty, options, deadline,
			   fn, ctx, err);
}

/* Keeps the end of what comes, within the buffer's bound. */
static int keep_end(void *ctx, int stream, const char *data, size_t len)
{
	struct buf *tail = ctx;

	(void)stream;
	if (len > tail->max) {
		data += len - tail->max;
		len = tail->max;
	}
	if (tail->len + len > tail->max)
		buf_consume(tail, tail->len + len - tail->max);
	buf_put(tail, data, len);
	return 0;
}

static void give_tail(const struct buf *tail, struct buf *ret)
{
	buf_clear(ret);
	buf_put(ret, tail->s, tail->len);
}

int container_log_tail(struct engine *engine, const char *id, int lines,
		       const struct deadline *deadline, struct buf *ret,
		       struct error *err)
{
	struct container_log_options options = {.tail = lines};
	auto_buf struct buf tail = BUF_INIT_MAX(ret->max);

	if (container_logs(engine, id, &options, deadline, keep_end, &tail,
			   err) < 0)
		return -1;
	give_tail(&tail, ret);
	return 0;
}

int service_log_tail(struct engine *engine, const char *service, int lines,
		     const struct deadline *deadline, struct buf *ret,
		     struct error *err)
{
	struct container_log_options options = {.tail = lines};
	auto_buf struct buf tail = BUF_INIT_MAX(ret->max);

	if (service_logs(engine, service, &options, deadline, keep_end, &tail,
			 err) < 0)
		return -1;
	give_tail(&tail, ret);
	return 0;
}
