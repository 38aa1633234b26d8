/* SPDX-License-Identifier: MIT */
#include "provider/cache.h"

#include "base/alloc.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/strvec.h"
#include "template/hold.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	/* A commit whose maker died may still end: then the note tells whose
	 * the image is. */
	NOTE_S = 60 * 60
};

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name);
	size_t s = strlen(suffix);

	return n >= s && !strcmp(name + n - s, suffix);
}

/* A builder that was killed leaves its lock's file, free, and perhaps a copy
 * that was not published; under the lock both are nobody's. */
static void tidy_lock(const char *dir, const char *name)
{
	auto_free char *path = fs_join(dir, name);
	auto_free char *stem = xstrndup(path, strlen(path) - strlen(".lock"));
	auto_free char *half = xasprintf("%s.half", stem);
	auto_free char *gone = xasprintf("%s.gone", stem);
	struct lock lock = LOCK_INIT;

	if (lock_try(&lock, path, NULL) != 1)
		return;
	unlink(half);
	fs_remove_tree(gone, NULL);
	lock_remove(&lock);
}

static void tidy_locks(const char *dir, const char *prefix)
{
	auto_strvec struct strvec names = STRVEC_INIT;
	size_t before = strlen(prefix);

	fs_list(dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.v[i];
		char key[TEMPLATE_KEY];

		if (strncmp(name, prefix, before) != 0 ||
		    !has_suffix(name, ".lock") ||
		    strlen(name) != before + TEMPLATE_KEY - 1 + strlen(".lock"))
			continue;
		snprintf(key, sizeof(key), "%s", name + before);
		if (template_is_key(key))
			tidy_lock(dir, name);
	}
}

struct notes {
	const char *cache_dir;
	const struct cache_list *there;
};

static void tidy_note(void *ctx, const char *key)
{
	const struct notes *notes = ctx;
	struct lock alone = LOCK_INIT;

	for (size_t i = 0; i < notes->there->n; i++)
		if (!strcmp(notes->there->rows[i].key, key))
			return;
	if (hold_last_use(notes->cache_dir, key) < clock_wall_s() - NOTE_S &&
	    hold_try_alone(&alone, notes->cache_dir, key) == 1)
		lock_remove(&alone);
}

void cache_tidy(const struct cache *cache, const char *run_parent,
		const struct cache_list *there)
{
	auto_free char *files = fs_join(cache->dir, "sqlite");
	struct notes notes = {cache->dir, there};
	struct notes local = {cache->local_dir, there};

	tidy_locks(files, "");
	if (cache->local_dir)
		tidy_locks(cache->local_dir, "");
	if (run_parent)
		tidy_locks(run_parent, "template-");
	if (there)
		hold_each(cache->dir, tidy_note, &notes);
	if (there && cache->local_dir)
		hold_each(cache->local_dir, tidy_note, &local);
}
