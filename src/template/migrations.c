/* SPDX-License-Identifier: MIT */
#include "template/migrations.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/progress.h"
#include "dialect/db.h"
#include "template/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Part of every key: raise it when the same files make another state. */
static const char format_version[] = "testenv-template-2";

void migrations_free(struct migrations *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->files[i].path);
		free(m->files[i].sql);
		free(m->files[i].version);
		free(m->files[i].title);
		free(m->files[i].table);
		free(m->files[i].script);
	}
	free(m->files);
	free(m->bookkeeping);
	free(m->prepare);
	free(m->migrate);
	free(m->seed_command);
	*m = (struct migrations)MIGRATIONS_INIT;
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void migrations_key(const struct migrations *m, enum dialect dialect,
		    const char *base, const char *settings,
		    char ret[TEMPLATE_KEY])
{
	struct digest *d = digest_new();
	char hex[DIGEST_HEX];
	char counts[64];
	int n;

	digest_add_str(d, format_version);
	digest_add_str(d, dialect_name(dialect));
	digest_add_str(d, base);
	digest_add_str(d, settings);
	n = snprintf(counts, sizeof(counts), "%zu %zu", m->n, m->n_seeds);
	digest_add(d, counts, (size_t)n);
	digest_add_str(d, layout_title(m->layout));
	for (size_t i = 0; i < m->n; i++) {
		digest_add_str(d, file_name(m->files[i].path));
		digest_add(d, m->files[i].sql, m->files[i].len);
		digest_add(d, m->files[i].no_transaction ? "-" : "+", 1);
	}
	digest_add_str(d, m->bookkeeping);
	/* nothing where there is none: keys of other layouts stay */
	if (m->prepare)
		digest_add_str(d, m->prepare);
	digest_add_str(d, m->migrate);
	digest_add_str(d, m->seed_command);
	digest_add_str(d, m->commands_id);
	digest_end(d, hex);
	memcpy(ret, hex, TEMPLATE_KEY - 1);
	ret[TEMPLATE_KEY - 1] = '\0';
}

char *migrations_describe(const struct migrations *m)
{
	auto_buf struct buf b = BUF_INIT;
	size_t files = m->n - m->n_seeds - m->n_callbacks;

	if (files)
		buf_printf(&b, "%zu migration%s (%s)", files,
			   files == 1 ? "" : "s", layout_title(m->layout));
	if (m->n_seeds)
		buf_printf(&b, "%s%zu seed%s", b.len ? ", " : "", m->n_seeds,
			   m->n_seeds == 1 ? "" : "s");
	if (m->migrate)
		buf_printf(&b, "%sby '%s'", b.len ? ", " : "", m->migrate);
	if (m->seed_command)
		buf_printf(&b, "%sseeds by '%s'", b.len ? ", " : "",
			   m->seed_command);
	return b.len ? buf_take(&b) : NULL;
}

bool migrations_has_command(const struct migrations *m)
{
	return m->migrate || m->seed_command;
}

/* What migrations_run hands down. */
struct work {
	const struct migrations *m;
	const struct db_address *address;
	const struct deadline *deadline;
	const struct progress *progress;
	size_t done; /* of all the steps */
};

static void say(struct work *w, const char *what)
{
	struct progress_event e = {
	    .kind = PROGRESS_ITEM,
	    .step = "migrate",
	    .item = what,
	    .current = (int64_t)++w->done,
	    .total =
		(int64_t)(w->m->n + !!w->m->migrate + !!w->m->seed_command),
	};

	progress_emit(w->progress, &e);
}

static int insert_csv(struct work *w, const struct migration_file *f,
		      struct db *db, struct error *err)
{
	auto_csv struct csv csv = CSV_INIT;
	struct db_rows rows;
	size_t at;

	if (csv_parse(f->path, f->sql, f->len, &csv, err) < 0)
		return -1;
	rows = (struct db_rows){f->table, csv.columns, csv.n_columns,
				csv.values, csv.n};
	if (db_insert_rows(db, &rows, w->deadline, &at, err) == 0)
		return 0;
	if (err && err->kind == ERROR_DATABASE)
		err->kind = ERROR_MIGRATION;
	return error_wrap(err, "%s:%zu", f->path,
			  at < csv.n ? csv.lines[at] : 1);
}

static int run_file(struct work *w, const struct migration_file *f,
		    struct db *db, struct error *err)
{
	say(w, f->path);
	if (f->table)
		return insert_csv(w, f, db, err);
	if (f->no_transaction)
		return db_run_script(db, f->path, f->sql, f->len, w->deadline,
				     err);
	return db_run_migration(db, f->path, f->sql, f->len, w->deadline, err);
}

static int prepare(struct work *w, struct db *db, struct error *err)
{
	const char *sql = w->m->prepare;

	if (!sql || db_exec(db, sql, w->deadline, err) == 0)
		return 0;
	if (err && err->kind == ERROR_DATABASE)
		err->kind = ERROR_MIGRATION;
	return error_wrap(err, "schemas for %s", layout_title(w->m->layout));
}

static int run_bookkeeping(struct work *w, struct db *db, struct error *err)
{
	auto_free char *name =
	    xasprintf("notes for %s", layout_title(w->m->layout));
	const char *sql = w->m->bookkeeping;

	return db_run_migration(db, name, sql, strlen(sql), w->deadline, err);
}

static int run_files(struct work *w, size_t from, size_t to, struct error *err)
{
	auto_db struct db *db = NULL;

	if (from == to)
		return 0;
	if (db_connect(w->address, w->deadline, &db, err) < 0 ||
	    (!from && prepare(w, db, err) < 0))
		return -1;
	for (size_t i = from; i < to; i++)
		if (run_file(w, &w->m->files[i], db, err) < 0)
			return -1;
	return !from && w->m->bookkeeping ? run_bookkeeping(w, db, err) : 0;
}

static int run_command(struct work *w, const char *command, struct error *err)
{
	const struct migrations_runner *r = &w->m->runner;

	if (!command)
		return 0;
	say(w, command);
	if (!r->run)
		return error_set(err, ERROR_INTERNAL, "nobody runs '%s'",
				 command);
	return r->run(r->ctx, command, w->address, w->deadline, err);
}

int migrations_run(const struct migrations *m, const struct db_address *address,
		   const struct deadline *deadline,
		   const struct progress *progress, struct error *err)
{
	struct work w = {m, address, deadline, progress, 0};
	size_t migrations = m->n - m->n_seeds;

	if (run_files(&w, 0, migrations, err) < 0 ||
	    run_command(&w, m->migrate, err) < 0 ||
	    run_files(&w, migrations, m->n, err) < 0)
		return -1;
	return run_command(&w, m->seed_command, err);
}
