/* SPDX-License-Identifier: MIT */
#include "dialect/original.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"
#include "dialect/original_private.h"

#include <stdlib.h>
#include <string.h>

static void put_name(struct buf *sql, const char *name)
{
	db_put_identifier(DIALECT_POSTGRES, sql, name);
}

static void put_text(struct buf *sql, const char *text)
{
	db_put_literal(DIALECT_POSTGRES, sql, text);
}

static const char *const strategy_names[] = {
    [ORIGINAL_DEFAULT] = "default",
    [ORIGINAL_WAL_LOG] = "wal_log",
    [ORIGINAL_FILE_COPY] = "file_copy",
    [ORIGINAL_REFLINK] = "clone",
};

const char *original_strategy_name(enum original_strategy s)
{
	return strategy_names[s];
}

/*
 * CREATE DATABASE does not copy the settings of ALTER DATABASE … SET, nor
 * privileges on the database itself; a superuser may put them into the
 * catalogues as they are, lists and quoting included.
 */
static void put_settings(struct buf *sql, const char *from, const char *to)
{
	buf_puts(sql, "INSERT INTO pg_db_role_setting "
		      "SELECT (SELECT oid FROM pg_database WHERE datname = ");
	put_text(sql, to);
	buf_puts(sql, "), s.setrole, s.setconfig FROM pg_db_role_setting s "
		      "JOIN pg_database d ON d.oid = s.setdatabase "
		      "WHERE d.datname = ");
	put_text(sql, from);
	buf_puts(sql, "; UPDATE pg_database AS t SET datacl = f.datacl, "
		      "datconnlimit = f.datconnlimit "
		      "FROM pg_database f WHERE f.datname = ");
	put_text(sql, from);
	buf_puts(sql, " AND t.datname = ");
	put_text(sql, to);
	/* most have neither, and then nothing is to be rewritten */
	buf_puts(sql, " AND (f.datacl IS NOT NULL OR f.datconnlimit <> -1)");
}

/* The comment, from after the original's own line; given to the copy likewise.
 */
static void put_comment(struct buf *sql, const char *from, const char *to)
{
	buf_puts(sql, "; INSERT INTO pg_shdescription (objoid, classoid, "
		      "description) SELECT (SELECT oid FROM pg_database WHERE "
		      "datname = ");
	put_text(sql, to);
	buf_puts(sql, "), c.classoid, ");
	buf_puts(sql, strcmp(from, ORIGINAL_NAME)
			  ? "c.description"
			  : "substr(c.description, strpos(c.description, "
			    "chr(10)) + 1)");
	buf_puts(sql, " FROM pg_shdescription c JOIN pg_database d ON d.oid = "
		      "c.objoid WHERE c.classoid = 'pg_database'::regclass "
		      "AND d.datname = ");
	put_text(sql, from);
	if (!strcmp(from, ORIGINAL_NAME))
		buf_puts(sql, " AND strpos(c.description, chr(10)) > 0");
}

static int owner_of(struct db *admin, const char *database,
		    const struct deadline *deadline, char **ret,
		    struct error *err)
{
	auto_buf struct buf ask = BUF_INIT;

	buf_puts(&ask, "SELECT pg_get_userbyid(datdba) FROM pg_database "
		       "WHERE datname = ");
	put_text(&ask, database);
	if (db_value(admin, ask.s, deadline, ret, err) < 0)
		return -1;
	if (!*ret)
		return error_set(err, ERROR_DATABASE, "no database '%s'",
				 database);
	return 0;
}

static int create(struct db *admin, const char *from, const char *to,
		  enum original_strategy strategy,
		  const struct deadline *deadline, struct error *err)
{
	auto_free char *owner = NULL;
	auto_buf struct buf sql = BUF_INIT;

	if (owner_of(admin, from, deadline, &owner, err) < 0)
		return -1;
	if (strategy == ORIGINAL_REFLINK &&
	    db_exec(admin, "SET file_copy_method = clone", deadline, err) < 0)
		return -1;
	buf_puts(&sql, "CREATE DATABASE ");
	put_name(&sql, to);
	buf_puts(&sql, " TEMPLATE ");
	put_name(&sql, from);
	buf_puts(&sql, " OWNER ");
	put_name(&sql, owner);
	if (strategy == ORIGINAL_WAL_LOG)
		buf_puts(&sql, " STRATEGY wal_log");
	else if (strategy != ORIGINAL_DEFAULT)
		buf_puts(&sql, " STRATEGY file_copy");
	return db_exec(admin, sql.s, deadline, err);
}

