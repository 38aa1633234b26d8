/* SPDX-License-Identifier: MIT */
#include "provider/container.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/progress.h"
#include "dialect/clone.h"
#include "dialect/db.h"
#include "docker/engine.h"
#include "provider/labels.h"
#include "provider/launch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CLEANUP_MS = 20000,
	START_ATTEMPTS = 3,
	RECOVER_MS = 20000
};

/* In the directory of a server's socket; see sees_our_files. */
#define SHARED_MARK "shared"

struct server *server_new(struct container_provider *p,
			  const struct server_plan *plan)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->slot = plan->slot;
	if (plan->slot == SERVER_SHARED)
		s->name =
		    xasprintf("testenv-%s-%s-shared", p->base.owner.session,
			      p->base.spec.service);
	else if (plan->slot == SERVER_BUILDER)
		s->name =
		    xasprintf("testenv-%s-%s-build", p->base.owner.session,
			      p->base.spec.service);
	else
		s->name = xasprintf("testenv-%s-%s-%d", p->base.owner.session,
				    p->base.spec.service, plan->slot);
	pthread_mutex_lock(&p->mutex);
	p->servers = xreallocarray(p->servers, p->n_servers + 1,
				   sizeof(struct server *));
	p->servers[p->n_servers++] = s;
	pthread_mutex_unlock(&p->mutex);
	return s;
}

static void server_free(struct container_provider *p, struct server *s)
{
	pthread_mutex_lock(&p->mutex);
	for (size_t i = 0; i < p->n_servers; i++) {
		if (p->servers[i] != s)
			continue;
		p->servers[i] = p->servers[--p->n_servers];
		break;
	}
	pthread_mutex_unlock(&p->mutex);
	for (size_t i = 0; i < SERVER_IDLE; i++)
		db_close(s->idle[i]);
	db_address_free(&s->address);
	clones_free(s->clones);
	free(s->name);
	swarm_unit_free(&s->unit);
	free(s->dir);
	free(s);
}

struct server *server_find(struct container_provider *p, int slot)
{
	struct server *found = NULL;

	pthread_mutex_lock(&p->mutex);
	for (size_t i = 0; i < p->n_servers; i++)
		if (p->servers[i]->slot == slot)
			found = p->servers[i];
	pthread_mutex_unlock(&p->mutex);
	return found;
}

char *server_node(struct container_provider *p, int slot)
{
	char *node = NULL;

	pthread_mutex_lock(&p->mutex);
	for (size_t i = 0; i < p->n_servers; i++)
		if (p->servers[i]->slot == slot)
			node = p->swarm ? swarm_unit_node(p->swarm,
							  &p->servers[i]->unit)
					: NULL;
	pthread_mutex_unlock(&p->mutex);
	return node;
}

/*
 * The directory that the server's socket will appear in. The server runs as a
 * user of its own, so the directory is open to all; its parent, the session's,
 * is not.
 */
