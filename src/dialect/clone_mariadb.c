/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/error.h"
#include "base/ident.h"
#include "dialect/db.h"
#include "dialect/maria.h"
#include "dialect/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct maria_clones *of(struct clones *c)
{
	return (struct maria_clones *)c;
}

static void say(struct clone_report *report, const char *why)
{
	snprintf(report->why, sizeof(report->why), "%s", why);
}

static void base_free(struct maria_base *b)
{
	free(b->name);
	maria_evidence_free(&b->evidence);
	free(b);
}

static void my_free(struct clones *clones)
{
	struct maria_clones *c = of(clones);

	while (c->bases) {
		struct maria_base *b = c->bases;

		c->bases = b->next;
		base_free(b);
	}
	maria_notes_free(&c->notes);
	pthread_mutex_destroy(&c->alter_mutex);
	pthread_mutex_destroy(&c->mutex);
	free(c->database);
	free(c->only_in_place);
	free(c->original);
	free(c->surroundings);
	free(c);
}

/* Its own, for as long as c lives; one thread works on a database. */
static struct maria_base *base_of(struct maria_clones *c, const char *name)
{
	struct maria_base *b;

	pthread_mutex_lock(&c->mutex);
	for (b = c->bases; b; b = b->next)
		if (!strcmp(b->name, name))
			break;
	if (!b) {
		b = xcalloc(1, sizeof(*b));
		b->name = xstrdup(name);
		b->next = c->bases;
		c->bases = b;
	}
	pthread_mutex_unlock(&c->mutex);
	return b;
}

static int load_notes(struct maria_clones *c, struct db *db,
		      const struct deadline *deadline, struct error *err)
{
	int result = 0;

	pthread_mutex_lock(&c->mutex);
	if (!c->loaded) {
		result = maria_notes_load(db, &c->notes, deadline, err);
		c->loaded = result == 0;
	}
	pthread_mutex_unlock(&c->mutex);
	return result;
}

static int write_canary(struct maria_clones *c, struct db *db,
			const struct deadline *deadline, struct error *err)
{
	unsigned rows;

	pthread_mutex_lock(&c->mutex);
	rows = ++c->canary_rows;
	pthread_mutex_unlock(&c->mutex);
	return maria_canary(db, rows, deadline, err);
}

/* Notes the counts of a database that is as it should be. */
static int note_base(struct maria_clones *c, struct db *db,
		     struct maria_base *b, bool wide,
		     const struct deadline *deadline, struct error *err)
{
	auto_maria_evidence struct maria_evidence now = {0};

	if (maria_evidence_read(c, db, b->name, wide, deadline, &now, err) < 0)
		return -1;
	if (c->counting && !*now.canary) {
		/* somebody reset the counts: they begin anew */
		maria_evidence_free(&now);
		if (write_canary(c, db, deadline, err) < 0 ||
		    maria_evidence_read(c, db, b->name, wide, deadline, &now,
					err) < 0)
			return -1;
	}
	maria_evidence_free(&b->evidence);
	b->evidence = now;
	now = (struct maria_evidence){0};
	b->valid = c->counting;
	return 0;
}

static int find_facts(struct db *db, const struct deadline *deadline,
		      struct maria_answer *ret, struct error *err)
{
	auto_free char *there = NULL;

	if (db_value(db,
		     "SELECT 1 FROM information_schema.TABLES WHERE"
		     " TABLE_SCHEMA = '" MARIA_ORIGINAL "' AND TABLE_NAME ="
		     " 'testenv:facts'",
		     deadline, &there, err) < 0)
		return -1;
	if (!there)
		return 0;
	return maria_ask(db,
			 "SELECT only_in_place, @@GLOBAL.userstat, (SELECT"
			 " VARIABLE_VALUE = 0 FROM"
			 " information_schema.GLOBAL_STATUS WHERE"
			 " VARIABLE_NAME = 'Handler_write') FROM"
			 " " MARIA_ORIGINAL ".`testenv:facts`",
			 deadline, ret, err);
}

static int my_open(struct db *admin, const char *database,
		   const struct deadline *deadline, struct clones **ret,
		   struct error *err)
{
	auto_maria_answer struct maria_answer facts = {NULL, 0};
	struct maria_clones *c;
	struct maria_base *b;

	if (find_facts(admin, deadline, &facts, err) < 0)
		return -1;
	*ret = NULL;
	if (!facts.n)
		return 0;
	c = xcalloc(1, sizeof(*c));
	c->clones.ops = &mariadb_clones;
	c->database = xstrdup_or_null(database);
	c->only_in_place = xstrdup(facts.rows[0].v[0]);
	c->counting = *facts.rows[0].v[1] == '1';
	c->fresh = facts.rows[0].v[2] && *facts.rows[0].v[2] == '1';
	pthread_mutex_init(&c->mutex, NULL);
	pthread_mutex_init(&c->alter_mutex, NULL);
	b = base_of(c, database ? database : "");
	if (maria_session(admin, deadline, err) < 0 ||
	    write_canary(c, admin, deadline, err) < 0 ||
	    note_base(c, admin, b, true, deadline, err) < 0) {
		my_free(&c->clones);
		return -1;
	}
	c->fresh = false;
	c->surroundings = xstrdup(b->evidence.surroundings);
	c->original = xstrdup(b->evidence.original);
	/* of a shared server, no database is clean yet */
	b->valid = b->valid && database;
	*ret = &c->clones;
	return 0;
}

