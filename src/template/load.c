/* SPDX-License-Identifier: MIT */
#include "template/migrations.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "template/bookkeeping.h"
#include "template/flyway.h"
#include "template/inputs.h"
#include "template/listing.h"
#include "template/sections.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	PROJECT_FILE_MAX = 1024 * 1024
};

static bool file_names(const char *dir, const char *file, const char *word)
{
	auto_free char *path = fs_join(dir, file);
	auto_buf struct buf text = BUF_INIT_MAX(PROJECT_FILE_MAX);
	auto_error struct error none = ERROR_INIT;

	return fs_read_file(path, &text, &none) == 0 && strstr(text.s, word);
}

/*
 * golang-migrate's and sqlx's files look alike: which of the two runs them is
 * said by the project that they are part of.
 */
static enum layout project_layout(const char *dir)
{
	auto_free char *path = fs_absolute(dir);
	char *slash;

	while ((slash = strrchr(path, '/')) && slash != path) {
		bool go = file_names(path, "go.mod", "golang-migrate");
		bool rust = file_names(path, "Cargo.toml", "sqlx");
		auto_free char *git = fs_join(path, ".git");

		if (go != rust)
			return go ? LAYOUT_GOLANG_MIGRATE : LAYOUT_SQLX;
		if (go || fs_exists(git))
			break;
		*slash = '\0';
	}
	return LAYOUT_UP;
}

/* Flyway keeps what it is to do with V1__x.sql in V1__x.sql.conf. */
static bool conf_says_false(const char *path, const char *setting)
{
	auto_free char *conf = xasprintf("%s.conf", path);
	auto_buf struct buf text = BUF_INIT_MAX(PROJECT_FILE_MAX);
	auto_error struct error none = ERROR_INIT;
	const char *at;

	if (fs_read_file(conf, &text, &none) < 0)
		return false;
	at = strstr(text.s, setting);
	at = at ? at + strlen(setting) : "";
	return !strncmp(at + strspn(at, " \t="), "false", 5);
}

static int add_file(struct migrations *m, const struct layout_file *from,
		    enum dialect dialect, enum layout layout, struct error *err)
{
	auto_buf struct buf text = BUF_INIT;
	struct migration_file f = {0};

	if (section_up(layout, dialect, from->path, from->text, from->len,
		       &text, &f.no_transaction, err) < 0)
		return -1;
	f.len = text.len;
	f.sql = buf_take(&text);
	f.path = xstrdup(from->path);
	f.version = xstrdup_or_null(from->version);
	f.title = xstrdup_or_null(from->title);
	m->files = xreallocarray(m->files, m->n + 1, sizeof(f));
	m->files[m->n++] = f;
	return 0;
}

/* The last one, with what its tool adds. */
static int finish_flyway(const struct flyway *flyway, const char *dir,
			 const struct layout_file *from, struct migrations *m,
			 struct error *err)
{
	struct migration_file *f = &m->files[m->n - 1];
	auto_buf struct buf text = BUF_INIT;
	size_t bom;

	if (conf_says_false(from->path, "executeInTransaction"))
		f->no_transaction = true;
	f->checksum = flyway_checksum(from->text, from->len);
	f->callback = from->callback;
	f->script = xstrdup(f->path + strlen(dir) +
			    (dir[0] && dir[strlen(dir) - 1] != '/'));
	m->n_callbacks += from->callback;
	/* only at its beginning it is a mark */
	bom = f->len >= 3 && !memcmp(f->sql, "\xef\xbb\xbf", 3) ? 3 : 0;
	if (flyway->choose)
		buf_puts(&text, flyway->choose);
	if (conf_says_false(from->path, "placeholderReplacement"))
		buf_put(&text, f->sql + bom, f->len - bom);
	else if (flyway_replace(flyway, f->path, f->sql + bom, f->len - bom,
				&text, err) < 0)
		return -1;
	free(f->sql);
	f->len = text.len;
	f->sql = text.len ? buf_take(&text) : xstrdup("");
	return 0;
}

static int add_flyway(const struct migrations_source *source,
		      const struct layout_files *files, enum dialect dialect,
		      struct migrations *m, struct error *err)
{
	__attribute__((cleanup(flyway_free))) struct flyway flyway =
	    FLYWAY_INIT;
	auto_free size_t *order = NULL;
	size_t n = 0;

	if (flyway_read(source->dir, &flyway, err) < 0 ||
	    flyway_order(&flyway, files, &order, &n, err) < 0 ||
	    flyway_schemas(&flyway, dialect, &m->prepare, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct layout_file *f = &files->v[order[i]];

		if (add_file(m, f, dialect, LAYOUT_FLYWAY, err) < 0 ||
		    finish_flyway(&flyway, source->dir, f, m, err) < 0)
			return -1;
	}
	if (n > m->n_callbacks && !source->no_bookkeeping)
		m->bookkeeping =
		    bookkeeping_flyway(m, dialect, flyway.table, flyway.choose);
	return 0;
}

static int only_by_goose(const char *path, struct error *err)
{
	error_set(err, ERROR_CONFIG,
		  "'%s' is a migration in Go, which only its own program can "
		  "run",
		  path);
	error_hint(err, "have that run instead of the directory: --migrate "
			"COMMAND");
	return -1;
}

static int load_directory(const struct migrations_source *source,
			  enum dialect dialect, struct migrations *m,
			  struct error *err)
{
	auto_layout_files struct layout_files files = {0};
	auto_free char *go = NULL;
	const char *dir = source->dir;

