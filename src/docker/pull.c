/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/progress.h"
#include "docker/engine.h"
#include "docker/json.h"
#include "docker/outcome.h"
#include "docker/reference.h"
#include "docker/reply.h"
#include "docker/stream.h"
#include "http/http.h"

#include <string.h>

struct pull {
	const struct progress *progress;
	const char *step;
	struct outcome outcome;
};

static void pull_free(struct pull *pull)
{
	outcome_free(&pull->outcome);
}

/* {"status":"Downloading","progressDetail":{"current":1,"total":9},"id":"…"} */
static int on_object(void *ctx, const cJSON *object)
{
	struct pull *pull = ctx;
	const cJSON *detail = json_get(object, "progressDetail");
	struct progress_event event = {.kind = PROGRESS_ITEM,
				       .step = pull->step,
				       .item = json_str(object, "id"),
				       .text = json_str(object, "status"),
				       .current =
					   json_int(detail, "current", 0),
				       .total = json_int(detail, "total", 0)};

	if (outcome_take_error(&pull->outcome, object))
		return 0; /* read on: the stream's end tells that it is whole */
	if (event.item && event.text)
		progress_emit(pull->progress, &event);
	return 0;
}

/* What registries and engines say of an image that does not exist. */
static bool says_missing(const char *text)
{
	static const char *const words[] = {"manifest unknown", "not found",
					    "does not exist", "name unknown",
					    "no such image"};

	for (size_t i = 0; i < array_len(words); i++)
		if (strcasestr(text, words[i]))
			return true;
	return false;
}

static int pull_failed(const char *name, const char *text, int status,
		       struct error *err)
{
	bool missing = status == 404 || says_missing(text);

	return error_set(err, missing ? ERROR_NO_IMAGE : ERROR_PULL,
			 "pull '%s': %s", name, text);
}

/* Always with a tag: without one an engine fetches them all. Podman resolves
 * short names by its own rules unless told the registry. */
static char *pull_path(struct engine *engine, const struct reference *r)
{
	auto_free char *full = reference_qualified(r);
	bool podman = engine_flavor(engine) == ENGINE_PODMAN;
	struct buf path = BUF_INIT;

	buf_puts(&path, "/images/create");
	buf_put_query(&path, "fromImage", podman ? full : r->repository);
	buf_put_query(&path, "tag", reference_version(r));
	return buf_take(&path);
}

static int pull_stream(struct engine *engine, const char *path,
		       struct pull *pull, const struct deadline *deadline,
		       const char *name, struct error *err)
{
	auto_stream struct stream stream = STREAM_INIT(on_object, pull);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_free char *what = xasprintf("pull '%s'", name);
	/* anonymous; credentials would be .headers: X-Registry-Auth for
	 * reference_registry() */
	struct http_request request = {.method = "POST",
				       .path = path,
				       .data = stream_put,
				       .data_ctx = &stream};

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "%s", what);
	if (!reply_ok(&reply)) {
		auto_free char *text = reply_message(&reply);

		return pull_failed(name, text, reply.status, err);
	}
	if (stream_end(&stream, what, err) < 0)
		return -1;
	if (pull->outcome.error)
		return pull_failed(name, pull->outcome.error, reply.status,
				   err);
	return 0;
}

int image_pull(struct engine *engine, const char *name,
	       const struct deadline *deadline, const struct progress *progress,
	       struct error *err)
{
	auto_reference struct reference r = REFERENCE_INIT;
	auto_free char *path = NULL;
	auto_free char *step = xasprintf("pull %s", name);
	auto_image struct image image = IMAGE_INIT;
	struct pull pull __attribute__((cleanup(pull_free))) = {
	    .progress = progress, .step = step};
	int found;

	if (reference_parse(name, &r, err) < 0)
		return -1;
	path = pull_path(engine, &r);
	progress_step(progress, step, "pulling '%s'", name);
	if (pull_stream(engine, path, &pull, deadline, name, err) < 0)
		return -1;
	/* the stream's word is not enough */
	found = image_inspect(engine, name, deadline, &image, err);
	if (found == 0)
		return error_set(err, ERROR_PULL,
				 "pull '%s': the engine reports success but "
				 "does not have it",
				 name);
	if (found > 0)
		progress_done(progress, step, "pulled '%s'", name);
	return found < 0 ? -1 : 0;
}