static const char *my_only_in_place(const struct clones *clones)
{
	const struct maria_clones *c = (const struct maria_clones *)clones;

	return *c->only_in_place ? c->only_in_place : NULL;
}

static enum clone_way my_best(const struct clones *clones)
{
	const struct maria_clones *c = (const struct maria_clones *)clones;

	return c->counting ? CLONE_TOUCHED : CLONE_REBUILT;
}

/* Ends connections to the database, or with NULL all of them: their locks
 * would be waited for, and what they did is counted only when they are gone. */
static int disconnect(struct db *db, const char *database,
		      const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf ask = BUF_INIT;

	buf_puts(&ask, "SELECT CONCAT('KILL ', id) FROM"
		       " information_schema.processlist WHERE id <>"
		       " CONNECTION_ID() AND command <> 'Daemon' AND user <>"
		       " 'system user'");
	if (database) {
		buf_puts(&ask, " AND db = ");
		db_put_literal(DIALECT_MARIADB, &ask, database);
	}
	for (;;) {
		auto_maria_answer struct maria_answer kill = {NULL, 0};

		if (maria_ask(db, ask.s, deadline, &kill, err) < 0)
			return -1;
		if (!kill.n)
			return 0;
		for (size_t i = 0; i < kill.n; i++) {
			auto_error struct error gone = ERROR_INIT;

			/* it may have left by itself */
			if (db_exec(db, kill.rows[i].v[0], deadline, &gone) <
				0 &&
			    gone.kind != ERROR_DATABASE)
				return error_move(err, &gone);
		}
		if (deadline_poll(deadline, NULL, 0, 1, "clients to leave",
				  err) < 0)
			return -1;
	}
}

static int my_drop(struct db *admin, const char *name,
		   const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	if (disconnect(admin, name, deadline, err) < 0)
		return -1;
	buf_puts(&sql, "DROP DATABASE IF EXISTS ");
	db_put_identifier(DIALECT_MARIADB, &sql, name);
	return db_exec(admin, sql.s, deadline, err);
}

/* 1: rebuilt; 0: this schema or this state cannot be. */
static int rebuild(struct maria_clones *c, struct db *db, struct maria_base *b,
		   const struct deadline *deadline, struct clone_report *report,
		   struct error *err)
{
	auto_error struct error why = ERROR_INIT;

	if (*c->notes.no_rebuild) {
		say(report, c->notes.no_rebuild);
		return 0;
	}
	report->way = CLONE_REBUILT;
	if (maria_rebuild(db, &c->notes, b->name, true, deadline, &why) == 0)
		return note_base(c, db, b, false, deadline, err) < 0 ? -1 : 1;
	if (why.kind != ERROR_DATABASE)
		return error_move(err, &why);
	say(report, why.text);
	return 0;
}

/*
 * 1: nothing outside the database was changed, above all not the original.
 * On a shared server the counts may have been reset by anyone: then the
 * original is read, and counted anew.
 */
static int undisturbed(struct maria_clones *c, struct db *db,
		       const struct maria_evidence *now,
		       const struct deadline *deadline, struct error *err)
{
	bool same;
	int sums;

	pthread_mutex_lock(&c->mutex);
	same = !strcmp(c->original, now->original);
	pthread_mutex_unlock(&c->mutex);
	if (strcmp(c->surroundings, now->surroundings) != 0)
		return 0;
	if (same || c->database || *now->canary)
		return same;
	sums = maria_sums_same(db, &c->notes, deadline, err);
	if (sums != 1)
		return sums;
	pthread_mutex_lock(&c->mutex);
	free(c->original);
	c->original = xstrdup(now->original);
	pthread_mutex_unlock(&c->mutex);
	return 1;
}

/* Looks at what has changed and puts it back. 1: done; 0: it is to be rebuilt,
 * or a new server is needed (*ret_server). */
static int put_back(struct maria_clones *c, struct db *db, struct maria_base *b,
		    bool *ret_server, const struct deadline *deadline,
		    struct clone_report *report, struct error *err)
{
	auto_maria_evidence struct maria_evidence now = {0};
	auto_maria_schema struct maria_schema schema = {0};
	auto_maria_plan struct maria_plan plan = {0};
	int intact;

