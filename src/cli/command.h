/* SPDX-License-Identifier: MIT */
/*
 * cli/command.h - the table of commands.
 *
 * One command per file, cli/cmd_NAME.c, which ends in one `const struct
 * command cmd_NAME`. Dispatch, --help, the manual page and completion are all
 * made from that table, so they cannot disagree.
 *
 * To add one: write cli/cmd_NAME.c; add it to COMMANDS below, in the order of
 * `help` (exec lease reset diff up wait env status logs shell down gc doctor
 * images cache ctest_spec completion version help); add tests/live/cmd_NAME.sh
 * that runs the built program; add a line to CHANGELOG.md.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/error.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

struct cancel;
struct progress;

#define COMMANDS(X)   \
	X(exec)       \
	X(lease)      \
	X(reset)      \
	X(diff)       \
	X(up)         \
	X(wait)       \
	X(env)        \
	X(status)     \
	X(logs)       \
	X(shell)      \
	X(down)       \
	X(gc)         \
	X(doctor)     \
	X(images)     \
	X(cache)      \
	X(ctest_spec) \
	X(completion) \
	X(version)    \
	X(help)

/*
 * One long option. Those with `config` set are meant for config_load, which
 * passes over the others; those are asked for with options_get. A command's own
 * option comes before one of the same name or letter in a group: `logs -f` is
 * its own, and --file has no letter there.
 *
 * Help and completion read `value`: words in lower case divided by '|' are
 * offered as they are, FILE and DIR complete paths, the rest is for people.
 */
struct option_spec {
	const char *name;  /* "workers" */
	char letter;       /* 'w', or 0 */
	const char *value; /* "N|auto" for help; NULL: a switch */
	const char *help;  /* one sentence, no full stop */
	bool config;
};

/* Groups of options that several commands share; see cli/options.c. */
enum option_groups {
	OPTIONS_CONFIG = 1 << 0,  /* --db … : everything config_load reads */
	OPTIONS_SESSION = 1 << 1, /* --session ID, -f FILE: which one */
};

/* What the command line said. The strings are argv's, and so is `args`: argv
 * is put in order (options first) and must outlive this. */
struct options {
	struct config_flag *flags; /* in order, all of them */
	size_t n_flags;
	char **args; /* what is not an option; NULL-terminated */
	int n_args;
	bool has_separator; /* there was a "--" */
};
/* The last value of an option, "" for a switch, NULL when it was not given. */
const char *options_get(const struct options *o, const char *name);

/* What every command gets. */
struct cli {
	const struct progress *progress; /* renders on stderr */
	struct cancel *cancel;           /* tripped by INT, TERM, HUP, QUIT */
	bool quiet, debug;
	const char *program; /* argv[0], to start ourselves again */
	/* Our parent had SIGPIPE ignored. In this program it always is; a child
	 * that runs somebody's command gives it back as it was. */
	bool sigpipe_ignored;
};

struct command {
	const char *name;     /* "exec", "ctest-spec" */
	const char *summary;  /* "run a command with databases of its own" */
	const char *synopsis; /* "[OPTIONS] -- COMMAND [ARG...]", or "" */
	const char *text; /* paragraphs of the manual page, parted by "\n\n" */
	const char *examples; /* lines: "$ command", "  what it does"; NULL */
	const struct option_spec *options; /* ends with a NULL name; or NULL */
	unsigned groups;                   /* enum option_groups */
	int min_args, max_args;            /* max -1: any number */
	/* Returns the exit code. 0 with *err unset, or -1 with *err set: the
	 * caller prints it and takes the kind's code, or 125 if own_codes. */
	int (*run)(struct cli *cli, const struct options *options,
		   struct error *err);
	bool own_codes; /* exec, lease: own failures are 125 */
	/* The arguments are a command: options end at the first of them, with
	 * or without a "--". Else options may stand anywhere. */
	bool takes_command;
};

#define COMMAND_EXTERN(name) extern const struct command cmd_##name;
COMMANDS(COMMAND_EXTERN)
#undef COMMAND_EXTERN

/* NULL-terminated, in the order above. */
extern const struct command *const commands[];
const struct command *command_find(const char *name);
/* As command_find, or NULL with ERROR_USAGE and the nearest name as a hint. */
const struct command *command_get(const char *name, struct error *err);

/* Every option of a command, in the order of its help: its own, its groups',
 * those all commands have. Ends with a NULL name; the caller frees. */
struct option_spec *options_of(const struct command *command);

/*
 * Parses argv of one command (argv[0] is its name). ERROR_USAGE with a hint.
 * The number of arguments is not checked when --help or --version is there.
 */
int options_parse(const struct command *command, int argc, char **argv,
		  struct options *ret, struct error *err);
void options_free(struct options *o);

#endif
