/* SPDX-License-Identifier: MIT */
/*
 * provider/cache.h - the templates that are kept: images on an engine, files in
 * the cache directory, data directories of this machine's own servers. Each
 * place has the whole quota to itself.
 *
 * An image counts with what the template adds to the image it was made from,
 * which is there anyhow.
 */
#ifndef PROVIDER_CACHE_H
#define PROVIDER_CACHE_H

#include "base/clock.h"
#include "template/migrations.h"
#include "template/quota.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct error;

enum cache_place {
	CACHE_IMAGE, /* "testenv/template:KEY" on the engine */
	CACHE_FILE,  /* CACHE/sqlite/KEY.sqlite */
	CACHE_TREE   /* LOCAL/KEY/, a data directory */
};
/* "image", "file", "directory" */
const char *cache_place_name(enum cache_place place);

/* Where to look. All borrowed. */
struct cache {
	struct engine *engine; /* NULL: no images */
	const char *dir;       /* the cache directory */
	const char *local_dir; /* struct ownership's local_cache; NULL: none */
	/* either has its own notes of uses: root's local_dir may be that of
	 * several cache directories */
};

struct cache_row {
	enum cache_place place;
	char key[TEMPLATE_KEY];
	char *name;    /* the image's tag, or its id; the file's or directory's
			  path */
	char *dialect; /* "postgres" */
	char *server;  /* "15.20"; "" for a file */
	char *base;    /* the image it was made from, by name; "" */
	int64_t bytes;
	int64_t used_s; /* epoch; -1: never from this cache directory */
	int64_t created_s;
	bool held;     /* a living session uses it */
	bool replaced; /* nobody can find it any more */
	enum quota_verdict verdict;
};
struct cache_list {
	struct cache_row *rows;
	size_t n;
};
#define CACHE_LIST_INIT \
	{               \
		0, 0    \
	}
void cache_list_free(struct cache_list *list);
#define auto_cache_list __attribute__((cleanup(cache_list_free)))

/* Adds the images. Of those that only a container shows to be in use, `held`
 * says so when `containers` is asked for: one request more. */
int cache_list_images(const struct cache *cache, bool containers,
		      const struct deadline *deadline, struct cache_list *list,
		      struct error *err);
/* Adds the files and the data directories. */
void cache_list_files(const struct cache *cache, struct cache_list *list);

/* Fills in the verdicts, each place for itself. */
void cache_judge(struct cache_list *list, int64_t quota_bytes);

/* Removes one, unless somebody holds it: ERROR_BUSY. Already gone is success.
 */
int cache_remove(const struct cache *cache, const struct cache_row *row,
		 const struct deadline *deadline, struct error *err);

/* Brings the places of `cache` back under the quota after a template was added:
 * quietly, within a few seconds, a few at most. With an engine: its images
 * alone. */
void cache_trim(const struct cache *cache, int64_t quota_bytes,
		const struct deadline *deadline);

/*
 * What is no template: locks and half copies that killed processes left, and
 * notes, an hour old, of templates that `there` does not list; NULL: leave
 * those. One on
 * another engine is noted again with its next use. Quietly.
 */
void cache_tidy(const struct cache *cache, const char *run_parent,
		const struct cache_list *there);

#endif
