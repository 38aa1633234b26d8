/* SPDX-License-Identifier: MIT */
#include "provider/slot_user.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/log.h"
#include "dialect/db.h"
#include "provider/impl.h"

#include <stdlib.h>
#include <string.h>

char *slot_user_name(const struct provider *p, unsigned slot)
{
	return p->spec.dialect == DIALECT_MARIADB
		   ? xasprintf("%s_%u", p->spec.user, slot)
		   : NULL;
}

static void put_user(struct buf *sql, const char *user)
{
	db_put_literal(DIALECT_MARIADB, sql, user);
	buf_puts(sql, "@'%'");
}

static int drop(struct db *db, const char *user,
		const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "DROP USER IF EXISTS ");
	put_user(&sql, user);
	return db_exec(db, sql.s, deadline, err);
}

int slot_user_shut_out(struct db *db, const char *user,
		       const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf kill = BUF_INIT;
	auto_buf struct buf ask = BUF_INIT;

	buf_puts(&kill, "KILL USER ");
	db_put_literal(DIALECT_MARIADB, &kill, user);
	buf_puts(&ask, "SELECT 1 FROM information_schema.processlist "
		       "WHERE user = ");
	db_put_literal(DIALECT_MARIADB, &ask, user);
	buf_puts(&ask, " LIMIT 1");
	if (drop(db, user, deadline, err) < 0)
		return -1;
	for (;;) {
		auto_free char *there = NULL;

		if (db_exec(db, kill.s, deadline, err) < 0 ||
		    db_value(db, ask.s, deadline, &there, err) < 0)
			return -1;
		if (!there)
			return 0;
		if (deadline_poll(deadline, NULL, 0, 2, "clients to leave",
				  err) < 0)
			return -1;
	}
}

/* As the user: every other connection of its own. One at a time, as one that
 * ends by itself must not keep us from the others. */
static int end_others(struct db *own, const struct deadline *deadline,
		      struct error *err)
{
	for (;;) {
		auto_free char *kill = NULL;
		auto_error struct error gone = ERROR_INIT;

		if (db_value(own,
			     "SELECT CONCAT('KILL ', MIN(id)) FROM "
			     "information_schema.processlist WHERE id <> "
			     "CONNECTION_ID()",
			     deadline, &kill, err) < 0)
			return -1;
		if (!kill)
			return 0;
		if (db_exec(own, kill, deadline, &gone) < 0 &&
		    gone.kind != ERROR_DATABASE)
			return error_move(err, &gone);
		if (deadline_poll(deadline, NULL, 0, 1, "clients to leave",
				  err) < 0)
			return -1;
	}
}

int slot_user_leave(struct db *db, const struct db_address *login,
		    const struct deadline *deadline, struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	auto_db struct db *own = NULL;

	if (db_connect(login, deadline, &own, &why) < 0) {
		if (why.kind != ERROR_DATABASE)
			return error_move(err, &why);
		/* there is none, or nobody can log in as it */
		log_debug("user '%s': %s", login->user, why.text);
	} else if (end_others(own, deadline, err) < 0) {
		return -1;
	}
	return drop(db, login->user, deadline, err);
}

/* In a GRANT the name is a pattern. */
static void put_pattern(struct buf *sql, const char *database)
{
	auto_buf struct buf escaped = BUF_INIT;

	for (const char *c = database; *c; c++) {
		if (strchr("_%\\", *c))
			buf_putc(&escaped, '\\');
		buf_putc(&escaped, *c);
	}
	db_put_identifier(DIALECT_MARIADB, sql, escaped.s);
}

int slot_user_let_in(struct db *db, const char *user, const char *password,
		     const char *database, const struct deadline *deadline,
		     struct error *err)
{
	char hash[IDENT_MYSQL_HASH];
	auto_buf struct buf sql = BUF_INIT;

	ident_mysql_hash(password, hash);
	buf_puts(&sql, "CREATE USER ");
	put_user(&sql, user);
	buf_puts(&sql, " IDENTIFIED BY PASSWORD ");
	db_put_literal(DIALECT_MARIADB, &sql, hash);
	buf_puts(&sql, "; GRANT ALL PRIVILEGES ON ");
	put_pattern(&sql, database);
	buf_puts(&sql, ".* TO ");
	put_user(&sql, user);
	return db_exec(db, sql.s, deadline, err);
}
