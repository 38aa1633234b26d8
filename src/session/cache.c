/* SPDX-License-Identifier: MIT */
#include "session/cache.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/progress.h"
#include "docker/engine.h"
#include "provider/sweep.h"
#include "session/cache_archive.h"
#include "session/internal.h"
#include "template/hold.h"

#include <string.h>

enum {
	CLEANUP_MS = 20000
};

static void cleanup_session(struct session **s)
{
	session_end(*s);
}
#define auto_session __attribute__((cleanup(cleanup_session)))

/* A session without services: somebody to own what is made on the way. Its
 * engine is NULL where none answers. */
static int open_session(const struct config *config,
			const struct deadline *deadline,
			const struct progress *progress, struct session **ret,
			struct error *err)
{
	auto_error struct error why = ERROR_INIT;

	if (session_new(config, NULL, progress, ret, err) < 0)
		return -1;
	if (session_open_engine(*ret, false, deadline, &why) == 0)
		return 0;
	log_debug("cache: %s", why.text);
	return why.kind == ERROR_NO_ENGINE ? 0 : error_move(err, &why);
}

static struct cache cache_of(const struct session *s, char **local_dir)
{
	*local_dir = session_local_cache();
	return (struct cache){s->engine, s->cache_dir, *local_dir};
}

static int list_all(const struct session *s, bool containers,
		    const struct deadline *deadline, struct cache_list *list,
		    struct error *err)
{
	auto_free char *local_dir = NULL;
	struct cache cache = cache_of(s, &local_dir);

	if (s->engine &&
	    cache_list_images(&cache, containers, deadline, list, err) < 0)
		return -1;
	cache_list_files(&cache, list);
	return 0;
}

int session_cache_list(const struct config *config,
		       const struct deadline *deadline, struct cache_list *ret,
		       struct error *err)
{
	auto_cache_list struct cache_list list = CACHE_LIST_INIT;
	auto_session struct session *s = NULL;

	if (open_session(config, deadline, NULL, &s, err) < 0 ||
	    list_all(s, true, deadline, &list, err) < 0)
		return -1;
	cache_judge(&list, config->cache_bytes);
	*ret = list;
	list = (struct cache_list)CACHE_LIST_INIT;
	return 0;
}

int session_cache_keys(const struct config *config,
		       const struct deadline *deadline,
		       const struct progress *progress, struct strvec *ret,
		       struct error *err)
{
	auto_session struct session *s = NULL;

	if (session_new(config, NULL, progress, &s, err) < 0 ||
	    session_prepare(s, deadline, err) < 0)
		return -1;
	for (unsigned i = 0; i < s->n_services; i++) {
		struct session_service service;

		session_service(s, i, &service);
		if (!service.facts.template_key || s->services[i].spec.no_cache)
			return error_set(err, ERROR_CONFIG,
					 "the template of service '%s' is not "
					 "kept",
					 service.name);
		strvec_push(ret, service.facts.template_key);
	}
	return 0;
}

static bool is_wanted(const struct cache_row *row, char *const *keys, bool all)
{
	if (all)
		return row->used_s >= 0;
	for (; *keys; keys++)
		if (!strcmp(*keys, row->key))
			return true;
	return false;
}

static const struct cache_row *find(const struct cache_list *list,
				    const char *key)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->rows[i].key, key) && !list->rows[i].replaced)
			return &list->rows[i];
	return NULL;
}

/* Every key given must be kept. */
static int check_keys(const struct session *s, const struct cache_list *list,
		      char *const *keys, struct error *err)
{
	for (; *keys; keys++) {
		if (find(list, *keys))
			continue;
		error_set(err, ERROR_CONFIG, "template '%.80s' is not kept",
			  *keys);
		if (!s->engine)
			error_hint(err, "no container engine answers, so only "
					"files were looked at");
		return -1;
	}
	return 0;
}

int session_cache_remove(const struct config *config, char *const *keys,
			 bool all, const struct deadline *deadline,
			 struct strvec *ret_removed, struct error *err)
{
	auto_cache_list struct cache_list list = CACHE_LIST_INIT;
	auto_session struct session *s = NULL;
	auto_error struct error first = ERROR_INIT;
	auto_free char *local_dir = NULL;
	struct cache cache;

	if (open_session(config, deadline, NULL, &s, err) < 0 ||
	    list_all(s, false, deadline, &list, err) < 0 ||
	    (!all && check_keys(s, &list, keys, err) < 0))
		return -1;
	cache = cache_of(s, &local_dir);
	for (size_t i = 0; i < list.n; i++) {
		auto_error struct error why = ERROR_INIT;

		if (!is_wanted(&list.rows[i], keys, all))
			continue;
		if (cache_remove(&cache, &list.rows[i], deadline, &why) == 0)
			strvec_push(ret_removed, list.rows[i].key);
		else if (!first.kind)
			error_move(&first, &why);
	}
	return first.kind ? error_move(err, &first) : 0;
}