int original_copy(struct db *admin, const char *from, const char *to,
		  enum original_strategy strategy,
		  const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	if (create(admin, from, to, strategy, deadline, err) < 0)
		return -1;
	put_settings(&sql, from, to);
	put_comment(&sql, from, to);
	return db_exec(admin, sql.s, deadline, err);
}

int original_clone(struct db *admin, const struct original *o, const char *name,
		   const struct deadline *deadline, struct error *err)
{
	if (original_copy(admin, ORIGINAL_NAME, name, o->strategy, deadline,
			  err) < 0)
		return error_wrap(err, "clone the original to '%s'", name);
	return 0;
}

/* Transactions that were prepared need no connection, and are in the way of a
 * DROP. Only in their own database can they be ended. 1: there were some. */
static int end_prepared(struct db *admin, const char *name,
			const struct deadline *deadline, struct error *err)
{
	auto_db struct db *db = NULL;
	auto_buf struct buf ask = BUF_INIT;

	buf_puts(&ask, "SELECT format('ROLLBACK PREPARED %L', gid) FROM "
		       "pg_prepared_xacts WHERE database = ");
	put_text(&ask, name);
	buf_puts(&ask, " LIMIT 1");
	for (;;) {
		auto_free char *sql = NULL;

		if (db_value(admin, ask.s, deadline, &sql, err) < 0)
			return -1;
		if (!sql)
			return db ? 1 : 0;
		if (!db &&
		    db_connect_beside(admin, name, deadline, &db, err) < 0)
			return -1;
		if (db_exec(db, sql, deadline, err) < 0)
			return -1;
	}
}

int original_drop(struct db *admin, const char *name,
		  const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;
	auto_error struct error why = ERROR_INIT;
	auto_error struct error ignored = ERROR_INIT;
	int done;

	buf_puts(&sql, "DROP DATABASE IF EXISTS ");
	put_name(&sql, name);
	buf_puts(&sql, " WITH (FORCE)");
	done = db_exec(admin, sql.s, deadline, &why);
	if (done < 0 && why.kind == ERROR_DATABASE &&
	    end_prepared(admin, name, deadline, &ignored) == 1) {
		error_clear(&why);
		done = db_exec(admin, sql.s, deadline, &why);
	}
	if (done == 0)
		return 0;
	error_move(err, &why);
	return error_wrap(err, "drop '%s'", name);
}

int original_surroundings(struct db *admin, const char *database,
			  const struct deadline *deadline, char **ret,
			  struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(
	    &sql,
	    "SELECT concat_ws('/',"
	    " (SELECT string_agg(concat_ws(',', rolname, rolsuper, rolinherit,"
	    " rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,"
	    " rolbypassrls, rolconnlimit, rolvaliduntil), ';' ORDER BY rolname)"
	    " FROM pg_roles),"
	    " (SELECT string_agg(concat_ws(',', roleid, member, admin_option),"
	    " ';' ORDER BY roleid, member) FROM pg_auth_members),"
	    " (SELECT string_agg(concat_ws(',', oid, datname, datallowconn,"
	    " datconnlimit, datacl), ';' ORDER BY oid) FROM pg_database"
	    " WHERE datname <> ");
	put_text(&sql, database);
	buf_puts(&sql,
		 "), (SELECT string_agg(concat_ws(',', setdatabase, setrole,"
		 " setconfig), ';' ORDER BY setdatabase, setrole)"
		 " FROM pg_db_role_setting s WHERE NOT EXISTS (SELECT FROM"
		 " pg_database d WHERE d.oid = s.setdatabase AND d.datname = ");
	put_text(&sql, database);
	buf_puts(
	    &sql,
	    ")), (SELECT string_agg(spcname, ';' ORDER BY spcname)"
	    " FROM pg_tablespace),"
	    " (SELECT string_agg(concat_ws(',', name, setting), ';' ORDER BY"
	    " name) FROM pg_file_settings WHERE sourcefile LIKE '%.auto.conf'),"
	    " (SELECT string_agg(concat_ws(',', datname, tup_inserted,"
	    " tup_updated, tup_deleted), ';' ORDER BY datname)"
	    " FROM pg_stat_database WHERE datname IN ('postgres','template1')))"
	    " FROM pg_database WHERE datname = '" ORIGINAL_NAME "'");
	return db_value(admin, sql.s, deadline, ret, err);
}

int original_disconnect_all(struct db *admin, const struct deadline *deadline,
			    struct error *err)
{
	static const char others[] =
	    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
	    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";

	for (;;) {
		auto_free char *n = NULL;

		if (db_value(admin, others, deadline, &n, err) < 0)
			return -1;
		if (!n || !strcmp(n, "0"))
			return 0;
		if (deadline_poll(deadline, NULL, 0, 2, "clients to leave",
				  err) < 0)
			return -1;
	}
}
