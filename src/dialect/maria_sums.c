/* SPDX-License-Identifier: MIT */
#include "dialect/maria.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"

#include <stdlib.h>
#include <string.h>

/* One row for each table that is no sequence, in the notes' order. */
static int read_sums(struct db *db, const struct maria_notes *notes,
		     const struct deadline *deadline, struct maria_answer *ret,
		     struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	for (size_t i = 0; i < notes->n_tables; i++) {
		if (notes->tables[i].sequence)
			continue;
		buf_puts(&sql, sql.len ? ", " : "CHECKSUM TABLE ");
		buf_puts(&sql, MARIA_ORIGINAL ".");
		db_put_identifier(DIALECT_MARIADB, &sql, notes->tables[i].name);
	}
	*ret = (struct maria_answer){NULL, 0};
	return sql.len ? maria_ask(db, sql.s, deadline, ret, err) : 0;
}

static const char *sum_at(const struct maria_answer *answer, size_t row)
{
	return row < answer->n && answer->rows[row].v[1]
		   ? answer->rows[row].v[1]
		   : "";
}

int maria_sums_take(struct db *db, struct maria_notes *notes,
		    const struct deadline *deadline, struct error *err)
{
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	size_t row = 0;

	if (read_sums(db, notes, deadline, &answer, err) < 0)
		return -1;
	for (size_t i = 0; i < notes->n_tables; i++)
		notes->tables[i].sum = xstrdup(
		    notes->tables[i].sequence ? "" : sum_at(&answer, row++));
	return 0;
}

int maria_sums_same(struct db *db, const struct maria_notes *notes,
		    const struct deadline *deadline, struct error *err)
{
	auto_maria_answer struct maria_answer answer = {NULL, 0};
	size_t row = 0;

	if (read_sums(db, notes, deadline, &answer, err) < 0)
		return -1;
	for (size_t i = 0; i < notes->n_tables; i++)
		if (!notes->tables[i].sequence &&
		    strcmp(notes->tables[i].sum, sum_at(&answer, row++)) != 0)
			return 0;
	return 1;
}
