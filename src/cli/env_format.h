/* SPDX-License-Identifier: MIT */
/*
 * cli/env_format.h - variables written so that somebody else reads them back
 * exactly. Pure.
 *
 *   sh      export NAME='value'; unset NAME
 *   fish    set -gx NAME 'value'; set -e NAME
 *   dotenv  NAME=value, quoted where readers of .env files need it
 *   json    one object
 *   github  the lines of a GITHUB_ENV file (heredoc form for line ends)
 *   gitlab  the lines of a dotenv report, which knows no quotes and no line
 *           ends: a value with one is an error
 *   cmake   set(ENV{NAME} [[value]])
 *
 * dotenv has no standard: plain words stay bare, else single quotes, in which
 * every reader takes all but a single quote as it is; double quotes with
 * escapes only for values that hold a single quote or a line end.
 */
#ifndef CLI_ENV_FORMAT_H
#define CLI_ENV_FORMAT_H

#include "base/strvec.h"

struct buf;
struct error;

enum env_format {
	ENV_SH,
	ENV_FISH,
	ENV_DOTENV,
	ENV_JSON,
	ENV_GITHUB,
	ENV_GITLAB,
	ENV_CMAKE
};

/* ERROR_USAGE with the list. */
int env_format_parse(const char *name, enum env_format *ret, struct error *err);

/* `set` are "NAME=value"; `unset` are names, written where a format has a word
 * for it. ERROR_CONFIG for a name or value that the format cannot hold. */
int env_format_write(enum env_format format, const struct strvec *set,
		     const struct strvec *unset, struct buf *ret,
		     struct error *err);

/* The passwords among them, as GitHub's workflow commands that keep them out of
 * its logs. */
void env_format_masks(const struct strvec *set, struct buf *ret);

#endif
