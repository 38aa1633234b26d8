/* SPDX-License-Identifier: MIT */
#include "session/logs.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/ident.h"
#include "docker/container.h"
#include "docker/engine.h"
#include "docker/image.h"
#include "docker/service.h"
#include "session/internal.h"

#include <string.h>

struct relay_ctx {
	session_output_fn *fn;
	void *ctx;
};

static int relay_output(void *arg, int stream, const char *data, size_t len)
{
	struct relay_ctx *r = arg;

	(void)stream;
	return r->fn(r->ctx, data, len);
}

int session_logs(const char *engine_code, const char *container,
		 const struct session_log_options *options,
		 const struct deadline *deadline, session_output_fn *fn,
		 void *ctx, struct error *err)
{
	struct container_log_options log = {
	    .follow = options->follow,
	    .tail = options->tail,
	    .timestamps = options->timestamps,
	};
	struct relay_ctx relay = {fn, ctx};
	struct engine *engine = NULL;
	int result;

	if (engine_open_encoded(engine_code, deadline, &engine, err) < 0)
		return -1;
	if (engine_encoded_swarm(engine_code))
		result = service_logs(engine, container, &log, deadline,
				      relay_output, &relay, err);
	else
		result = container_logs(engine, container, &log, deadline,
					relay_output, &relay, err);
	engine_free(engine);
	return result;
}

/* $1 is the directory of the two files. TCP to the own loopback interface
 * works in every container, also in one without a network. */
static const char postgres_script[] =
    "cd \"$1\" || exit 125\n"
    "command -v psql >/dev/null || { rm -rf \"$1\"; exit 127; }\n"
    "PGPASSFILE=$1/login psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 "
    "-U \"$2\" -d \"$3\" -f \"$1/script.sql\" 2>&1\n"
    "code=$?; rm -rf \"$1\"; exit $code\n";
static const char mariadb_script[] =
    "cd \"$1\" || exit 125\n"
    "client=$(command -v mariadb || command -v mysql) || "
    "{ rm -rf \"$1\"; exit 127; }\n"
    "\"$client\" --defaults-file=\"$1/login\" --host=127.0.0.1 "
    "--protocol=tcp --user=\"$2\" --database=\"$3\" "
    "<\"$1/script.sql\" 2>&1\n"
    "code=$?; rm -rf \"$1\"; exit $code\n";

static void put_login(const struct db_address *a, struct buf *ret)
{
	bool mariadb = a->dialect == DIALECT_MARIADB;

	buf_puts(ret, mariadb ? "[client]\npassword=\"" : "*:*:*:*:");
	for (const char *p = a->password; p && *p; p++) {
		if (strchr(mariadb ? "\"\\" : ":\\", *p))
			buf_putc(ret, '\\');
		buf_putc(ret, *p);
	}
	buf_puts(ret, mariadb ? "\"\n" : "\n");
}

static int put_files(struct engine *engine, const char *container,
		     const char *dir, const struct db_address *a,
		     const char *sql, size_t len,
		     const struct deadline *deadline, struct error *err)
{
	auto_free char *login_path = xasprintf("%s/login", dir);
	auto_free char *sql_path = xasprintf("%s/script.sql", dir);
	auto_buf struct buf login = BUF_INIT;
	auto_buf struct buf out = BUF_INIT_MAX(256 * 1024 * 1024);
	struct tar *tar = tar_new();
	bool ok;

	put_login(a, &login);
	ok = tar_add(tar, login_path, login.s, login.len, 0600, err) == 0 &&
	     tar_add(tar, sql_path, sql, len, 0600, err) == 0;
	if (tar_end(tar, &out, ok ? err : NULL) < 0 || !ok)
		return -1;
	return container_put_archive(engine, container, "/", &out, deadline,
				     err);
}

static int run_script(struct engine *engine, const char *container,
		      const char *dir, const struct db_address *a,
		      const struct deadline *deadline, struct relay_ctx *relay,
		      int *ret_exit_code, struct error *err)
{
	auto_free char *path = xasprintf("/%s", dir);
	const char *const argv[] = {
	    "sh",
	    "-c",
	    a->dialect == DIALECT_MARIADB ? mariadb_script : postgres_script,
	    "testenv",
	    path,
	    a->user,
	    a->database,
	    NULL,
	};

	if (container_exec(engine, container, argv, "0", deadline, relay_output,
			   relay, ret_exit_code, err) < 0)
		return -1;
	if (*ret_exit_code == 127)
		return error_set(err, ERROR_NOT_FOUND,
				 "the image has no client program");
	return 0;
}

/* An engine's calls for containers reach those of its own node alone. */
static int find_task(struct engine *engine, const char *service,
		     const struct deadline *deadline, struct service_task *ret,
		     struct error *err)
{
	struct swarm_info info;

	if (swarm_info(engine, deadline, &info, err) < 0 ||
	    service_task(engine, service, deadline, ret, err) < 0)
		return -1;
	if (*ret->container && !strcmp(ret->node, info.node))
		return 0;
	return error_set(err, ERROR_NOT_FOUND,
			 "'%s' is on another node of the swarm than the "
			 "engine: its client cannot be run from here",
			 service);
}

int session_container_sql(const char *engine_code, const char *container,
			  const struct db_address *address, const char *sql,
			  size_t len, const struct deadline *deadline,
			  session_output_fn *fn, void *ctx, int *ret_exit_code,
			  struct error *err)
{
	struct relay_ctx relay = {fn, ctx};
	struct engine *engine = NULL;
	struct service_task task;
	char dir[32] = "testenv-shell-";
	int result = 0;

	ident_random(dir + strlen(dir), 12);
	if (engine_open_encoded(engine_code, deadline, &engine, err) < 0)
		return -1;
	if (engine_encoded_swarm(engine_code)) {
		result = find_task(engine, container, deadline, &task, err);
		container = task.container;
	}
	if (result == 0)
		result = put_files(engine, container, dir, address, sql, len,
				   deadline, err);
	if (result == 0)
		result = run_script(engine, container, dir, address, deadline,
				    &relay, ret_exit_code, err);
	engine_free(engine);
	return result;
}
