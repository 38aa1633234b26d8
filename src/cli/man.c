/* SPDX-License-Identifier: MIT */
#include "cli/help.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "cli/command.h"

#include <string.h>

/* Of the pages as a whole; moves with the version. */
#define MAN_DATE "November 22, 2026"

enum {
	FOLD_AT = 66 /* columns of source; the escapes come on top */
};

static void put_char(struct buf *out, char c)
{
	if (c == '\\')
		buf_puts(out, "\\e");
	else if (c == '-')
		buf_puts(out, "\\-");
	else if (c == '\'')
		buf_puts(out, "\\(aq");
	else
		buf_putc(out, c);
}

/* Lines as they are; none is a request by accident. */
static void put_lines(struct buf *out, const char *text)
{
	for (bool start = true; *text; text++) {
		if (start && *text == '.')
			buf_puts(out, "\\&");
		start = *text == '\n';
		put_char(out, *text);
	}
}

/* Running text, each sentence on a line of its own, as mdoc wants it. */
static void put_text(struct buf *out, const char *text, size_t len)
{
	size_t column = 0;

	for (size_t i = 0; i < len; i++) {
		bool ends = i && text[i - 1] == '.' && i + 1 < len;

		if (text[i] == ' ' && (ends || column > FOLD_AT)) {
			buf_putc(out, '\n');
			column = 0;
			continue;
		}
		if (!column && text[i] == '.')
			buf_puts(out, "\\&");
		put_char(out, text[i]);
		column++;
	}
}

static void put_words(struct buf *out, const char *text)
{
	put_text(out, text, strlen(text));
}

/* One argument of a macro. */
static void put_argument(struct buf *out, const char *text)
{
	buf_puts(out, " \"");
	for (; *text; text++) {
		if (*text == '"')
			buf_puts(out, "\\(dq");
		else
			put_char(out, *text);
	}
	buf_putc(out, '"');
}

static void put_paragraphs(struct buf *out, const char *text)
{
	bool first = true;

	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t len = end ? (size_t)(end - text) : strlen(text);

		if (!first)
			buf_puts(out, ".Pp\n");
		put_text(out, text, len);
		buf_putc(out, '\n');
		first = false;
		text += len;
		text += strspn(text, "\n");
	}
}

static void put_options(struct buf *out, const struct option_spec *specs)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (; specs->name; specs++) {
		buf_puts(out, ".It");
		if (specs->letter)
			buf_printf(out, " Fl %c ,", specs->letter);
		buf_puts(out, " Fl Fl");
		put_argument(out, specs->name);
		if (specs->value) {
			buf_puts(out, " Ar");
			put_argument(out, specs->value);
		}
		buf_putc(out, '\n');
		put_words(out, specs->help);
		buf_puts(out, ".\n");
	}
	buf_puts(out, ".El\n");
}

static void put_examples(struct buf *out, const char *lines)
{
	buf_puts(out, ".Sh EXAMPLES\n.Bd -literal\n");
	put_lines(out, lines);
	buf_puts(out, "\n.Ed\n");
}

static void put_head(struct buf *out, const char *title, const char *name,
		     const char *summary)
{
	buf_puts(out, ".Dd " MAN_DATE "\n.Dt");
	for (buf_puts(out, " "); *title; title++)
		buf_putc(out, *title >= 'a' && *title <= 'z'
				  ? (char)(*title - 'a' + 'A')
				  : *title);
	buf_puts(out, " 1\n.Os\n.Sh NAME\n.Nm");
	put_argument(out, name);
	buf_puts(out, "\n.Nd ");
	put_words(out, summary);
	buf_puts(out, "\n.Sh SYNOPSIS\n");
}

static void put_codes(struct buf *out)
{
	static const enum error_kind kinds[] = {
#define KIND_ROW(kind, code, name) kind,
	    ERROR_KINDS(KIND_ROW)
#undef KIND_ROW
	};

	put_paragraphs(
	    out, "exec, and lease with a command, end with its exit code. For "
		 "their own failures they end with 125, with 126 if the "
		 "command cannot be "
		 "run, 127 if there is no such command, 124 if the command ran "
		 "out of time, and 128+N if signal N ended the command or "
		 "testenv.\n\n"
		 "Every other command ends with 0 for success, 128+N if signal "
		 "N stopped it, or with the code of the kind of its error:");
	buf_puts(out, ".Pp\n.Bl -tag -width 4n -compact\n");
	for (size_t i = 0; i < array_len(kinds); i++) {
		buf_printf(out, ".It %d\n", error_exit_code(kinds[i]));
		put_words(out, error_kind_name(kinds[i]));
		buf_puts(out, ": ");
		put_words(out, help_of_kind(kinds[i]));
		buf_putc(out, '\n');
	}
	buf_puts(out, ".El\n");
}

static void put_variables(struct buf *out, const struct help_variable *list)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (; list->name; list++) {
		buf_printf(out, ".It Ev");
		put_argument(out, list->name);
		buf_putc(out, '\n');
		put_words(out, list->text);
		buf_putc(out, '\n');
	}
	buf_puts(out, ".El\n");
}

static void put_commands(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (const struct command *const *c = commands; *c; c++) {
		buf_puts(out, ".It Ic");
		put_argument(out, (*c)->name);
		buf_putc(out, '\n');
		put_words(out, (*c)->summary);
		buf_printf(out, "; see\n.Xr testenv-%s 1 .\n", (*c)->name);
	}
	buf_puts(out, ".El\n");
}

static void main_page(struct buf *out)
{
	put_head(
	    out, "testenv", "testenv",
	    "real databases for a test suite, a fresh one for each worker");
	buf_puts(out, ".Nm\n.Ar COMMAND\n.Op Ar OPTIONS\n.Op Ar ARG ...\n"
		      ".Sh DESCRIPTION\n");
	put_paragraphs(out, help_about);
	buf_puts(out, ".Pp\nThe commands:\n");
	put_commands(out);
	buf_puts(out, ".Sh ENVIRONMENT\nRead by\n.Nm :\n");
	put_variables(out, help_variables_read);
	buf_puts(out, ".Pp\nSet for the command that\n.Ic exec\nruns:\n");
	put_variables(out, help_variables_set);
	buf_puts(out, ".Sh EXIT STATUS\n");
	put_codes(out);
	put_examples(out, help_examples);
}

static void command_page(struct buf *out, const struct command *command)
{
	auto_free struct option_spec *specs = options_of(command);
	auto_free char *title = xasprintf("testenv-%s", command->name);

	put_head(out, title, title, command->summary);
	buf_puts(out, ".Nm testenv");
	put_argument(out, command->name);
	buf_putc(out, '\n');
	if (*command->synopsis) {
		put_lines(out, command->synopsis);
		buf_putc(out, '\n');
	}
	buf_puts(out, ".Sh DESCRIPTION\n");
	put_paragraphs(out, command->text);
	buf_puts(out, ".Pp\nThe options:\n");
	put_options(out, specs);
	buf_puts(out, ".Sh EXIT STATUS\nSee\n.Xr testenv 1 .\n");
	if (command->examples)
		put_examples(out, command->examples);
	buf_puts(out, ".Sh SEE ALSO\n.Xr testenv 1\n");
}

void man_page(struct buf *out, const struct command *command)
{
	if (command)
		command_page(out, command);
	else
		main_page(out);
}