static int carry_all_out(const struct session *s, const struct cache_list *list,
			 char *const *keys, const struct deadline *deadline,
			 struct carried_list *out, struct error *err)
{
	for (; *keys; keys++) {
		auto_free char *path =
		    xasprintf("%s/export-%s", s->data_dir, *keys);
		bool again = false;

		for (size_t i = 0; i < out->n; i++)
			again = again || !strcmp(out->v[i].key, *keys);
		if (again)
			continue;
		progress_step(s->progress, *keys, "reading template %s", *keys);
		if (out->n == CACHE_ARCHIVE_MAX)
			return error_set(err, ERROR_CONFIG,
					 "more than %d templates for one "
					 "archive",
					 CACHE_ARCHIVE_MAX);
		if (carry_out(s->engine, &s->owner, find(list, *keys), path,
			      deadline, carried_list_add(out), err) < 0)
			return -1;
		progress_done(s->progress, *keys, "read template %s", *keys);
	}
	return 0;
}

/* What a removal that failed, or a request whose answer was lost, left. */
static void sweep(const struct session *s)
{
	struct deadline cleanup = deadline_in(CLEANUP_MS, NULL);

	if (s->engine)
		sweep_session(s->engine, s->id, s->run_dir, false, &cleanup,
			      NULL);
}

int session_cache_export(const struct config *config, const char *file,
			 char *const *keys, const struct deadline *deadline,
			 const struct progress *progress, struct error *err)
{
	auto_cache_list struct cache_list list = CACHE_LIST_INIT;
	auto_carried_list struct carried_list out = CARRIED_LIST_INIT;
	auto_session struct session *s = NULL;
	int result;

	if (cache_archive_check(file, err) < 0 ||
	    open_session(config, deadline, progress, &s, err) < 0)
		return -1;
	/* only to note the uses of what is there */
	s->local_cache = session_local_cache();
	s->owner.local_cache = s->local_cache;
	if (list_all(s, false, deadline, &list, err) < 0 ||
	    check_keys(s, &list, keys, err) < 0)
		return -1;
	result = carry_all_out(s, &list, keys, deadline, &out, err);
	sweep(s);
	return result < 0 ? -1 : cache_archive_write(file, &out, err);
}

/* 1: its key is kept now; 0: it was passed over; -1. */
static int carry_one_in(const struct session *s, const struct carried *c,
			const struct deadline *deadline, struct error *err)
{
	auto_error struct error why = ERROR_INIT;
	int made;

	if (c->place == CACHE_IMAGE && !s->engine)
		return error_set(err, ERROR_NO_ENGINE,
				 "template %s needs a container engine, and "
				 "none answers",
				 c->key);
	progress_step(s->progress, c->key, "loading template %s", c->key);
	made = carry_in(s->engine, &s->owner, c, deadline, s->progress, &why);
	if (made >= 0) {
		progress_done(s->progress, c->key, "%s template %s",
			      made ? "loaded" : "has already", c->key);
		return 1;
	}
	if (why.kind != ERROR_NO_IMAGE && why.kind != ERROR_PULL &&
	    why.kind != ERROR_NO_SERVER)
		return error_move(err, &why);
	progress_notice(s->progress, "passed over: %s", why.text);
	return 0;
}

static int carry_all_in(const struct session *s, const struct carried_list *in,
			const struct deadline *deadline,
			struct strvec *ret_keys, struct error *err)
{
	for (size_t i = 0; i < in->n; i++) {
		int kept = carry_one_in(s, &in->v[i], deadline, err);

		if (kept < 0)
			return -1;
		if (kept)
			strvec_push(ret_keys, in->v[i].key);
	}
	return 0;
}

/* The places that these templates go to. */
static int make_places(struct session *s, const struct carried_list *in,
		       struct error *err)
{
	auto_free char *files = fs_join(s->cache_dir, "sqlite");
	bool trees = false;

	for (size_t i = 0; i < in->n; i++)
		trees = trees || in->v[i].place == CACHE_TREE;
	if (fs_mkdir_p(files, 0700, err) < 0)
		return -1;
	if (!trees)
		return 0;
	if (session_local_place(s, err) < 0)
		return -1;
	if (!s->owner.local_cache)
		return error_set(err, ERROR_IO,
				 "cannot write the cache directory '%s'",
				 s->cache_dir);
	return fs_mkdir_p(s->owner.local_cache, 0700, err);
}

int session_cache_import(const struct config *config, const char *file,
			 const struct deadline *deadline,
			 const struct progress *progress,
			 struct strvec *ret_keys, struct error *err)
{
	auto_carried_list struct carried_list in = CARRIED_LIST_INIT;
	auto_session struct session *s = NULL;
	int result;

	if (open_session(config, deadline, progress, &s, err) < 0)
		return -1;
	if (cache_archive_read(file, s->data_dir, &in, err) < 0 ||
	    make_places(s, &in, err) < 0)
		return -1;
	result = carry_all_in(s, &in, deadline, ret_keys, err);
	sweep(s);
	if (result < 0)
		return -1;
	if (s->engine)
		cache_trim(&(struct cache){s->engine, s->cache_dir, NULL},
			   config->cache_bytes, deadline);
	cache_trim(&(struct cache){NULL, s->cache_dir, s->local_cache},
		   config->cache_bytes, deadline);
	return 0;
}
