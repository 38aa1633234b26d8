/* SPDX-License-Identifier: MIT */
/*
 * isolation: database. One server for the service, a database of it for each
 * slot: cloned from the original inside the server, or made by running the
 * migrations into it where that cannot be. On MariaDB each slot has a user of
 * its own, too; the router makes it of the public one.
 */
#include "provider/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/ident.h"
#include "dialect/clone.h"
#include "dialect/db.h"
#include "provider/clean.h"

#include <stdlib.h>
#include <string.h>

static struct container_provider *of(struct provider *p)
{
	return (struct container_provider *)p;
}

/* The database of the public name would be common to all who name it in full:
 * only slots' databases are left. */
static int drop_public(struct container_provider *p, struct server *s,
		       const struct deadline *deadline, struct error *err)
{
	auto_db struct db *db = NULL;

	if (container_admin(p, s, deadline, &db, err) < 0)
		return -1;
	return clone_drop(db, p->base.spec.database, deadline, err);
}

/* The first slot that is started brings up the server; the others wait. */
static int shared_server(struct container_provider *p,
			 const struct deadline *deadline, struct server **ret,
			 struct error *err)
{
	int result = 0;

	pthread_mutex_lock(&p->start_mutex);
	*ret = server_find(p, SERVER_SHARED);
	if (!*ret) {
		result = container_start_server(p, SERVER_SHARED, deadline, ret,
						err);
		if (result == 0)
			result = drop_public(p, *ret, deadline, err);
	}
	pthread_mutex_unlock(&p->start_mutex);
	return result;
}

/* MariaDB's databases can be named from each other, so there a slot has a user
 * who may use its database only. NULL elsewhere. */
static char *slot_user(const struct provider *base, unsigned slot)
{
	return base->spec.dialect == DIALECT_MARIADB
		   ? xasprintf("%s_%u", base->spec.user, slot)
		   : NULL;
}

static void put_user(struct buf *sql, const char *user)
{
	db_put_literal(DIALECT_MARIADB, sql, user);
	buf_puts(sql, "@'%'");
}

/* Nobody can log in as the slot's user any more, and whoever has is gone: a
 * connection need not have chosen the database to write to it. */
static int shut_out(struct db *db, const char *user,
		    const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf drop = BUF_INIT;
	auto_buf struct buf kill = BUF_INIT;
	auto_buf struct buf ask = BUF_INIT;

	buf_puts(&drop, "DROP USER IF EXISTS ");
	put_user(&drop, user);
	buf_puts(&kill, "KILL USER ");
	db_put_literal(DIALECT_MARIADB, &kill, user);
	buf_puts(&ask, "SELECT 1 FROM information_schema.processlist "
		       "WHERE user = ");
	db_put_literal(DIALECT_MARIADB, &ask, user);
	buf_puts(&ask, " LIMIT 1");
	if (db_exec(db, drop.s, deadline, err) < 0)
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

static int let_in(const struct container_provider *p, struct db *db,
		  const char *user, const char *database,
		  const struct deadline *deadline, struct error *err)
{
	char hash[IDENT_MYSQL_HASH];
	auto_buf struct buf sql = BUF_INIT;

	ident_mysql_hash(p->slot_password, hash);
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

int shared_slot_clean(struct provider *base, unsigned slot, bool same_owner,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	auto_free char *database = clean_name(base, slot);
	auto_free char *user = slot_user(base, slot);
	auto_db struct db *db = NULL;
	struct server *s;

	(void)same_owner;
	if (shared_server(of(base), deadline, &s, err) < 0 ||
	    container_admin(of(base), s, deadline, &db, err) < 0 ||
	    (user && shut_out(db, user, deadline, err) < 0) ||
	    clean_database(base, s->clones, db, &s->address, database,
			   of(base)->slot_password, s->name, deadline,
			   err) < 0 ||
	    (user && let_in(of(base), db, user, database, deadline, err) < 0))
		return -1;
	container_admin_done(of(base), s, &db);
	container_address(of(base), s, database, ret);
	ret->slot_user = take_ptr(&user);
	return 0;
}

int shared_slot_start(struct provider *base, unsigned slot,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	return shared_slot_clean(base, slot, false, deadline, ret, err);
}

int shared_slot_stop(struct provider *base, unsigned slot,
		     const struct deadline *deadline, struct error *err)
{
	auto_free char *database = clean_name(base, slot);
	auto_db struct db *db = NULL;
	struct server *s = server_find(of(base), SERVER_SHARED);

	if (!s)
		return 0;
	if (container_admin(of(base), s, deadline, &db, err) < 0)
		return -1;
	return clone_drop(db, database, deadline, err);
}
