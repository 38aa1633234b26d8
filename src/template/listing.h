/* SPDX-License-Identifier: MIT */
/*
 * template/listing.h - a directory of migrations, read. Private to template/.
 */
#ifndef TEMPLATE_LISTING_H
#define TEMPLATE_LISTING_H

#include "template/layout.h"

struct error;

/*
 * All SQL files for the dialect, in no order; of folders below only what is
 * named as Flyway names it. *ret_go: one of goose's migrations that is a Go
 * program, or NULL; the caller frees.
 */
int listing_read_dir(const char *dir, enum dialect dialect,
		     struct layout_files *ret, char **ret_go,
		     struct error *err);

/* One file; 0 when it is a directory, 1 with its text and a NUL. */
int listing_read(const char *path, char **ret, size_t *ret_len,
		 struct error *err);

/* Cuts the suffix off, unless nothing else would be left. */
bool listing_cut(char *name, const char *suffix);

#endif
