/* SPDX-License-Identifier: MIT */
/*
 * fake/session/stub_db.h - servers that are not there. Included by one file of
 * a test program; replaces dialect/db.h and dialect/clone.h, so that what is
 * tested is everything between a session and the engine's API.
 */
#ifndef FAKE_STUB_DB_H
#define FAKE_STUB_DB_H

#include "../docker/outside.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/clone.h"
#include "dialect/db.h"
#include "dialect/state.h"

#include <stdatomic.h>
#include <stdlib.h>

enum server_fate {
	SERVER_GETS_READY,
	SERVER_NEVER_READY /* also: ends, if the engine says so */
};
static enum server_fate stub_fate;
static atomic_uint stub_waits;   /* servers that were waited for */
static atomic_uint stub_scripts; /* files that were run */

struct db {
	int unused;
};

int db_connect(const struct db_address *address,
	       const struct deadline *deadline, struct db **ret,
	       struct error *err)
{
	(void)address, (void)deadline, (void)err;
	*ret = xcalloc(1, sizeof(**ret));
	return 0;
}

void db_close(struct db *db)
{
	free(db);
}

void cleanup_db(struct db **db)
{
	db_close(*db);
	*db = NULL;
}

int db_exec(struct db *db, const char *sql, const struct deadline *deadline,
	    struct error *err)
{
	(void)db, (void)sql, (void)deadline, (void)err;
	return 0;
}

int db_value(struct db *db, const char *sql, const struct deadline *deadline,
	     char **ret, struct error *err)
{
	(void)db, (void)sql, (void)deadline, (void)err;
	*ret = xstrdup("15.20");
	return 0;
}

void db_put_identifier(enum dialect d, struct buf *b, const char *name)
{
	(void)d, (void)b, (void)name;
}

void db_put_literal(enum dialect d, struct buf *b, const char *value)
{
	(void)d, (void)b, (void)value;
}

int db_wait_ready(const struct db_address *address, const struct db_wait *wait,
		  const struct deadline *deadline, struct db **ret_db,
		  struct error *err)
{
	auto_error struct error over = ERROR_INIT;

	stub_waits++;
	if (stub_fate == SERVER_GETS_READY)
		return db_connect(address, deadline, ret_db, err);
	while (deadline_poll(deadline, NULL, 0, 5, "server", &over) == 0)
		if (wait->dead(wait->ctx, err) < 0)
			return -1;
	return error_move(err, &over);
}

int db_run_script(struct db *db, const char *name, const char *sql, size_t len,
		  const struct deadline *deadline, struct error *err)
{
	(void)db, (void)name, (void)sql, (void)len, (void)deadline, (void)err;
	stub_scripts++;
	return 0;
}

int db_run_migration(struct db *db, const char *name, const char *sql,
		     size_t len, const struct deadline *deadline,
		     struct error *err)
{
	return db_run_script(db, name, sql, len, deadline, err);
}

int db_insert_rows(struct db *db, const struct db_rows *rows,
		   const struct deadline *deadline, size_t *ret_row,
		   struct error *err)
{
	(void)db, (void)deadline, (void)err;
	*ret_row = rows->n;
	return 0;
}

int db_set_passwords(struct db *db, const char *user, const char *password,
		     const char *admin_password,
		     const struct deadline *deadline, struct error *err)
{
	(void)db, (void)user, (void)password, (void)admin_password;
	(void)deadline, (void)err;
	return 0;
}

int db_seal_file(struct db *db, struct error *err)
{
	(void)err;
	db_close(db);
	return 0;
}

bool db_file_is_whole(const char *path)
{
	(void)path;
	return true;
}

void db_global_init(void)
{
}

const char *db_sqlite_version(void)
{
	return "0";
}

const char *clone_way_name(enum clone_way way)
{
	(void)way;
	return "";
}

int clone_keep(struct db *admin, const char *database,
	       const struct deadline *deadline, char **ret_why,
	       struct error *err)
{
	(void)admin, (void)database, (void)deadline, (void)ret_why, (void)err;
	return 1;
}

struct clones {
	int unused;
};

int clones_open(struct db *admin, const char *database,
		const struct deadline *deadline, struct clones **ret,
		struct error *err)
{
	(void)admin, (void)database, (void)deadline, (void)err;
	*ret = xcalloc(1, sizeof(**ret));
	return 0;
}

void clones_free(struct clones *c)
{
	free(c);
}

const char *clones_only_in_place(const struct clones *c)
{
	(void)c;
	return NULL;
}

const char *clones_describe(const struct clones *c)
{
	(void)c;
	return "template";
}

int clones_make(struct clones *c, struct db *admin, const char *name,
		const struct deadline *deadline,
		struct clone_report *ret_report, struct error *err)
{
	(void)c, (void)admin, (void)name, (void)deadline, (void)ret_report;
	(void)err;
	return 0;
}

int clones_restore(struct clones *c, struct db *admin, const char *name,
		   const struct deadline *deadline,
		   struct clone_report *ret_report, struct error *err)
{
	(void)c, (void)admin, (void)name, (void)deadline, (void)err;
	*ret_report = (struct clone_report){.way = CLONE_UNCHANGED};
	return 1;
}

int clone_drop(struct db *admin, const char *name,
	       const struct deadline *deadline, struct error *err)
{
	(void)admin, (void)name, (void)deadline, (void)err;
	return 0;
}

int clones_read(struct clones *c, struct db *admin, const char *name,
		const struct deadline *deadline, struct db_state *ret,
		struct error *err)
{
	(void)c, (void)admin, (void)name, (void)deadline, (void)ret;
	(void)err;
	return 0;
}

int clones_compare(struct clones *c, struct db *admin, const char *name,
		   const struct deadline *deadline, struct buf *ret_difference,
		   struct error *err)
{
	(void)c, (void)admin, (void)name, (void)deadline;
	(void)ret_difference, (void)err;
	return 1;
}

int db_state_read(struct db *db, const struct deadline *deadline,
		  struct db_state *ret, struct error *err)
{
	(void)db, (void)deadline, (void)err;
	*ret = (struct db_state)DB_STATE_INIT;
	return 0;
}

void db_state_free(struct db_state *s)
{
	(void)s;
}

int db_state_describe(const struct db_state *from, const struct db_state *to,
		      struct buf *ret)
{
	(void)from, (void)to, (void)ret;
	return 0;
}

int db_refill_file(const char *path, const char *from,
		   const struct deadline *deadline, struct error *err)
{
	(void)path, (void)from, (void)deadline, (void)err;
	return 0;
}

int db_read_sealed(const char *path, const struct deadline *deadline,
		   struct db_state *ret, struct error *err)
{
	(void)path;
	return db_state_read(NULL, deadline, ret, err);
}

int db_check_sealed(const char *path, const struct deadline *deadline,
		    struct error *err)
{
	(void)path, (void)deadline, (void)err;
	return 0;
}

#endif
