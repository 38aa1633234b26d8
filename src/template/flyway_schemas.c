/* SPDX-License-Identifier: MIT */
/*
 * Flyway's schemas. Those of the list are made if they are not there; the
 * default one, by itself or as the first of the list, comes first in the search
 * path of each migration, before what the connection began with, and holds the
 * history.
 */
#include "template/flyway.h"

#include "base/error.h"
#include "dialect/db.h"

#include <string.h>

/* NULL: none is said. Borrowed. */
static const char *default_schema(const struct flyway *f)
{
	if (f->default_schema)
		return f->default_schema;
	return f->schemas.n ? f->schemas.v[0] : NULL;
}

static size_t count(const struct flyway *f)
{
	return f->schemas.n + (f->default_schema &&
			       !strvec_has(&f->schemas, f->default_schema));
}

static void put_create(const char *name, struct buf *b)
{
	buf_puts(b, "CREATE SCHEMA IF NOT EXISTS ");
	db_put_identifier(DIALECT_POSTGRES, b, name);
	buf_puts(b, ";\n");
}

static void make(const struct flyway *f, const char *first, struct buf *b)
{
	if (!f->create_schemas)
		return;
	put_create(first, b);
	for (size_t i = 0; i < f->schemas.n; i++)
		if (strcmp(f->schemas.v[i], first) != 0)
			put_create(f->schemas.v[i], b);
}

static void choose(const char *first, struct buf *b)
{
	auto_buf struct buf quoted = BUF_INIT;

	db_put_identifier(DIALECT_POSTGRES, &quoted, first);
	buf_puts(b, "SELECT pg_catalog.set_config('search_path', ");
	db_put_literal(DIALECT_POSTGRES, b, quoted.s);
	buf_puts(b, " || CASE WHEN reset_val = '' THEN '' ELSE ', ' END || "
		    "reset_val, false) FROM pg_catalog.pg_settings "
		    "WHERE name = 'search_path'; ");
}

int flyway_schemas(struct flyway *f, enum dialect d, char **ret,
		   struct error *err)
{
	const char *first = default_schema(f);
	auto_buf struct buf before = BUF_INIT;
	auto_buf struct buf each = BUF_INIT;

	if (!first)
		return 0;
	if (d != DIALECT_POSTGRES) {
		if (count(f) == 1)
			return 0;
		return error_set(err, ERROR_CONFIG,
				 "Flyway's configuration: flyway.schemas names "
				 "%zu, and a %s database here is one schema",
				 count(f), dialect_name(d));
	}
	make(f, first, &before);
	choose(first, &each);
	*ret = before.len ? buf_take(&before) : NULL;
	f->choose = buf_take(&each);
	return 0;
}
