/* SPDX-License-Identifier: MIT */
#include "docker/pack.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIECE = 65536
};

struct pack_writer {
	struct archive *archive;
	char *path;
	char *early; /* its name until it is whole */
	int fd;
};

static int write_failed(struct pack_writer *w, struct error *err)
{
	int code = archive_errno(w->archive);

	return error_set_errno(err, ERROR_IO, code > 0 ? code : EIO,
			       "cannot write '%s'", w->path);
}

static void writer_free(struct pack_writer *w)
{
	archive_write_free(w->archive);
	if (w->fd >= 0)
		close(w->fd);
	free(w->path);
	free(w->early);
	free(w);
}

int pack_create(const char *path, struct pack_writer **ret, struct error *err)
{
	struct pack_writer *w = xcalloc(1, sizeof(*w));
	char random[9];

	ident_random(random, sizeof(random) - 1);
	w->path = xstrdup(path);
	w->early = xasprintf("%s.%s.tmp", path, random);
	w->archive = archive_write_new();
	if (!w->archive)
		abort(); /* as for all memory */
	w->fd = open(w->early, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0) {
		error_set_errno(err, ERROR_IO, errno, "cannot write '%s'",
				path);
		writer_free(w);
		return -1;
	}
	archive_write_set_format_pax_restricted(w->archive);
	if (archive_write_add_filter_zstd(w->archive) != ARCHIVE_OK)
		archive_write_add_filter_gzip(w->archive);
	if (archive_write_open_fd(w->archive, w->fd) != ARCHIVE_OK) {
		write_failed(w, err);
		pack_abandon(w);
		return -1;
	}
	*ret = w;
	return 0;
}

static int add_header(struct pack_writer *w, const char *name, int64_t size,
		      struct error *err)
{
	struct archive_entry *entry = archive_entry_new();
	int rc;

	if (!entry)
		abort();
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0600);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_mtime(entry, 0, 0);
	rc = archive_write_header(w->archive, entry);
	archive_entry_free(entry);
	return rc == ARCHIVE_OK ? 0 : write_failed(w, err);
}

static int add_data(struct pack_writer *w, const void *data, size_t len,
		    struct error *err)
{
	if (len && archive_write_data(w->archive, data, len) != (la_ssize_t)len)
		return write_failed(w, err);
	return 0;
}

int pack_add(struct pack_writer *w, const char *name, const void *data,
	     size_t len, struct error *err)
{
	if (add_header(w, name, (int64_t)len, err) < 0)
		return -1;
	return add_data(w, data, len, err);
}

int pack_add_file(struct pack_writer *w, const char *name, const char *from,
		  struct error *err)
{
	auto_close int fd = open(from, O_RDONLY | O_CLOEXEC);
	auto_free char *piece = xmalloc(PIECE);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot read '%s'",
				       from);
	if (add_header(w, name, (int64_t)st.st_size, err) < 0)
		return -1;
	while ((n = read(fd, piece, PIECE)) > 0)
		if (add_data(w, piece, (size_t)n, err) < 0)
			return -1;
	if (n < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot read '%s'",
				       from);
	return 0;
}

int pack_close(struct pack_writer *w, struct error *err)
{
	int rc = 0;

	if (archive_write_close(w->archive) != ARCHIVE_OK)
		rc = write_failed(w, err);
	else if (rename(w->early, w->path) < 0)
		rc = error_set_errno(err, ERROR_IO, errno, "cannot write '%s'",
				     w->path);
	if (rc < 0)
		unlink(w->early);
	writer_free(w);
	return rc;
}

void pack_abandon(struct pack_writer *w)
{
	if (!w)
		return;
	unlink(w->early);
	writer_free(w);
}

struct pack_reader {
	struct archive *archive;
	char *path;
};

int pack_open(const char *path, struct pack_reader **ret, struct error *err)
{
	struct pack_reader *r = xcalloc(1, sizeof(*r));

	r->path = xstrdup(path);
	r->archive = archive_read_new();
	if (!r->archive)
		abort();
	archive_read_support_format_tar(r->archive);
	archive_read_support_filter_zstd(r->archive);
	archive_read_support_filter_gzip(r->archive);
	if (archive_read_open_filename(r->archive, path, PIECE) != ARCHIVE_OK) {
		const char *why = archive_error_string(r->archive);

		/* what is cut off in its first block is not known from what
		 * never was an archive */
		if (access(path, R_OK) < 0)
			error_set_errno(err, ERROR_IO, errno,
					"cannot read '%s'", path);
		else
			error_set(err, ERROR_CONFIG,
				  "'%s' is no archive of templates, or is cut "
				  "off: %s",
				  path, why ? why : "it cannot be read");
		pack_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void pack_free(struct pack_reader *r)
{
	if (!r)
		return;
	archive_read_free(r->archive);
	free(r->path);
	free(r);
}

static int read_failed(struct pack_reader *r, struct error *err)
{
	const char *why = archive_error_string(r->archive);

	return error_set(err, ERROR_CONFIG, "'%s' is cut off or damaged: %s",
			 r->path, why ? why : "it cannot be read");
}

int pack_next(struct pack_reader *r, const char **ret_name, int64_t *ret_size,
	      struct error *err)
{
	struct archive_entry *entry;
	int rc;

	do {
		rc = archive_read_next_header(r->archive, &entry);
		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc != ARCHIVE_OK)
			return read_failed(r, err);
	} while (archive_entry_filetype(entry) != AE_IFREG ||
		 !archive_entry_pathname(entry));
	*ret_name = archive_entry_pathname(entry);
	*ret_size = (int64_t)archive_entry_size(entry);
	return 1;
}

int pack_read(struct pack_reader *r, struct buf *ret, struct error *err)
{
	char piece[4096];
	la_ssize_t n;

	buf_clear(ret);
	while ((n = archive_read_data(r->archive, piece, sizeof(piece))) > 0)
		buf_put(ret, piece, (size_t)n);
	if (n < 0)
		return read_failed(r, err);
	if (ret->full)
		return error_set(err, ERROR_CONFIG,
				 "'%s': an entry is over %zu bytes", r->path,
				 ret->max);
	return 0;
}

int pack_read_file(struct pack_reader *r, const char *to, struct error *err)
{
	auto_close int fd =
	    open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	auto_free char *piece = xmalloc(PIECE);
	la_ssize_t n = 0;

	if (fd < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot write '%s'", to);
	while ((n = archive_read_data(r->archive, piece, PIECE)) > 0)
		if (fs_write_all(fd, piece, (size_t)n) < 0)
			return error_set_errno(err, ERROR_IO, errno,
					       "cannot write '%s'", to);
	return n < 0 ? read_failed(r, err) : 0;
}
