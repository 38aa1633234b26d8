/* SPDX-License-Identifier: MIT */
/*
 * What dead sessions left. A session's directories hold a lock that the kernel
 * drops with its owner; a container's owner is judged by session/death.h.
 */
#include "session/internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/parallel.h"
#include "docker/container.h"
#include "docker/engine.h"
#include "docker/image.h"
#include "docker/service.h"
#include "provider/cache.h"
#include "provider/existing.h"
#include "provider/images.h"
#include "provider/labels.h"
#include "session/death.h"
#include "session/estate.h"
#include "session/existing.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	QUICK_MS = 5000,
	/* How long the making of a directory may take before it counts as
	 * broken off. */
	EARLY_S = 60,
};

struct gc {
	unsigned flags;
	const struct deadline *deadline;
	struct gc_report *report;
};

static struct gc_row *add_row(struct gc *gc, const char *kind, const char *name,
			      const char *why)
{
	struct gc_report *r = gc->report;
	struct gc_row *row;

	r->rows = xreallocarray(r->rows, r->n + 1, sizeof(*r->rows));
	row = &r->rows[r->n++];
	*row = (struct gc_row){
	    .kind = xstrdup(kind),
	    .name = xstrdup(name),
	    .why = xstrdup(why),
	    .bytes = -1,
	};
	return row;
}

static void settle_row(struct gc_row *row, int result, struct error *err)
{
	row->removed = result == 0;
	if (result < 0)
		row->failure = xstrdup(error_text(err));
}

void gc_report_free(struct gc_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->rows[i].kind);
		free(r->rows[i].name);
		free(r->rows[i].why);
		free(r->rows[i].failure);
	}
	free(r->rows);
	*r = (struct gc_report){0};
}

/* Is the directory's lock free, so that its session is dead? One that is being
 * made counts as alive for a minute. */
static bool dir_is_dead(const char *path, bool early)
{
	auto_free char *lock_path = fs_join(path, ESTATE_LOCK);
	auto_lock struct lock lock = LOCK_INIT;
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid())
		return false;
	if (early)
		return clock_wall_s() - (int64_t)st.st_mtime > EARLY_S;
	return lock_try(&lock, lock_path, NULL) == 1;
}

static bool is_session_name(const char *name)
{
	return strlen(name) == SESSION_ID &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") ==
		   SESSION_ID;
}

/* How long ago something was put into the directory, or taken out. */
static int64_t age_s(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? 0 : clock_wall_s() - (int64_t)st.st_mtime;
}

/*
 * Cleans up after the session of a directory. One whose engine cannot be asked
 * is tried again until its containers have expired: then whoever collects on
 * that engine finds them without us.
 */
static int clean_dir(struct gc *gc, const char *path, struct error *err)
{
	auto_estate struct estate e = {0};
	bool expired = age_s(path) > SESSION_EXPIRES_S;

	if (estate_read(path, &e, err) < 0)
		return expired ? fs_remove_tree(path, err) : -1;
	if (estate_clean(&e, gc->deadline, err) == 0)
		return 0;
	if (!expired || !e.engine)
		return -1;
	free(e.engine);
	e.engine = NULL;
	return estate_clean(&e, gc->deadline, err);
}

static void collect_dir(struct gc *gc, const char *path, const char *name)
{
	bool early = !strncmp(name, ESTATE_EARLY, strlen(ESTATE_EARLY));
	auto_error struct error err = ERROR_INIT;
	struct gc_row *row;
	int result;

	if (!early && !is_session_name(name))
		return;
	if (!dir_is_dead(path, early))
		return;
	row = add_row(gc, "session", name, "its owner is gone");
	if (gc->flags & GC_DRY_RUN)
		return;
	result = early ? fs_remove_tree(path, &err) : clean_dir(gc, path, &err);
	settle_row(row, result, &err);
}

static void collect_dirs(struct gc *gc, const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir))) {
		auto_free char *path = NULL;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		path = fs_join(parent, e->d_name);
		collect_dir(gc, path, e->d_name);
	}
	closedir(dir);
}

/* What the engine has of one kind that carries a session's label. */
struct kind {
	const char *word;
	int (*remove)(struct engine *engine, const char *id,
		      const struct deadline *deadline, struct error *err);
};

static void collect_one(struct gc *gc, struct engine *engine,
			const struct kind *kind, const char *name,
			const char *id, const struct strvec *labels,
			const struct label_owner *self)
{
	auto_error struct error why_not = ERROR_INIT;
	const char *why = death_of(labels, self, clock_wall_s());
	struct gc_row *row;

	if (!why)
		return;
	row = add_row(gc, kind->word, name, why);
	if (gc->flags & GC_DRY_RUN)
		return;
	settle_row(row, kind->remove(engine, id, gc->deadline, &why_not),
		   &why_not);
}

