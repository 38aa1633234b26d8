/* SPDX-License-Identifier: MIT */
/*
 * The making of an original: how it is best copied, and that copies are equal,
 * is found out here, once, on the template itself.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "dialect/db.h"
#include "dialect/original_private.h"
#include "dialect/state.h"
#include "dialect/state_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_NAME "testenv_probe"

enum {
	WHY_BYTES = 200
};

static int read_state(struct db *admin, const char *database,
		      const struct deadline *deadline, struct db_state *ret,
		      struct error *err)
{
	auto_db struct db *db = NULL;

	if (db_connect_beside(admin, database, deadline, &db, err) < 0)
		return -1;
	return db_state_read(db, deadline, ret, err);
}

int original_sequences(struct db *admin, const char *name,
		       const struct deadline *deadline,
		       char ret_hex[DIGEST_HEX], struct error *err)
{
	auto_db struct db *db = NULL;
	auto_buf struct buf text = BUF_INIT;

	if (db_connect_beside(admin, name, deadline, &db, err) < 0 ||
	    postgres_sequences(db, deadline, &text, err) < 0)
		return -1;
	digest_of(text.s, text.len, ret_hex);
	return 0;
}

struct candidate {
	enum original_strategy strategy;
	int64_t us;
	bool fails;
};
struct candidates {
	struct candidate v[3];
	size_t n;
};

static void add(struct candidates *c, enum original_strategy strategy)
{
	c->v[c->n++] = (struct candidate){.strategy = strategy};
}

static int list_strategies(struct db *admin, const struct deadline *deadline,
			   struct candidates *ret, struct error *err)
{
	auto_free char *version = NULL;
	auto_free char *reflink = NULL;

	if (db_value(admin, "SHOW server_version_num", deadline, &version,
		     err) < 0 ||
	    db_value(admin,
		     "SELECT 1 FROM pg_settings WHERE name = "
		     "'file_copy_method' AND 'clone' = ANY (enumvals)",
		     deadline, &reflink, err) < 0)
		return -1;
	ret->n = 0;
	if (!version || strtol(version, NULL, 10) < 150000) {
		add(ret, ORIGINAL_DEFAULT);
		return 0;
	}
	add(ret, ORIGINAL_WAL_LOG);
	add(ret, ORIGINAL_FILE_COPY);
	if (reflink)
		add(ret, ORIGINAL_REFLINK);
	return 0;
}

struct probe {
	struct db *admin;
	const struct deadline *deadline;
	const struct db_state *state; /* of the template */
	struct buf *difference;
};

/* Makes a copy and drops it. The time of both counts: who clones drops, and a
 * strategy may leave work to the drop. 1; 0: it is not equal; -1 */
static int try(struct probe *p, enum original_strategy strategy,
	       int64_t *ret_us, struct error *err)
{
	auto_db_state struct db_state now = DB_STATE_INIT;
	struct original o = {.strategy = strategy};
	int64_t start = clock_now_us();
	int64_t made;

	if (original_clone(p->admin, &o, PROBE_NAME, p->deadline, err) < 0)
		return -1;
	made = clock_now_us() - start;
	if (read_state(p->admin, PROBE_NAME, p->deadline, &now, err) < 0)
		return -1;
	start = clock_now_us();
	if (original_drop(p->admin, PROBE_NAME, p->deadline, err) < 0)
		return -1;
	*ret_us = made + clock_now_us() - start;
	return !db_state_describe(p->state, &now, p->difference);
}

/* 1; 0: the candidate's copy is not equal; -1. A file system without reflinks
 * only takes that one out. */
static int measure(struct probe *p, struct candidate *c, struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	int equal = try(p, c->strategy, &c->us, &why);

	if (equal < 0 && c->strategy == ORIGINAL_REFLINK &&
	    why.kind == ERROR_DATABASE) {
		c->fails = true;
		log_debug("no reflinks: %s", error_text(&why));
		return 1;
	}
	return equal < 0 ? error_move(err, &why) : equal;
}

/* The quickest. 1; 0: one's copy is not equal; -1 */
static int choose(struct probe *p, enum original_strategy *ret,
		  struct error *err)
{
	struct candidates list;
	const struct candidate *best = &list.v[0];

