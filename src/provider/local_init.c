/* SPDX-License-Identifier: MIT */
/*
 * What the servers of the two dialects differ in: how a data directory is made
 * and what a server is started with.
 */
#include "provider/local.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "dialect/db.h"
#include "provider/contract.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

const char *local_locale(void)
{
	static const char *const wanted[] = {"en_US.UTF-8", "C.UTF-8"};

	for (size_t i = 0; i < array_len(wanted); i++) {
		locale_t l = newlocale(LC_ALL_MASK, wanted[i], (locale_t)0);

		if (l == (locale_t)0)
			continue;
		freelocale(l);
		return wanted[i];
	}
	return "C";
}

char *local_platform(void)
{
	struct utsname u = {0};
	char libc[64] = "";

	uname(&u);
#ifdef _CS_GNU_LIBC_VERSION
	confstr(_CS_GNU_LIBC_VERSION, libc, sizeof(libc));
#endif
	return xasprintf("%s, %s", u.machine, *libc ? libc : "another libc");
}

static int init_postgres(struct local_provider *p, const struct local_server *s,
			 const char *password, const struct deadline *deadline,
			 struct error *err)
{
	auto_free char *pw_file = fs_join(s->dir, "password");
	auto_strvec struct strvec argv = STRVEC_INIT;
	int result;

	if (fs_write_file(pw_file, password, strlen(password), 0600, err) < 0 ||
	    local_give(p, pw_file, err) < 0)
		return -1;
	strvec_push(&argv, p->programs.init);
	strvec_pushf(&argv, "--pgdata=%s", s->data);
	strvec_pushf(&argv, "--username=%s", p->base.spec.user);
	strvec_pushf(&argv, "--pwfile=%s", pw_file);
	strvec_push(&argv, "--auth=scram-sha-256");
	strvec_push(&argv, "--encoding=UTF8");
	strvec_pushf(&argv, "--locale=%s", p->locale);
	strvec_push(&argv, "--no-sync");
	/* what every slot copies */
	strvec_push(&argv, "--wal-segsize=1");
	result = local_run(p, s, argv.v, "initdb", deadline, err);
	unlink(pw_file);
	return result;
}

static int init_mariadb(struct local_provider *p, const struct local_server *s,
			const struct deadline *deadline, struct error *err)
{
	auto_strvec struct strvec argv = STRVEC_INIT;

	strvec_push(&argv, p->programs.init);
	strvec_push(&argv, "--no-defaults");
	strvec_pushf(&argv, "--datadir=%s", s->data);
	strvec_push(&argv, "--auth-root-authentication-method=normal");
	strvec_push(&argv, "--skip-test-db");
	strvec_push(&argv, "--skip-name-resolve");
	/* it clears away the temporary tables that it finds there, which in
	 * /tmp are those of the user's own server */
	strvec_pushf(&argv, "--tmpdir=%s", s->dir);
	/* what every slot copies */
	strvec_push(&argv, "--innodb-log-file-size=16M");
	strvec_push(&argv, "--innodb-flush-log-at-trx-commit=0");
	strvec_push(&argv, "--innodb-doublewrite=0");
	return local_run(p, s, argv.v, "mariadb-install-db", deadline, err);
}

int local_init_cluster(struct local_provider *p, const struct local_server *s,
		       const char *password, const struct deadline *deadline,
		       struct error *err)
{
	if (p->base.spec.dialect == DIALECT_MARIADB)
		return init_mariadb(p, s, deadline, err);
	return init_postgres(p, s, password, deadline, err);
}

static int create_database(struct db *db, enum dialect d, const char *name,
			   const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "CREATE DATABASE ");
	db_put_identifier(d, &sql, name);
	return db_exec(db, sql.s, deadline, err);
}

/* As the images' entrypoints make them. */
static int make_mariadb_users(struct db *db, const char *user,
			      const struct deadline *deadline,
			      struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_puts(&sql, "CREATE USER ");
	db_put_literal(DIALECT_MARIADB, &sql, user);
	buf_puts(&sql, "@'%'; GRANT ALL PRIVILEGES ON *.* TO ");
	db_put_literal(DIALECT_MARIADB, &sql, user);
	buf_puts(&sql, "@'%' WITH GRANT OPTION");
	return db_exec(db, sql.s, deadline, err);
}

int local_init_database(struct local_provider *p, struct db *db,
			const char *password, const char *root,
			const struct deadline *deadline, struct error *err)
{
	const struct provider_spec *spec = &p->base.spec;
	bool mariadb = spec->dialect == DIALECT_MARIADB;

	if (mariadb && strcmp(spec->user, "root") != 0 &&
	    make_mariadb_users(db, spec->user, deadline, err) < 0)
		return -1;
	if (db_set_passwords(db, spec->user, password, mariadb ? root : NULL,
			     deadline, err) < 0)
		return -1;
	if (!mariadb && (!strcmp(spec->database, "postgres") ||
			 !strcmp(spec->database, "template1")))
		return 0;
	return create_database(db, spec->dialect, spec->database, deadline,
			       err);
}

static void postgres_args(const struct local_provider *p,
			  const struct local_server *s, struct strvec *ret)
{
	const char *const settings[] = {
	    "listen_addresses=",
	    "unix_socket_permissions=0777",
	    "timezone=Etc/UTC",
	    "log_timezone=Etc/UTC",
	    /* nothing of it is left in /dev/shm, however it ends */
	    "dynamic_shared_memory_type=mmap",
	    "huge_pages=off",
	    "update_process_title=off",
	    "logging_collector=off",
	    "min_wal_size=2MB",
	    "wal_init_zero=off",
	};

	strvec_push(ret, "-D");
	strvec_push(ret, s->data);
	contract_tuning(DIALECT_POSTGRES, ret);
	for (size_t i = 0; i < array_len(settings); i++) {
		strvec_push(ret, "-c");
		strvec_push(ret, settings[i]);
	}
	strvec_push(ret, "-c");
	strvec_pushf(ret, "unix_socket_directories=\"%s\"", s->socket_dir);
	if (strtol(p->programs.version, NULL, 10) >= 18) {
		strvec_push(ret, "-c");
		strvec_push(ret, "io_method=sync");
	}
}

static void mariadb_args(const struct local_server *s, struct strvec *ret)
{
	/* it has to be the first; the machine's own settings are not ours */
	strvec_push(ret, "--no-defaults");
	strvec_pushf(ret, "--datadir=%s", s->data);
	contract_tuning(DIALECT_MARIADB, ret);
	strvec_push(ret, "--skip-networking");
	strvec_push(ret, "--innodb-log-file-size=16M");
	strvec_push(ret, "--innodb-use-native-aio=0");
	strvec_push(ret, "--character-set-server=utf8mb4");
	strvec_pushf(ret, "--socket=%s/%s", s->socket_dir,
		     contract_socket_name(DIALECT_MARIADB));
	strvec_pushf(ret, "--pid-file=%s/mariadbd.pid", s->dir);
	strvec_pushf(ret, "--tmpdir=%s", s->dir);
}

void local_server_args(const struct local_provider *p,
		       const struct local_server *s, struct strvec *ret)
{
	strvec_push(ret, p->programs.server);
	if (p->base.spec.dialect == DIALECT_MARIADB)
		mariadb_args(s, ret);
	else
		postgres_args(p, s, ret);
}
