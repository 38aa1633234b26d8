/* SPDX-License-Identifier: MIT */
#include "template/flyway.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Checksum */

static uint32_t crc_byte(uint32_t crc, unsigned char byte)
{
	crc ^= byte;
	for (int i = 0; i < 8; i++)
		crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	return crc;
}

int32_t flyway_checksum(const char *text, size_t len)
{
	uint32_t crc = ~0U;
	size_t i = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;

	for (; i < len; i++)
		if (text[i] != '\n' && text[i] != '\r')
			crc = crc_byte(crc, (unsigned char)text[i]);
	return (int32_t)~crc;
}

/* Placeholders */

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Borrowed, or NULL. Names are the same in any case. */
static const char *value_of(const struct flyway *f, const char *path,
			    const char *name)
{
	size_t n = strlen(name);

	if (!strcasecmp(name, "flyway:filename"))
		return file_name(path);
	if (!strcasecmp(name, "flyway:table"))
		return f->table;
	if (!strcasecmp(name, "flyway:defaultSchema"))
		return f->default_schema ? f->default_schema
		       : f->schemas.n    ? f->schemas.v[0]
					 : NULL;
	for (size_t i = 0; i < f->placeholders.n; i++) {
		const char *entry = f->placeholders.v[i];

		if (!strncasecmp(entry, name, n) && entry[n] == '=')
			return entry + n + 1;
	}
	return NULL;
}

static int no_value(const struct flyway *f, const char *path, size_t line,
		    const char *name, struct error *err)
{
	error_set(err, ERROR_CONFIG,
		  "%s:%zu: no value for the placeholder '%s%.60s%s'", path,
		  line, f->prefix, name, f->suffix);
	error_hint(err, "flyway.conf or flyway.toml says placeholders, or the "
			"variables FLYWAY_PLACEHOLDERS_NAME; "
			"flyway.placeholderReplacement=false: there are none");
	return -1;
}

/* The placeholder that begins at `text`; NULL: there is none. */
static const char *placeholder_end(const struct flyway *f, const char *text)
{
	size_t n = strlen(f->prefix);

	if (!f->replace || strncmp(text, f->prefix, n) != 0)
		return NULL;
	return strstr(text + n, f->suffix);
}

int flyway_replace(const struct flyway *f, const char *path, const char *text,
		   size_t len, struct buf *ret, struct error *err)
{
	const char *end = text + len;
	size_t line = 1;

	while (text < end) {
		const char *close = placeholder_end(f, text);
		auto_free char *name = NULL;
		const char *value;

		if (!close) {
			line += *text == '\n';
			buf_putc(ret, *text++);
			continue;
		}
		text += strlen(f->prefix);
		name = xstrndup(text, (size_t)(close - text));
		value = value_of(f, path, name);
		if (!value)
			return no_value(f, path, line, name, err);
		buf_puts(ret, value);
		for (; text < close; text++)
			line += *text == '\n';
		text += strlen(f->suffix);
	}
	return 0;
}

/* Callbacks */

enum when {
	BEFORE_ALL,
	BEFORE_EACH,
	AFTER_EACH,
	BETWEEN, /* the versioned and the repeatable ones */
	AFTER_ALL,
	NEVER, /* by another command than migrate, or of what does not happen */
	FOR_SCHEMAS,
	UNKNOWN
};

/* In the order in which they run. */
static const struct {
	const char *event;
	enum when when;
} events[] = {
    {"beforeConnect", BEFORE_ALL},
    {"afterConnect", BEFORE_ALL},
    {"beforeValidate", BEFORE_ALL},
    {"afterValidate", BEFORE_ALL},
    {"beforeMigrate", BEFORE_ALL},
    {"beforeEachMigrate", BEFORE_EACH},
    {"afterEachMigrate", AFTER_EACH},
    {"afterVersioned", BETWEEN},
    {"beforeRepeatables", BETWEEN},
    {"afterMigrateApplied", AFTER_ALL},
    {"afterMigrate", AFTER_ALL},
    {"afterMigrateOperationFinish", AFTER_ALL},
    {"beforeEachMigrateStatement", UNKNOWN},
    {"afterEachMigrateStatement", UNKNOWN},
    {"beforeCreateSchema", FOR_SCHEMAS},
};

/* beforeMigrate.sql, beforeMigrate__first.sql */
static bool is_of(const struct layout_file *f, const char *event)
{
	const char *name = file_name(f->name);
	size_t n = strlen(event);

	return f->callback && !strncmp(name, event, n) &&
	       (!strcmp(name + n, ".sql") || !strncmp(name + n, "__", 2));
}

struct order {
	const struct layout_files *files;
	size_t *v, n, size;
};

static void add(struct order *o, size_t i)
{
	if (o->n == o->size) {
		o->size = o->size ? 2 * o->size : 64;
		o->v = xreallocarray(o->v, o->size, sizeof(*o->v));
	}
	o->v[o->n++] = i;
}

/* Of one event they are in the order of their names, as the files are. */
static void add_callbacks(struct order *o, enum when when)
{
	for (size_t e = 0; e < array_len(events); e++)
		for (size_t i = 0; i < o->files->n; i++)
			if (events[e].when == when &&
			    is_of(&o->files->v[i], events[e].event))
				add(o, i);
}

static int refuse_callbacks(const struct layout_files *files, enum when when,
			    const char *what, struct error *err)
{
	for (size_t e = 0; e < array_len(events); e++) {
		for (size_t i = 0; i < files->n; i++) {
			if (events[e].when != when ||
			    !is_of(&files->v[i], events[e].event))
				continue;
			return error_set(err, ERROR_CONFIG,
					 "'%s': a callback for each %s is not "
					 "supported",
					 files->v[i].path, what);
		}
	}
	return 0;
}

int flyway_order(const struct flyway *f, const struct layout_files *files,
		 size_t **ret, size_t *ret_n, struct error *err)
{
	struct order o = {.files = files};
	bool makes_schemas =
	    f->create_schemas && (f->default_schema || f->schemas.n);
	bool versioned = true;

	if (refuse_callbacks(files, UNKNOWN, "statement", err) < 0 ||
	    (makes_schemas &&
	     refuse_callbacks(files, FOR_SCHEMAS, "schema", err) < 0))
		return -1;
	add_callbacks(&o, BEFORE_ALL);
	for (size_t i = 0; i < files->n && !files->v[i].callback; i++) {
		if (versioned && !files->v[i].version) {
			add_callbacks(&o, BETWEEN);
			versioned = false;
		}
		add_callbacks(&o, BEFORE_EACH);
		add(&o, i);
		add_callbacks(&o, AFTER_EACH);
	}
	if (versioned)
		add_callbacks(&o, BETWEEN);
	add_callbacks(&o, AFTER_ALL);
	*ret = o.v;
	*ret_n = o.n;
	return 0;
}