static int make_socket_dir(struct container_provider *p, struct server *s,
			   struct error *err)
{
	/* not where one that is gone was: whoever looks for that one shall not
	 * find this */
	s->dir = xasprintf("%s/%u-%d%.0u", p->base.owner.run_dir,
			   p->base.spec.index, s->slot, p->n_retired);
	if (fs_mkdir_p(s->dir, 0700, err) < 0)
		return -1;
	if (chmod(s->dir, 0777) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot open up '%s'", s->dir);
	return 0;
}

static void drop_socket_dir(struct server *s)
{
	if (s->dir)
		fs_remove_tree(s->dir, NULL);
	free(s->dir);
	s->dir = NULL;
}

void server_set_unsure(struct container_provider *p)
{
	pthread_mutex_lock(&p->mutex);
	p->unsure = true;
	pthread_mutex_unlock(&p->mutex);
}

static bool has_no_limits(struct container_provider *p)
{
	bool none;

	pthread_mutex_lock(&p->mutex);
	none = p->no_limits;
	pthread_mutex_unlock(&p->mutex);
	return none;
}

/* Once for all servers. */
static void say_limits(struct container_provider *p, const char *why)
{
	bool said;

	pthread_mutex_lock(&p->mutex);
	said = p->said_limits;
	p->said_limits = true;
	pthread_mutex_unlock(&p->mutex);
	if (!said)
		progress_notice(p->base.progress,
				"the engine does not limit what servers use: "
				"%s",
				why);
}

/*
 * A rootless engine without control groups of its own, and others, start
 * nothing that has a limit. True: the next try goes without.
 */
static bool drop_limits(struct container_provider *p, const struct error *err)
{
	static const char *const words[] = {"cgroup", "memory limit",
					    "pids limit", "resource limits"};
	bool about_limits = false;

	for (size_t i = 0; i < array_len(words); i++)
		about_limits |= strcasestr(error_text(err), words[i]) != NULL;
	/* "minimum memory limit allowed is 6MB": one that was asked for */
	if (err->kind != ERROR_ENGINE || !about_limits ||
	    strcasestr(error_text(err), "minimum"))
		return false;
	pthread_mutex_lock(&p->mutex);
	p->no_limits = true;
	pthread_mutex_unlock(&p->mutex);
	say_limits(p, error_text(err));
	return true;
}

/* From now on its end is an event. */
static void watch(struct container_provider *p, struct server *s)
{
	pthread_mutex_lock(&p->mutex);
	snprintf(s->watched, sizeof(s->watched), "%s", s->c.id);
	pthread_mutex_unlock(&p->mutex);
}

static int create_once(struct container_provider *p, struct server *s,
		       const struct server_plan *plan,
		       const struct deadline *deadline, struct error *err)
{
	auto_strvec struct strvec labels = STRVEC_INIT;
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_strvec struct strvec args = STRVEC_INIT;
	const struct provider_spec *spec = &p->base.spec;
	struct contract contract = {
	    .dialect = spec->dialect,
	    .user = spec->user,
	    .password = plan->password,
	    .root_password = plan->root_password,
	    .database = spec->database,
	    .socket = s->dir != NULL,
	    .tcp = s->dir == NULL,
	    .extra_env = spec->env,
	};
	struct container_mount mount = {s->dir, CONTRACT_SOCKET_DIR, false};
	struct container_spec c = {
	    .image = plan->image,
	    .name = s->name,
	    .network_mode = s->dir ? "none" : p->network,
	    .port = s->dir ? 0 : contract_port(spec->dialect),
	    .publish_ip = launch_publish_ip(p->engine),
	    .mounts = &mount,
	    .n_mounts = s->dir ? 1 : 0,
	    .memory_bytes = spec->memory_bytes ? spec->memory_bytes
					       : contract_memory(spec->dialect),
	    .pids_limit = SERVER_PIDS,
	    .no_label = s->dir && p->no_label,
	};
	bool unsure = false;
	int result;

	labels_for(&p->base.owner, spec->service, plan->slot, plan->role,
		   &labels);
	contract_env(&contract, &env);
	contract_args(&contract, &args);
	c.labels = (const char *const *)labels.v;
	c.env = (const char *const *)env.v;
	c.cmd = (const char *const *)args.v;
	if (has_no_limits(p))
		c.memory_bytes = c.pids_limit = 0;
	result = launch_create(p->engine, &p->base.owner, &c, deadline, &s->c,
			       &unsure, err);
	if (result == 0)
		watch(p, s);
	if (result == 0 && *s->c.warning)
		say_limits(p, s->c.warning);
	if (unsure)
		server_set_unsure(p);
	return result;
}

static enum shared_fs shared_state(struct container_provider *p)
{
	enum shared_fs shared;

