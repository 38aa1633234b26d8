/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/strvec.h"
#include "cli/suggest.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* What every command takes, and `testenv` itself before the command. */
static const struct option_spec common_options[] = {
    {"quiet", 'q', NULL, "show no progress, only what must be known", true},
    {"debug", 0, NULL, "log every step on standard error", false},
    {"help", 'h', NULL, "show this help and do nothing else", false},
    {"version", 0, NULL, "show the version and do nothing else", false},
    {0},
};

/* What config_load reads: product.md, "Configuration". */
static const struct option_spec config_options[] = {
    {"file", 'f', "FILE",
     "read this Compose file instead of looking for compose.yaml", true},
    {"db", 0, "postgres|mariadb|sqlite|DB:VERSION|URL",
     "which database: postgres:16, mariadb, sqlite, or an existing server's "
     "URL",
     true},
    {"image", 0, "IMAGE", "run this image instead of one found by --db", true},
    {"pull", 0, "missing|always|never|daily|weekly|every_T",
     "when the image is pulled: if it is not on the engine, each time, not at "
     "all, or if it is older than that",
     true},
    {"platform", 0, "OS/ARCH",
     "of an image for several platforms take that one: linux/arm64", true},
    {"migrations", 0, "DIR",
     "apply the SQL files of this directory: plain ones in order, or as "
     "golang-migrate, sqlx, Flyway, dbmate, goose or sql-migrate lay them out",
     true},
    {"layout", 0,
     "auto|plain|flyway|golang-migrate|sqlx|dbmate|goose|"
     "sql-migrate",
     "whose migrations they are, if that cannot be told", true},
    {"bookkeeping", 0, "yes|no",
     "note what was applied where their tool looks for it, so that a program "
     "that migrates when it starts finds nothing to do",
     true},
    {"migrate", 0, "COMMAND",
     "then run this shell command once against the template, whose address it "
     "finds in DATABASE_URL and the other variables",
     true},
    {"migrate-inputs", 0, "PATH",
     "a file, folder or pattern that the commands read: their template is kept "
     "as long as these stay the same; may be given again",
     true},
    {"seed", 0, "FILE",
     "then run this SQL file, or put the rows of TABLE.csv into TABLE; may be "
     "given again",
     true},
    {"seed-command", 0, "COMMAND", "then run this one, likewise", true},
    {"workers", 'w', "auto|N", "start this many servers at once", true},
    {"isolation", 0, "container|database",
     "what each owner gets: a server of its own, or a database on one server",
     true},
    {"fresh", 0, "owner|worker|never", "when a database is made new", true},
    {"owner", 0, "auto|process|worker|command|depth=N",
     "who gets a database of its own: what a test runner starts, each "
     "process, only a runner's workers, all of the command, or what is N "
     "levels below it",
     true},
    {"backend", 0, "auto|container|swarm|local|server|sqlite",
     "where databases live", true},
    {"fallback", 0, "sqlite|local,sqlite|none",
     "what to use where no container engine answers", true},
    {"require", 0, "container|swarm|local|server|sqlite",
     "fail unless this backend serves", true},
    {"allow-remote", 0, NULL,
     "use an existing server also if it is not on this machine", true},
    {"env", 'e', "NAME=VALUE",
     "set a variable for the command; may be given again", true},
    {"export", 0, "NAME=TEMPLATE",
     "set a variable made from the database's address, such as "
     "DB={jdbc_url}; may be given again",
     true},
    {"transport", 0, "tcp|unix", "how the URLs reach the server", true},
    {"memory", 0, "SIZE", "limit each server's memory: 512m, 1g", true},
    {"timeout", 0, "DURATION", "end the command after this: 90s, 5m, 2h", true},
    {"start-timeout", 0, "DURATION", "give the servers this long to be ready",
     true},
    {"keep", 0, "never|failure|always", "leave the database of what failed",
     true},
    {"rebuild", 0, NULL, "migrate anew, even if nothing changed", true},
    {"no-cache", 0, NULL,
     "migrate anew, and keep nothing of it for the next run", true},
    {"cache-size", 0, "SIZE", "keep templates up to this size: 512m, 4g", true},
    {"verify", 0, NULL,
     "compare each database that is made or reset with the template", true},
    {"mirror", 0, "HOST[/PATH]",
     "pull Docker Hub's images from this registry instead", true},
    {"swarm-registry", 0, "HOST[/PATH]",
     "push templates here, where every node of the swarm can pull them", true},
    {"swarm-constraint", 0, "EXPRESSION,...",
     "only nodes for which this holds, as in node.labels.tests==yes", true},
    {"host", 'H', "ADDRESS",
     "talk to the container engine here, as in DOCKER_HOST", true},
    {0},
};

