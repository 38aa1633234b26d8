/* SPDX-License-Identifier: MIT */
#include "dialect/db.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/net.h"
#include "dialect/address_private.h"
#include "dialect/driver.h"
#include "dialect/state.h"

#include <stdlib.h>
#include <string.h>

/*
 * libpq obeys these whatever is passed to it (PGSERVICE, PGHOSTADDR and
 * PGREQUIREPEER have no neutral value; PGTZ, PGDATESTYLE and PGGEQO are sent in
 * the start-up packet).
 */
static const char *const libpq_variables[] = {
    "PGSERVICE",     "PGSERVICEFILE", "PGSYSCONFDIR", "PGHOSTADDR",
    "PGREQUIREPEER", "PGREQUIREAUTH", "PGTZ",         "PGDATESTYLE",
    "PGGEQO",        "PGOPTIONS",     "PGREALM",      "PGREQUIRESSL",
};

void db_global_init(void)
{
	size_t i;

	for (i = 0; i < sizeof(libpq_variables) / sizeof(*libpq_variables); i++)
		unsetenv(libpq_variables[i]);
	mariadb_global_init();
}

const struct driver *db_driver(enum dialect d)
{
	switch (d) {
	case DIALECT_POSTGRES:
		return &postgres_driver;
	case DIALECT_MARIADB:
		return &mariadb_driver;
	case DIALECT_SQLITE:
		return &sqlite_driver;
	}
	abort();
}

void db_put_place(const struct db_address *a, struct buf *b)
{
	auto_buf struct buf dir = BUF_INIT;
	auto_free char *place = NULL;
	const char *socket = a->socket;

	if (a->dialect == DIALECT_SQLITE) {
		buf_puts(b, a->path ? a->path : "");
		return;
	}
	if (db_by_tcp(a)) {
		place = net_place(a->host ? a->host : "", a->port);
		buf_puts(b, place);
		return;
	}
	if (!socket)
		socket = db_socket_dir(a, &dir);
	buf_puts(b, socket ? socket : "");
}

int db_connect(const struct db_address *address,
	       const struct deadline *deadline, struct db **ret,
	       struct error *err)
{
	auto_buf struct buf place = BUF_INIT;

	if (db_driver(address->dialect)->connect(address, deadline, ret, err) ==
	    0)
		return 0;
	db_put_place(address, &place);
	return error_wrap(err, "cannot connect to '%s'", place.s);
}

int db_connect_beside(struct db *db, const char *database,
		      const struct deadline *deadline, struct db **ret,
		      struct error *err)
{
	if (!db->driver->beside)
		return error_set(err, ERROR_INTERNAL,
				 "a file has no databases beside it");
	if (db->driver->beside(db, database, deadline, ret, err) < 0)
		return error_wrap(err, "cannot connect to database '%s'",
				  database);
	return 0;
}

int db_read_beside(struct db *db, const char *database,
		   const struct deadline *deadline, struct db_state *ret,
		   struct error *err)
{
	auto_db struct db *beside = NULL;

	if (db_connect_beside(db, database, deadline, &beside, err) < 0)
		return -1;
	return db_state_read(beside, deadline, ret, err);
}

void db_close(struct db *db)
{
	if (db)
		db->driver->close(db);
}

void cleanup_db(struct db **db)
{
	db_close(*db);
	*db = NULL;
}

int db_exec(struct db *db, const char *sql, const struct deadline *deadline,
	    struct error *err)
{
	return db->driver->query(db, sql, deadline, NULL, err);
}

int db_value(struct db *db, const char *sql, const struct deadline *deadline,
	     char **ret, struct error *err)
{
	return db->driver->query(db, sql, deadline, ret, err);
}

int db_set_passwords(struct db *db, const char *user, const char *password,
		     const char *admin_password,
		     const struct deadline *deadline, struct error *err)
{
	if (db->driver->set_passwords(db, user, password, admin_password,
				      deadline, err) < 0)
		return error_wrap(err, "cannot set the password of '%s'", user);
	return 0;
}

int db_seal_file(struct db *db, struct error *err)
{
	if (db->dialect == DIALECT_SQLITE)
		return sqlite_seal(db, err);
	db_close(db);
	return error_set(err, ERROR_INTERNAL, "only a file can be sealed");
}

static void put_quoted(struct buf *b, char quote, const char *s,
		       bool double_backslash)
{
	buf_putc(b, quote);
	for (; *s; s++) {
		if (*s == quote || (*s == '\\' && double_backslash))
			buf_putc(b, *s);
		buf_putc(b, *s);
	}
	buf_putc(b, quote);
}

void db_put_identifier(enum dialect d, struct buf *b, const char *name)
{
	put_quoted(b, d == DIALECT_MARIADB ? '`' : '"', name, false);
}

void db_put_literal(enum dialect d, struct buf *b, const char *value)
{
	/* E'' means the same whatever standard_conforming_strings says */
	bool escape = d == DIALECT_POSTGRES && strchr(value, '\\');

	if (escape)
		buf_puts(b, " E");
	put_quoted(b, '\'', value, escape || d == DIALECT_MARIADB);
}
