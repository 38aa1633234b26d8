/* SPDX-License-Identifier: MIT */
#include "provider/clean.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "dialect/clone.h"
#include "dialect/db.h"
#include "dialect/state.h"

#include <stdlib.h>

enum {
	VERIFY_BYTES = 16 * 1024
};

int clean_keep(const struct provider *p, struct db *admin,
	       const struct deadline *deadline, struct error *err)
{
	auto_free char *why = NULL;
	int kept = clone_keep(admin, p->spec.database, deadline, &why, err);

	if (kept == 0)
		log_debug("'%s' cannot be cloned in its server: %s",
			  p->spec.database, why);
	return kept < 0 ? -1 : 0;
}

static int verify(const struct provider *p, struct clones *clones,
		  struct db *admin, const char *database,
		  const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf difference = BUF_INIT_MAX(VERIFY_BYTES);
	int equal;

	if (!p->spec.verify)
		return 0;
	equal =
	    clones_compare(clones, admin, database, deadline, &difference, err);
	if (equal)
		return equal < 0 ? -1 : 0;
	error_set(err, ERROR_INTERNAL,
		  "'%s' differs from the template it was made from", database);
	error_detail(err, difference.s);
	return -1;
}

/* 1; 0 with *err: clones.h says that another server is needed; -1. */
static int bring(const struct provider *p, struct clones *clones,
		 struct db *admin, const char *database, const char *server,
		 const struct deadline *deadline, struct error *err)
{
	struct clone_report report;
	int done =
	    clones_restore(clones, admin, database, deadline, &report, err);

	if (done < 0)
		return -1;
	if (done == 0) {
		error_set(err, ERROR_DATABASE, "server '%s': %s", server,
			  report.why);
		return 0;
	}
	log_debug("%s: '%s': %s, %u tables%s%s", server, database,
		  clone_way_name(report.way), report.tables,
		  *report.why ? ": " : "", report.why);
	return verify(p, clones, admin, database, deadline, err) < 0 ? -1 : 1;
}

int clean_restore(const struct provider *p, struct clones *clones,
		  struct db *admin, const char *server,
		  const struct deadline *deadline, struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	int done;

	if (!clones)
		return error_set(err, ERROR_DATABASE,
				 "server '%s' holds no original", server) +
		       1;
	done =
	    bring(p, clones, admin, p->spec.database, server, deadline, &why);
	if (done > 0)
		return 1;
	error_move(err, &why);
	if (done < 0 && err &&
	    (err->kind == ERROR_CANCELLED || err->kind == ERROR_INTERNAL))
		return -1;
	return 0;
}

int clean_states(const struct provider *p, struct clones *clones,
		 struct db *admin, const char *database,
		 const struct deadline *deadline, struct db_state *ret_template,
		 struct db_state *ret_now, struct error *err)
{
	auto_db_state struct db_state template = DB_STATE_INIT;

	if (!clones)
		return error_set(err, ERROR_REFUSED,
				 "the server of '%s' keeps no original to "
				 "compare with",
				 p->spec.service);
	if (clones_read(clones, admin, NULL, deadline, &template, err) < 0 ||
	    clones_read(clones, admin, database, deadline, ret_now, err) < 0)
		return -1;
	*ret_template = template;
	template = (struct db_state)DB_STATE_INIT;
	return 0;
}

int clean_migrate(const struct provider *p, const struct db_address *login,
		  const char *database, const char *password,
		  const struct deadline *deadline, struct error *err)
{
	auto_db_address struct db_address a = {.dialect = login->dialect};

	db_address_copy(login, &a);
	free(a.user);
	free(a.password);
	free(a.database);
	a.user = xstrdup(p->spec.user);
	a.password = xstrdup_or_null(password);
	a.database = xstrdup(database);
	return migrations_run(p->spec.migrations, &a, deadline, p->progress,
			      err);
}

static int make_anew(const struct provider *p, struct db *admin,
		     const struct db_address *login, const char *database,
		     const char *password, const struct deadline *deadline,
		     struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	if (migrations_has_command(p->spec.migrations))
		return error_set(err, ERROR_MIGRATION,
				 "database '%s' cannot be cloned, and a "
				 "command runs once, into the template",
				 database);
	if (clone_drop(admin, database, deadline, err) < 0)
		return -1;
	buf_puts(&sql, "CREATE DATABASE ");
	db_put_identifier(p->spec.dialect, &sql, database);
	if (db_exec(admin, sql.s, deadline, err) < 0)
		return -1;
	return clean_migrate(p, login, database, password, deadline, err);
}

int clean_database(const struct provider *p, struct clones *clones,
		   struct db *admin, const struct db_address *login,
		   const char *database, const char *password,
		   const char *server, const struct deadline *deadline,
		   struct error *err)
{
	if (!clones || clones_only_in_place(clones))
		return make_anew(p, admin, login, database, password, deadline,
				 err);
	return bring(p, clones, admin, database, server, deadline, err) == 1
		   ? 0
		   : -1;
}

char *clean_name(const struct provider *p, unsigned slot)
{
	return xasprintf("%s_%u", p->spec.database, slot);
}
