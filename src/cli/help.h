/* SPDX-License-Identifier: MIT */
/*
 * cli/help.h - help, manual pages and completion, made from the table.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/error.h"

struct buf;
struct command;

/* All commands, a line each. */
void help_overview(struct buf *out);
void help_command(struct buf *out, const struct command *command);

/* A page in mdoc(7). command NULL: testenv(1) itself. */
void man_page(struct buf *out, const struct command *command);

/* Completion scripts. */
void completion_bash(struct buf *out);
void completion_zsh(struct buf *out);
void completion_fish(struct buf *out);

/* The words of testenv(1) that belong to no command. */
struct help_variable {
	const char *name, *text;
};
extern const struct help_variable help_variables_read[]; /* NULL name ends */
extern const struct help_variable help_variables_set[];
const char *help_of_kind(enum error_kind kind);
extern const char help_about[];
extern const char help_examples[];

#endif
