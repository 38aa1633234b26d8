/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	auto_buf struct buf out = BUF_INIT;
	const struct command *command = NULL;
	bool man = options_get(options, "man");

	(void)cli;
	/* the manual page of the whole is asked for by its name */
	if (options->n_args && !(man && !strcmp(options->args[0], "testenv"))) {
		command = command_get(options->args[0], err);
		if (!command)
			return -1;
	}
	if (man)
		man_page(&out, command);
	else if (command)
		help_command(&out, command);
	else
		help_overview(&out);
	fputs(out.s, stdout);
	return 0;
}

static const struct option_spec own[] = {
    {"man", 0, NULL, "print the manual page, for man(1), instead", false},
    {0},
};

const struct command cmd_help = {
    .name = "help",
    .summary = "explain a command, or list them all",
    .synopsis = "[--man] [COMMAND]",
    .text = "Without a command: the list of them. With one: what it does, its "
	    "options, and examples. 'testenv COMMAND --help' is the same.",
    .examples = "$ testenv help exec\n"
		"$ testenv help --man exec | man -l -",
    .options = own,
    .max_args = 1,
    .run = run,
};
