/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "cli/suggest.h"

#include <string.h>

#define COMMAND_ENTRY(name) &cmd_##name,
const struct command *const commands[] = {COMMANDS(COMMAND_ENTRY) NULL};
#undef COMMAND_ENTRY

#define COMMAND_COUNT(name) +1
enum {
	N_COMMANDS = COMMANDS(COMMAND_COUNT)
};
#undef COMMAND_COUNT

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

const struct command *command_get(const char *name, struct error *err)
{
	const struct command *found = command_find(name);
	const char *names[N_COMMANDS + 1] = {NULL};
	const char *near;

	if (found)
		return found;
	for (unsigned i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i]->name;
	near = suggest(name, names);
	error_set(err, ERROR_USAGE, "unknown command '%s'", name);
	if (near)
		error_hint(err, "did you mean '%s'?", near);
	else
		error_hint(err, "'testenv help' lists the commands");
	return NULL;
}
