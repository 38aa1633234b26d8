/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/render.h"
#include "session/doctor.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LOOK_MS = 30000
};

/* For people */

static void put_candidates(struct buf *out, const struct doctor *d)
{
	if (!d->n_candidates)
		return;
	buf_puts(out, "container engines, in the order they are tried:\n");
	for (size_t i = 0; i < d->n_candidates; i++) {
		const struct doctor_candidate *c = &d->candidates[i];

		buf_printf(out, "  %c %s (%s): ", c->used ? '*' : '-', c->host,
			   c->source);
		if (c->failure)
			render_clean(out, c->failure);
		else
			buf_printf(out, "answers, version %s", c->version);
		buf_putc(out, '\n');
	}
}

static void put_facts(struct buf *out, const struct doctor *d)
{
	if (d->n_facts)
		buf_puts(out, "the engine:\n");
	for (size_t i = 0; i < d->n_facts; i++) {
		buf_printf(out, "  %-15s ", d->facts[i].name);
		render_clean(out, d->facts[i].value);
		buf_putc(out, '\n');
	}
	if (!d->n_facts)
		return;
	buf_puts(out, "database images on it:\n");
	for (size_t i = 0; i < d->images.n; i++)
		buf_printf(out, "  %s\n", d->images.v[i]);
	if (!d->images.n)
		buf_puts(out, "  none: 'testenv images build' makes them, else "
			      "they are pulled when needed\n");
}

static void put_verdict(struct buf *out, const struct doctor *d)
{
	if (!d->backend)
		buf_printf(out, "would be used: nothing: %s\n",
			   error_text(&d->why));
	else if (d->fallback)
		buf_printf(out, "would be used: %s instead of containers: %s\n",
			   !strcmp(d->backend, "local") ? "local programs"
							: "SQLite files",
			   error_text(&d->why));
	else if (!strcmp(d->backend, "local"))
		buf_puts(out, "would be used: local programs, as asked for\n");
	else if (!strcmp(d->backend, "swarm"))
		buf_puts(out, "would be used: services of a swarm, as asked "
			      "for\n");
	else if (!strcmp(d->backend, "sqlite"))
		buf_puts(out, "would be used: SQLite files, as asked for\n");
	else
		buf_puts(out, "would be used: containers\n");
}

static void put_report(struct buf *out, const struct doctor *d)
{
	put_candidates(out, d);
	put_facts(out, d);
	for (size_t i = 0; i < d->n_programs; i++)
		buf_printf(out, "installed here: %s %s, '%s'\n",
			   d->programs[i].dialect, d->programs[i].version,
			   d->programs[i].server);
	buf_printf(out, "sqlite: %s, built in\n", d->sqlite_version);
	for (size_t i = 0; i < d->n_disk; i++) {
		buf_puts(out, "disk: ");
		render_bytes(out, strtoll(d->disk[i].value, NULL, 10));
		buf_printf(out, " free for '%s'\n", d->disk[i].name);
	}
	put_verdict(out, d);
	for (size_t i = 0; i < d->warnings.n; i++) {
		buf_puts(out, "warning: ");
		render_clean(out, d->warnings.v[i]);
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < d->fixes.n; i++) {
		buf_puts(out, "fix: ");
		render_clean(out, d->fixes.v[i]);
		buf_putc(out, '\n');
	}
}

/* For programs */

static void add_text(cJSON *to, const char *name, const char *value)
{
	if (value)
		cJSON_AddStringToObject(to, name, value);
	else
		cJSON_AddNullToObject(to, name);
}

static void add_list(cJSON *to, const char *name, const struct strvec *list)
{
	cJSON *array = cJSON_AddArrayToObject(to, name);

	for (size_t i = 0; i < list->n; i++)
		cJSON_AddItemToArray(array, cJSON_CreateString(list->v[i]));
}

/* "storage driver" is "storage_driver". */
static void add_facts(cJSON *to, const struct doctor *d)
{
	cJSON *engine;

	if (!d->n_facts) {
		cJSON_AddNullToObject(to, "engine");
		return;
	}
	engine = cJSON_AddObjectToObject(to, "engine");
	for (size_t i = 0; i < d->n_facts; i++) {
		auto_free char *name = xstrdup(d->facts[i].name);
		const char *value = d->facts[i].value;

		for (char *p = name; *p; p++) {
			if (*p == ' ')
				*p = '_';
			else if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
		}
		if (!strcmp(value, "yes") || !strcmp(value, "no"))
			cJSON_AddBoolToObject(engine, name, *value == 'y');
		else
			cJSON_AddStringToObject(engine, name, value);
	}
}

static void add_candidates(cJSON *to, const struct doctor *d)
{
	cJSON *array = cJSON_AddArrayToObject(to, "candidates");

	for (size_t i = 0; i < d->n_candidates; i++) {
		cJSON *one = cJSON_CreateObject();

		add_text(one, "host", d->candidates[i].host);
		add_text(one, "source", d->candidates[i].source);
		add_text(one, "version", d->candidates[i].version);
		add_text(one, "failure", d->candidates[i].failure);
		cJSON_AddBoolToObject(one, "used", d->candidates[i].used);
		cJSON_AddItemToArray(array, one);
	}
}

