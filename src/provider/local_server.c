/* SPDX-License-Identifier: MIT */
#include "provider/local.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/log.h"
#include "dialect/clone.h"
#include "dialect/db.h"
#include "provider/contract.h"
#include "provider/local_sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LOG_TAIL = 4096,
	RECOVER_MS = 20000,
	/* for what a fast end takes; then it is killed */
	END_MS = 10000,
	SHUT_DOWN_MS = 90000
};

int local_give(const struct local_provider *p, const char *path,
	       struct error *err)
{
	if (!p->drop || lchown(path, p->uid, p->gid) == 0)
		return 0;
	return error_set_errno(err, ERROR_IO, errno,
			       "cannot change the owner of '%s'", path);
}

static int make_dir(const struct local_provider *p, const char *path,
		    struct error *err)
{
	if (mkdir(path, 0700) < 0)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot make directory '%s'", path);
	return local_give(p, path, err);
}

static void list_server(struct local_provider *p, struct local_server *s)
{
	pthread_mutex_lock(&p->mutex);
	p->servers = xreallocarray(p->servers, p->n_servers + 1,
				   sizeof(struct local_server *));
	p->servers[p->n_servers++] = s;
	pthread_mutex_unlock(&p->mutex);
}

static void unlist_server(struct local_provider *p, struct local_server *s)
{
	pthread_mutex_lock(&p->mutex);
	for (size_t i = 0; i < p->n_servers; i++) {
		if (p->servers[i] != s)
			continue;
		p->servers[i] = p->servers[--p->n_servers];
		break;
	}
	pthread_mutex_unlock(&p->mutex);
}

struct local_server *local_server_find(struct local_provider *p, int slot)
{
	struct local_server *found = NULL;

	pthread_mutex_lock(&p->mutex);
	for (size_t i = 0; i < p->n_servers; i++)
		if (p->servers[i]->slot == slot)
			found = p->servers[i];
	pthread_mutex_unlock(&p->mutex);
	return found;
}

bool local_server_retire(struct local_provider *p, struct local_server *s)
{
	int status;

	/* NULL: it is just being started */
	if (!s->ward || !ward_ended(s->ward, &status))
		return false;
	pthread_mutex_lock(&p->mutex);
	s->slot = LOCAL_RETIRED;
	pthread_mutex_unlock(&p->mutex);
	/* its room is wanted; who still works on it fails by itself */
	local_free_memory(s->data);
	fs_remove_tree(s->data, NULL);
	return true;
}

/* What the server is called in its paths: "db-3-x7k2p9qa". */
static char *server_name(const struct local_provider *p, int slot)
{
	char random[9];

	ident_random(random, sizeof(random) - 1);
	if (slot == LOCAL_BUILDER)
		return xasprintf("%s-build-%s", p->base.spec.service, random);
	if (slot == LOCAL_SHARED)
		return xasprintf("%s-shared-%s", p->base.spec.service, random);
	return xasprintf("%s-%d-%s", p->base.spec.service, slot, random);
}

/* The socket's path is bounded: it lies in the run directory, but for root,
 * whose run directory is closed to the servers' user. */
static char *socket_dir_of(const struct local_provider *p,
			   const struct local_server *s)
{
	if (p->drop)
		return xasprintf("%s/%u-%d", p->base.owner.local_dir,
				 p->base.spec.index, s->slot);
	return xasprintf("%s/%u-%d", p->base.owner.run_dir, p->base.spec.index,
			 s->slot);
}

int local_server_new(struct local_provider *p, int slot,
		     struct local_server **ret, struct error *err)
{
	struct local_server *s = xcalloc(1, sizeof(*s));
	auto_free char *name = server_name(p, slot);

	s->slot = slot;
	s->dir = fs_join(p->base.owner.local_dir, name);
	s->data = fs_join(s->dir, "data");
	s->log = xasprintf("%s" LOCAL_LOG, s->dir);
	s->pid_file = xasprintf("%s" LOCAL_PID, s->dir);
	s->socket_dir = socket_dir_of(p, s);
	list_server(p, s);
	/* one that was not removed may have left it */
	if (fs_remove_tree(s->socket_dir, err) < 0 ||
	    make_dir(p, s->dir, err) < 0 ||
	    make_dir(p, s->socket_dir, err) < 0) {
		local_server_remove(p, s, NULL);
		return -1;
	}
	*ret = s;
	return 0;
}

