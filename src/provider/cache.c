/* SPDX-License-Identifier: MIT */
#include "provider/cache.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "docker/container.h"
#include "docker/image.h"
#include "provider/labels.h"
#include "provider/local.h"
#include "template/hold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/* of trimming after a build, which its user waits for */
	TRIM_MS = 5000,
	TRIM_AT_MOST = 8
};

void cache_list_free(struct cache_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->rows[i].name);
		free(list->rows[i].dialect);
		free(list->rows[i].server);
		free(list->rows[i].base);
	}
	free(list->rows);
	*list = (struct cache_list)CACHE_LIST_INIT;
}

const char *cache_place_name(enum cache_place place)
{
	static const char *const names[] = {"image", "file", "directory"};

	return names[place];
}

static struct cache_row *add_row(struct cache_list *list, const char *key,
				 const char *cache_dir)
{
	struct cache_row *row;

	list->rows =
	    xreallocarray(list->rows, list->n + 1, sizeof(*list->rows));
	row = &list->rows[list->n++];
	*row = (struct cache_row){
	    .used_s = hold_last_use(cache_dir, key),
	    .held = hold_is_held(cache_dir, key),
	};
	snprintf(row->key, sizeof(row->key), "%s", key);
	return row;
}

static char *label_text(const struct image *image, const char *key)
{
	const char *value = image_label(image, key);

	return xstrdup(value ? value : "");
}

/* What the template adds to its base. */
static int64_t own_bytes(const struct image *image)
{
	const char *base = image_label(image, LABEL_BASE_SIZE);
	int64_t base_bytes = base ? strtoll(base, NULL, 10) : 0;

	if (base_bytes <= 0 || base_bytes > image->size)
		return image->size;
	return image->size - base_bytes;
}

/* Containers say which image they run by its id, or by a name it had. */
static bool is_run(const struct container_list *containers,
		   const struct image *image)
{
	for (size_t i = 0; i < containers->n; i++) {
		const char *runs = containers->rows[i].image;

		if (runs && (!strcmp(runs, image->id) ||
			     strvec_has(&image->tags, runs) ||
			     (!strncmp(image->id, "sha256:", 7) &&
			      !strncmp(image->id + 7, runs, strlen(runs)) &&
			      strlen(runs) >= 12)))
			return true;
	}
	return false;
}

static void add_image(const struct image *image, const char *cache_dir,
		      const struct container_list *containers,
		      struct cache_list *list)
{
	const char *key = image_label(image, LABEL_TEMPLATE);
	bool named = image->tags.n > 0;
	struct cache_row *row;

	if (!key || !template_is_key(key))
		return;
	row = add_row(list, key, cache_dir);
	row->place = CACHE_IMAGE;
	row->name = xstrdup(named ? image->tags.v[0] : image->id);
	row->dialect = label_text(image, LABEL_DIALECT);
	row->server = label_text(image, LABEL_SERVER);
	row->base = label_text(image, LABEL_BASE_NAME);
	row->bytes = own_bytes(image);
	row->created_s = image->created_s;
	row->replaced = !named;
	row->held = row->held || is_run(containers, image);
}

int cache_list_images(const struct cache *cache, bool containers,
		      const struct deadline *deadline, struct cache_list *list,
		      struct error *err)
{
	auto_image_list struct image_list images = IMAGE_LIST_INIT;
	auto_container_list struct container_list running = CONTAINER_LIST_INIT;

	if (image_list(cache->engine, LABEL_ROLE "=template", NULL, deadline,
		       &images, err) < 0)
		return -1;
	if (containers && images.n &&
	    container_list(cache->engine, LABEL_SESSION, deadline, &running,
			   err) < 0)
		return -1;
	for (size_t i = 0; i < images.n; i++)
		add_image(&images.images[i], cache->dir, &running, list);
	return 0;
}

static void add_file(const char *dir, const char *name, const char *cache_dir,
		     struct cache_list *list)
{
	auto_free char *key = xstrndup(name, TEMPLATE_KEY - 1);
	auto_free char *path = fs_join(dir, name);
	struct stat st;
	struct cache_row *row;

