/* SPDX-License-Identifier: MIT */
/*
 * template/csv.h - a table's rows as a file: RFC 4180, with one addition: a
 * field of no characters is NULL, one of "" is the empty text. Pure; private to
 * template/.
 */
#ifndef TEMPLATE_CSV_H
#define TEMPLATE_CSV_H

#include <stddef.h>

struct error;

struct csv {
	char *text;           /* what the others point into */
	const char **columns; /* the first line */
	size_t n_columns;
	const char **values; /* row by row; NULL is NULL */
	size_t n;            /* rows */
	size_t *lines;       /* where each row begins, 1-based */
	size_t size;         /* of values, allocated */
};
#define CSV_INIT                                \
	{                                       \
		NULL, NULL, 0, NULL, 0, NULL, 0 \
	}
void csv_free(struct csv *csv);
#define auto_csv __attribute__((cleanup(csv_free)))

/* ERROR_MIGRATION "PATH:LINE: …" for a text that is none. */
int csv_parse(const char *path, const char *text, size_t len, struct csv *ret,
	      struct error *err);

#endif
