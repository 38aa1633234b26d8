/* SPDX-License-Identifier: MIT */
/*
 * template/bookkeeping.h - the table in which a migration tool notes what it
 * has applied. A program under test that runs its own migrator when it starts
 * would else apply everything once more. Pure; private to template/.
 */
#ifndef TEMPLATE_BOOKKEEPING_H
#define TEMPLATE_BOOKKEEPING_H

#include "base/buf.h"
#include "template/migrations.h"

/*
 * A script that makes the layout's table, as the tool itself makes it, with all
 * that m's files are. Nothing for a layout that has none or whose tool is not
 * known for sure (plain SQL, golang-migrate or sqlx).
 */
void bookkeeping_sql(const struct migrations *m, enum dialect dialect,
		     struct buf *ret);
/* The same for Flyway, whose table is called as the project says, in the schema
 * that `choose` (a statement, or NULL) chooses. The caller frees. */
char *bookkeeping_flyway(const struct migrations *m, enum dialect dialect,
			 const char *table, const char *choose);

#endif
