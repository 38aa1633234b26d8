/* SPDX-License-Identifier: MIT */
#include "docker/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "docker/engine.h"
#include "docker/reply.h"
#include "http/http.h"

static char *archive_path(const char *id, const char *path)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "/containers/%s/archive", id);
	buf_put_query(&b, "path", path);
	return buf_take(&b);
}

int container_put_archive(struct engine *engine, const char *id,
			  const char *dir, const struct buf *tar,
			  const struct deadline *deadline, struct error *err)
{
	auto_free char *path = archive_path(id, dir);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	struct http_request request = {.method = "PUT",
				       .path = path,
				       .body = tar->s,
				       .body_len = tar->len,
				       .content_type = "application/x-tar"};

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "copy to '%s' of container %.12s", dir,
				  id);
	if (reply_ok(&reply))
		return 0;
	return engine_error(&reply, ERROR_ENGINE, err,
			    "copy to '%s' of container %.12s", dir, id);
}

int container_get_archive(struct engine *engine, const char *id,
			  const char *path, const struct deadline *deadline,
			  struct buf *ret_tar, struct error *err)
{
	auto_free char *full = archive_path(id, path);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	struct http_request request = {.path = full, .max_reply = ret_tar->max};

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "copy '%s' of container %.12s", path,
				  id);
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err,
				    "copy '%s' of container %.12s", path, id);
	buf_free(ret_tar);
	*ret_tar = reply.body;
	reply.body = (struct buf)BUF_INIT;
	return 0;
}
