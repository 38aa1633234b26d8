/* SPDX-License-Identifier: MIT */
#include "template/migrations.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/ident.h"
#include "base/progress.h"
#include "dialect/db.h"

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
	}
	free(m->files);
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
	digest_end(d, hex);
	memcpy(ret, hex, TEMPLATE_KEY - 1);
	ret[TEMPLATE_KEY - 1] = '\0';
}

char *migrations_describe(const struct migrations *m)
{
	auto_buf struct buf b = BUF_INIT;
	size_t files = m->n - m->n_seeds;

	if (files)
		buf_printf(&b, "%zu migration%s (%s)", files,
			   files == 1 ? "" : "s", layout_title(m->layout));
	if (m->n_seeds)
		buf_printf(&b, "%s%zu seed%s", b.len ? ", " : "", m->n_seeds,
			   m->n_seeds == 1 ? "" : "s");
	return b.len ? buf_take(&b) : NULL;
}

int migrations_apply(const struct migrations *m, struct db *db,
		     const struct deadline *deadline,
		     const struct progress *progress, struct error *err)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct migration_file *f = &m->files[i];
		struct progress_event e = {
		    .kind = PROGRESS_ITEM,
		    .step = "migrate",
		    .item = f->path,
		    .current = (int64_t)i + 1,
		    .total = (int64_t)m->n,
		};

		progress_emit(progress, &e);
		if ((f->no_transaction ? db_run_script : db_run_migration)(
			db, f->path, f->sql, f->len, deadline, err) < 0)
			return -1;
	}
	return 0;
}
