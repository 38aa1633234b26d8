/* SPDX-License-Identifier: MIT */
#include "dialect/address.h"

#include "base/alloc.h"
#include "dialect/address_private.h"

#include <stdlib.h>

/* Everything that tells a client which server to use, or how to reach it: what
 * a test inherits of these would lead it to somebody else's server, or keep it
 * from ours (PGSSLMODE=require). */
static const char *const client_variables[] = {
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGUSER",
    "PGPASSWORD",
    "PGDATABASE",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGPASSFILE",
    "PGSSLMODE",
    "PGREQUIRESSL",
    "PGGSSENCMODE",
    "PGCHANNELBINDING",
    "PGREQUIREPEER",
    "PGREQUIREAUTH",
    "PGTARGETSESSIONATTRS",
    "PGLOADBALANCEHOSTS",
    "MYSQL_HOST",
    "MYSQL_TCP_PORT",
    "MYSQL_USER",
    "MYSQL_PWD",
    "MYSQL_DATABASE",
    "MYSQL_UNIX_PORT",
};

static void set_port(struct strvec *env, const char *name, unsigned port)
{
	auto_free char *text = xasprintf("%u", port);

	strvec_env_set(env, name, text);
}

static void set_postgres(const struct db_address *a, struct strvec *env)
{
	auto_buf struct buf dir = BUF_INIT;

	strvec_env_set(env, "PGHOST",
		       db_by_tcp(a) ? a->host : db_socket_dir(a, &dir));
	set_port(env, "PGPORT", db_by_tcp(a) ? a->port : db_socket_port(a));
	strvec_env_set(env, "PGUSER", a->user);
	strvec_env_set(env, "PGPASSWORD", a->password);
	strvec_env_set(env, "PGDATABASE", a->database);
}

static void set_mariadb(const struct db_address *a, struct strvec *env)
{
	strvec_env_set(env, "MYSQL_HOST", db_by_tcp(a) ? a->host : "localhost");
	if (db_by_tcp(a))
		set_port(env, "MYSQL_TCP_PORT", a->port);
	else
		strvec_env_set(env, "MYSQL_UNIX_PORT", a->socket);
	strvec_env_set(env, "MYSQL_USER", a->user);
	strvec_env_set(env, "MYSQL_PWD", a->password);
	strvec_env_set(env, "MYSQL_DATABASE", a->database);
}

static void set_main(const struct db_address *a, const char *url,
		     struct strvec *env)
{
	size_t i;

	for (i = 0; i < array_len(client_variables); i++)
		strvec_env_set(env, client_variables[i], NULL);
	strvec_env_set(env, "DATABASE_URL", url);
	if (a->dialect == DIALECT_POSTGRES)
		set_postgres(a, env);
	else if (a->dialect == DIALECT_MARIADB)
		set_mariadb(a, env);
}

static void set_prefixed(const char *prefix, const char *part,
			 const char *value, struct strvec *env)
{
	auto_free char *name = xasprintf("%s_%s", prefix, part);

	/* a value of another run, or of the outer of two, must not stay */
	strvec_env_set(env, name, value);
}

void db_variables(const struct db_address *a, const char *prefix,
		  struct strvec *env)
{
	auto_buf struct buf url = BUF_INIT;
	auto_free char *port = NULL;
	int file = a->dialect == DIALECT_SQLITE;

	db_url(a, &url);
	if (!prefix) {
		set_main(a, url.s, env);
		return;
	}
	if (db_by_tcp(a))
		port = xasprintf("%u", a->port);
	set_prefixed(prefix, "URL", url.s, env);
	set_prefixed(prefix, "HOST", port ? a->host : NULL, env);
	set_prefixed(prefix, "PORT", port, env);
	set_prefixed(prefix, "USER", file ? NULL : a->user, env);
	set_prefixed(prefix, "PASSWORD", file ? NULL : a->password, env);
	set_prefixed(prefix, "NAME", file ? NULL : a->database, env);
	set_prefixed(prefix, "SOCKET", port || file ? NULL : a->socket, env);
	set_prefixed(prefix, "PATH", a->path, env);
}