static void add_programs(cJSON *to, const struct doctor *d)
{
	cJSON *array = cJSON_AddArrayToObject(to, "programs");

	for (size_t i = 0; i < d->n_programs; i++) {
		cJSON *one = cJSON_CreateObject();

		add_text(one, "dialect", d->programs[i].dialect);
		add_text(one, "version", d->programs[i].version);
		add_text(one, "server", d->programs[i].server);
		cJSON_AddItemToArray(array, one);
	}
}

static void put_json(struct buf *out, const struct doctor *d)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *disk;
	char *text;

	add_text(json, "backend", d->backend);
	cJSON_AddBoolToObject(json, "fallback", d->fallback);
	add_text(json, "reason",
		 d->why.kind == ERROR_NONE ? NULL : error_text(&d->why));
	add_text(json, "kind",
		 d->why.kind == ERROR_NONE ? NULL
					   : error_kind_name(d->why.kind));
	add_candidates(json, d);
	add_facts(json, d);
	add_list(json, "images", &d->images);
	add_programs(json, d);
	add_text(json, "sqlite", d->sqlite_version);
	disk = cJSON_AddObjectToObject(json, "disk_free_bytes");
	for (size_t i = 0; i < d->n_disk; i++)
		cJSON_AddNumberToObject(disk, d->disk[i].name,
					strtod(d->disk[i].value, NULL));
	add_list(json, "warnings", &d->warnings);
	add_list(json, "fixes", &d->fixes);
	text = cJSON_Print(json);
	buf_printf(out, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(json);
}

/* --config */

static const char *origin_name(enum config_origin origin)
{
	static const char *const names[] = {"default", "file", "environment",
					    "flag"};

	return names[origin];
}

/* A value may be a password: its name tells, and then it stays unsaid. */
static const char *shown(const struct config_value *v)
{
	static const char *const secret[] = {"PASS", "SECRET", "TOKEN", "KEY",
					     "CREDENTIAL"};

	for (size_t i = 0; i < array_len(secret); i++)
		if (strcasestr(v->key, secret[i]))
			return "(not shown)";
	return v->value;
}

static void put_config(struct buf *out, const struct config *config)
{
	for (size_t i = 0; i < config->n_values; i++) {
		const struct config_value *v = &config->values[i];

		buf_printf(out, "%s = ", v->key);
		render_clean(out, shown(v));
		buf_printf(out, "  (%s)\n", *v->where ? v->where : "default");
	}
}

static void put_config_json(struct buf *out, const struct config *config)
{
	cJSON *array = cJSON_CreateArray();
	char *text;

	for (size_t i = 0; i < config->n_values; i++) {
		const struct config_value *v = &config->values[i];
		cJSON *one = cJSON_CreateObject();

		add_text(one, "key", v->key);
		add_text(one, "value", shown(v));
		add_text(one, "origin", origin_name(v->origin));
		add_text(one, "where", v->where);
		cJSON_AddItemToArray(array, one);
	}
	text = cJSON_Print(array);
	buf_printf(out, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(array);
}

static int answer_config(const struct config *config, bool json)
{
	auto_buf struct buf out = BUF_INIT;

	if (json)
		put_config_json(&out, config);
	else
		put_config(&out, config);
	fputs(out.s, stdout);
	return 0;
}

static int answer_doctor(struct cli *cli, const struct config *config,
			 bool json, struct error *err)
{
	struct deadline deadline = deadline_in(LOOK_MS, cli->cancel);
	auto_buf struct buf out = BUF_INIT;
	struct doctor d;
	int code = 0;

	doctor_look(config, &deadline, &d);
	if (cancel_reason(cli->cancel)) {
		doctor_free(&d);
		return deadline_check(&deadline, "doctor", err);
	}
	if (json)
		put_json(&out, &d);
	else
		put_report(&out, &d);
	fputs(out.s, stdout);
	/* the report says it all: no error line after it */
	if (!d.backend)
		code = error_exit_code(d.why.kind);
	doctor_free(&d);
	return code;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	bool json = options_get(options, "json");
	struct config config;
	int code;

	if (config_load_any(options->flags, options->n_flags, cli->progress,
			    &config, err) < 0)
		return -1;
	if (options_get(options, "config"))
		code = answer_config(&config, json);
	else
		code = answer_doctor(cli, &config, json, err);
	config_free(&config);
	return code;
}

static const struct option_spec own[] = {
    {"json", 0, NULL, "write JSON", false},
    {"config", 0, NULL, "show every setting and where it was said, instead",
     false},
    {0},
};

const struct command cmd_doctor = {
    .name = "doctor",
    .summary = "say what this machine offers, and what to mend",
    .synopsis = "[--json] [--config] [OPTIONS]",
    .text =
	"Asks every place where a container engine may be, in the order in "
	"which they would be used, and says what each answered; then what is "
	"known about the one that would be used, which database images it has, "
	"the database servers installed on this machine (for --backend local), "
	"the SQLite in testenv, free disk space, and what would serve. Each "
	"problem that can be mended has a line that begins with 'fix:'. "
	"Nothing "
	"is started or changed.\n\n"
	"The exit code is 0 if something would serve, also where that is "
	"SQLite because no engine answers (--require container makes that a "
	"failure), else that of the problem.",
    .examples = "$ testenv doctor\n"
		"$ testenv doctor --json --require container\n"
		"$ testenv doctor --config -f testenv.yaml",
    .options = own,
    .groups = OPTIONS_CONFIG,
    .run = run,
};
