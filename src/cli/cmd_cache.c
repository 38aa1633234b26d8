/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/ident.h"
#include "cli/render.h"
#include "cli/table.h"
#include "session/cache.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	CALL_MS = 30 * 60 * 1000 /* a pull may be part of it */
};

struct call {
	struct cli *cli;
	const struct options *options;
	const struct config *config;
	struct deadline deadline;
};

static const char *state_of(const struct cache_row *row)
{
	if (row->held)
		return "in use";
	if (row->replaced)
		return "replaced";
	return row->used_s < 0 ? "another's" : "kept";
}

/* "2026-11-22 09:30", in the local time that people read. */
static void add_time(struct table *t, int64_t when_s)
{
	time_t when = (time_t)when_s;
	struct tm tm;
	char text[32];

	if (when_s >= 0 && localtime_r(&when, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm))
		table_add(t, text);
	else
		table_add(t, NULL);
}

static void print_table(const struct cache_list *list)
{
	static const char *const head[] = {"KEY",  "DIALECT",   "FROM",
					   "SIZE", "LAST USED", "STATE"};
	auto_table struct table t = TABLE_INIT(array_len(head));
	auto_buf struct buf out = BUF_INIT;

	for (size_t i = 0; i < array_len(head); i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < list->n; i++) {
		const struct cache_row *row = &list->rows[i];
		auto_buf struct buf size = BUF_INIT;

		render_bytes(&size, row->bytes);
		table_add(&t, row->key);
		table_add(&t, row->dialect);
		table_add(&t, *row->base ? row->base : NULL);
		table_add(&t, size.s);
		add_time(&t, row->used_s);
		table_add(&t, state_of(row));
	}
	table_print(&t, 0, &out);
	fputs(out.s, stdout);
}

static void print_json(const struct cache_list *list)
{
	cJSON *array = cJSON_CreateArray();
	char *text;

	for (size_t i = 0; i < list->n; i++) {
		const struct cache_row *row = &list->rows[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "key", row->key);
		cJSON_AddStringToObject(o, "place",
					cache_place_name(row->place));
		cJSON_AddStringToObject(o, "name", row->name);
		cJSON_AddStringToObject(o, "dialect", row->dialect);
		cJSON_AddStringToObject(o, "server", row->server);
		cJSON_AddStringToObject(o, "from", row->base);
		cJSON_AddNumberToObject(o, "size", (double)row->bytes);
		cJSON_AddNumberToObject(o, "created", (double)row->created_s);
		if (row->used_s >= 0)
			cJSON_AddNumberToObject(o, "used", (double)row->used_s);
		cJSON_AddStringToObject(o, "state", state_of(row));
		cJSON_AddStringToObject(o, "why", quota_reason(row->verdict));
		cJSON_AddItemToArray(array, o);
	}
	text = cJSON_Print(array);
	puts(text);
	cJSON_free(text);
	cJSON_Delete(array);
}

static int list(struct call *call, struct error *err)
{
	auto_cache_list struct cache_list all = CACHE_LIST_INIT;

	if (session_cache_list(call->config, &call->deadline, &all, err) < 0)
		return -1;
	if (options_get(call->options, "json"))
		print_json(&all);
	else
		print_table(&all);
	return 0;
}

static int keys_of(struct call *call, struct strvec *ret, struct error *err)
{
	return session_cache_keys(call->config, &call->deadline,
				  call->cli->progress, ret, err);
}

/* One word for the whole configuration, as a CI's cache wants it. */
static int key(struct call *call, struct error *err)
{
	auto_strvec struct strvec keys = STRVEC_INIT;
	char hex[DIGEST_HEX];
	struct digest *d;

	if (keys_of(call, &keys, err) < 0)
		return -1;
	if (keys.n == 1) {
		puts(keys.v[0]);
		return 0;
	}
	d = digest_new();
	for (size_t i = 0; i < keys.n; i++)
		digest_add_str(d, keys.v[i]);
	digest_end(d, hex);
	printf("%.32s\n", hex);
	return 0;
}

static int export(struct call *call, struct error *err)
{
	const struct options *o = call->options;
	auto_strvec struct strvec keys = STRVEC_INIT;

	strvec_extend(&keys, o->args + 2);
	if (!keys.n && keys_of(call, &keys, err) < 0)
		return -1;
	return session_cache_export(call->config, o->args[1], keys.v,
				    &call->deadline, call->cli->progress, err);
}

static void print_lines(const struct strvec *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		puts(lines->v[i]);
}

static int import(struct call *call, struct error *err)
{
	auto_strvec struct strvec keys = STRVEC_INIT;
	int result = session_cache_import(call->config, call->options->args[1],
					  &call->deadline, call->cli->progress,
					  &keys, err);

	print_lines(&keys);
	return result;
}

