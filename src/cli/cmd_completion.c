/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/buf.h"
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	static const struct {
		const char *name;
		void (*put)(struct buf *out);
	} shells[] = {{"bash", completion_bash},
		      {"zsh", completion_zsh},
		      {"fish", completion_fish}};
	auto_buf struct buf out = BUF_INIT;

	(void)cli;
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, options->args[0]) != 0)
			continue;
		shells[i].put(&out);
		fputs(out.s, stdout);
		return 0;
	}
	error_set(err, ERROR_USAGE, "no completion for '%s'", options->args[0]);
	error_hint(err, "testenv knows bash, zsh and fish");
	return -1;
}

const struct command cmd_completion = {
    .name = "completion",
    .summary = "print a shell's completion script",
    .synopsis = "bash|zsh|fish",
    .text = "Prints a script that teaches the shell to complete testenv's "
	    "commands, options and values.",
    .examples = "$ . <(testenv completion bash)\n"
		"$ testenv completion zsh >~/.zsh/functions/_testenv\n"
		"$ testenv completion fish "
		">~/.config/fish/completions/testenv.fish",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
