/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdio.h>

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	(void)cli;
	(void)options;
	(void)err;
	printf("testenv %s\n", TESTENV_VERSION);
	return 0;
}

const struct command cmd_version = {
    .name = "version",
    .summary = "show the version",
    .synopsis = "",
    .text = "Prints 'testenv' and the version, one line.",
    .run = run,
};
