/* SPDX-License-Identifier: MIT */
/*
 * template/flyway.h - what Flyway does besides its versions: callbacks,
 * placeholders, and the checksums in its history. As of its documentation
 * (documentation.red-gate.com/flyway: "Callbacks", "Placeholders",
 * "Configuration"). Private to template/.
 */
#ifndef TEMPLATE_FLYWAY_H
#define TEMPLATE_FLYWAY_H

#include "base/buf.h"
#include "base/strvec.h"
#include "template/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* What of the project's configuration counts here. */
struct flyway {
	char *table;           /* of its history */
	char *prefix, *suffix; /* of a placeholder: "${", "}" */
	bool replace;
	struct strvec placeholders; /* "name=value" */
	char *default_schema;       /* NULL: not said */
	struct strvec schemas;
	bool create_schemas;
	/* goes in front of each file, in its first line: chooses the default
	 * schema, as a new session is what each file begins with; or NULL */
	char *choose;
	/* while it is read: which environment, and each one's "NAME=schemas" */
	char *environment;
	struct strvec environments;
};
#define FLYWAY_INIT                                                  \
	{                                                            \
		.placeholders = STRVEC_INIT, .schemas = STRVEC_INIT, \
		.environments = STRVEC_INIT                          \
	}
void flyway_free(struct flyway *f);

/*
 * Reads flyway.toml or flyway.conf (there or in conf/) of the nearest directory
 * at or above `dir` that has one, up to the one with .git.
 * FLYWAY_PLACEHOLDERS_X, FLYWAY_TABLE, FLYWAY_SCHEMAS and such in the
 * environment count more. ERROR_CONFIG names a setting that changes what runs
 * and cannot be followed here.
 */
int flyway_read(const char *dir, struct flyway *ret, struct error *err);

/* The text with its placeholders filled in, in *ret. ERROR_CONFIG
 * "PATH:LINE: …" for one without a value. */
int flyway_replace(const struct flyway *f, const char *path, const char *text,
		   size_t len, struct buf *ret, struct error *err);

/*
 * The statements that make the schemas, in *ret (NULL: none; the caller frees),
 * and f->choose. Only Postgres has schemas in a database: elsewhere the
 * database is the one schema, whatever it is called, and several are
 * ERROR_CONFIG.
 */
int flyway_schemas(struct flyway *f, enum dialect d, char **ret,
		   struct error *err);

/* CRC-32 of the lines without their ends, as a signed number. */
int32_t flyway_checksum(const char *text, size_t len);

/*
 * In which order the arranged files run: the migrations, and the callbacks of
 * `flyway migrate` around them, some of them many times. *ret are indices, n of
 * them; the caller frees. ERROR_CONFIG for a callback that cannot be run here.
 */
int flyway_order(const struct flyway *f, const struct layout_files *files,
		 size_t **ret, size_t *ret_n, struct error *err);

#endif
