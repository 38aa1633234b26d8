/* SPDX-License-Identifier: MIT */
/*
 * session/cache_archive.h - the file that kept templates travel in. Knows
 * neither engine nor cache.
 */
#ifndef SESSION_CACHE_ARCHIVE_H
#define SESSION_CACHE_ARCHIVE_H

#include "provider/carry.h"

struct error;

enum {
	CACHE_ARCHIVE_MAX = 256 /* templates in one */
};

struct carried_list {
	struct carried *v;
	size_t n;
};
#define CARRIED_LIST_INIT \
	{                 \
		0, 0      \
	}
void carried_list_free(struct carried_list *list);
#define auto_carried_list __attribute__((cleanup(carried_list_free)))
/* Room for one more, empty. */
struct carried *carried_list_add(struct carried_list *list);

/* Whether `file` can be written, to be known before the work: 0, or -1 with
 * the error that cache_archive_write would end in. */
int cache_archive_check(const char *file, struct error *err);
/* In the place of `file`, in one step. */
int cache_archive_write(const char *file, const struct carried_list *list,
			struct error *err);
/* Unpacks all data into files in `dir`. Everything is checked: the form, the
 * keys, the sizes, the sums; ERROR_CONFIG for what is no such archive or not
 * whole. */
int cache_archive_read(const char *file, const char *dir,
		       struct carried_list *ret, struct error *err);

#endif
