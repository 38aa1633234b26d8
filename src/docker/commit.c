/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/engine.h"
#include "docker/image_path.h"
#include "docker/json.h"
#include "docker/reply.h"
#include "http/http.h"

int image_commit(struct engine *engine, const char *container, const char *repo,
		 const char *tag, const char *const *changes,
		 const struct deadline *deadline, char **ret_id,
		 struct error *err)
{
	auto_buf struct buf path = BUF_INIT;
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_json cJSON *json = NULL;
	struct http_request request = {.method = "POST"};

	/* podman fails without a configuration, Docker asks for none */
	if (engine_flavor(engine) == ENGINE_PODMAN)
		request.body = "{}";
	buf_puts(&path, "/commit");
	buf_put_query(&path, "container", container);
	buf_put_query(&path, "repo", repo);
	buf_put_query(&path, "tag", tag);
	for (; changes && *changes; changes++)
		buf_put_query(&path, "changes", *changes);
	request.path = path.s;
	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "commit to '%s:%s'", repo, tag);
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err,
				    "commit to '%s:%s'", repo, tag);
	json = json_reply(&reply, "commit", err);
	if (!json)
		return -1;
	if (!json_str(json, "Id"))
		return reply_unreadable(&reply, "commit", err);
	*ret_id = image_full_id(json_str(json, "Id"));
	return 0;
}

int image_remove(struct engine *engine, const char *name,
		 const struct deadline *deadline, struct error *err)
{
	auto_free char *path = NULL;
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	struct http_request request = {.method = "DELETE"};

	if (image_path(name, "", &path, err) < 0)
		return -1;
	request.path = path;
	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "remove image '%s'", name);
	if (reply_ok(&reply) || reply.status == 404)
		return 0;
	return engine_error(&reply,
			    reply.status == 409 ? ERROR_BUSY : ERROR_ENGINE,
			    err, "remove image '%s'", name);
}