static int remove_some(struct call *call, struct error *err)
{
	const struct options *o = call->options;
	bool all = options_get(o, "all") != NULL;
	auto_strvec struct strvec removed = STRVEC_INIT;
	int result;

	if (all == (o->n_args > 1))
		return error_set(err, ERROR_USAGE,
				 "'cache remove' wants keys, or '--all'");
	result = session_cache_remove(call->config, o->args + 1, all,
				      &call->deadline, &removed, err);
	print_lines(&removed);
	return result;
}

static const struct verb {
	const char *name;
	int (*run)(struct call *call, struct error *err);
	int min_args, max_args; /* after the verb; max -1: any number */
	bool of_project;        /* without arguments it is about a project's */
	const char *option;     /* its own, or NULL */
} verbs[] = {
    {"list", list, 0, 0, false, "json"},
    {"key", key, 0, 0, true, NULL},
    {"export", export, 1, -1, true, NULL},
    {"import", import, 1, 1, false, NULL},
    {"remove", remove_some, 0, -1, false, "all"},
};

static int check(const struct verb *verb, const struct options *o,
		 struct error *err)
{
	static const char *const own[] = {"json", "all"};
	int n = o->n_args - 1;

	for (size_t i = 0; i < array_len(own); i++)
		if (options_get(o, own[i]) &&
		    (!verb->option || strcmp(verb->option, own[i]) != 0))
			return error_set(err, ERROR_USAGE,
					 "'cache %s' has no option '--%s'",
					 verb->name, own[i]);
	if (n < verb->min_args)
		return error_set(err, ERROR_USAGE, "'cache %s' needs a file",
				 verb->name);
	if (verb->max_args >= 0 && n > verb->max_args)
		return error_set(err, ERROR_USAGE,
				 "'cache %s' does not take '%s'", verb->name,
				 o->args[1 + verb->max_args]);
	return 0;
}

static int run_verb(const struct verb *verb, struct cli *cli,
		    const struct options *options, struct error *err)
{
	bool of_project =
	    verb->of_project && options->n_args - 1 == verb->min_args;
	struct config config;
	struct call call = {cli, options, &config,
			    deadline_in(CALL_MS, cli->cancel)};
	int result;

	if (check(verb, options, err) < 0)
		return -1;
	result = of_project ? config_load(options->flags, options->n_flags,
					  cli->progress, &config, err)
			    : config_load_any(options->flags, options->n_flags,
					      NULL, &config, err);
	if (result < 0)
		return -1;
	result = verb->run(&call, err);
	config_free(&config);
	return result;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	for (size_t i = 0; i < array_len(verbs); i++)
		if (!strcmp(verbs[i].name, options->args[0]))
			return run_verb(&verbs[i], cli, options, err);
	error_set(err, ERROR_USAGE, "unknown action '%s'", options->args[0]);
	error_hint(err, "there are: list, key, export, import, remove");
	return -1;
}

static const struct option_spec own[] = {
    {"json", 0, NULL, "list as JSON", false},
    {"all", 0, NULL, "remove every template used from here", false},
    {0},
};

const struct command cmd_cache = {
    .name = "cache",
    .summary = "list, remove and carry away the templates that are kept",
    .synopsis = "list [--json] | key | export FILE [KEY...] | import FILE | "
		"remove KEY...|--all",
    .text =
	"A template is what the migrations make, kept so that the next run "
	"need not run them: an image on the container engine, a file for "
	"SQLite, a directory for a server of this machine. Its key is made of "
	"the names and contents of migrations and "
	"seeds in their order, the image's digest, the database, and the "
	"settings that change the data; when one changes, so does the "
	"template.\n\n"
	"'list' shows them all, also those that others keep on the same "
	"engine. The size is what a template adds to its image.\n\n"
	"'key' prints one word for the templates of the configuration given "
	"by options, variables and file as for 'testenv exec', kept or not: "
	"the key of a CI's cache. An image that is not there is pulled, since "
	"its digest counts.\n\n"
	"'export' writes templates to one compressed file, readable by its "
	"owner only: those of the keys given, else the configuration's. "
	"'import' makes kept templates of such a file, on this machine's "
	"engine and in its cache directory, and prints the keys that are kept "
	"now. The file is checked before anything is made. It has the data "
	"and not the server's image, which must be the same, or be what is "
	"pulled under its name; a template without its image is passed over, "
	"with a notice. So is that of a local server where the machine has "
	"another version of the server, processor or C library: its files "
	"would be misread. Do not import what you do not trust: it becomes "
	"the content of your test databases, and of a local server the "
	"settings as well.\n\n"
	"The passwords in a template are random, and replaced in every server "
	"made from it; what the configuration gives the server's environment "
	"is in the file as well.\n\n"
	"'remove' removes templates, but none that a session uses, and prints "
	"their keys. 'testenv gc' removes what is over --cache-size.",
    .examples =
	"$ testenv cache key --db postgres --migrations db/migrations\n"
	"$ testenv cache export kept.tar.zst --db postgres --migrations db\n"
	"$ testenv cache import kept.tar.zst\n"
	"  on another machine: the next run migrates nothing\n"
	"$ testenv cache remove --all\n",
    .options = own,
    .groups = OPTIONS_CONFIG,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