static void base_env(struct strvec *ret)
{
	const char *path = getenv("PATH");

	strvec_pushf(ret, "PATH=%s%s/usr/bin:/bin:/usr/sbin:/sbin",
		     path ? path : "", path && *path ? ":" : "");
	strvec_push(ret, "LC_ALL=C");
	strvec_push(ret, "TZ=UTC");
}

static void add_log(const struct local_server *s, struct error *err)
{
	auto_buf struct buf tail = BUF_INIT_MAX(LOG_TAIL);

	ward_log_tail(s->log, &tail);
	if (tail.len)
		error_detail(err, tail.s);
}

int local_about_disk(const struct local_provider *p,
		     const struct local_server *s, struct error *err)
{
	auto_buf struct buf tail = BUF_INIT_MAX(LOG_TAIL);
	auto_error struct error log = ERROR_INIT;
	const char *end;

	if (!err || err->kind == ERROR_CANCELLED || err->kind == ERROR_NO_SPACE)
		return -1;
	if (s && (err->kind == ERROR_DATABASE || err->kind == ERROR_SERVER)) {
		ward_log_tail(s->log, &tail);
		error_set(&log, ERROR_SERVER, "%s", tail.s);
	}
	if (!error_is_disk_full(err) && !error_is_disk_full(&log))
		return -1;
	err->kind = ERROR_NO_SPACE;
	/* pages of what else failed for it */
	error_detail(err, NULL);
	error_hint(err, "make room on it: 'testenv gc --cache-size 0' removes "
			"every template that no session uses");
	/* the session's own is gone when this is read */
	end = strrchr(p->base.owner.local_dir, '/');
	return error_wrap(err, "the disk of '%.*s' is full",
			  (int)(end - p->base.owner.local_dir),
			  p->base.owner.local_dir);
}

static int run_to_end(struct local_provider *p, const struct local_server *s,
		      const struct ward_spec *spec,
		      const struct deadline *deadline, int *ret_status,
		      struct error *err)
{
	auto_ward struct ward *ward = NULL;
	int result;

	if (ward_start(p->wards, spec, &ward, err) < 0 ||
	    local_pid_write(s->pid_file, ward_pid(ward), err) < 0)
		return -1;
	result = ward_wait(ward, deadline, ret_status, err);
	/* its own children, if it is given up */
	ward_free(take_ptr(&ward));
	unlink(s->pid_file);
	return result;
}

