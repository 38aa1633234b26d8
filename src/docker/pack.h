/* SPDX-License-Identifier: MIT */
/*
 * docker/pack.h - a compressed tar on disk: written in one go, read in one go.
 *
 * Zstandard where libarchive has it, else gzip; either is read.
 */
#ifndef DOCKER_PACK_H
#define DOCKER_PACK_H

#include "base/buf.h"

#include <stdint.h>

struct error;
struct pack_writer;
struct pack_reader;

/* Writes beside `path`, mode 0600; pack_close puts it in place in one step.
 * Until then what was at `path` stays. */
int pack_create(const char *path, struct pack_writer **ret, struct error *err);
int pack_add(struct pack_writer *w, const char *name, const void *data,
	     size_t len, struct error *err);
int pack_add_file(struct pack_writer *w, const char *name, const char *from,
		  struct error *err);
/* Both free w. */
int pack_close(struct pack_writer *w, struct error *err);
void pack_abandon(struct pack_writer *w);

/* ERROR_IO when it cannot be read; what is no such tar shows with the first
 * pack_next. */
int pack_open(const char *path, struct pack_reader **ret, struct error *err);
void pack_free(struct pack_reader *r);
/* The next regular file: 1, 0 at the end, -1 with ERROR_CONFIG for what is cut
 * off, damaged or no archive. The name is borrowed until the next call. */
int pack_next(struct pack_reader *r, const char **ret_name, int64_t *ret_size,
	      struct error *err);
/* Its content: up to ret's bound; into a new file of mode 0600. */
int pack_read(struct pack_reader *r, struct buf *ret, struct error *err);
int pack_read_file(struct pack_reader *r, const char *to, struct error *err);

#endif
