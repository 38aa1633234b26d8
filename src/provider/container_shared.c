/* SPDX-License-Identifier: MIT */
/*
 * isolation: database. One server for the service, a database of it for each
 * slot: cloned from the original inside the server, or made by running the
 * migrations into it where that cannot be.
 */
#include "provider/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/clone.h"
#include "dialect/db.h"

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

/* From the original, rather than by the migrations? */
static bool is_cloned(const struct server *s)
{
	return s->clones && !clones_only_in_place(s->clones);
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

static int migrate(struct provider *base, struct server *s, struct db *db,
		   const char *database, const struct deadline *deadline,
		   struct error *err)
{
	struct container_provider *p = of(base);
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "CREATE DATABASE ");
	db_put_identifier(base->spec.dialect, &sql, database);
	if (db_exec(db, sql.s, deadline, err) < 0)
		return -1;
	return container_migrate(p, &s->address, database, p->slot_password,
				 deadline, err);
}

/* Brings it back, or makes it: one that is not there has changed, too. */
static int bring(struct provider *base, struct server *s, struct db *db,
		 const char *database, const struct deadline *deadline,
		 struct error *err)
{
	struct clone_report report;
	int done =
	    clones_restore(s->clones, db, database, deadline, &report, err);

	if (done < 0)
		return -1;
	if (done == 0)
		return error_set(err, ERROR_DATABASE, "server '%s': %s",
				 s->name, report.why);
	container_say(s->name, database, &report);
	return container_verify(of(base), s, db, database, deadline, err);
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
	    container_admin(of(base), s, deadline, &db, err) < 0)
		return -1;
	if (is_cloned(s)) {
		if (bring(base, s, db, database, deadline, err) < 0)
			return -1;
	} else if (clone_drop(db, database, deadline, err) < 0 ||
		   migrate(base, s, db, database, deadline, err) < 0) {
		return -1;
	}
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
	return clone_drop(db, database, deadline, err);
}
