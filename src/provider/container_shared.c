/* SPDX-License-Identifier: MIT */
/*
 * isolation: database. One server for the service, a database of it for each
 * slot: cloned from the original inside the server (postgres), or made by
 * running the migrations into it (mariadb).
 */
#include "provider/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"
#include "dialect/original.h"

#include <stdlib.h>
#include <string.h>

static struct container_provider *of(struct provider *p)
{
	return (struct container_provider *)p;
}

static char *slot_database(const struct provider *base, unsigned slot)
{
	return xasprintf("%s_%u", base->spec.database, slot);
}

/* Ends MariaDB's connections to the database: DROP would wait for theirs. */
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

static int drop(struct provider *base, struct db *db, const char *database,
		const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	if (base->spec.dialect == DIALECT_POSTGRES)
		return original_drop(db, database, deadline, err);
	if (disconnect(db, database, deadline, err) < 0)
		return -1;
	buf_puts(&sql, "DROP DATABASE IF EXISTS ");
	db_put_identifier(DIALECT_MARIADB, &sql, database);
	return db_exec(db, sql.s, deadline, err);
}

/* The database of the public name would be common to all who name it in full:
 * only slots' databases are left. */
static int drop_public(struct container_provider *p, struct server *s,
		       const struct deadline *deadline, struct error *err)
{
	auto_db struct db *db = NULL;

	if (container_admin(p, s, deadline, &db, err) < 0)
		return -1;
	return drop(&p->base, db, p->base.spec.database, deadline, err);
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

static int make(struct provider *base, struct server *s, struct db *db,
		const char *database, const struct deadline *deadline,
		struct error *err)
{
	struct container_provider *p = of(base);
	auto_buf struct buf sql = BUF_INIT;

	if (base->spec.dialect == DIALECT_POSTGRES)
		return original_clone(db, database, deadline, err);
	buf_puts(&sql, "CREATE DATABASE ");
	db_put_identifier(DIALECT_MARIADB, &sql, database);
	if (db_exec(db, sql.s, deadline, err) < 0)
		return -1;
	return container_migrate(p, &s->address, database, p->slot_password,
				 deadline, err);
}

int shared_slot_clean(struct provider *base, unsigned slot, bool same_owner,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	auto_free char *database = slot_database(base, slot);
	auto_db struct db *db = NULL;
	struct server *s;

	(void)same_owner;
	if (shared_server(of(base), deadline, &s, err) < 0 ||
	    container_admin(of(base), s, deadline, &db, err) < 0 ||
	    drop(base, db, database, deadline, err) < 0 ||
	    make(base, s, db, database, deadline, err) < 0)
		return -1;
	container_address(of(base), s, database, ret);
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
	auto_free char *database = slot_database(base, slot);
	auto_db struct db *db = NULL;
	struct server *s = server_find(of(base), SERVER_SHARED);

	if (!s)
		return 0;
	if (container_admin(of(base), s, deadline, &db, err) < 0)
		return -1;
	return drop(base, db, database, deadline, err);
}
