/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/strvec.h"
#include "cli/render.h"
#include "session/images.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	BUILD_MS = 30 * 60 * 1000, /* on a slow line */
	CALL_MS = 2 * 60 * 1000
};

static void print_lines(const struct strvec *list)
{
	for (size_t i = 0; i < list->n; i++)
		puts(list->v[i]);
}

static int build(struct cli *cli, const struct options *options,
		 struct error *err)
{
	struct deadline deadline = deadline_in(BUILD_MS, cli->cancel);
	auto_strvec struct strvec tags = STRVEC_INIT;
	int result = session_images_build(
	    options_get(options, "host"), options->args + 1,
	    options_get(options, "base"), &deadline, cli->progress, &tags, err);

	print_lines(&tags);
	return result;
}

/* "2026-11-22 09:30", in the local time that people read. */
static void put_time(struct buf *out, int64_t when_s)
{
	time_t t = (time_t)when_s;
	struct tm tm;
	char text[32];

	if (localtime_r(&t, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm))
		buf_puts(out, text);
}

static const char *kind_name(enum images_kind kind)
{
	return kind == IMAGES_TEMPLATE ? "template" : "server";
}

/* An id is known by its first digits, as the docker CLI shows it. */
static const char *shown_name(const struct images_row *row, char *ret,
			      size_t size)
{
	if (strncmp(row->name, "sha256:", 7) != 0)
		return row->name;
	snprintf(ret, size, "%.12s", row->name + 7);
	return ret;
}

/* "15.20 (Debian 15.20-0+deb12u1)" is "15.20" in a table. */
static int server_len(const struct images_row *row)
{
	return (int)strcspn(row->server, " -");
}

static void print_row(const struct images_row *row, int width)
{
	auto_buf struct buf size = BUF_INIT;
	auto_buf struct buf created = BUF_INIT;
	char name[16];

	render_bytes(&size, row->size);
	put_time(&created, row->created_s);
	printf("%-*s  %-8s  %-8s  %-10.*s  %9s  %s\n", width,
	       shown_name(row, name, sizeof(name)), kind_name(row->kind),
	       row->dialect, server_len(row), row->server, size.s, created.s);
}

static void print_table(const struct images_list *list)
{
	int width = (int)strlen("NAME");
	char name[16];

	for (size_t i = 0; i < list->n; i++) {
		size_t len =
		    strlen(shown_name(&list->rows[i], name, sizeof(name)));

		if (len < 80 && (int)len > width)
			width = (int)len;
	}
	printf("%-*s  %-8s  %-8s  %-10s  %9s  %s\n", width, "NAME", "KIND",
	       "DIALECT", "SERVER", "SIZE", "CREATED");
	for (size_t i = 0; i < list->n; i++)
		print_row(&list->rows[i], width);
}

static void print_json(const struct images_list *list)
{
	cJSON *array = cJSON_CreateArray();
	char *text;

	for (size_t i = 0; i < list->n; i++) {
		const struct images_row *row = &list->rows[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "name", row->name);
		cJSON_AddStringToObject(o, "id", row->id);
		cJSON_AddStringToObject(o, "kind", kind_name(row->kind));
		cJSON_AddStringToObject(o, "dialect", row->dialect);
		cJSON_AddStringToObject(o, "server", row->server);
		cJSON_AddNumberToObject(o, "size", (double)row->size);
		cJSON_AddNumberToObject(o, "created", (double)row->created_s);
		cJSON_AddItemToArray(array, o);
	}
	text = cJSON_Print(array);
	puts(text);
	cJSON_free(text);
	cJSON_Delete(array);
}

static int list(struct cli *cli, const struct options *options,
		struct error *err)
{
	struct deadline deadline = deadline_in(CALL_MS, cli->cancel);
	auto_images_list struct images_list images = IMAGES_LIST_INIT;

	if (options->n_args > 1)
		return error_set(err, ERROR_USAGE,
				 "'images list' takes no name");
	if (session_images_list(options_get(options, "host"), &deadline,
				&images, err) < 0)
		return -1;
	if (options_get(options, "json"))
		print_json(&images);
	else
		print_table(&images);
	return 0;
}

static int remove_some(struct cli *cli, const struct options *options,
		       struct error *err)
{
	struct deadline deadline = deadline_in(CALL_MS, cli->cancel);
	bool templates = options_get(options, "templates") != NULL;
	auto_strvec struct strvec removed = STRVEC_INIT;
	int result;

	if (options->n_args < 2 && !templates)
		return error_set(err, ERROR_USAGE,
				 "'images remove' wants a name or "
				 "'--templates'");
	result = session_images_remove(options_get(options, "host"),
				       options->args + 1, templates, &deadline,
				       &removed, err);
	print_lines(&removed);
	return result;
}

static const struct verb {
	const char *name;
	int (*run)(struct cli *cli, const struct options *options,
		   struct error *err);
	const char *options; /* its own, blank before and after each */
} verbs[] = {
    {"build", build, " base "},
    {"list", list, " json "},
    {"remove", remove_some, " templates "},
};

/* An option of another verb is a mistake, not something to pass over. */
static int check_options(const struct verb *verb, const struct options *options,
			 struct error *err)
{
	static const char *const own[] = {"base", "json", "templates"};

	for (size_t i = 0; i < array_len(own); i++) {
		auto_free char *word = xasprintf(" %s ", own[i]);

		if (options_get(options, own[i]) &&
		    !strstr(verb->options, word))
			return error_set(err, ERROR_USAGE,
					 "'images %s' has no option '--%s'",
					 verb->name, own[i]);
	}
	return 0;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	for (size_t i = 0; i < array_len(verbs); i++) {
		if (strcmp(verbs[i].name, options->args[0]) != 0)
			continue;
		if (check_options(&verbs[i], options, err) < 0)
			return -1;
		return verbs[i].run(cli, options, err);
	}
	error_set(err, ERROR_USAGE, "unknown action '%s'", options->args[0]);
	error_hint(err, "there are: build, list, remove");
	return -1;
}

static const struct option_spec own[] = {
    {"base", 0, "IMAGE", "build from this image (debian:bookworm-slim)", false},
    {"json", 0, NULL, "list as JSON", false},
    {"templates", 0, NULL, "remove every migrated template", false},
    {"host", 'H', "ADDRESS",
     "talk to the container engine here, as in DOCKER_HOST", false},
    {0},
};

const struct command cmd_images = {
    .name = "images",
    .summary = "build, list and remove the tuned server images",
    .synopsis = "build [NAME...] [--base IMAGE] | list [--json] | "
		"remove NAME...|--templates",
    .text =
	"'build' makes testenv's own database images on the container engine: "
	"'postgres' and 'mariadb', or those named. They start faster than the "
	"official ones, since their data was made while building, and obey the "
	"same variables. The server is the one in the packages of the base "
	"image, and its version becomes the tag: debian:bookworm-slim gives "
	"testenv/postgres:15 and testenv/mariadb:10.11, debian:trixie-slim 17 "
	"and 11.8. The tags are printed, one a line.\n\n"
	"'list' shows these images and the templates: servers kept with "
	"migrations applied, so that the next run need not.\n\n"
	"'remove' removes images by name, and with --templates every template. "
	"Images that testenv did not make are refused. What was removed is "
	"printed.",
    .examples = "$ testenv images build\n"
		"$ testenv images build postgres --base debian:trixie-slim\n"
		"  adds testenv/postgres:17\n"
		"$ testenv images remove --templates\n"
		"  the next run migrates anew",
    .options = own,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
