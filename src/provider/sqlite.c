/* SPDX-License-Identifier: MIT */
/*
 * A SQLite service: one migrated file in the cache, a copy of it for each slot.
 * A copy lies in a directory of its own, so that -wal, -shm and -journal, which
 * SQLite puts beside it, can only ever be that copy's.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/progress.h"
#include "dialect/db.h"
#include "dialect/state.h"
#include "provider/cache.h"
#include "provider/impl.h"
#include "template/hold.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a file's 255, with room for SQLite's own suffixes. */
enum {
	NAME_BYTES = 200,
	VERIFY_BYTES = 16 * 1024,
	SOUND_MS = 60000
};

struct sqlite_provider {
	struct provider base;
	char key[TEMPLATE_KEY];
	char *template;   /* the sealed file, once ensured */
	struct lock hold; /* on a kept one; see template/hold.h */
	bool built;
	pthread_mutex_t mutex; /* guards dirs */
	char **dirs; /* by slot, a stopped one's too; NULL: never had one */
	size_t n_dirs;
};

static struct sqlite_provider *of(struct provider *p)
{
	return (struct sqlite_provider *)p;
}

/* The slot's directory, a copy; NULL: it has none. */
static char *slot_dir(struct sqlite_provider *s, unsigned slot)
{
	char *dir = NULL;

	pthread_mutex_lock(&s->mutex);
	if (slot < s->n_dirs)
		dir = xstrdup_or_null(s->dirs[slot]);
	pthread_mutex_unlock(&s->mutex);
	return dir;
}

static void set_slot_dir(struct sqlite_provider *s, unsigned slot,
			 const char *dir)
{
	pthread_mutex_lock(&s->mutex);
	if (slot >= s->n_dirs) {
		s->dirs = xreallocarray(s->dirs, slot + 1, sizeof(char *));
		memset(s->dirs + s->n_dirs, 0,
		       (slot + 1 - s->n_dirs) * sizeof(char *));
		s->n_dirs = slot + 1;
	}
	free(s->dirs[slot]);
	s->dirs[slot] = xstrdup_or_null(dir);
	pthread_mutex_unlock(&s->mutex);
}

/* The database's name, as far as one of a file can be it: of the environment
 * "../x" would lead elsewhere, and much may be longer than a file system takes.
 */
static char *file_in(const struct provider *p, const char *dir)
{
	char *path =
	    xasprintf("%s/%.*s.sqlite", dir, NAME_BYTES, p->spec.database);

	for (char *c = path + strlen(dir) + 1; *c; c++)
		if (*c == '/')
			*c = '_';
	return path;
}

static char *slot_name(struct provider *p, unsigned slot)
{
	auto_free char *dir = slot_dir(of(p), slot);

	return dir ? file_in(p, dir) : NULL;
}

/* The file is there from the beginning, empty, as many tools want it: one that
 * is not there afterwards was removed by a command. */
static int migrate(struct sqlite_provider *s, const struct db_address *a,
		   const struct deadline *deadline, struct error *err)
{
	struct provider *p = &s->base;

	if (fs_write_file(a->path, "", 0, 0600, err) < 0 ||
	    migrations_run(p->spec.migrations, a, deadline, p->progress, err) <
		0)
		return -1;
	if (!fs_exists(a->path))
		return error_set(err, ERROR_MIGRATION,
				 "the database file is gone: a command of the "
				 "migrations removed it");
	return 0;
}

/* Migrates a new file under a name of this session's and seals it. */
static int build(struct sqlite_provider *s, const char *path,
		 const struct deadline *deadline, struct error *err)
{
	auto_db_address struct db_address a = {.dialect = DIALECT_SQLITE,
					       .path = xstrdup(path)};
	struct db *db = NULL;

	if (migrate(s, &a, deadline, err) < 0 ||
	    db_connect(&a, deadline, &db, err) < 0)
		return -1;
	return db_seal_file(db, err);
}

char *sqlite_template_path(const char *cache_dir, const char *key)
{
	return xasprintf("%s/sqlite/%s.sqlite", cache_dir, key);
}

char *sqlite_template_lock(const char *cache_dir, const char *key)
{
	return xasprintf("%s/sqlite/%s.lock", cache_dir, key);
}

/* Copied first where the cache is another file system. What has the copy's name
 * was left by one who was killed: we have the lock. */
int sqlite_publish(const char *built, const char *template, struct error *err)
{
	auto_free char *half = NULL;

	if (chmod(built, 0400) == 0 && rename(built, template) == 0)
		return 0;
	half = xasprintf("%.*s.half",
			 (int)(strlen(template) - strlen(".sqlite")), template);
	unlink(half);
	if (fs_copy_file(built, half, 0400, err) < 0)
		return -1;
	if (rename(half, template) < 0) {
		unlink(half);
		return error_set(err, ERROR_IO, "cannot publish '%s'",
				 template);
	}
	unlink(built);
	return 0;
}

