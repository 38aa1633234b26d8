/* SPDX-License-Identifier: MIT */
#include "provider/existing_open.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/net.h"
#include "base/progress.h"
#include "dialect/db.h"
#include "provider/existing.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	/* beside one for each slot: ours, while databases are made and dropped
	 */
	OWN_CONNECTIONS = 4,
	CONNECT_MS = 10000
};

static bool is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
	return false;
}

bool existing_is_local(const struct db_address *a, char **ret_ip)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	bool local = true;

	*ret_ip = NULL;
	if (!a->port)
		return true;
	if (getaddrinfo(a->host, NULL, &hints, &found) != 0)
		return false;
	for (struct addrinfo *i = found; i; i = i->ai_next) {
		char text[INET_ADDRSTRLEN];
		const struct sockaddr_in *in = (const void *)i->ai_addr;

		if (!is_loopback(i->ai_addr))
			local = false;
		if (i->ai_family == AF_INET && !*ret_ip &&
		    inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)))
			*ret_ip = xstrdup(text);
	}
	freeaddrinfo(found);
	return local;
}

static int check_place(struct existing_provider *p, struct error *err)
{
	auto_free char *ip = NULL;
	bool local = existing_is_local(&p->server, &ip);

	if (!local && !p->base.spec.allow_remote) {
		error_set(err, ERROR_REFUSED,
			  "server '%s' is not on this machine", p->place);
		error_hint(err, "if tests may use it: --allow-remote");
		return -1;
	}
	/* with TLS the name counts; else what stands in front of the server
	 * has to know where it is */
	if (!p->server.port || db_demands_tls(&p->server))
		return 0;
	if (!ip)
		return error_set(err, ERROR_NO_SERVER,
				 "'%s' has no IPv4 address", p->server.host);
	free(p->server.host);
	p->server.host = take_ptr(&ip);
	return 0;
}

/* A number that the server tells; 0 for none. */
static long number(struct db *db, const char *sql,
		   const struct deadline *deadline)
{
	auto_free char *text = NULL;

	if (db_value(db, sql, deadline, &text, NULL) < 0 || !text)
		return 0;
	return strtol(text, NULL, 10);
}

static int check_postgres(struct existing_provider *p, struct db *db,
			  const struct deadline *deadline, struct error *err)
{
	if (number(db, "SHOW server_version_num", deadline) < 130000)
		return error_set(err, ERROR_REFUSED,
				 "server '%s' has PostgreSQL %s; 13 is the "
				 "first that can be used",
				 p->place, p->version);
	if (number(db,
		   "SELECT (rolsuper OR rolcreatedb)::int FROM pg_roles "
		   "WHERE rolname = current_user",
		   deadline))
		return 0;
	error_set(err, ERROR_REFUSED,
		  "user '%s' may not make databases on '%s'", p->server.user,
		  p->place);
	error_hint(err, "as an administrator: ALTER ROLE \"%s\" CREATEDB",
		   p->server.user);
	return -1;
}

/* On any database, or on those of our names: `testenv\_%`. */
static const char may_create[] =
    "SELECT (SELECT COUNT(*) FROM information_schema.user_privileges WHERE "
    "privilege_type = 'CREATE') + (SELECT COUNT(*) FROM "
    "information_schema.schema_privileges WHERE privilege_type = 'CREATE' "
    "AND '" EXISTING_PREFIX "s_x' LIKE table_schema)";

static const char has_comments[] =
    "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = "
    "'information_schema' AND table_name = 'SCHEMATA' AND column_name = "
    "'SCHEMA_COMMENT'";

static int check_mariadb(struct existing_provider *p, struct db *db,
			 const struct deadline *deadline, struct error *err)
{
	/* a comment on a database is what marks it */
	if (!strstr(p->version, "MariaDB") ||
	    number(db, has_comments, deadline) == 0)
		return error_set(err, ERROR_REFUSED,
				 "server '%s' is '%s'; MariaDB 10.5 is the "
				 "first that can be used",
				 p->place, p->version);
	if (number(db, may_create, deadline))
		return 0;
	error_set(err, ERROR_REFUSED,
		  "user '%s' may not make databases on '%s'", p->server.user,
		  p->place);
	error_hint(err,
		   "as an administrator: GRANT ALL ON `testenv\\_%%`.* TO '%s'",
		   p->server.user);
	return -1;
}

