/* SPDX-License-Identifier: MIT */
/*
 * cli/table.h - columns as wide as their widest cell.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/strvec.h"

struct buf;

/* Cells row by row; the first row is the heading. */
struct table {
	unsigned columns;
	struct strvec cells;
};
#define TABLE_INIT(n)            \
	{                        \
		(n), STRVEC_INIT \
	}
#define auto_table __attribute__((cleanup(table_free)))
void table_free(struct table *t);

/* The next cell; NULL is shown as "-". */
void table_add(struct table *t, const char *text);
/* Each line after `indent` blanks, none with blanks at its end. */
void table_print(const struct table *t, unsigned indent, struct buf *out);

#endif