	if (list_strategies(p->admin, p->deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		struct candidate *c = &list.v[i];
		int equal = measure(p, c, err);

		if (equal != 1)
			return equal;
		log_debug("clone by %s and drop: %lld us",
			  original_strategy_name(c->strategy),
			  (long long)c->us);
		if (!c->fails && c->us < best->us)
			best = c;
	}
	*ret = best->strategy;
	return 1;
}

/* Our line, and after it the comment that the database has. */
static int note(struct db *admin, const char *database,
		const struct original *o, const struct deadline *deadline,
		struct error *err)
{
	auto_free char *comment = NULL;
	auto_buf struct buf ask = BUF_INIT;
	auto_buf struct buf text = BUF_INIT;
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&ask, "SELECT shobj_description(oid, 'pg_database') FROM "
		       "pg_database WHERE datname = ");
	db_put_literal(DIALECT_POSTGRES, &ask, database);
	if (db_value(admin, ask.s, deadline, &comment, err) < 0)
		return -1;
	buf_printf(&text, "testenv %d %s %s", (int)o->strategy, o->state,
		   o->sequences);
	if (comment)
		buf_printf(&text, "\n%s", comment);
	buf_puts(&sql, "COMMENT ON DATABASE " ORIGINAL_NAME " IS ");
	db_put_literal(DIALECT_POSTGRES, &sql, text.s);
	return db_exec(admin, sql.s, deadline, err);
}

int original_find(struct db *admin, const struct deadline *deadline,
		  struct original *ret, struct error *err)
{
	auto_free char *line = NULL;
	struct original o = {.strategy = ORIGINAL_DEFAULT};
	int strategy = 0;

	if (db_value(admin,
		     "SELECT coalesce(split_part(shobj_description(oid, "
		     "'pg_database'), chr(10), 1), '') FROM pg_database "
		     "WHERE datname = '" ORIGINAL_NAME "'",
		     deadline, &line, err) < 0)
		return -1;
	if (!line)
		return 0;
	if (sscanf(line, "testenv %d %64s %64s", &strategy, o.state,
		   o.sequences) != 3 ||
	    strategy < ORIGINAL_DEFAULT || strategy > ORIGINAL_REFLINK)
		o = (struct original){.strategy = ORIGINAL_DEFAULT};
	else
		o.strategy = (enum original_strategy)strategy;
	*ret = o;
	return 1;
}

static int keep(struct db *admin, const char *database, struct probe *p,
		struct error *err)
{
	auto_db_state struct db_state state = DB_STATE_INIT;
	struct original o = {.strategy = ORIGINAL_DEFAULT};
	int equal;

	if (read_state(admin, database, p->deadline, &state, err) < 0 ||
	    original_sequences(admin, database, p->deadline, o.sequences, err) <
		0 ||
	    original_disconnect_all(admin, p->deadline, err) < 0 ||
	    original_copy(admin, database, ORIGINAL_NAME, ORIGINAL_DEFAULT,
			  p->deadline, err) < 0 ||
	    db_exec(admin,
		    "ALTER DATABASE " ORIGINAL_NAME " ALLOW_CONNECTIONS false",
		    p->deadline, err) < 0)
		return -1;
	p->state = &state;
	db_state_digest(&state, o.state);
	/* before the first copy, which takes the comment along */
	if (note(admin, database, &o, p->deadline, err) < 0)
		return -1;
	equal = choose(p, &o.strategy, err);
	if (equal != 1)
		return equal;
	return note(admin, database, &o, p->deadline, err) < 0 ? -1 : 1;
}

int original_keep(struct db *admin, const char *database,
		  const struct deadline *deadline, char **ret_why,
		  struct error *err)
{
	auto_buf struct buf difference = BUF_INIT_MAX(WHY_BYTES);
	struct probe p = {admin, deadline, NULL, &difference};
	int kept = keep(admin, database, &p, err);

	if (kept < 0)
		return error_wrap(err, "keep '%s' as the original", database);
	if (kept == 1)
		return 1;
	if (original_drop(admin, ORIGINAL_NAME, deadline, err) < 0)
		return -1;
	*ret_why = xasprintf("a copy of it is not equal: %s", difference.s);
	return 0;
}