	pthread_mutex_lock(&p->mutex);
	shared = p->shared;
	pthread_mutex_unlock(&p->mutex);
	return shared;
}

static void set_shared(struct container_provider *p, enum shared_fs shared)
{
	pthread_mutex_lock(&p->mutex);
	p->shared = shared;
	pthread_mutex_unlock(&p->mutex);
}

/*
 * Podman makes a bind's source that is not there, so that its yes means
 * nothing: it is asked for a file that we put there. Through the archive call,
 * which needs neither a program in the image nor a started container. An error
 * is a no: a port works everywhere. Where the answer is no, the empty directory
 * that podman made on its machine stays there; nothing here can reach it.
 */
static bool sees_our_files(struct container_provider *p, struct server *s,
			   const struct deadline *deadline)
{
	auto_free char *mark = fs_join(s->dir, SHARED_MARK);
	auto_buf struct buf tar = BUF_INIT_MAX(64 * 1024);
	auto_error struct error why = ERROR_INIT;
	int result;

	if (engine_flavor(p->engine) != ENGINE_PODMAN)
		return true;
	result = fs_write_file(mark, "", 0, 0600, &why);
	if (result == 0)
		result = container_get_archive(
		    p->engine, s->c.id, CONTRACT_SOCKET_DIR "/" SHARED_MARK,
		    deadline, &tar, &why);
	unlink(mark);
	if (result < 0)
		log_debug("'%s': %s", mark, why.text);
	return result == 0;
}

/* With a socket, or ERROR_REFUSED if the engine does not share our file
 * system. */
static int create_with_socket(struct container_provider *p, struct server *s,
			      const struct server_plan *plan,
			      const struct deadline *deadline,
			      struct error *err)
{
	if (make_socket_dir(p, s, err) < 0 ||
	    create_once(p, s, plan, deadline, err) < 0)
		return -1;
	if (shared_state(p) == SHARED_YES || sees_our_files(p, s, deadline)) {
		set_shared(p, SHARED_YES);
		return 0;
	}
	if (container_remove(p->engine, s->c.id, deadline, err) < 0)
		return -1;
	s->c.id[0] = '\0';
	return error_set(err, ERROR_REFUSED, "it has a '%s' of its own",
			 s->dir);
}

/*
 * With a socket if that is wanted and can be. Whether the engine shares our
 * file system is what it says to the bind itself: our directory's name is
 * random, so an engine that finds it there sees the same one. One that is
 * elsewhere is not asked, as podman would leave a directory there.
 */
static int create(struct container_provider *p, struct server *s,
		  const struct server_plan *plan,
		  const struct deadline *deadline, struct error *err)
{
	auto_error struct error refused = ERROR_INIT;

	if (engine_flavor(p->engine) == ENGINE_PODMAN &&
	    !engine_is_local(p->engine))
		set_shared(p, SHARED_NO);
	if (!plan->socket || shared_state(p) == SHARED_NO)
		return create_once(p, s, plan, deadline, err);
	if (create_with_socket(p, s, plan, deadline, &refused) == 0)
		return 0;
	if (refused.kind != ERROR_REFUSED)
		return error_move(err, &refused);
	log_debug("engine does not see '%s': %s", s->dir, refused.text);
	set_shared(p, SHARED_NO);
	drop_socket_dir(s);
	return create_once(p, s, plan, deadline, err);
}

static int set_places(struct container_provider *p, struct server *s,
		      const struct container_state *state, struct error *err)
{
	struct reach_port port = {
	    .published_host = engine_publish_host(p->engine),
	    .published = state->host_port,
	    .ip = state->ip,
	    .own = contract_port(p->base.spec.dialect),
	    .local = engine_is_local(p->engine),
	    .inside = p->inside,
	};

	pthread_mutex_lock(&p->mutex);
	port.way = p->way;
	pthread_mutex_unlock(&p->mutex);
	return reach_places(&port, s->places, &s->n_places, err);
}

/* Where its port may be reached: engines fill it in a moment after the start.
 */
static int find_port(struct container_provider *p, struct server *s,
		     const struct deadline *deadline, struct error *err)
{
	struct deadline limit = deadline_sooner(*deadline, 10000);
	struct container_state state;

	for (;;) {
		if (container_inspect(p->engine, s->c.id, &limit, &state, err) <
		    0)
			return -1;
		if (state.host_port)
			return set_places(p, s, &state, err);
		if (!state.running) {
			/* it will never have one; server_wait says why */
			atomic_store(&s->exit_code, state.exit_code);
			atomic_store(&s->ended, true);
			s->places[0] =
			    (struct reach_place){.host = "127.0.0.1"};
			s->n_places = 1;
			return 0;
		}
		if (deadline_poll(&limit, NULL, 0, 20, "published port", err) <
		    0)
			return -1;
	}
}

void server_set_address(struct container_provider *p, struct server *s,
			const struct server_plan *plan, const char *host,
			uint16_t port)
{
	const struct provider_spec *spec = &p->base.spec;
	bool root = spec->dialect == DIALECT_MARIADB;
	struct db_address *ret = &s->address;

	*ret = (struct db_address){.dialect = spec->dialect};
	if (s->dir) {
		ret->socket_dir = xstrdup(s->dir);
		ret->socket =
		    fs_join(s->dir, contract_socket_name(spec->dialect));
	} else {
		ret->host = xstrdup(host);
		ret->port = port;
	}
	ret->user = xstrdup(root ? "root" : spec->user);
	ret->password = xstrdup(root ? plan->root_password : plan->password);
	ret->database = xstrdup(spec->database);
}

static int run_once(struct container_provider *p,
		    const struct server_plan *plan,
		    const struct deadline *deadline, struct server **ret,
		    struct error *err)
{
	struct server *s = server_new(p, plan);