	if (listing_read_dir(dir, dialect, &files, &go, err) < 0 ||
	    layout_arrange(&files, source->layout, project_layout(dir),
			   &m->layout, err) < 0)
		return -1;
	if (m->layout == LAYOUT_GOOSE && go)
		return only_by_goose(go, err);
	if (m->layout == LAYOUT_FLYWAY &&
	    add_flyway(source, &files, dialect, m, err) < 0)
		return -1;
	for (size_t i = 0; m->layout != LAYOUT_FLYWAY && i < files.n; i++)
		if (add_file(m, &files.v[i], dialect, m->layout, err) < 0)
			return -1;
	if (m->n > m->n_callbacks)
		return 0;
	if (source->layout != LAYOUT_AUTO)
		return error_set(err, ERROR_CONFIG,
				 "no migrations for %s in '%s': none is of the "
				 "layout %s",
				 dialect_name(dialect), dir,
				 layout_title(source->layout));
	return error_set(err, ERROR_CONFIG,
			 "no migrations for %s in '%s': it holds no *.sql and "
			 "no *.%s.sql",
			 dialect_name(dialect), dir, dialect_name(dialect));
}

/* db/users.csv: db/users.postgres.csv if that is there. */
static char *own_seed(const char *path, enum dialect dialect)
{
	static const char *const suffixes[] = {".sql", ".csv"};

	for (size_t i = 0; i < array_len(suffixes); i++) {
		auto_free char *stem = xstrdup(path);
		auto_free char *own = NULL;

		if (!listing_cut(stem, suffixes[i]))
			continue;
		own = xasprintf("%s.%s%s", stem, dialect_name(dialect),
				suffixes[i]);
		if (fs_exists(own))
			return take_ptr(&own);
	}
	return xstrdup(path);
}

/* Of rows the table that the file is named after; NULL: it is SQL. */
static char *table_of(const char *path, enum dialect dialect)
{
	const char *slash = strrchr(path, '/');
	auto_free char *name = xstrdup(slash ? slash + 1 : path);
	auto_free char *own = xasprintf(".%s", dialect_name(dialect));

	if (!listing_cut(name, ".csv"))
		return NULL;
	listing_cut(name, own);
	return take_ptr(&name);
}

static int load_seed(const char *path, enum dialect dialect,
		     struct migrations *m, struct error *err)
{
	auto_layout_files struct layout_files one = {
	    xcalloc(1, sizeof(struct layout_file)), 1};
	struct layout_file *f = one.v;
	int there;

	f->path = own_seed(path, dialect);
	if (!fs_exists(f->path))
		return error_set(err, ERROR_CONFIG, "no seed file '%s'", path);
	there = listing_read(f->path, &f->text, &f->len, err);
	if (there < 0)
		return -1;
	if (!there)
		return error_set(err, ERROR_CONFIG,
				 "seed '%s' is a directory, not a file", path);
	if (add_file(m, f, dialect, LAYOUT_PLAIN, err) < 0)
		return -1;
	m->files[m->n - 1].table = table_of(path, dialect);
	m->n_seeds++;
	return 0;
}

static void load_bookkeeping(const struct migrations_source *source,
			     enum dialect dialect, struct migrations *m)
{
	auto_buf struct buf sql = BUF_INIT;

	if (!source->no_bookkeeping && !m->bookkeeping)
		bookkeeping_sql(m, dialect, &sql);
	if (sql.len)
		m->bookkeeping = buf_take(&sql);
}

static int load_commands(const struct migrations_source *source,
			 struct migrations *m, struct error *err)
{
	m->migrate = xstrdup_or_null(source->migrate);
	m->seed_command = xstrdup_or_null(source->seed_command);
	m->runner = source->runner;
	if (!migrations_has_command(m))
		return 0;
	m->may_be_kept = source->inputs && *source->inputs;
	if (!m->may_be_kept) {
		ident_random(m->commands_id, MIGRATIONS_ID - 1);
		return 0;
	}
	return inputs_digest(source->base, source->inputs, m->commands_id, err);
}

int migrations_load(const struct migrations_source *source,
		    enum dialect dialect, struct migrations *ret,
		    struct error *err)
{
	auto_migrations struct migrations m = MIGRATIONS_INIT;

	if (source->dir && load_directory(source, dialect, &m, err) < 0)
		return -1;
	load_bookkeeping(source, dialect, &m);
	for (char *const *seed = source->seeds; seed && *seed; seed++)
		if (load_seed(*seed, dialect, &m, err) < 0)
			return -1;
	if (load_commands(source, &m, err) < 0)
		return -1;
	*ret = m;
	m = (struct migrations)MIGRATIONS_INIT;
	return 0;
}