	if (!template_is_key(key) ||
	    strcmp(name + TEMPLATE_KEY - 1, ".sqlite") != 0 ||
	    lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	row = add_row(list, key, cache_dir);
	row->place = CACHE_FILE;
	row->name = take_ptr(&path);
	row->dialect = xstrdup("sqlite");
	row->server = xstrdup("");
	row->base = xstrdup("");
	row->bytes = (int64_t)st.st_size;
	row->created_s = (int64_t)st.st_ctime;
	/* the directory is nobody else's */
	if (row->used_s < 0)
		row->used_s = (int64_t)st.st_mtime;
}

static void add_tree(const char *dir, const char *key, struct cache_list *list)
{
	auto_free char *path = fs_join(dir, key);
	auto_free char *version = fs_join(path, "data/PG_VERSION");
	auto_local_origin struct local_origin origin = {0};
	struct stat st;
	struct cache_row *row;

	if (!template_is_key(key) || lstat(path, &st) < 0 ||
	    !S_ISDIR(st.st_mode))
		return;
	row = add_row(list, key, dir);
	row->place = CACHE_TREE;
	row->name = take_ptr(&path);
	row->dialect = xstrdup(dialect_name(
	    fs_exists(version) ? DIALECT_POSTGRES : DIALECT_MARIADB));
	local_origin_read(row->name, &origin);
	row->server = xstrdup(origin.server ? origin.server : "");
	row->base = xstrdup("");
	row->bytes = fs_tree_bytes(row->name);
	row->created_s = (int64_t)st.st_ctime;
	if (row->used_s < 0)
		row->used_s = (int64_t)st.st_mtime;
}

void cache_list_files(const struct cache *cache, struct cache_list *list)
{
	auto_free char *dir = fs_join(cache->dir, "sqlite");
	auto_strvec struct strvec names = STRVEC_INIT;
	auto_strvec struct strvec trees = STRVEC_INIT;

	fs_list(dir, &names);
	for (size_t i = 0; i < names.n; i++)
		add_file(dir, names.v[i], cache->dir, list);
	if (cache->local_dir)
		fs_list(cache->local_dir, &trees);
	for (size_t i = 0; i < trees.n; i++)
		add_tree(cache->local_dir, trees.v[i], list);
}

static void judge_place(struct cache_list *list, enum cache_place place,
			int64_t quota_bytes)
{
	auto_free struct quota_item *items =
	    xcalloc(list->n + 1, sizeof(*items));
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct cache_row *row = &list->rows[i];

		if (row->place == place)
			items[n++] = (struct quota_item){
			    .name = row->name,
			    .bytes = row->bytes,
			    .used_s = row->used_s,
			    .created_s = row->created_s,
			    .held = row->held,
			    .replaced = row->replaced,
			};
	}
	quota_judge(items, n, quota_bytes, clock_wall_s());
	n = 0;
	for (size_t i = 0; i < list->n; i++)
		if (list->rows[i].place == place)
			list->rows[i].verdict = items[n++].verdict;
}

void cache_judge(struct cache_list *list, int64_t quota_bytes)
{
	judge_place(list, CACHE_IMAGE, quota_bytes);
	judge_place(list, CACHE_FILE, quota_bytes);
	judge_place(list, CACHE_TREE, quota_bytes);
}

static int remove_file(const char *path, struct error *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot remove '%s'", path);
	return 0;
}

/* Under another name first, so that half of one is never found. */
static int remove_tree(const char *path, struct error *err)
{
	auto_free char *gone = xasprintf("%s.gone", path);

	if (fs_remove_tree(gone, err) < 0)
		return -1;
	if (rename(path, gone) < 0 && errno != ENOENT)
		return error_set_errno(err, ERROR_IO, errno,
				       "cannot remove '%s'", path);
	return fs_remove_tree(gone, err);
}

static int remove_row(const struct cache *cache, const struct cache_row *row,
		      const struct deadline *deadline, struct error *err)
{
	switch (row->place) {
	case CACHE_FILE:
		return remove_file(row->name, err);
	case CACHE_TREE:
		return remove_tree(row->name, err);
	case CACHE_IMAGE:
		break;
	}
	return image_remove(cache->engine, row->name, deadline, err);
}

int cache_remove(const struct cache *cache, const struct cache_row *row,
		 const struct deadline *deadline, struct error *err)
{
	auto_lock struct lock alone = LOCK_INIT;
	const char *notes =
	    row->place == CACHE_TREE ? cache->local_dir : cache->dir;
	bool noted = hold_last_use(notes, row->key) >= 0;
	int result;

	if (hold_try_alone(&alone, notes, row->key) == 0)
		return error_set(err, ERROR_BUSY, "template '%s' is in use",
				 row->name);
	result = remove_row(cache, row, deadline, err);
	/* where there was no note there is to be none; that of one that was
	 * replaced is its successor's */
	if (!noted || (result == 0 && !row->replaced))
		lock_remove(&alone);
	return result;
}

void cache_trim(const struct cache *cache, int64_t quota_bytes,
		const struct deadline *deadline)
{
	struct deadline limit = deadline_sooner(*deadline, TRIM_MS);
	auto_cache_list struct cache_list list = CACHE_LIST_INIT;
	auto_error struct error err = ERROR_INIT;
	unsigned removed = 0;

	if (!cache->engine)
		cache_list_files(cache, &list);
	else if (cache_list_images(cache, false, &limit, &list, &err) < 0)
		log_debug("cache: %s", err.text);
	cache_judge(&list, quota_bytes);
	for (size_t i = 0; i < list.n && removed < TRIM_AT_MOST; i++) {
		auto_error struct error why_not = ERROR_INIT;

		if (!quota_goes(list.rows[i].verdict))
			continue;
		if (cache_remove(cache, &list.rows[i], &limit, &why_not) < 0)
			log_debug("cache: kept: %s", why_not.text);
		removed++;
	}
}
