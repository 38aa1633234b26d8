/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/progress.h"
#include "docker/credentials.h"
#include "docker/engine.h"
#include "docker/json.h"
#include "docker/outcome.h"
#include "docker/reference.h"
#include "docker/registry_hint.h"
#include "docker/reply.h"
#include "docker/stream.h"
#include "http/http.h"

#include <string.h>

enum {
	TRIES = 4,
	FIRST_PAUSE_MS = 1000
};

struct pull {
	const struct progress *progress;
	const char *step;
	const char *header; /* for the registry, or NULL */
	bool layers;        /* it came to them: those the engine itself tries
			       again */
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
	if (event.item && event.text) {
		pull->layers |= strstr(event.text, "layer") != NULL ||
				strstr(event.text, "Download") != NULL;
		progress_emit(pull->progress, &event);
	}
	return 0;
}

static bool says_any(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcasestr(text, *words))
			return true;
	return false;
}

/* What registries and engines say of an image that does not exist. */
static const char *const missing[] = {"manifest unknown", "not found",
				      "does not exist",   "name unknown",
				      "no such image",    NULL};
/* … of one that is not for everybody. */
static const char *const refused[] = {
    "unauthorized",  "authentication required",          "no basic auth",
    "access denied", "access to the resource is denied", NULL};
static const char *const too_many[] = {"toomanyrequests", "rate limit", NULL};
/* … of trouble on the way that may pass. */
static const char *const passing[] = {"timeout",
				      "timed out",
				      "connection reset",
				      "connection refused",
				      "EOF",
				      "temporary failure",
				      "server misbehaving",
				      "bad gateway",
				      "service unavailable",
				      "gateway time-out",
				      "internal server error",
				      NULL};

/* … where there is no way to the registry at all. */
static const char *const offline[] = {"no such host",
				      "network is unreachable",
				      "no route to host",
				      "name resolution",
				      "i/o timeout",
				      "proxyconnect",
				      NULL};

void registry_hint(const char *text, const struct reference *r,
		   const char *trouble, struct error *err)
{
	auto_free char *registry = reference_registry(r);

	if (says_any(text, too_many))
		error_hint(err, "log in to '%s', or name a mirror", registry);
	else if (says_any(text, refused) && trouble)
		error_hint(err, "no log-in was sent to '%s': %s", registry,
			   trouble);
	else if (says_any(text, refused))
		error_hint(err, "log in: docker login %s", registry);
	else if (says_any(text, offline))
		error_hint(err,
			   "the engine has no way to '%s'; offline, only what "
			   "it has serves: see 'testenv doctor'",
			   registry);
}

/* Returns -1, 0 instead if it is worth another try. */
static int pull_failed(const char *name, const char *text, int status,
		       struct error *err)
{
	bool is_missing = status == 404 || says_any(text, missing);

	error_set(err, is_missing ? ERROR_NO_IMAGE : ERROR_PULL,
		  "pull '%s': %s", name, text);
	if (error_is_disk_full(err))
		return engine_disk_full(err);
	if (is_missing || says_any(text, refused) || says_any(text, too_many))
		return -1;
	return says_any(text, passing) ? 0 : -1;
}

/* Always with a tag: without one an engine fetches them all. Podman resolves
 * short names by its own rules unless told the registry. */
static char *pull_path(struct engine *engine, const struct reference *r,
		       const char *platform)
{
	auto_free char *full = reference_qualified(r);
	bool podman = engine_flavor(engine) == ENGINE_PODMAN;
	struct buf path = BUF_INIT;

	buf_puts(&path, "/images/create");
	buf_put_query(&path, "fromImage", podman ? full : r->repository);
	buf_put_query(&path, "tag", reference_version(r));
	if (platform)
		buf_put_query(&path, "platform", platform);
	return buf_take(&path);
}

/* 1 pulled, 0 failed by what may pass, -1 failed; both with *err. */
static int pull_once(struct engine *engine, const char *path, struct pull *pull,
		     const struct deadline *deadline, const char *name,
		     struct error *err)
{
	auto_stream struct stream stream = STREAM_INIT(on_object, pull);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_free char *what = xasprintf("pull '%s'", name);
	const char *const headers[] = {pull->header, NULL};
	struct http_request request = {.method = "POST",
				       .path = path,
				       .headers = headers,
				       .data = stream_put,
				       .data_ctx = &stream};

	outcome_free(&pull->outcome);
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
	return 1;
}

/* What may pass is tried again, after a pause that doubles. */
static int pull_patiently(struct engine *engine, const char *path,
			  struct pull *pull, const struct deadline *deadline,
			  const char *name, struct error *err)
{
	int64_t pause_ms = FIRST_PAUSE_MS;

	for (int left = TRIES - 1;; left--) {
		auto_error struct error last = ERROR_INIT;
		int rc = pull_once(engine, path, pull, deadline, name, &last);

		if (rc > 0)
			return 0;
		if (rc < 0 || !left || pull->layers ||
		    deadline_left_ms(deadline) < pause_ms)
			return error_move(err, &last);
		progress_notice(pull->progress, "%s: trying again",
				error_text(&last));
		if (deadline_poll(deadline, NULL, 0, pause_ms, name, err) < 0)
			return -1;
		pause_ms *= 2;
	}
}

int image_pull(struct engine *engine, const char *name, const char *platform,
	       const struct deadline *deadline, const struct progress *progress,
	       struct error *err)
{
	auto_reference struct reference r = REFERENCE_INIT;
	auto_credentials struct credentials login = CREDENTIALS_INIT;
	auto_free char *registry = NULL;
	auto_free char *path = NULL;
	auto_free char *step = xasprintf("pull %s", name);
	auto_image struct image image = IMAGE_INIT;
	struct pull pull __attribute__((cleanup(pull_free))) = {
	    .progress = progress, .step = step};
	int found;

	if (reference_parse(name, &r, err) < 0)
		return -1;
	registry = reference_registry(&r);
	credentials_find(registry, deadline, &login);
	pull.header = login.header;
	path = pull_path(engine, &r, platform);
	progress_step(progress, step, "pulling '%s'", name);
	if (pull_patiently(engine, path, &pull, deadline, name, err) < 0) {
		registry_hint(error_text(err), &r, login.trouble, err);
		return -1;
	}
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