static int build_into(struct sqlite_provider *s, const char *template,
		      const struct deadline *deadline, struct error *err)
{
	auto_free char *dir = xasprintf("%s/%s-build", s->base.owner.data_dir,
					s->base.spec.service);
	auto_free char *path = fs_join(dir, "template.sqlite");
	int result;

	if (fs_mkdir_p(dir, 0700, err) < 0)
		return -1;
	result = build(s, path, deadline, err);
	if (result == 0)
		result = sqlite_publish(path, template, err);
	fs_remove_tree(dir, NULL);
	s->built = result == 0;
	return result;
}

/* Integrity was checked when it was sealed; with --verify it is again. */
static bool is_sound(const struct sqlite_provider *s, const char *template)
{
	struct deadline d = deadline_in(SOUND_MS, NULL);
	auto_error struct error err = ERROR_INIT;

	if (!s->base.spec.verify || db_check_sealed(template, &d, &err) == 0)
		return true;
	log_debug("%s", error_text(&err));
	return false;
}

/* Is there a template, and all of it? */
static bool is_cached(const struct sqlite_provider *s, const char *template)
{
	return !s->base.spec.rebuild && access(template, R_OK) == 0 &&
	       db_file_is_whole(template) && is_sound(s, template);
}

/* With the cache usable: under a lock, so that of two processes one builds. */
static int ensure_cached(struct sqlite_provider *s,
			 const struct deadline *deadline, struct error *err)
{
	const char *cache_dir = s->base.owner.cache_dir;
	auto_free char *template = sqlite_template_path(cache_dir, s->key);
	auto_free char *lock_path = sqlite_template_lock(cache_dir, s->key);
	struct lock lock = LOCK_INIT;
	int result = 0;

	if (hold_take(&s->hold, cache_dir, s->key, deadline, err) < 0)
		return -1;
	if (is_cached(s, template)) {
		s->template = take_ptr(&template);
		return 0;
	}
	if (template_lock(&s->base, &lock, lock_path, deadline, err) < 0)
		return -1;
	if (!is_cached(s, template)) {
		if (!s->base.spec.rebuild && fs_exists(template))
			progress_notice(s->base.progress,
					"template '%s' is damaged, it is made "
					"again",
					template);
		result = build_into(s, template, deadline, err);
	}
	lock_remove(&lock);
	if (result < 0) {
		hold_give_up(&s->hold);
		return -1;
	}
	s->template = take_ptr(&template);
	return 0;
}

static int template_ensure(struct provider *p, const struct deadline *deadline,
			   struct error *err)
{
	struct sqlite_provider *s = of(p);
	auto_free char *dir = fs_join(p->owner.cache_dir, "sqlite");
	auto_free char *template = NULL;

	if (!p->spec.no_cache && !fs_mkdir_p(dir, 0700, NULL) &&
	    !access(dir, W_OK))
		return ensure_cached(s, deadline, err);
	if (!p->spec.no_cache)
		progress_notice(p->progress,
				"cannot write to cache '%s': this session's "
				"template is not kept",
				dir);
	template = xasprintf("%s/%s-template.sqlite", p->owner.data_dir,
			     p->spec.service);
	if (build_into(s, template, deadline, err) < 0)
		return -1;
	s->template = take_ptr(&template);
	return 0;
}

static int read_file(const char *path, const struct deadline *deadline,
		     struct db_state *ret, struct error *err)
{
	auto_db_address struct db_address a = {.dialect = DIALECT_SQLITE,
					       .path = xstrdup(path)};
	auto_db struct db *db = NULL;

	if (db_connect(&a, deadline, &db, err) < 0)
		return -1;
	return db_state_read(db, deadline, ret, err);
}

/* With --verify: whether the copy holds what the template does. */
static int verify(struct sqlite_provider *s, const char *path,
		  const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf difference = BUF_INIT_MAX(VERIFY_BYTES);
	auto_db_state struct db_state template = DB_STATE_INIT;
	auto_db_state struct db_state now = DB_STATE_INIT;

	if (!s->base.spec.verify)
		return 0;
	if (db_read_sealed(s->template, deadline, &template, err) < 0 ||
	    read_file(path, deadline, &now, err) < 0)
		return -1;
	if (!db_state_describe(&template, &now, &difference))
		return 0;
	error_set(err, ERROR_INTERNAL,
		  "'%s' differs from the template it was made from", path);
	error_detail(err, difference.s);
	return -1;
}

/*
 * Each copy has a directory of a name never used before: a process that
 * outlives its owner can find nothing of the next one under a path it knows.
 */