	if (create(p, s, plan, deadline, err) < 0 ||
	    container_start(p->engine, &s->c, deadline, err) < 0 ||
	    (!s->dir && find_port(p, s, deadline, err) < 0)) {
		struct deadline cleanup = deadline_in(CLEANUP_MS, NULL);

		error_wrap(err, "run '%s'",
			   plan->image_name ? plan->image_name : plan->image);
		server_remove(p, s, &cleanup, NULL);
		return -1;
	}
	server_set_address(p, s, plan, s->places[0].host, s->places[0].port);
	*ret = s;
	return 0;
}

int server_run(struct container_provider *p, const struct server_plan *plan,
	       const struct deadline *deadline, struct server **ret,
	       struct error *err)
{
	/* the template's builder is committed where it ran */
	if (p->swarm && plan->slot != SERVER_BUILDER)
		return swarm_server_run(p, plan, deadline, ret, err);
	for (int attempt = 1;; attempt++) {
		auto_error struct error why = ERROR_INIT;

		if (run_once(p, plan, deadline, ret, &why) == 0)
			return 0;
		if (attempt == START_ATTEMPTS ||
		    (!launch_port_was_taken(&why) && !drop_limits(p, &why)))
			return error_move(err, &why);
		log_debug("once more: %s", why.text);
	}
}

/* What is known of a server that ended before it was ready. */
static int describe_end(struct container_provider *p, struct server *s,
			struct error *err)
{
	auto_buf struct buf tail = BUF_INIT_MAX(SERVER_LOG_BYTES);
	struct deadline limit = deadline_in(5000, NULL);
	struct container_state state = {.exit_code =
					    atomic_load(&s->exit_code)};

	container_inspect(p->engine, s->c.id, &limit, &state, NULL);
	container_log_tail(p->engine, s->c.id, SERVER_LOG_LINES, &limit, &tail,
			   NULL);
	if (state.oom_killed) {
		error_set(err, ERROR_SERVER,
			  "server '%s' used more memory than it may", s->name);
		error_hint(err, "give it more with --memory");
	} else {
		error_set(err, ERROR_SERVER,
			  "server '%s' ended with exit code %d before it was "
			  "ready",
			  s->name, state.exit_code);
		/* podman 4 does not tell why */
		if (state.exit_code == 128 + SIGKILL)
			error_hint(err, "if it used more memory than it may, "
					"give it more with --memory");
	}
	if (tail.len)
		error_detail(err, tail.s);
	return -1;
}

struct wait_ctx {
	struct container_provider *p;
	struct server *server;
	int64_t next_look_ms;
};

/*
 * The watch tells at once; where it was lost, or an event went missing, a look
 * every second finds out as well.
 */
static int look_for_end(void *arg, struct error *err)
{
	struct wait_ctx *ctx = arg;
	struct container_provider *p = ctx->p;
	struct container_state state;
	struct deadline limit = deadline_in(5000, NULL);

	if (atomic_load(&ctx->server->ended))
		return describe_end(p, ctx->server, err);
	if (clock_now_ms() < ctx->next_look_ms)
		return 0;
	ctx->next_look_ms = clock_now_ms() + 1000;
	if (ctx->server->unit.service[0])
		return swarm_server_look(p, ctx->server, err);
	if (container_inspect(p->engine, ctx->server->c.id, &limit, &state,
			      err) < 0)
		return -1;
	if (state.running)
		return 0;
	atomic_store(&ctx->server->ended, true);
	return describe_end(p, ctx->server, err);
}

int server_log_tail(struct container_provider *p, const struct server *s,
		    int lines, const struct deadline *deadline, struct buf *ret)
{
	if (s->unit.service[0])
		return service_log_tail(p->engine, s->unit.service, lines,
					deadline, ret, NULL);
	return container_log_tail(p->engine, s->c.id, lines, deadline, ret,
				  NULL);
}

/* Which of its places is the server's address. */
static int choose_place(struct container_provider *p, struct server *s,
			struct wait_ctx *ctx, const struct deadline *deadline,
			struct error *err)
{
	size_t i;

