/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/progress.h"
#include "docker/credentials.h"
#include "docker/engine.h"
#include "docker/image_path.h"
#include "docker/json.h"
#include "docker/outcome.h"
#include "docker/reference.h"
#include "docker/registry_hint.h"
#include "docker/reply.h"
#include "docker/stream.h"
#include "http/http.h"

#include <stdlib.h>
#include <string.h>

int image_tag(struct engine *engine, const char *name, const char *repo,
	      const char *tag, const struct deadline *deadline,
	      struct error *err)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_free char *start = NULL;
	auto_buf struct buf path = BUF_INIT;
	struct http_request request = {.method = "POST"};

	if (image_path(name, "/tag", &start, err) < 0)
		return -1;
	buf_puts(&path, start);
	buf_put_query(&path, "repo", repo);
	buf_put_query(&path, "tag", tag);
	request.path = path.s;
	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "name '%s' '%s:%s'", name, repo, tag);
	if (reply_ok(&reply))
		return 0;
	return engine_error(&reply, ERROR_ENGINE, err, "name '%s' '%s:%s'",
			    name, repo, tag);
}

struct push {
	const struct progress *progress;
	const char *step;
	char *digest;
	struct outcome outcome;
};

static void push_free(struct push *push)
{
	free(push->digest);
	outcome_free(&push->outcome);
}

/* As a pull's, and at the end {"aux":{"Tag":"x","Digest":"sha256:…"}}. */
static int on_object(void *ctx, const cJSON *object)
{
	struct push *push = ctx;
	const cJSON *detail = json_get(object, "progressDetail");
	const char *digest = json_str(json_get(object, "aux"), "Digest");
	struct progress_event event = {.kind = PROGRESS_ITEM,
				       .step = push->step,
				       .item = json_str(object, "id"),
				       .text = json_str(object, "status"),
				       .current =
					   json_int(detail, "current", 0),
				       .total = json_int(detail, "total", 0)};

	if (outcome_take_error(&push->outcome, object))
		return 0;
	if (digest && !strncmp(digest, "sha256:", 7)) {
		free(push->digest);
		push->digest = xstrdup(digest);
	}
	if (event.item && event.text)
		progress_emit(push->progress, &event);
	return 0;
}

static int push_failed(const char *name, const char *text,
		       const struct reference *r,
		       const struct credentials *login, struct error *err)
{
	error_set(err, ERROR_PULL, "push '%s': %s", name, text);
	registry_hint(text, r, login->trouble, err);
	return -1;
}

static int send_push(struct engine *engine, const char *name,
		     const struct reference *r, const struct credentials *login,
		     struct push *push, const struct deadline *deadline,
		     struct error *err)
{
	/* the call wants the header also where there is no log-in: "{}" */
	const char *const headers[] = {
	    login->header ? login->header : "X-Registry-Auth: e30=", NULL};
	auto_stream struct stream stream = STREAM_INIT(on_object, push);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_free char *what = xasprintf("push '%s'", name);
	auto_free char *start = NULL;
	auto_buf struct buf path = BUF_INIT;
	struct http_request request = {.method = "POST",
				       .headers = headers,
				       .data = stream_put,
				       .data_ctx = &stream};

	if (image_path(r->repository, "/push", &start, err) < 0)
		return -1;
	buf_puts(&path, start);
	buf_put_query(&path, "tag", reference_version(r));
	request.path = path.s;
	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "%s", what);
	if (!reply_ok(&reply)) {
		auto_free char *text = reply_message(&reply);

		return push_failed(name, text, r, login, err);
	}
	if (stream_end(&stream, what, err) < 0)
		return -1;
	if (push->outcome.error)
		return push_failed(name, push->outcome.error, r, login, err);
	if (!push->digest)
		return error_set(err, ERROR_PROTOCOL,
				 "%s: the engine names no digest", what);
	return 0;
}

int image_push(struct engine *engine, const char *name,
	       const struct deadline *deadline, const struct progress *progress,
	       char **ret_digest, struct error *err)
{
	auto_reference struct reference r = REFERENCE_INIT;
	auto_credentials struct credentials login = CREDENTIALS_INIT;
	auto_free char *registry = NULL;
	auto_free char *step = xasprintf("push %s", name);
	struct push push __attribute__((cleanup(push_free))) = {
	    .progress = progress, .step = step};

	if (reference_parse(name, &r, err) < 0)
		return -1;
	registry = reference_registry(&r);
	credentials_find(registry, deadline, &login);
	progress_step(progress, step, "pushing '%s'", name);
	if (send_push(engine, name, &r, &login, &push, deadline, err) < 0)
		return -1;
	progress_done(progress, step, "pushed '%s'", name);
	*ret_digest = take_ptr(&push.digest);
	return 0;
}