static const struct option_spec session_options[] = {
    {"session", 's', "ID", "the session with this id", false},
    {"file", 'f', "FILE", "the session of this Compose file", true},
    {0},
};

/* Adds what is not there by name yet; a letter already taken is left out. */
static size_t add_options(struct option_spec **list, size_t n,
			  const struct option_spec *more)
{
	for (; more && more->name; more++) {
		struct option_spec add = *more;
		bool taken = false;

		for (size_t i = 0; i < n; i++) {
			if (!strcmp((*list)[i].name, add.name))
				taken = true;
			if (add.letter && (*list)[i].letter == add.letter)
				add.letter = 0;
		}
		if (taken)
			continue;
		*list = xreallocarray(*list, n + 2, sizeof(**list));
		(*list)[n++] = add;
	}
	return n;
}

struct option_spec *options_of(const struct command *command)
{
	struct option_spec *list = xcalloc(1, sizeof(*list));
	size_t n = add_options(&list, 0, command->options);

	if (command->groups & OPTIONS_SESSION)
		n = add_options(&list, n, session_options);
	if (command->groups & OPTIONS_CONFIG)
		n = add_options(&list, n, config_options);
	n = add_options(&list, n, common_options);
	list[n] = (struct option_spec){0};
	return list;
}

/* The table in getopt's form. A long option's value is LONG_BASE and its
 * place, so that it is told apart from a letter. */
enum {
	LONG_BASE = 256,
	SHORT_MAX = 3 + 2 * 64
};

struct getopt_tables {
	struct option *longs;
	char shorts[SHORT_MAX];
};

static void make_tables(const struct option_spec *specs, bool in_order,
			struct getopt_tables *ret)
{
	size_t n = 0;
	char *s = ret->shorts;

	while (specs[n].name)
		n++;
	ret->longs = xcalloc(n + 1, sizeof(*ret->longs));
	if (in_order)
		*s++ = '+';
	*s++ = ':';
	for (size_t i = 0; i < n; i++) {
		ret->longs[i] = (struct option){
		    .name = specs[i].name,
		    .has_arg = specs[i].value ? required_argument : no_argument,
		    .val = (int)(LONG_BASE + i),
		};
		if (!specs[i].letter || s + 3 > ret->shorts + SHORT_MAX)
			continue;
		*s++ = specs[i].letter;
		if (specs[i].value)
			*s++ = ':';
	}
	*s = '\0';
}

static const struct option_spec *spec_of(const struct option_spec *specs,
					 int code)
{
	if (code >= LONG_BASE)
		return &specs[code - LONG_BASE];
	for (; specs->name; specs++)
		if (specs->letter && specs->letter == code)
			return specs;
	return NULL;
}

/* "testenv help exec", or "testenv help" before any command. */
static void hint_help(const struct command *command, struct error *err)
{
	bool top = !command_find(command->name);

	error_hint(err, "'testenv help%s%s' lists the options", top ? "" : " ",
		   top ? "" : command->name);
}

static int unknown_option(const struct command *command,
			  const struct option_spec *specs, const char *word,
			  struct error *err)
{
	auto_strvec struct strvec names = STRVEC_INIT;
	auto_free char *typed = xstrdup(word);
	const char *near = NULL;
	char *value = strchr(typed, '=');

	if (value)
		*value = '\0';
	for (; specs->name; specs++)
		strvec_push(&names, specs->name);
	/* that both begin with "--" makes them no more alike */
	if (!strncmp(typed, "--", 2))
		near = suggest(typed + 2, (const char *const *)names.v);
	error_set(err, ERROR_USAGE, "unknown option '%s'", typed);
	if (near)
		error_hint(err, "did you mean '--%s'?", near);
	else
		hint_help(command, err);
	return -1;
}

