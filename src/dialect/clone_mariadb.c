/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/error.h"
#include "dialect/clone_private.h"
#include "dialect/db.h"

#include <stdlib.h>

static int my_keep(struct db *admin, const char *database,
		   const struct deadline *deadline, char **ret_why,
		   struct error *err)
{
	(void)admin;
	(void)database;
	(void)deadline;
	(void)err;
	*ret_why = xstrdup("mariadb is not cloned yet");
	return 0;
}

static int my_open(struct db *admin, const char *database,
		   const struct deadline *deadline, struct clones **ret,
		   struct error *err)
{
	(void)admin;
	(void)database;
	(void)deadline;
	(void)err;
	*ret = NULL;
	return 0;
}

/* DROP would wait for the locks of whoever is connected. */
static int disconnect(struct db *db, const char *database,
		      const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf ask = BUF_INIT;

	buf_puts(&ask, "SELECT CONCAT('KILL ', id) FROM "
		       "information_schema.processlist WHERE db = ");
	db_put_literal(DIALECT_MARIADB, &ask, database);
	buf_puts(&ask, " LIMIT 1");
	for (;;) {
		auto_free char *kill = NULL;
		auto_error struct error gone = ERROR_INIT;

		if (db_value(db, ask.s, deadline, &kill, err) < 0)
			return -1;
		if (!kill)
			return 0;
		/* it may have left by itself: then there is nothing to kill */
		if (db_exec(db, kill, deadline, &gone) < 0 &&
		    gone.kind != ERROR_DATABASE)
			return error_move(err, &gone);
		if (deadline_poll(deadline, NULL, 0, 2, "clients to leave",
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

const struct clones_ops mariadb_clones = {
    .keep = my_keep,
    .open = my_open,
    .drop = my_drop,
};
