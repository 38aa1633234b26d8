/* SPDX-License-Identifier: MIT */
#include "docker/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "docker/engine.h"
#include "docker/reply.h"
#include "http/http.h"

#include <errno.h>
#include <unistd.h>

static char *archive_path(const char *id, const char *path)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "/containers/%s/archive", id);
	buf_put_query(&b, "path", path);
	return buf_take(&b);
}

static int put_archive(struct engine *engine, const char *id, const char *dir,
		       const struct http_request *request,
		       const struct deadline *deadline, struct error *err)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;

	if (engine_send(engine, request, deadline, &reply, err) < 0)
		return error_wrap(err, "copy to '%s' of container %.12s", dir,
				  id);
	if (reply_ok(&reply))
		return 0;
	return engine_error(&reply, ERROR_ENGINE, err,
			    "copy to '%s' of container %.12s", dir, id);
}

int container_put_archive(struct engine *engine, const char *id,
			  const char *dir, const struct buf *tar,
			  const struct deadline *deadline, struct error *err)
{
	auto_free char *path = archive_path(id, dir);
	struct http_request request = {.method = "PUT",
				       .path = path,
				       .body = tar->s,
				       .body_len = tar->len,
				       .content_type = "application/x-tar"};

	return put_archive(engine, id, dir, &request, deadline, err);
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

struct from_file {
	int fd;
	struct error *err;
};

static long read_piece(void *ctx, char *buf, size_t size)
{
	struct from_file *f = ctx;
	ssize_t n;

	do
		n = read(f->fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		error_set_errno(f->err, ERROR_IO, errno,
				"cannot read the archive");
	return (long)n;
}

int container_load_archive(struct engine *engine, const char *id,
			   const char *dir, int fd,
			   const struct deadline *deadline, struct error *err)
{
	auto_free char *path = archive_path(id, dir);
	struct from_file from = {fd, err};
	struct http_request request = {.method = "PUT",
				       .path = path,
				       .read = read_piece,
				       .read_ctx = &from,
				       .content_type = "application/x-tar"};

	return put_archive(engine, id, dir, &request, deadline, err);
}

struct to_file {
	int fd;
	int64_t left;
	bool full;
	int write_errno;
};

/* Ends the call as success, so that what went wrong is kept here. */
static int write_piece(void *ctx, const char *data, size_t len)
{
	struct to_file *f = ctx;

	f->left -= (int64_t)len;
	f->full = f->left < 0;
	if (f->full)
		return -1;
	if (fs_write_all(f->fd, data, len) < 0) {
		f->write_errno = errno;
		return -1;
	}
	return 0;
}

int container_save_archive(struct engine *engine, const char *id,
			   const char *path, int fd, int64_t max,
			   const struct deadline *deadline, struct error *err)
{
	auto_free char *full = archive_path(id, path);
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	struct to_file to = {.fd = fd, .left = max};
	struct http_request request = {
	    .path = full, .data = write_piece, .data_ctx = &to};

	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return error_wrap(err, "copy '%s' of container %.12s", path,
				  id);
	if (!reply_ok(&reply))
		return engine_error(&reply, ERROR_ENGINE, err,
				    "copy '%s' of container %.12s", path, id);
	if (to.full)
		return error_set(err, ERROR_NO_SPACE,
				 "'%s' of container %.12s is over %lld bytes",
				 path, id, (long long)max);
	if (to.write_errno)
		return error_set_errno(err, ERROR_IO, to.write_errno,
				       "cannot write a copy of '%s'", path);
	return 0;
}