/* This process as the owner that labels would name; *ret_text keeps it, and is
 * the caller's to free. */
static int find_self(char **ret_text, struct label_owner *ret,
		     struct error *err)
{
	*ret_text = label_owner();
	if (label_owner_parse(*ret_text, ret) == 0)
		return 0;
	return error_set(err, ERROR_INTERNAL, "'%s' is no owner", *ret_text);
}

static int collect_containers(struct gc *gc, struct engine *engine,
			      struct error *err)
{
	static const struct kind kind = {"container", container_remove};
	auto_container_list struct container_list list = CONTAINER_LIST_INIT;
	auto_free char *mine = NULL;
	struct label_owner self;

	if (find_self(&mine, &self, err) < 0 ||
	    container_list(engine, LABEL_SESSION, gc->deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		collect_one(gc, engine, &kind, list.rows[i].name,
			    list.rows[i].id, &list.rows[i].labels, &self);
	return 0;
}

/* Before containers, which a swarm removes with their services. */
static int collect_services(struct gc *gc, struct engine *engine,
			    struct error *err)
{
	static const struct kind kind = {"service", service_remove};
	auto_service_list struct service_list list = SERVICE_LIST_INIT;
	auto_free char *mine = NULL;
	struct label_owner self;

	if (find_self(&mine, &self, err) < 0 ||
	    service_list(engine, LABEL_SESSION, gc->deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		collect_one(gc, engine, &kind, list.rows[i].name,
			    list.rows[i].id, &list.rows[i].labels, &self);
	return 0;
}

/* Images that end with whoever made them: of a build of server images that was
 * killed, and the template of a session that kept it for itself. */
static int collect_images(struct gc *gc, struct engine *engine,
			  const char *label, struct error *err)
{
	static const struct kind kind = {"image", image_remove};
	auto_image_list struct image_list list = IMAGE_LIST_INIT;
	auto_free char *mine = NULL;
	struct label_owner self;

	if (find_self(&mine, &self, err) < 0 ||
	    image_list(engine, label, NULL, gc->deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		const struct image *image = &list.images[i];
		const char *name = image->tags.n ? image->tags.v[0] : image->id;

		collect_one(gc, engine, &kind, name, name, &image->labels,
			    &self);
	}
	return 0;
}

/* What others keep on a shared engine is not ours to show here, either. */
static void collect_template(struct gc *gc, const struct cache *cache,
			     const struct cache_row *t)
{
	auto_error struct error why_not = ERROR_INIT;
	struct gc_row *row;

	if (t->used_s < 0 && !quota_goes(t->verdict))
		return;
	row = add_row(gc, "template", t->name, quota_reason(t->verdict));
	row->bytes = t->bytes;
	row->stays = !quota_goes(t->verdict);
	if (row->stays || gc->flags & GC_DRY_RUN)
		return;
	settle_row(row, cache_remove(cache, t, gc->deadline, &why_not),
		   &why_not);
}

/* Kept templates, on the engine if there is one. */
static int collect_cache(struct gc *gc, struct engine *engine,
			 int64_t quota_bytes, struct error *err)
{
	auto_cache_list struct cache_list list = CACHE_LIST_INIT;
	auto_free char *cache_dir = fs_cache_dir();
	auto_free char *local_dir = session_local_cache();
	auto_free char *runtime = NULL;
	struct cache cache = {engine, cache_dir, local_dir};

	if (engine &&
	    cache_list_images(&cache, true, gc->deadline, &list, err) < 0)
		return -1;
	cache_list_files(&cache, &list);
	cache_judge(&list, quota_bytes);
	for (size_t i = 0; i < list.n; i++)
		collect_template(gc, &cache, &list.rows[i]);
	if (!(gc->flags & GC_DRY_RUN)) {
		fs_runtime_dir(&runtime, NULL);
		cache_tidy(&cache, runtime, engine ? &list : NULL);
	}
	return 0;
}

/* The directories of both kinds: sockets and locks, and database files. */
static void collect_all_dirs(struct gc *gc)
{
	auto_free char *runtime = NULL;
	auto_free char *cache = fs_cache_dir();
	auto_free char *sessions = fs_join(cache, "sessions");
	auto_free char *local = session_local_parent();

	if (fs_runtime_dir(&runtime, NULL) == 0)
		collect_dirs(gc, runtime);
	collect_dirs(gc, sessions);
	if (local)
		collect_dirs(gc, local);
}

static int collect_all(struct gc *gc, const struct config *config,
		       struct error *err)
{
	auto_engine_candidates struct engine_candidates candidates =
	    ENGINE_CANDIDATES_INIT;
	struct engine *engine = NULL;
	int result = 0;

	collect_all_dirs(gc);
	if (engine_discover(config->host, &candidates, err) < 0)
		return -1;
	/* no engine: then there is nothing on it, either */
	if (engine_open(&candidates, 0, gc->deadline, &engine, NULL) == 0)
		result = collect_services(gc, engine, err);
	if (result == 0 && engine)
		result = collect_containers(gc, engine, err);
	if (result == 0 && engine)
		result = collect_images(gc, engine, IMAGES_SESSION, err);
	if (result == 0 && engine)
		result = collect_images(gc, engine, LABEL_PRIVATE, err);
	if (result == 0)
		result = collect_cache(gc, engine, config->cache_bytes, err);
	engine_free(engine);
	return result;
}

static void found_database(void *arg, const char *name, const char *why,
			   const struct error *failure)
{
	struct gc *gc = arg;
	struct gc_row *row = add_row(gc, "database", name, why);

	row->removed = !failure && !(gc->flags & GC_DRY_RUN);
	if (failure)
		row->failure = xstrdup(error_text(failure));
}

static bool may_use(const struct config *config, const char *url)
{
	auto_db_address struct db_address a = {.dialect = DIALECT_POSTGRES};
	auto_free char *ip = NULL;

	return config->allow_remote || (existing_address(url, &a, NULL) == 0 &&
					existing_is_local(&a, &ip));
}

/* On the existing servers of the configuration. One that does not answer, or is
 * not to be used, has nothing that could be seen to. */
static void collect_servers(struct gc *gc, const struct config *config)
{
	bool only_look = gc->flags & GC_DRY_RUN;

	for (size_t i = 0; config && i < config->n_services; i++) {
		auto_error struct error why = ERROR_INIT;
		const char *url = config->services[i].url;

		if (!url || !may_use(config, url))
			continue;
		if (session_collect_server(url, only_look, gc->deadline,
					   found_database, gc, &why) < 0)
			log_debug("gc: %s", why.text);
	}
}

int session_gc(const struct config *config, unsigned flags,
	       const struct deadline *deadline, struct gc_report *ret,
	       struct error *err)
{
	struct gc_report report = {0};
	struct gc gc = {flags, deadline, &report};

	collect_servers(&gc, config);
	if (collect_all(&gc, config, err) < 0) {
		gc_report_free(&report);
		return -1;
	}
	*ret = report;
	return 0;
}

struct gc_thread {
	pthread_t thread;
	struct engine *engine;
	bool swarm;
	struct cancel *stop;
};

static void *collect_quietly(void *arg)
{
	struct gc_thread *t = arg;
	struct deadline deadline = deadline_in(QUICK_MS, t->stop);
	struct gc_report report = {0};
	struct gc gc = {0, &deadline, &report};
	auto_error struct error err = ERROR_INIT;

	/* a directory may name an engine that does not answer, and take all
	 * the time */
	if (t->swarm && collect_services(&gc, t->engine, &err) < 0)
		log_debug("gc: %s", err.text);
	if (t->engine && collect_containers(&gc, t->engine, &err) < 0)
		log_debug("gc: %s", err.text);
	collect_all_dirs(&gc);
	for (size_t i = 0; i < report.n; i++)
		log_debug("gc: %s '%s': %s", report.rows[i].kind,
			  report.rows[i].name,
			  report.rows[i].failure ? report.rows[i].failure
						 : report.rows[i].why);
	gc_report_free(&report);
	return NULL;
}

struct gc_thread *gc_thread_start(struct engine *engine, bool swarm)
{
	struct gc_thread *t = xcalloc(1, sizeof(*t));
	sigset_t all;
	sigset_t before;
	int failed;

	t->engine = engine;
	t->swarm = swarm;
	t->stop = cancel_new(NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed =
	    !t->stop || pthread_create(&t->thread, NULL, collect_quietly, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		return t;
	/* collecting can wait for the next session */
	cancel_free(t->stop);
	free(t);
	return NULL;
}

void gc_thread_stop(struct gc_thread *t)
{
	if (!t)
		return;
	cancel_trip(t->stop, SIGTERM);
	pthread_join(t->thread, NULL);
	cancel_free(t->stop);
	free(t);
}