	if (maria_evidence_read(c, db, b->name, true, deadline, &now, err) < 0)
		return -1;
	intact = undisturbed(c, db, &now, deadline, err);
	if (intact < 0)
		return -1;
	*ret_server = !intact;
	if (!intact) {
		say(report, "something outside the database was changed");
		return 0;
	}
	if (!b->valid) {
		say(report, "its state is not known");
		return 0;
	}
	b->valid = false;
	if (maria_schema_list(db, b->name, false, deadline, &schema, err) < 0 ||
	    maria_schema_define(db, &schema, deadline, err) < 0)
		return -1;
	maria_plan_make(&c->notes, &b->evidence, &now, &schema, &plan);
	if (plan.way == CLONE_REBUILT) {
		say(report, plan.why);
		return 0;
	}
	if (maria_plan_compare(db, &c->notes, b->name, deadline, &plan, err) <
	    0)
		return -1;
	report->way = plan.way;
	for (size_t i = 0; i < c->notes.n_tables; i++)
		report->tables += plan.deeds[i] != 0;
	if (plan.way != CLONE_UNCHANGED &&
	    maria_put_back(c, db, &plan, &schema, deadline, err) < 0)
		return -1;
	return note_base(c, db, b, false, deadline, err) < 0 ? -1 : 1;
}

static int bring_back(struct maria_clones *c, struct db *db,
		      struct maria_base *b, const struct deadline *deadline,
		      struct clone_report *report, struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	bool server = false;
	int done;

	done = put_back(c, db, b, &server, deadline, report, &why);
	if (done == 1 || server)
		return done;
	/* what cannot be put back may still be made anew */
	if (done < 0 && why.kind != ERROR_DATABASE)
		return error_move(err, &why);
	if (done < 0)
		say(report, why.text);
	report->tables = 0;
	return rebuild(c, db, b, deadline, report, err);
}

static int my_restore(struct clones *clones, struct db *admin, const char *name,
		      const struct deadline *deadline,
		      struct clone_report *report, struct error *err)
{
	struct maria_clones *c = of(clones);
	struct maria_base *b = base_of(c, name);
	int done;

	if (load_notes(c, admin, deadline, err) < 0 ||
	    maria_session(admin, deadline, err) < 0 ||
	    disconnect(admin, c->database ? NULL : name, deadline, err) < 0)
		return -1;
	done = bring_back(c, admin, b, deadline, report, err);
	if (done != 1)
		b->valid = false;
	if (done == 1 &&
	    db_exec(admin, "USE information_schema", deadline, err) < 0)
		return -1;
	return done;
}

static int my_make(struct clones *clones, struct db *admin, const char *name,
		   const struct deadline *deadline, struct clone_report *report,
		   struct error *err)
{
	struct maria_clones *c = of(clones);
	int done;

	if (load_notes(c, admin, deadline, err) < 0)
		return -1;
	done = rebuild(c, admin, base_of(c, name), deadline, report, err);
	if (done < 0)
		return -1;
	if (done == 0)
		return error_set(err, ERROR_DATABASE, "%s", report->why);
	return db_exec(admin, "USE information_schema", deadline, err);
}

static int my_compare(struct clones *clones, struct db *admin, const char *name,
		      const struct deadline *deadline,
		      struct buf *ret_difference, struct error *err)
{
	struct maria_clones *c = of(clones);

	if (load_notes(c, admin, deadline, err) < 0)
		return -1;
	return maria_compare(admin, &c->notes, name, deadline, ret_difference,
			     err);
}

/* The original has the rows, but neither keys nor triggers: a database made
 * from it is read. */
static int read_original(struct maria_clones *c, struct db *admin,
			 const struct deadline *deadline, struct db_state *ret,
			 struct error *err)
{
	char name[32] = MARIA_LOOK;
	int result;

	if (*c->only_in_place)
		return error_set(err, ERROR_DATABASE,
				 "the template cannot be shown beside it: %s",
				 c->only_in_place);
	ident_random(name + strlen(name), 8);
	result = maria_rebuild(admin, &c->notes, name, true, deadline, err);
	if (result == 0)
		result = db_read_beside(admin, name, deadline, ret, err);
	if (db_exec(admin, "USE information_schema", deadline,
		    result < 0 ? NULL : err) < 0 ||
	    my_drop(admin, name, deadline, result < 0 ? NULL : err) < 0)
		return -1;
	return result;
}

static int my_read(struct clones *clones, struct db *admin, const char *name,
		   const struct deadline *deadline, struct db_state *ret,
		   struct error *err)
{
	struct maria_clones *c = of(clones);

	if (load_notes(c, admin, deadline, err) < 0)
		return -1;
	return name ? db_read_beside(admin, name, deadline, ret, err)
		    : read_original(c, admin, deadline, ret, err);
}

const struct clones_ops mariadb_clones = {
    .keep = maria_keep,
    .open = my_open,
    .free = my_free,
    .only_in_place = my_only_in_place,
    .best = my_best,
    .make = my_make,
    .restore = my_restore,
    .drop = my_drop,
    .read = my_read,
    .compare = my_compare,
};