int local_run(struct local_provider *p, const struct local_server *s,
	      char *const *argv, const char *what,
	      const struct deadline *deadline, struct error *err)
{
	auto_strvec struct strvec env = STRVEC_INIT;
	struct ward_spec spec = {.argv = argv,
				 .dir = s->dir,
				 .log = s->log,
				 .drop = p->drop,
				 .uid = p->uid,
				 .gid = p->gid};
	int status;

	base_env(&env);
	spec.envp = env.v;
	if (run_to_end(p, s, &spec, deadline, &status, err) < 0)
		return error_wrap(err, "%s", what);
	if (status == 0)
		return 0;
	error_set(err, ERROR_SERVER, "%s failed with %s %d", what,
		  WIFSIGNALED(status) ? "signal" : "exit code",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	add_log(s, err);
	return -1;
}

static int launch(struct local_provider *p, struct local_server *s,
		  struct error *err)
{
	auto_strvec struct strvec argv = STRVEC_INIT;
	auto_strvec struct strvec env = STRVEC_INIT;
	bool pg = p->base.spec.dialect == DIALECT_POSTGRES;
	struct ward_spec spec = {
	    .dir = s->dir,
	    .log = s->log,
	    /* Postgres frees its shared memory at an immediate shutdown */
	    .death_signal = pg ? SIGQUIT : SIGKILL,
	    .drop = p->drop,
	    .uid = p->uid,
	    .gid = p->gid,
	};

	base_env(&env);
	local_server_args(p, s, &argv);
	spec.argv = argv.v;
	spec.envp = env.v;
	if (ward_start(p->wards, &spec, &s->ward, err) < 0)
		return -1;
	return local_pid_write(s->pid_file, ward_pid(s->ward), err);
}

static void set_address(const struct local_provider *p, struct local_server *s,
			const char *password, const char *root)
{
	const struct provider_spec *spec = &p->base.spec;
	bool mariadb = spec->dialect == DIALECT_MARIADB;
	struct db_address *a = &s->address;

	db_address_free(a);
	*a = (struct db_address){.dialect = spec->dialect};
	a->socket_dir = xstrdup(s->socket_dir);
	a->socket = fs_join(s->socket_dir, contract_socket_name(spec->dialect));
	a->user = xstrdup(mariadb ? "root" : spec->user);
	a->password = xstrdup(mariadb ? root : password);
	a->database = xstrdup(mariadb ? "mysql" : "postgres");
}

static int look_for_end(void *arg, struct error *err)
{
	struct local_server *s = arg;
	int status;

	if (!ward_ended(s->ward, &status))
		return 0;
	error_set(err, ERROR_SERVER,
		  "server '%s' ended with %s %d before it was ready", s->dir,
		  WIFSIGNALED(status) ? "signal" : "exit code",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	add_log(s, err);
	return -1;
}

int local_server_start(struct local_provider *p, struct local_server *s,
		       const char *password, const char *root,
		       const struct deadline *deadline, struct db **ret_db,
		       struct error *err)
{
	struct db_wait wait = {look_for_end, s, s->socket_dir, true};
	auto_error struct error why = ERROR_INIT;

	set_address(p, s, password, root);
	if (launch(p, s, err) < 0)
		return -1;
	if (db_wait_ready(&s->address, &wait, deadline, ret_db, &why) == 0)
		return 0;
	if (why.kind == ERROR_TIMEOUT)
		add_log(s, &why);
	if (why.kind != ERROR_SERVER)
		error_wrap(&why, "server '%s'", s->dir);
	return error_move(err, &why);
}

static int look_whether_it_runs(void *arg, struct error *err)
{
	struct local_server *s = arg;
	int status;

	if (!ward_ended(s->ward, &status))
		return 0;
	error_set(err, ERROR_SERVER, "server '%s' has ended", s->dir);
	add_log(s, err);
	return -1;
}

int local_server_admin(struct local_server *s, const struct deadline *deadline,
		       struct db **ret, struct error *err)
{
	struct deadline limit = deadline_sooner(*deadline, RECOVER_MS);
	struct db_wait wait = {look_whether_it_runs, s, NULL, true};

	return db_wait_ready(&s->address, &wait, &limit, ret, err);
}

int local_server_shut_down(struct local_server *s,
			   const struct deadline *deadline, struct error *err)
{
	struct deadline limit = deadline_sooner(*deadline, SHUT_DOWN_MS);
	bool pg = s->address.dialect == DIALECT_POSTGRES;
	int status;

	ward_signal(s->ward, pg ? SIGINT : SIGTERM, false);
	if (ward_wait(s->ward, &limit, &status, err) < 0)
		return error_wrap(err, "server '%s'", s->dir);
	if (status == 0)
		return 0;
	error_set(err, ERROR_SERVER, "server '%s' did not shut down cleanly",
		  s->dir);
	add_log(s, err);
	return -1;
}

/* Nothing of it is needed any more. Postgres is asked, so that it frees its
 * shared memory and its own processes are gone with it. */
static void end_process(struct local_server *s)
{
	struct deadline limit = deadline_in(END_MS, NULL);

	if (!s->ward)
		return;
	if (s->address.dialect == DIALECT_POSTGRES) {
		ward_signal(s->ward, SIGQUIT, false);
		if (ward_wait(s->ward, &limit, NULL, NULL) < 0)
			log_debug("server '%s' has to be killed", s->dir);
	}
	ward_free(take_ptr(&s->ward));
}

int local_server_remove(struct local_provider *p, struct local_server *s,
			struct error *err)
{
	auto_free char *old_log = xasprintf("%s.1", s->log);
	int result;

	end_process(s);
	local_free_memory(s->data);
	unlink(s->pid_file);
	unlink(s->log);
	unlink(old_log);
	result = fs_remove_tree(s->socket_dir, err);
	if (fs_remove_tree(s->dir, result < 0 ? NULL : err) < 0)
		result = -1;
	unlist_server(p, s);
	db_address_free(&s->address);
	clones_free(s->clones);
	free(s->dir);
	free(s->data);
	free(s->log);
	free(s->pid_file);
	free(s->socket_dir);
	free(s);
	return result;
}