/* How many clients the server takes at all, and how many there are. */
static void count_connections(struct db *db, enum dialect d,
			      const struct deadline *deadline, long *ret_max,
			      long *ret_used)
{
	if (d == DIALECT_MARIADB) {
		*ret_max = number(db, "SELECT @@max_connections", deadline);
		*ret_used = number(db,
				   "SELECT VARIABLE_VALUE FROM "
				   "information_schema.global_status WHERE "
				   "variable_name = 'THREADS_CONNECTED'",
				   deadline);
		return;
	}
	*ret_max = number(db,
			  "SELECT current_setting('max_connections')::int - "
			  "current_setting('superuser_reserved_connections')"
			  "::int",
			  deadline);
	*ret_used = number(db,
			   "SELECT count(*) FROM pg_stat_activity WHERE "
			   "backend_type = 'client backend'",
			   deadline);
}

static int check_connections(struct existing_provider *p, struct db *db,
			     const struct deadline *deadline, struct error *err)
{
	unsigned workers = p->base.spec.workers ? p->base.spec.workers : 1;
	long wanted = (long)workers + OWN_CONNECTIONS;
	long max = 0;
	long used = 0;

	count_connections(db, p->server.dialect, deadline, &max, &used);
	if (max && max < wanted) {
		error_set(err, ERROR_CONFIG,
			  "server '%s' takes %ld connections, and %u workers "
			  "need %ld at least",
			  p->place, max, workers, wanted);
		error_hint(err, "raise its max_connections, or give fewer "
				"--workers");
		return -1;
	}
	if (max && max - used < wanted)
		progress_notice(p->base.progress,
				"server '%s' has %ld of %ld connections in "
				"use: %u workers may not get theirs",
				p->place, used, max, workers);
	return 0;
}

static int check(struct existing_provider *p, struct db *db,
		 const struct deadline *deadline, struct error *err)
{
	bool pg = p->server.dialect == DIALECT_POSTGRES;

	if (db_value(db, pg ? "SHOW server_version" : "SELECT VERSION()",
		     deadline, &p->version, err) < 0)
		return -1;
	if (!p->version)
		return error_set(err, ERROR_DATABASE,
				 "server '%s' tells no version", p->place);
	if ((pg ? check_postgres(p, db, deadline, err)
		: check_mariadb(p, db, deadline, err)) < 0)
		return -1;
	return check_connections(p, db, deadline, err);
}

static char *place_of(const struct db_address *a)
{
	if (a->port)
		return net_place(a->host, a->port);
	return xstrdup(a->socket);
}

/* What the servers say to one who comes without TLS. */
static void hint_tls(const struct existing_provider *p, struct error *err)
{
	static const char *const words[] = {"no encryption", "SSL off",
					    "insecure transport"};

	for (size_t i = 0; i < array_len(words); i++)
		if (!db_demands_tls(&p->server) &&
		    strstr(error_text(err), words[i]))
			error_hint(err,
				   "if the server wants TLS: '?%s' behind its "
				   "URL, and --owner command",
				   p->server.dialect == DIALECT_POSTGRES
				       ? "sslmode=require"
				       : "ssl-mode=required");
}

int existing_open(struct existing_provider *p, const struct deadline *deadline,
		  struct error *err)
{
	struct deadline limit = deadline_sooner(*deadline, CONNECT_MS);
	auto_db struct db *db = NULL;

	if (existing_address(p->base.spec.url, &p->server, err) < 0)
		return -1;
	p->place = place_of(&p->server);
	if (!p->server.user)
		return error_set(err, ERROR_CONFIG,
				 "the URL of server '%s' names no user",
				 p->place);
	if (check_place(p, err) < 0)
		return -1;
	if (db_connect(&p->server, &limit, &db, err) < 0) {
		if (err && err->kind != ERROR_CANCELLED)
			err->kind = ERROR_NO_SERVER;
		if (err)
			hint_tls(p, err);
		return -1;
	}
	return check(p, db, deadline, err);
}
