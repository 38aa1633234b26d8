/* SPDX-License-Identifier: MIT */
#include "dialect/held.h"

#include "base/error.h"
#include "dialect/clone.h"
#include "dialect/db.h"
#include "dialect/maria.h"

#include <string.h>

enum {
	NAMES_MAX = 400
};

static int held(const char *name, const struct maria_answer *prepared,
		const struct error *why, struct error *err)
{
	auto_buf struct buf names = BUF_INIT_MAX(NAMES_MAX);

	/* format, two lengths, and what XA ROLLBACK takes */
	for (size_t i = 0; i < prepared->n; i++)
		if (prepared->rows[i].n > 3 && prepared->rows[i].v[3])
			buf_printf(&names, "%s%s", names.len ? ", " : "",
				   prepared->rows[i].v[3]);
	error_set(err, ERROR_BUSY,
		  "database '%s' is held by a prepared transaction, one of %s: "
		  "%s",
		  name, names.s, why->text);
	error_hint(err, "whoever knows whose it is may end it: XA ROLLBACK");
	return -1;
}

int db_drop_held(struct db *db, const char *name,
		 const struct deadline *deadline, struct error *err)
{
	auto_maria_answer struct maria_answer prepared = {NULL, 0};
	auto_error struct error why = ERROR_INIT;

	if (maria_ask(db, "XA RECOVER FORMAT='SQL'", deadline, &prepared, err) <
	    0)
		return -1;
	if (!prepared.n)
		return clone_drop(db, name, deadline, err);
	if (db_exec(db, "SET SESSION innodb_lock_wait_timeout = 5", deadline,
		    err) < 0)
		return -1;
	if (clone_drop(db, name, deadline, &why) == 0)
		return db_exec(db,
			       "SET SESSION innodb_lock_wait_timeout = DEFAULT",
			       deadline, err);
	if (why.kind != ERROR_DATABASE || !strstr(why.text, "Lock wait"))
		return error_move(err, &why);
	return held(name, &prepared, &why, err);
}
