/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/alloc.h"
#include "base/error.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

struct tar {
	struct archive *archive;
	struct buf out;
};

static la_ssize_t on_write(struct archive *archive, void *ctx, const void *data,
			   size_t len)
{
	struct tar *tar = ctx;

	(void)archive;
	buf_put(&tar->out, data, len);
	return tar->out.full ? -1 : (la_ssize_t)len;
}

struct tar *tar_new(void)
{
	struct tar *tar = xcalloc(1, sizeof(*tar));

	tar->out = (struct buf)BUF_INIT;
	tar->archive = archive_write_new();
	if (!tar->archive)
		abort(); /* as for all memory */
	archive_write_set_format_pax_restricted(tar->archive);
	archive_write_set_bytes_in_last_block(tar->archive, 1);
	archive_write_open(tar->archive, tar, NULL, on_write, NULL);
	return tar;
}

static int tar_failed(struct tar *tar, const char *path, struct error *err)
{
	const char *why = archive_error_string(tar->archive);

	if (tar->out.full)
		why = "over the size limit";
	return error_set(err, ERROR_IO, "tar: '%s': %s", path,
			 why ? why : "cannot be written");
}

int tar_add(struct tar *tar, const char *path, const void *data, size_t len,
	    unsigned mode, struct error *err)
{
	struct archive_entry *entry = archive_entry_new();
	int rc;

	if (!entry)
		abort();
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, (__LA_MODE_T)(mode & 07777));
	archive_entry_set_size(entry, (la_int64_t)len);
	archive_entry_set_mtime(entry, 0, 0);
	rc = archive_write_header(tar->archive, entry);
	archive_entry_free(entry);
	if (rc == ARCHIVE_OK && len &&
	    archive_write_data(tar->archive, data, len) != (la_ssize_t)len)
		rc = ARCHIVE_FATAL;
	return rc == ARCHIVE_OK ? 0 : tar_failed(tar, path, err);
}

int tar_end(struct tar *tar, struct buf *ret, struct error *err)
{
	int rc =
	    archive_write_close(tar->archive) == ARCHIVE_OK && !tar->out.full
		? 0
		: tar_failed(tar, "end", err);

	archive_write_free(tar->archive);
	if (rc == 0) {
		buf_free(ret);
		*ret = tar->out;
	} else {
		buf_free(&tar->out);
	}
	free(tar);
	return rc;
}

static int read_first(struct archive *in, const struct buf *tar,
		      struct buf *ret)
{
	struct archive_entry *entry;
	char piece[4096];
	la_ssize_t n;

	archive_read_support_format_tar(in);
	if (archive_read_open_memory(in, tar->s, tar->len) != ARCHIVE_OK)
		return -1;
	do {
		if (archive_read_next_header(in, &entry) != ARCHIVE_OK)
			return -1;
	} while (archive_entry_filetype(entry) != AE_IFREG);
	buf_clear(ret);
	while ((n = archive_read_data(in, piece, sizeof(piece))) > 0)
		buf_put(ret, piece, (size_t)n);
	return n < 0 || ret->full ? -1 : 0;
}

int tar_first(const struct buf *tar, struct buf *ret, struct error *err)
{
	struct archive *in = archive_read_new();
	int result;

	if (!in)
		abort(); /* as for all memory */
	result = read_first(in, tar, ret);
	archive_read_free(in);
	if (result < 0)
		return error_set(
		    err, ERROR_PROTOCOL,
		    "there is no file of that size in the archive");
	return 0;
}

static int walk(struct archive *in, const char *path,
		int (*fn)(void *ctx, const struct tar_entry *entry), void *ctx)
{
	struct archive_entry *e;
	int rc;

	archive_read_support_format_tar(in);
	if (archive_read_open_filename(in, path, 65536) != ARCHIVE_OK)
		return -1;
	while ((rc = archive_read_next_header(in, &e)) == ARCHIVE_OK) {
		struct tar_entry entry = {archive_entry_pathname(e),
					  archive_entry_symlink(e),
					  (int64_t)archive_entry_uid(e)};

		if (!entry.link)
			entry.link = archive_entry_hardlink(e);
		if (!entry.name || fn(ctx, &entry))
			return 1;
	}
	return rc == ARCHIVE_EOF ? 0 : -1;
}

int tar_walk(const char *path,
	     int (*fn)(void *ctx, const struct tar_entry *entry), void *ctx,
	     struct error *err)
{
	struct archive *in = archive_read_new();
	int result;

	if (!in)
		abort(); /* as for all memory */
	result = walk(in, path, fn, ctx);
	if (result < 0)
		error_set(err, ERROR_PROTOCOL, "no whole archive: %s",
			  archive_error_string(in));
	archive_read_free(in);
	return result;
}
