/* SPDX-License-Identifier: MIT */
#include "cli/help.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/render.h"

#include <string.h>

enum {
	WIDTH = 79,
	USAGE_COLUMN = 7,
	COMMAND_COLUMN = 15,
	OPTION_COLUMN = 29
};

void help_overview(struct buf *out)
{
	buf_puts(out, "usage: testenv COMMAND [OPTIONS] [ARG...]\n\n"
		      "Real databases for a test suite, a fresh one for each "
		      "worker.\n\nCommands:\n");
	for (const struct command *const *c = commands; *c; c++) {
		size_t from = out->len;

		buf_printf(out, "  %s", (*c)->name);
		render_wrapped(out, (*c)->summary, (unsigned)(out->len - from),
			       COMMAND_COLUMN, WIDTH);
	}
	buf_puts(out, "\n'testenv help COMMAND' explains one of them.\n");
}

static void put_option(struct buf *out, const struct option_spec *spec)
{
	size_t from = out->len;

	if (spec->letter)
		buf_printf(out, "  -%c, ", spec->letter);
	else
		buf_puts(out, "      ");
	buf_printf(out, "--%s", spec->name);
	if (spec->value)
		buf_printf(out, " %s", spec->value);
	render_wrapped(out, spec->help, (unsigned)(out->len - from),
		       OPTION_COLUMN, WIDTH);
}

/* Blank lines part paragraphs. */
static void put_paragraphs(struct buf *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t len = end ? (size_t)(end - text) : strlen(text);
		auto_free char *one = xstrndup(text, len);

		buf_putc(out, '\n');
		render_wrapped(out, one, 0, 0, WIDTH);
		text += len;
		text += strspn(text, "\n");
	}
}

static void put_examples(struct buf *out, const char *lines)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n");

		buf_puts(out, "  ");
		buf_put(out, lines, len);
		buf_putc(out, '\n');
		lines += len + (lines[len] == '\n');
	}
}

void help_command(struct buf *out, const struct command *command)
{
	auto_free struct option_spec *specs = options_of(command);

	auto_free char *usage =
	    xasprintf("testenv %s %s", command->name, command->synopsis);

	buf_puts(out, "usage: ");
	render_wrapped(out, usage, USAGE_COLUMN, USAGE_COLUMN, WIDTH);
	buf_printf(out, "\ntestenv %s: %s\n", command->name, command->summary);
	if (command->text)
		put_paragraphs(out, command->text);
	buf_puts(out, "\nOptions:\n");
	for (const struct option_spec *s = specs; s->name; s++)
		put_option(out, s);
	if (command->examples) {
		buf_puts(out, "\nExamples:\n");
		put_examples(out, command->examples);
	}
}
