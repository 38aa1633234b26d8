/* SPDX-License-Identifier: MIT */
/*
 * dialect/address.h - where one database is, and every way to write that down.
 *
 * Pure: no connection is made here.
 */
#ifndef DIALECT_ADDRESS_H
#define DIALECT_ADDRESS_H

#include "base/buf.h"
#include "base/strvec.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

enum dialect {
	DIALECT_POSTGRES,
	DIALECT_MARIADB,
	DIALECT_SQLITE
};

/* "postgres", "mariadb", "sqlite". */
const char *dialect_name(enum dialect d);
/* Also takes "postgresql", "pg", "mysql", "sqlite3". -1 when it is none. */
int dialect_parse(const char *name, enum dialect *ret);

/* Owns its strings; NULL where there is none. For SQLite only `path`. */
struct db_address {
	enum dialect dialect;
	char *host;       /* "127.0.0.1" */
	uint16_t port;    /* 0: no TCP */
	char *socket_dir; /* postgres: the directory; NULL: TCP */
	char *socket;     /* the socket file itself; mariadb reads this */
	char *user, *password, *database;
	/* the router says it in place of the user, with the same password */
	char *slot_user;
	char *path;   /* sqlite: absolute */
	char *params; /* more of the URL, "sslmode=require&a=b"; or NULL */
};
void db_address_free(struct db_address *a);
#define auto_db_address __attribute__((cleanup(db_address_free)))
void db_address_copy(const struct db_address *from, struct db_address *ret);
/* Do both lead to one place, whatever the database? Never true of files and of
 * an address that is empty. */
bool db_address_same_server(const struct db_address *a,
			    const struct db_address *b);

/*
 * The URL that most drivers read: postgresql://, mysql://, sqlite:////abs.
 * Over TCP where there is a port, else by socket
 * (postgresql://u:p@/db?host=DIR, mysql://u:p@localhost/db?unix_socket=FILE).
 * Each part percent-encoded.
 */
void db_url(const struct db_address *a, struct buf *ret);

/*
 * The address in a URL of a server: postgresql://, postgres://, mysql://,
 * mariadb://. Parts are percent-decoded; the port is the dialect's own unless
 * said, and host "" is NULL. Parameters that are part of the address count more
 * than what stands before them, as in libpq: user, password, and of postgres
 * host, hostaddr, port, dbname; a host that begins with '/' is a socket's
 * directory, of mariadb the socket, which unix_socket= and socket= name, too.
 * What else there is of parameters is kept as written. ERROR_CONFIG, whose text
 * never holds the password. Pure.
 */
int db_url_parse(const char *url, struct db_address *ret, struct error *err);
/* The URL's value of one parameter, decoded, or NULL; the caller frees. */
char *db_param(const struct db_address *a, const char *name);
/* Do the parameters (sslmode, ssl-mode, ssl=true) insist on TLS? */
bool db_demands_tls(const struct db_address *a);
/* The parameters without those about TLS; NULL where none is left. The caller
 * frees. */
char *db_plain_params(const struct db_address *a);

/*
 * Expands one export template: {url} {host} {port} {user} {password} {database}
 * {socket} {path} {jdbc_url} {go_dsn} {sqlalchemy_url} {mariadb_url} {libpq}
 * {worker} {slot} {scratch}; "{{" is a brace. An unknown name is ERROR_CONFIG
 * that lists the known ones. What an address has not is empty, as are worker,
 * slot and scratch when NULL. Behind a "://" in the text, parts are
 * percent-encoded. *ret is added to; on failure it is as it was.
 */
struct db_template_extra {
	const char *worker, *slot, *scratch;
};
int db_expand(const struct db_address *a, const char *text,
	      const struct db_template_extra *extra, struct buf *ret,
	      struct error *err);

/*
 * Adds to an environment: with prefix NULL DATABASE_URL and the dialect's own
 * (PGHOST … or MYSQL_HOST …); with a prefix ("DB") only DB_URL, DB_HOST,
 * DB_PORT, DB_USER, DB_PASSWORD, DB_NAME, DB_SOCKET, DB_PATH as they apply.
 * Variables of the other dialect's client are removed, so that none points at
 * somebody else's server (PGSERVICE and PGPASSFILE, too).
 */
void db_variables(const struct db_address *a, const char *prefix,
		  struct strvec *env);

/* {"DB","my-db"} -> "MY_DB": a service's name as a variable prefix. */
char *db_variable_prefix(const char *service);

#endif
