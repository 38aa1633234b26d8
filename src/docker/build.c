/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/progress.h"
#include "docker/engine.h"
#include "docker/json.h"
#include "docker/outcome.h"
#include "docker/reply.h"
#include "docker/stream.h"
#include "http/http.h"

#include <string.h>

enum {
	TAIL_MAX = 8 * 1024,
	LINE_MAX_KEPT = 4 * 1024
};

struct build {
	const struct progress *progress;
	const char *step;
	struct outcome outcome;
	struct buf tail; /* the last whole lines */
	struct buf line; /* the present one */
};

static void build_free(struct build *b)
{
	outcome_free(&b->outcome);
	buf_free(&b->tail);
	buf_free(&b->line);
}

/* Drops whole lines from the front until n more bytes fit. */
static void make_room(struct buf *tail, size_t n)
{
	while (tail->len && tail->len + n > tail->max) {
		const char *end = memchr(tail->s, '\n', tail->len);

		buf_consume(tail,
			    end ? (size_t)(end - tail->s) + 1 : tail->len);
	}
}

static void end_line(struct build *b)
{
	struct progress_event event = {
	    .kind = PROGRESS_LINE, .step = b->step, .text = b->line.s};

	if (b->line.len) {
		progress_emit(b->progress, &event);
		make_room(&b->tail, b->line.len + 1);
		buf_puts(&b->tail, b->line.s);
		buf_putc(&b->tail, '\n');
	}
	buf_clear(&b->line);
}

/* Output comes in pieces that need not be lines. */
static void take_output(struct build *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			end_line(b);
		else if (*text != '\r')
			buf_putc(&b->line, *text);
	}
}

static int on_object(void *ctx, const cJSON *object)
{
	struct build *b = ctx;
	const char *text = json_str(object, "stream");

	if (outcome_take_error(&b->outcome, object))
		return 0;
	if (text)
		take_output(b, text);
	return 0;
}

static void put_pairs(struct buf *path, const char *key,
		      const char *const *list)
{
	auto_json cJSON *holder = cJSON_CreateObject();
	auto_free char *text = NULL;

	if (!list || !*list)
		return;
	json_add_pairs(holder, key, list);
	text = json_text(json_get(holder, key));
	buf_put_query(path, key, text);
}

static char *build_path(const struct image_build *build)
{
	struct buf path = BUF_INIT;

	/* version 1: the classic builder, which needs no session */
	buf_puts(&path, "/build?version=1&rm=1&forcerm=1");
	buf_put_query(&path, "t", build->tag);
	if (build->no_cache)
		buf_puts(&path, "&nocache=1");
	put_pairs(&path, "buildargs", build->build_args);
	put_pairs(&path, "labels", build->labels);
	return buf_take(&path);
}

static int build_stream(struct engine *engine, const struct image_build *build,
			struct build *b, const struct deadline *deadline,
			struct error *err)
{
	auto_stream struct stream stream = STREAM_INIT(on_object, b);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_free char *what = xasprintf("build '%s'", build->tag);
	auto_free char *path = build_path(build);
	struct http_request request = {.method = "POST",
				       .path = path,
				       .body = build->context->s,
				       .body_len = build->context->len,
				       .content_type = "application/x-tar",
				       .data = stream_put,
				       .data_ctx = &stream};

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "%s", what);
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_BUILD, err, "%s", what);
	if (stream_end(&stream, what, err) < 0)
		return -1;
	end_line(b);
	if (b->outcome.error)
		return error_set(err, ERROR_BUILD, "%s: %s", what,
				 b->outcome.error);
	return 0;
}

int image_build(struct engine *engine, const struct image_build *build,
		const struct deadline *deadline,
		const struct progress *progress, struct error *err)
{
	auto_free char *step = xasprintf("build %s", build->tag);
	auto_image struct image image = IMAGE_INIT;
	struct build b __attribute__((cleanup(build_free))) = {
	    .progress = progress,
	    .step = step,
	    .tail = BUF_INIT_MAX(TAIL_MAX),
	    .line = BUF_INIT_MAX(LINE_MAX_KEPT)};
	int found;

	progress_step(progress, step, "building '%s'", build->tag);
	if (build_stream(engine, build, &b, deadline, err) < 0) {
		if (b.tail.len)
			error_detail(err, b.tail.s);
		return error_is_disk_full(err) ? engine_disk_full(err) : -1;
	}
	/* a stream cut between two objects looks like an end */
	found = image_inspect(engine, build->tag, deadline, &image, err);
	if (found == 0)
		return error_set(err, ERROR_BUILD,
				 "build '%s': the engine made no image",
				 build->tag);
	if (found > 0)
		progress_done(progress, step, "built '%s'", build->tag);
	return found < 0 ? -1 : 0;
}
