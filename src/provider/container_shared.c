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
#include "dialect/clone.h"
#include "dialect/db.h"
#include "provider/clean.h"
#include "provider/slot_user.h"

#include <stdlib.h>

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

/*
 * False: it has ended, or its node is gone. Other slots may be at work on it
 * until they find out, so that the rest is removed when the provider is closed.
 */
static bool serves(struct container_provider *p, struct server *s,
		   const struct deadline *deadline)
{
	if (!p->swarm && !atomic_load(&s->ended))
		return true;
	if (!p->swarm) {
		server_retire(p, s, deadline);
		return false;
	}
	if (swarm_server_check(p, s, deadline, NULL) == 0)
		return true;
	service_remove(p->engine, s->unit.service, deadline, NULL);
	pthread_mutex_lock(&p->mutex);
	s->slot = SERVER_LOST;
	pthread_mutex_unlock(&p->mutex);
	return false;
}

static int ensure_server(struct container_provider *p,
			 const struct deadline *deadline, struct server **ret,
			 struct error *err)
{
	*ret = server_find(p, SERVER_SHARED);
	if (*ret && !serves(p, *ret, deadline))
		*ret = NULL;
	if (!*ret) {
		p->public_dropped = false;
		if (container_start_server(p, SERVER_SHARED, deadline, ret,
					   err) < 0)
			return -1;
	}
	if (p->public_dropped)
		return 0;
	if (drop_public(p, *ret, deadline, err) < 0)
		return -1;
	p->public_dropped = true;
	return 0;
}

/* The first slot that is started brings up the server; the others wait. */
static int shared_server(struct container_provider *p,
			 const struct deadline *deadline, struct server **ret,
			 struct error *err)
{
	int result;

	pthread_mutex_lock(&p->start_mutex);
	result = ensure_server(p, deadline, ret, err);
	pthread_mutex_unlock(&p->start_mutex);
	return result;
}

/* With a server that may turn out to have ended: then with another. */
static int shared_admin(struct container_provider *p,
			const struct deadline *deadline,
			struct server **ret_server, struct db **ret_db,
			struct error *err)
{
	auto_error struct error why = ERROR_INIT;

	if (shared_server(p, deadline, ret_server, err) < 0)
		return -1;
	if (container_admin(p, *ret_server, deadline, ret_db, &why) == 0)
		return 0;
	if (p->swarm || !atomic_load(&(*ret_server)->ended))
		return error_move(err, &why);
	if (shared_server(p, deadline, ret_server, err) < 0)
		return -1;
	return container_admin(p, *ret_server, deadline, ret_db, err);
}

int shared_slot_clean(struct provider *base, unsigned slot, bool same_owner,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	auto_free char *database = clean_name(base, slot);
	auto_free char *user = slot_user_name(base, slot);
	auto_db struct db *db = NULL;
	struct server *s = NULL;

	(void)same_owner;
	if (shared_admin(of(base), deadline, &s, &db, err) < 0 ||
	    (user && slot_user_shut_out(db, user, deadline, err) < 0) ||
	    clean_database(base, s->clones, db, &s->address, database,
			   of(base)->slot_password, s->name, deadline,
			   err) < 0 ||
	    (user && slot_user_let_in(db, user, of(base)->slot_password,
				      database, deadline, err) < 0))
		return container_about_disk(of(base), s, err);
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
	auto_error struct error why = ERROR_INIT;
	auto_db struct db *db = NULL;
	struct server *s = server_find(of(base), SERVER_SHARED);

	/* it goes with its server */
	if (!s || atomic_load(&s->ended) ||
	    (of(base)->swarm &&
	     swarm_server_check(of(base), s, deadline, NULL) < 0))
		return 0;
	if (container_admin(of(base), s, deadline, &db, &why) == 0 &&
	    clone_drop(db, database, deadline, &why) == 0)
		return 0;
	if (atomic_load(&s->ended))
		return 0;
	error_move(err, &why);
	return container_about_disk(of(base), s, err);
}
