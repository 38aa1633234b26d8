/* SPDX-License-Identifier: MIT */
#include "provider/contract.h"

#include "base/alloc.h"

#include <string.h>

uint16_t contract_port(enum dialect d)
{
	return d == DIALECT_MARIADB ? 3306 : 5432;
}

int64_t contract_memory(enum dialect d)
{
	return (d == DIALECT_MARIADB ? 768LL : 512LL) << 20;
}

const char *contract_image(enum dialect d)
{
	return d == DIALECT_MARIADB ? "mariadb" : "postgres";
}

const char *contract_default_version(enum dialect d)
{
	return d == DIALECT_MARIADB ? "11.4" : "17";
}

const char *contract_socket_name(enum dialect d)
{
	return d == DIALECT_MARIADB ? "mysqld.sock" : ".s.PGSQL.5432";
}

void contract_env(const struct contract *c, struct strvec *ret)
{
	strvec_extend(ret, (char *const *)(uintptr_t)c->extra_env);
	if (c->dialect == DIALECT_POSTGRES) {
		strvec_env_set(ret, "POSTGRES_USER", c->user);
		strvec_env_set(ret, "POSTGRES_PASSWORD", c->password);
		strvec_env_set(ret, "POSTGRES_DB", c->database);
		strvec_env_set(ret, "PGDATA", CONTRACT_DATA_DIR);
		/* both forms at once are an error of the official entrypoint */
		strvec_env_set(ret, "POSTGRES_USER_FILE", NULL);
		strvec_env_set(ret, "POSTGRES_PASSWORD_FILE", NULL);
		strvec_env_set(ret, "POSTGRES_DB_FILE", NULL);
		return;
	}
	strvec_env_set(ret, "MARIADB_ROOT_PASSWORD", c->root_password);
	strvec_env_set(ret, "MARIADB_USER", c->user);
	strvec_env_set(ret, "MARIADB_PASSWORD", c->password);
	strvec_env_set(ret, "MARIADB_DATABASE", c->database);
	/* seconds of a fresh start; time zones by name are seldom tested */
	if (!strvec_env_get(ret, "MARIADB_INITDB_SKIP_TZINFO"))
		strvec_env_set(ret, "MARIADB_INITDB_SKIP_TZINFO", "1");
}

static void postgres_tuning(struct strvec *ret)
{
	static const char *const settings[] = {
	    /* a lost test database is made again, so nothing is flushed */
	    "fsync=off",
	    "synchronous_commit=off",
	    "full_page_writes=off",
	    "wal_level=minimal",
	    "max_wal_senders=0",
	    /* small, as many servers share one machine */
	    "shared_buffers=32MB",
	    "max_wal_size=256MB",
	    /* no storm of workers right after the migrations */
	    "autovacuum_naptime=1d",
	    "bgwriter_lru_maxpages=0",
	    "checkpoint_timeout=1h",
	    "jit=off",
	};

	for (size_t i = 0; i < array_len(settings); i++) {
		strvec_push(ret, "-c");
		strvec_push(ret, settings[i]);
	}
}

static void mariadb_tuning(struct strvec *ret)
{
	static const char *const settings[] = {
	    "--innodb-flush-log-at-trx-commit=0",
	    "--innodb-doublewrite=0",
	    "--loose-innodb-flush-method=nosync",
	    "--skip-log-bin",
	    "--sync-frm=0",
	    "--innodb-buffer-pool-size=64M",
	    "--innodb-buffer-pool-dump-at-shutdown=0",
	    "--innodb-buffer-pool-load-at-startup=0",
	    "--performance-schema=OFF",
	    /* which tables were changed: how a database is brought back */
	    "--userstat=1",
	    /* what changes a definition waits for the disk otherwise */
	    "--loose-debug-no-sync",
	    "--skip-name-resolve",
	};

	for (size_t i = 0; i < array_len(settings); i++)
		strvec_push(ret, settings[i]);
}

void contract_tuning(enum dialect d, struct strvec *ret)
{
	if (d == DIALECT_MARIADB)
		mariadb_tuning(ret);
	else
		postgres_tuning(ret);
}

static void postgres_args(const struct contract *c, struct strvec *ret)
{
	postgres_tuning(ret);
	strvec_push(ret, "-c");
	strvec_pushf(ret, "listen_addresses=%s", c->tcp ? "*" : "localhost");
	if (c->socket) {
		strvec_push(ret, "-c");
		/* the second is where the entrypoints' own clients look */
		strvec_push(ret, "unix_socket_directories=" CONTRACT_SOCKET_DIR
				 ",/var/run/postgresql");
		strvec_push(ret, "-c");
		strvec_push(ret, "unix_socket_permissions=0777");
	}
}

static void mariadb_args(const struct contract *c, struct strvec *ret)
{
	strvec_push(ret, "--datadir=" CONTRACT_DATA_DIR);
	mariadb_tuning(ret);
	if (c->socket)
		strvec_push(ret,
			    "--socket=" CONTRACT_SOCKET_DIR "/mysqld.sock");
}

void contract_args(const struct contract *c, struct strvec *ret)
{
	if (c->dialect == DIALECT_MARIADB)
		mariadb_args(c, ret);
	else
		postgres_args(c, ret);
}

void contract_settings(const struct contract *c, struct buf *ret)
{
	/* 3: the version of this list; raise it when the template's content
	 * changes for the same migrations */
	buf_printf(ret, "3\n%s\n%s\n", c->user, c->database);
	for (const char *const *e = c->extra_env; e && *e; e++)
		buf_printf(ret, "%s\n", *e);
}

bool contract_passwords(enum dialect d, const struct strvec *env,
			const char **ret_password, const char **ret_root)
{
	bool mariadb = d == DIALECT_MARIADB;
	const char *password = strvec_env_get(
	    env, mariadb ? "MARIADB_PASSWORD" : "POSTGRES_PASSWORD");
	const char *root =
	    mariadb ? strvec_env_get(env, "MARIADB_ROOT_PASSWORD") : NULL;

	if (!password || (mariadb && !root))
		return false;
	*ret_password = password;
	*ret_root = root;
	return true;
}
