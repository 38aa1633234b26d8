/* SPDX-License-Identifier: MIT */
#include "template/listing.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DEPTH_MAX = 8,    /* of folders below the directory */
	FILES_MAX = 10000 /* in all of them */
};

bool listing_cut(char *name, const char *suffix)
{
	size_t n = strlen(name);
	size_t s = strlen(suffix);

	if (n <= s || strcmp(name + n - s, suffix) != 0)
		return false;
	name[n - s] = '\0';
	return true;
}

/*
 * Takes the file name apart: NAME[.up|.down][.DIALECT].sql, the middle parts in
 * either order. False when the file is not to be run for this dialect. What
 * identifies it is put behind `below`, the folders it is in ("sub/").
 */
static bool classify(const char *file, const char *below, enum dialect dialect,
		     struct layout_file *ret)
{
	static const enum dialect all[] = {DIALECT_POSTGRES, DIALECT_MARIADB,
					   DIALECT_SQLITE};
	auto_free char *name = xstrdup(file);
	bool down = false;
	bool other = false;
	bool more = true;

	if (file[0] == '.' || !listing_cut(name, ".sql"))
		return false;
	while (more) {
		bool up = listing_cut(name, ".up");

		more = up;
		ret->up = ret->up || up;
		if (listing_cut(name, ".down"))
			more = down = true;
		for (size_t i = 0; i < array_len(all); i++) {
			auto_free char *s =
			    xasprintf(".%s", dialect_name(all[i]));

			if (!listing_cut(name, s))
				continue;
			more = true;
			ret->own = ret->own || all[i] == dialect;
			other = other || all[i] != dialect;
		}
	}
	if (down || other)
		return false;
	ret->name = xasprintf("%s%s.sql", below, name);
	return true;
}

/* Whether there is something to read; a directory named x.sql is nothing. */
static int check_file(const char *path, struct error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot open '%s'",
				       path);
	if (S_ISDIR(st.st_mode))
		return 0;
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_CONFIG,
				 "'%s' is not a regular file", path);
	return 1;
}

int listing_read(const char *path, char **ret, size_t *ret_len,
		 struct error *err)
{
	auto_buf struct buf text = BUF_INIT;
	int there = check_file(path, err);

	if (there <= 0)
		return there;
	if (fs_read_file(path, &text, err) < 0)
		return -1;
	*ret_len = text.len;
	*ret = buf_take(&text);
	return 1;
}

/* What the listing of one directory goes into. */
struct listing {
	enum dialect dialect;
	struct layout_files *files;
	char *go_migration; /* one of goose's that is Go code */
};

static int list_one(struct listing *l, const char *dir, const char *below,
		    const char *name, struct error *err)
{
	auto_layout_files struct layout_files one = {
	    xcalloc(1, sizeof(struct layout_file)), 1};
	struct layout_file *f = one.v;
	int there;

	if (!classify(name, below, l->dialect, f) ||
	    (*below && !layout_is_flyway(f->name) &&
	     !layout_is_callback(f->name)))
		return 0;
	if (l->files->n >= FILES_MAX)
		return error_set(err, ERROR_CONFIG,
				 "more than %d files in '%s'", FILES_MAX, dir);
	f->path = fs_join(dir, name);
	f->below = *below;
	there = listing_read(f->path, &f->text, &f->len, err);
	if (there <= 0)
		return there;
	l->files->v = xreallocarray(l->files->v, l->files->n + 1, sizeof(*f));
	l->files->v[l->files->n++] = *f;
	*f = (struct layout_file){0};
	return 0;
}

static void note_go(struct listing *l, const char *dir, const char *name)
{
	size_t n = strspn(name, "0123456789");
	auto_free char *stem = xstrdup(name);

	if (l->go_migration || !n || name[n] != '_' ||
	    !listing_cut(stem, ".go") || listing_cut(stem, "_test"))
		return;
	l->go_migration = fs_join(dir, name);
}

static int list_directory(struct listing *l, const char *dir, const char *below,
			  unsigned depth, struct error *err);

/* Links to folders are not followed: they may lead around. */
static int list_below(struct listing *l, const char *dir, const char *below,
		      const char *name, unsigned depth, struct error *err)
{
	auto_free char *path = fs_join(dir, name);
	auto_free char *deeper = xasprintf("%s%s/", below, name);
	struct stat st;

	if (name[0] == '.' || depth == DEPTH_MAX || lstat(path, &st) < 0 ||
	    !S_ISDIR(st.st_mode) || access(path, R_OK | X_OK) < 0)
		return 0;
	return list_directory(l, path, deeper, depth + 1, err);
}

static int list_directory(struct listing *l, const char *dir, const char *below,
			  unsigned depth, struct error *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int result = 0;

	if (!d && errno == ENOTDIR) {
		error_set(err, ERROR_CONFIG,
			  "migrations '%s' are not a directory", dir);
		error_hint(err, "a single SQL file can be given as a seed");
		return -1;
	}
	if (!d)
		return error_set_errno(err, ERROR_CONFIG, errno,
				       "cannot read the migrations in '%s'",
				       dir);
	while (result == 0 && (e = readdir(d))) {
		note_go(l, dir, e->d_name);
		result = list_one(l, dir, below, e->d_name, err);
		if (result == 0)
			result =
			    list_below(l, dir, below, e->d_name, depth, err);
	}
	closedir(d);
	return result;
}

int listing_read_dir(const char *dir, enum dialect dialect,
		     struct layout_files *ret, char **ret_go, struct error *err)
{
	auto_layout_files struct layout_files files = {0};
	struct listing l = {dialect, &files, NULL};

	if (list_directory(&l, dir, "", 0, err) < 0) {
		free(l.go_migration);
		return -1;
	}
	*ret = files;
	files = (struct layout_files){0};
	*ret_go = l.go_migration;
	return 0;
}
