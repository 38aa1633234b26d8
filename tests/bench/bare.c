/* SPDX-License-Identifier: MIT */
/*
 * bare: what a server costs by itself. Creates, starts, queries and removes one
 * container of an image, with the arguments and environment that testenv gives
 * it and nothing else, N times, and prints the milliseconds of each round.
 *
 *	bare [--none] DIALECT IMAGE USER PASSWORD DATABASE ROUNDS
 *
 * With --none there is no network and the query goes over a Unix socket.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "dialect/db.h"
#include "docker/container.h"
#include "docker/engine.h"
#include "provider/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bare {
	struct engine *engine;
	struct contract contract;
	char *image, *user, *password, *database;
	char *dir; /* NULL: a published port */
};

static int round_trip(struct bare *b, struct container *c,
		      const struct deadline *d, struct error *err)
{
	struct container_state state = {0};
	struct db_address a = {
	    .dialect = b->contract.dialect,
	    .user = b->user,
	    .password = b->password,
	    .database = b->database,
	};
	struct db_wait wait = {.watch_dir = b->dir};
	auto_free char *socket = NULL;

	if (container_start(b->engine, c, d, err) < 0)
		return -1;
	if (b->dir) {
		socket = fs_join(b->dir, contract_socket_name(a.dialect));
		a.socket_dir = b->dir;
		a.socket = socket;
	} else {
		if (container_inspect(b->engine, c->id, d, &state, err) < 0)
			return -1;
		a.host = state.host_ip;
		a.port = state.host_port;
	}
	return db_wait_ready(&a, &wait, d, NULL, err);
}

static int once(struct bare *b, struct error *err)
{
	static const char *const labels[] = {"dev.testenv.bench=1", NULL};
	struct deadline d = deadline_in(60000, NULL);
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_strvec struct strvec args = STRVEC_INIT;
	struct container_mount mount = {b->dir, CONTRACT_SOCKET_DIR, false};
	struct container_spec spec = {
	    .image = b->image,
	    .network_mode = b->dir ? "none" : NULL,
	    .port = b->dir ? 0 : contract_port(b->contract.dialect),
	    .mounts = &mount,
	    .n_mounts = b->dir ? 1 : 0,
	    .labels = labels,
	};
	struct container c;
	int result;

	contract_env(&b->contract, &env);
	contract_args(&b->contract, &args);
	spec.env = (const char *const *)env.v;
	spec.cmd = (const char *const *)args.v;
	if (container_create(b->engine, &spec, &d, &c, err) < 0)
		return -1;
	result = round_trip(b, &c, &d, err);
	if (container_remove(b->engine, c.id, &d, result < 0 ? NULL : err) < 0)
		return -1;
	return result;
}

static int run(struct bare *b, int rounds, struct error *err)
{
	auto_engine_candidates struct engine_candidates candidates =
	    ENGINE_CANDIDATES_INIT;
	struct deadline d = deadline_in(10000, NULL);

	if (engine_discover(NULL, &candidates, err) < 0 ||
	    engine_open(&candidates, 0, &d, &b->engine, err) < 0)
		return -1;
	for (int i = 0; i < rounds; i++) {
		int64_t begin = clock_now_us();

		if (b->dir && (fs_mkdir_p(b->dir, 0700, err) < 0 ||
			       chmod(b->dir, 0777) < 0))
			return -1;
		if (once(b, err) < 0)
			return -1;
		if (b->dir)
			fs_remove_tree(b->dir, NULL);
		printf("%.1f\n", (double)(clock_now_us() - begin) / 1000);
	}
	engine_free(b->engine);
	return 0;
}

int main(int argc, char **argv)
{
	auto_error struct error err = ERROR_INIT;
	bool none = argc > 1 && !strcmp(argv[1], "--none");
	char dir[] = "/tmp/testenv-bare-XXXXXX";
	struct bare b = {.dir = NULL};

	argv += none;
	argc -= none;
	if (argc != 7 || dialect_parse(argv[1], &b.contract.dialect) < 0) {
		fprintf(stderr, "usage: bare [--none] DIALECT IMAGE USER "
				"PASSWORD DATABASE ROUNDS\n");
		return 2;
	}
	b.image = argv[2];
	b.contract.user = b.user = argv[3];
	b.contract.password = b.password = argv[4];
	b.contract.root_password = argv[4];
	b.contract.database = b.database = argv[5];
	b.contract.socket = none;
	b.contract.tcp = !none;
	b.dir = none ? mkdtemp(dir) : NULL;
	if (run(&b, (int)strtol(argv[6], NULL, 10), &err) < 0) {
		fprintf(stderr, "bare: %s\n%s", err.text,
			err.detail ? err.detail : "");
		return 1;
	}
	return 0;
}
