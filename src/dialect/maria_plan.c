/* SPDX-License-Identifier: MIT */
#include "dialect/maria.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void maria_plan_free(struct maria_plan *p)
{
	free(p->deeds);
	free(p->extra);
	*p = (struct maria_plan){0};
}

static const struct maria_count *count_of(const struct maria_evidence *e,
					  const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (!strcmp(e->v[i].name, name))
			return &e->v[i];
	return NULL;
}

/* A table that nobody wrote to is in no list. */
static bool same_counts(const struct maria_count *a, /* before */
			const struct maria_count *b)
{
	const char *changed[] = {a ? a->changed : "", b ? b->changed : ""};
	const char *ids[] = {a ? a->ids : "", b ? b->ids : ""};

	if ((b ? b->modified : 0) > (a ? a->modified : 0))
		return false;
	return !strcmp(changed[0], changed[1]) && !strcmp(ids[0], ids[1]);
}

/* Cycles end, as a table marked already is not gone into again. */
void maria_plan_touch(const struct maria_notes *notes, struct maria_plan *plan,
		      size_t table)
{
	if (plan->deeds[table] & MARIA_ROWS)
		return;
	plan->deeds[table] |= MARIA_ROWS;
	if (plan->way == CLONE_UNCHANGED)
		plan->way = CLONE_TOUCHED;
	for (size_t i = 0; i < notes->n_cascades; i++)
		if (notes->cascades[i].parent == table)
			maria_plan_touch(notes, plan, notes->cascades[i].child);
}

static void rebuild(struct maria_plan *plan, const char *why)
{
	plan->way = CLONE_REBUILT;
	plan->why = why;
}

/* A table made by the owner is dropped; nothing else may differ. */
static bool without_extra(const struct maria_notes *notes,
			  const struct maria_schema *schema,
			  struct maria_plan *plan)
{
	struct maria_schema rest = *schema;
	bool equal;

	rest.v = xcalloc(schema->n + 1, sizeof(*rest.v));
	rest.n = 0;
	plan->extra = xcalloc(schema->n + 1, sizeof(*plan->extra));
	for (size_t i = 0; i < schema->n; i++) {
		const struct maria_object *o = &schema->v[i];

		if ((o->kind == MARIA_TABLE || o->kind == MARIA_VIEW) &&
		    !maria_schema_find(&notes->schema, o->kind, o->name))
			plan->extra[plan->n_extra++] = i;
		else
			rest.v[rest.n++] = *o;
	}
	equal = maria_schema_equal(&notes->schema, &rest, NULL);
	free(rest.v);
	return equal;
}

static void look_at_table(const struct maria_notes *notes, size_t i,
			  const struct maria_evidence *before,
			  const struct maria_evidence *now,
			  const struct maria_schema *schema,
			  struct maria_plan *plan)
{
	const struct maria_table *t = &notes->tables[i];
	const struct maria_object *o =
	    maria_schema_find(schema, MARIA_TABLE, t->name);

	if (before->locks != now->locks ||
	    !same_counts(count_of(before, t->name), count_of(now, t->name)))
		maria_plan_touch(notes, plan, i);
	/* where rows go back in, it may move: it is set in any case */
	if (*t->auto_increment && o &&
	    strcmp(t->auto_increment, o->auto_increment) != 0) {
		plan->deeds[i] |= MARIA_COUNTER;
		if (plan->way == CLONE_UNCHANGED)
			plan->way = CLONE_TOUCHED;
	}
}

void maria_plan_make(const struct maria_notes *notes,
		     const struct maria_evidence *before,
		     const struct maria_evidence *now,
		     const struct maria_schema *schema, struct maria_plan *ret)
{
	struct maria_plan plan = {.way = CLONE_UNCHANGED};

	plan.deeds = xcalloc(notes->n_tables + 1, sizeof(*plan.deeds));
	if (!*now->canary || strcmp(before->canary, now->canary) != 0)
		rebuild(&plan, "the counts of changed rows were reset");
	else if (before->alters != now->alters)
		rebuild(&plan, "a table was altered");
	else if (!without_extra(notes, schema, &plan))
		rebuild(&plan, "definitions were changed");
	if (plan.way != CLONE_REBUILT)
		for (size_t i = 0; i < notes->n_tables; i++)
			look_at_table(notes, i, before, now, schema, &plan);
	if (plan.way == CLONE_UNCHANGED && plan.n_extra)
		plan.way = CLONE_TOUCHED;
	*ret = plan;
}