	if (reach_first(s->places, s->n_places, look_for_end, ctx, deadline, &i,
			err) < 0)
		return -1;
	if (!s->n_places)
		return 0;
	free(s->address.host);
	s->address.host = xstrdup(s->places[i].host);
	s->address.port = s->places[i].port;
	if (s->n_places == 1)
		return 0;
	log_debug("'%s' is reached at %s, port %u", s->name, s->address.host,
		  (unsigned)s->address.port);
	pthread_mutex_lock(&p->mutex);
	p->way = s->places[i].way;
	pthread_mutex_unlock(&p->mutex);
	return 0;
}

int server_wait(struct container_provider *p, struct server *server,
		const struct db_address *address,
		const struct deadline *deadline, struct db **ret_db,
		struct error *err)
{
	struct wait_ctx ctx = {p, server, clock_now_ms() + 1000};
	struct db_wait wait = {look_for_end, &ctx, server->dir, false};
	auto_buf struct buf tail = BUF_INIT_MAX(SERVER_LOG_BYTES);
	struct deadline limit = deadline_in(5000, NULL);

	if (choose_place(p, server, &ctx, deadline, err) == 0 &&
	    db_wait_ready(address, &wait, deadline, ret_db, err) == 0)
		return 0;
	if (err && err->kind == ERROR_SERVER)
		return -1; /* describe_end has named it */
	if (err && err->kind == ERROR_TIMEOUT && !server->dir &&
	    !engine_is_local(p->engine))
		error_hint(err,
			   "ports that the engine publishes have to be reached "
			   "at '%s' from here",
			   engine_publish_host(p->engine));
	if (err && err->kind == ERROR_TIMEOUT &&
	    server_log_tail(p, server, SERVER_LOG_LINES, &limit, &tail) == 0 &&
	    tail.len)
		error_detail(err, tail.s);
	return error_wrap(err, "server '%s'", server->name);
}

int server_reach(struct container_provider *p, struct server *server,
		 const struct db_address *address,
		 const struct deadline *deadline, struct db **ret_db,
		 struct error *err)
{
	struct deadline limit = deadline_sooner(*deadline, RECOVER_MS);
	struct wait_ctx ctx = {p, server, 0};
	struct db_wait wait = {look_for_end, &ctx, NULL, true};

	return db_wait_ready(address, &wait, &limit, ret_db, err);
}

void server_retire(struct container_provider *p, struct server *server,
		   const struct deadline *deadline)
{
	auto_error struct error err = ERROR_INIT;

	log_debug("server '%s' is gone", server->name);
	if (container_remove(p->engine, server->c.id, deadline, &err) < 0) {
		log_debug("%s", error_text(&err));
		server_set_unsure(p);
	}
	drop_socket_dir(server);
	pthread_mutex_lock(&p->mutex);
	p->n_retired++;
	server->slot = SERVER_LOST;
	pthread_mutex_unlock(&p->mutex);
}

int server_remove(struct container_provider *p, struct server *server,
		  const struct deadline *deadline, struct error *err)
{
	int result = 0;

	if (server->c.id[0])
		result =
		    container_remove(p->engine, server->c.id, deadline, err);
	if (server->unit.service[0])
		result = service_remove(p->engine, server->unit.service,
					deadline, err);
	if (result < 0)
		server_set_unsure(p);
	drop_socket_dir(server);
	server_free(p, server);
	return result;
}