static int slot_start(struct provider *p, unsigned slot,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	char name[9];
	auto_free char *dir = NULL;
	auto_free char *path = NULL;

	ident_random(name, sizeof(name) - 1);
	dir = xasprintf("%s/%s-%u-%s", p->owner.data_dir, p->spec.service, slot,
			name);
	path = file_in(p, dir);
	if (fs_mkdir_p(dir, 0700, err) < 0 ||
	    fs_copy_file(of(p)->template, path, 0600, err) < 0 ||
	    verify(of(p), path, deadline, err) < 0) {
		fs_remove_tree(dir, NULL);
		return -1;
	}
	set_slot_dir(of(p), slot, dir);
	*ret = (struct db_address){.dialect = DIALECT_SQLITE,
				   .path = take_ptr(&path)};
	return 0;
}

/* Where it was is remembered: an owner whose reset failed has no other path to
 * have it back at. */
static int slot_stop(struct provider *p, unsigned slot,
		     const struct deadline *deadline, struct error *err)
{
	auto_free char *dir = slot_dir(of(p), slot);

	(void)deadline;
	return dir ? fs_remove_tree(dir, err) : 0;
}

/* The owner knows the path, so it is what is behind it that is made new. Where
 * that cannot be done through SQLite (a transaction that stays open, a file
 * that is none any more), another file is put there. */
static int refill(struct provider *p, unsigned slot,
		  const struct deadline *deadline, struct db_address *ret,
		  struct error *err)
{
	auto_free char *dir = slot_dir(of(p), slot);
	auto_free char *path = dir ? file_in(p, dir) : NULL;
	const char *template = of(p)->template;
	auto_error struct error why = ERROR_INIT;

	if (!dir)
		return error_set(err, ERROR_INTERNAL, "slot %u has no file",
				 slot);
	if (db_refill_file(path, template, deadline, &why) < 0) {
		log_debug("%s", error_text(&why));
		if (fs_remove_tree(dir, err) < 0 ||
		    fs_mkdir_p(dir, 0700, err) < 0 ||
		    fs_copy_file(template, path, 0600, err) < 0)
			return -1;
	}
	if (verify(of(p), path, deadline, err) < 0)
		return -1;
	*ret = (struct db_address){.dialect = DIALECT_SQLITE,
				   .path = take_ptr(&path)};
	return 0;
}

static int slot_clean(struct provider *p, unsigned slot, bool same_owner,
		      const struct deadline *deadline, struct db_address *ret,
		      struct error *err)
{
	if (same_owner)
		return refill(p, slot, deadline, ret, err);
	if (slot_stop(p, slot, deadline, err) < 0)
		return -1;
	return slot_start(p, slot, deadline, ret, err);
}

static int slot_states(struct provider *p, unsigned slot,
		       const struct deadline *deadline,
		       struct db_state *ret_template, struct db_state *ret_now,
		       struct error *err)
{
	auto_db_state struct db_state template = DB_STATE_INIT;
	auto_free char *path = slot_name(p, slot);

	if (!path || !fs_exists(path))
		return error_set(err, ERROR_REFUSED, "slot %u has no database",
				 slot);
	if (db_read_sealed(of(p)->template, deadline, &template, err) < 0 ||
	    read_file(path, deadline, ret_now, err) < 0)
		return -1;
	*ret_template = template;
	template = (struct db_state)DB_STATE_INIT;
	return 0;
}

static void facts(const struct provider *p, struct provider_facts *ret)
{
	const struct sqlite_provider *s = (const struct sqlite_provider *)p;

	*ret = (struct provider_facts){
	    .template_key = s->key,
	    .template_built = s->built,
	    .via = "file",
	};
}

/* The session removes data_dir, and with it every slot's directory. */
static void close_provider(struct provider *p, const struct deadline *deadline)
{
	struct sqlite_provider *s = of(p);

	lock_release(&s->hold);
	if (s->built && !p->spec.no_cache)
		cache_trim(&(struct cache){NULL, p->owner.cache_dir, NULL},
			   p->spec.cache_bytes, deadline);
	for (size_t i = 0; i < s->n_dirs; i++)
		free(s->dirs[i]);
	free(s->dirs);
	pthread_mutex_destroy(&s->mutex);
	free(s->template);
	free(s);
}

static const struct provider_ops sqlite_ops = {
    .template_ensure = template_ensure,
    .slot_start = slot_start,
    .slot_clean = slot_clean,
    .slot_states = slot_states,
    .slot_stop = slot_stop,
    .slot_name = slot_name,
    .facts = facts,
    .close = close_provider,
};

int provider_open_sqlite(const struct provider_spec *spec,
			 const struct ownership *owner,
			 const struct progress *progress, struct provider **ret,
			 struct error *err)
{
	struct sqlite_provider *s;

	if (fs_private_dir(owner->data_dir, err) < 0)
		return -1;
	s = xcalloc(1, sizeof(*s));
	pthread_mutex_init(&s->mutex, NULL);
	s->hold = (struct lock)LOCK_INIT;
	s->base = (struct provider){&sqlite_ops, *spec, *owner, progress};
	/* the file format is the same for every version of the library */
	migrations_key(spec->migrations, DIALECT_SQLITE, "sqlite", "", s->key);
	*ret = &s->base;
	return 0;
}
