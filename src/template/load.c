/* SPDX-License-Identifier: MIT */
#include "template/migrations.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One file of the directory that is for this dialect. */
struct found {
	char *path;
	char *name;    /* without the dialect: what orders and identifies */
	bool own;      /* NAME.postgres.sql */
	bool up;       /* NAME.up.sql */
	bool numbered; /* begins with digits: */
	unsigned long long version;
};

struct found_list {
	struct found *v;
	size_t n;
};

static void found_free(struct found_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].path);
		free(l->v[i].name);
	}
	free(l->v);
}
#define auto_found __attribute__((cleanup(found_free)))

static bool cut_suffix(char *name, const char *suffix)
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
 * either order. False when the file is not to be run for this dialect.
 */
static bool classify(const char *file, enum dialect dialect, struct found *ret)
{
	static const enum dialect all[] = {DIALECT_POSTGRES, DIALECT_MARIADB,
					   DIALECT_SQLITE};
	auto_free char *name = xstrdup(file);
	bool down = false;
	bool other = false;
	bool more = true;
	char *end;

	if (file[0] == '.' || !cut_suffix(name, ".sql"))
		return false;
	while (more) {
		bool up = cut_suffix(name, ".up");

		more = up;
		ret->up = ret->up || up;
		if (cut_suffix(name, ".down"))
			more = down = true;
		for (size_t i = 0; i < array_len(all); i++) {
			auto_free char *s =
			    xasprintf(".%s", dialect_name(all[i]));

			if (!cut_suffix(name, s))
				continue;
			more = true;
			ret->own = ret->own || all[i] == dialect;
			other = other || all[i] != dialect;
		}
	}
	if (down || other)
		return false;
	ret->version = strtoull(name, &end, 10);
	ret->numbered = name[0] >= '0' && name[0] <= '9';
	ret->name = xasprintf("%s.sql", name);
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct found *x = a;
	const struct found *y = b;
	int order = strcmp(x->name, y->name);

	if (!order)
		order = y->own - x->own;
	return order ? order : strcmp(x->path, y->path);
}

static int by_version(const void *a, const void *b)
{
	const struct found *x = a;
	const struct found *y = b;

	if (x->version != y->version)
		return x->version < y->version ? -1 : 1;
	return by_name(a, b);
}

static int list_directory(const char *dir, enum dialect dialect,
			  struct found_list *list, struct error *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;

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
	while ((e = readdir(d))) {
		struct found f = {0};

		if (!classify(e->d_name, dialect, &f))
			continue;
		f.path = fs_join(dir, e->d_name);
		list->v = xreallocarray(list->v, list->n + 1, sizeof(f));
		list->v[list->n++] = f;
	}
	closedir(d);
	return 0;
}

/* golang-migrate and sqlx count: 2_x.up.sql comes before 10_y.up.sql. */
static bool is_numbered(const struct found_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!list->v[i].up || !list->v[i].numbered)
			return false;
	return true;
}

static int two_of_one(const struct found *a, const struct found *b,
		      struct error *err)
{
	return error_set(err, ERROR_CONFIG,
			 "two migrations of one version: '%s' and '%s'",
			 a->path, b->path);
}

/* Sorts, and leaves of each name the one that is this dialect's own. */
static int arrange(struct found_list *list, struct error *err)
{
	bool numbered = is_numbered(list);
	size_t kept = 0;

	if (!list->n)
		return 0;
	qsort(list->v, list->n, sizeof(*list->v),
	      numbered ? by_version : by_name);
	for (size_t i = 1; i < list->n; i++) {
		struct found *before = &list->v[kept];
		struct found *f = &list->v[i];
		bool same = !strcmp(before->name, f->name);

		if (same && before->own && !f->own) {
			free(f->path);
			free(f->name);
			f->path = f->name = NULL;
			continue;
		}
		if (same || (numbered && before->version == f->version))
			return two_of_one(before, f, err);
		if (++kept == i)
			continue;
		list->v[kept] = *f;
		f->path = f->name = NULL;
	}
	list->n = kept + 1;
	return 0;
}

/*
 * dbmate and goose keep the way back in the same file, behind a comment that
 * begins a line. It is not run.
 */
static size_t without_down(const char *sql, size_t len)
{
	static const char *const marks[] = {"-- migrate:down", "-- +goose Down",
					    "-- +migrate Down"};

	for (const char *p = sql; p < sql + len;) {
		const char *nl = memchr(p, '\n', len - (size_t)(p - sql));

		for (size_t i = 0; i < array_len(marks); i++)
			if (!strncmp(p, marks[i], strlen(marks[i])))
				return (size_t)(p - sql);
		if (!nl)
			break;
		p = nl + 1;
	}
	return len;
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

static int add_file(struct migrations *m, const char *path, struct error *err)
{
	auto_buf struct buf text = BUF_INIT;
	struct migration_file f;
	int there = check_file(path, err);

	if (there <= 0)
		return there;
	if (fs_read_file(path, &text, err) < 0)
		return -1;
	f.len = without_down(text.s, text.len);
	buf_truncate(&text, f.len);
	f.sql = buf_take(&text);
	f.path = xstrdup(path);
	m->files = xreallocarray(m->files, m->n + 1, sizeof(f));
	m->files[m->n++] = f;
	return 0;
}

static int load_directory(const char *dir, enum dialect dialect,
			  struct migrations *m, struct error *err)
{
	auto_found struct found_list list = {0};

	if (list_directory(dir, dialect, &list, err) < 0)
		return -1;
	if (arrange(&list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (add_file(m, list.v[i].path, err) < 0)
			return -1;
	if (m->n)
		return 0;
	return error_set(err, ERROR_CONFIG,
			 "no migrations for %s in '%s': it holds no *.sql and "
			 "no *.%s.sql",
			 dialect_name(dialect), dir, dialect_name(dialect));
}

/* db/seed.sql: db/seed.postgres.sql if that is there. */
static int load_seed(const char *path, enum dialect dialect,
		     struct migrations *m, struct error *err)
{
	auto_free char *stem = xstrdup(path);
	auto_free char *own = NULL;
	size_t before = m->n;

	if (cut_suffix(stem, ".sql"))
		own = xasprintf("%s.%s.sql", stem, dialect_name(dialect));
	if (own && fs_exists(own))
		path = own;
	if (!fs_exists(path))
		return error_set(err, ERROR_CONFIG, "no seed file '%s'", path);
	if (add_file(m, path, err) < 0)
		return -1;
	if (m->n == before)
		return error_set(err, ERROR_CONFIG,
				 "seed '%s' is a directory, not a file", path);
	m->n_seeds++;
	return 0;
}

int migrations_load(const char *dir, char *const *seeds, enum dialect dialect,
		    struct migrations *ret, struct error *err)
{
	auto_migrations struct migrations m = MIGRATIONS_INIT;

	if (dir && load_directory(dir, dialect, &m, err) < 0)
		return -1;
	for (; seeds && *seeds; seeds++)
		if (load_seed(*seeds, dialect, &m, err) < 0)
			return -1;
	*ret = m;
	m = (struct migrations)MIGRATIONS_INIT;
	return 0;
}