/* getopt said '?' or ':'; optopt and optind are still as it left them. */
static int bad_option(const struct command *command,
		      const struct option_spec *specs, int code, char **argv,
		      struct error *err)
{
	const struct option_spec *spec = spec_of(specs, optopt);
	char word[3] = {'-', (char)optopt, '\0'};

	if (!optopt || !spec)
		return unknown_option(command, specs,
				      optopt ? word : argv[optind - 1], err);
	if (code == ':')
		error_set(err, ERROR_USAGE, "option '--%s' needs a value: %s",
			  spec->name, spec->value);
	else
		error_set(err, ERROR_USAGE, "option '--%s' takes no value",
			  spec->name);
	hint_help(command, err);
	return -1;
}

/* getopt takes "--work" for "--workers"; we do not, because a new option would
 * break scripts that lean on it. */
static bool is_abbreviated(const struct option_spec *spec, char **argv)
{
	const char *word = argv[optind - 1];

	if (optarg && optarg == word)
		word = argv[optind - 2];
	return strcspn(word + 2, "=") != strlen(spec->name);
}

static int parse_flags(const struct command *command,
		       const struct option_spec *specs, int argc, char **argv,
		       struct options *ret, struct error *err)
{
	struct getopt_tables tables;
	auto_free struct option *longs = NULL;
	int code;

	make_tables(specs, command->takes_command, &tables);
	longs = tables.longs;
	opterr = 0;
	optind = 0; /* GNU: start anew */
	while ((code = getopt_long(argc, argv, tables.shorts, longs, NULL)) !=
	       -1) {
		const struct option_spec *spec;

		if (code == '?' || code == ':')
			return bad_option(command, specs, code, argv, err);
		spec = spec_of(specs, code);
		if (code >= LONG_BASE && is_abbreviated(spec, argv))
			return unknown_option(command, specs,
					      optarg == argv[optind - 1]
						  ? argv[optind - 2]
						  : argv[optind - 1],
					      err);
		ret->flags = xreallocarray(ret->flags, ret->n_flags + 1,
					   sizeof(*ret->flags));
		ret->flags[ret->n_flags++] =
		    (struct config_flag){spec->name, spec->value ? optarg : ""};
	}
	return 0;
}

/* getopt leaves a "--" it ended at just before the arguments; the value of the
 * last option may be the same two characters. */
static bool ended_by_separator(const struct options *o, char **argv)
{
	const char *last = argv[optind - 1];

	if (optind < 2 || strcmp(last, "--") != 0)
		return false;
	return !o->n_flags || o->flags[o->n_flags - 1].value != last;
}

static int check_args(const struct command *command, const struct options *o,
		      struct error *err)
{
	if (o->n_args < command->min_args)
		error_set(err, ERROR_USAGE, "'%s' needs %s", command->name,
			  command->takes_command ? "a command to run"
						 : "an argument");
	else if (command->max_args >= 0 && o->n_args > command->max_args)
		error_set(err, ERROR_USAGE, "'%s' does not take '%s'",
			  command->name, o->args[command->max_args]);
	else
		return 0;
	error_hint(err, "usage: testenv %s%s%s", command->name,
		   *command->synopsis ? " " : "", command->synopsis);
	return -1;
}

int options_parse(const struct command *command, int argc, char **argv,
		  struct options *ret, struct error *err)
{
	auto_free struct option_spec *specs = options_of(command);
	struct options o = {0};

	if (parse_flags(command, specs, argc, argv, &o, err) < 0) {
		options_free(&o);
		return -1;
	}
	o.args = argv + optind;
	o.n_args = argc - optind;
	o.has_separator = ended_by_separator(&o, argv);
	if (!options_get(&o, "help") && !options_get(&o, "version") &&
	    check_args(command, &o, err) < 0) {
		options_free(&o);
		return -1;
	}
	/* the names are the caller's tables', not specs' copies */
	*ret = o;
	return 0;
}

void options_free(struct options *o)
{
	free(o->flags);
	*o = (struct options){0};
}

const char *options_get(const struct options *o, const char *name)
{
	for (size_t i = o->n_flags; i > 0; i--)
		if (!strcmp(o->flags[i - 1].key, name))
			return o->flags[i - 1].value;
	return NULL;
}
