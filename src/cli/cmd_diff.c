/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cli/attach.h"
#include "cli/find.h"
#include "cli/render.h"
#include "cli/table.h"
#include "supervisor/client.h"
#include "supervisor/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DIFF_MS = 2 * 60 * 1000
};

static bool is_url(const char *text)
{
	return strstr(text, "://") != NULL;
}

/* Inside a session, without a name: the caller's own. */
static int connect_to(struct cli *cli, const struct options *options,
		      const struct deadline *deadline,
		      struct session_client **ret, bool *ret_inside,
		      struct error *err)
{
	*ret = NULL;
	if (!options_get(options, "session") && !options_get(options, "file"))
		attach_inherited(deadline, ret);
	*ret_inside = *ret != NULL;
	return *ret ? 0 : find_session(cli, options, deadline, ret, err);
}

static int what_to_ask(const char *which, bool inside, cJSON *args,
		       struct error *err)
{
	const char *lease = getenv("TESTENV_LEASE");
	const char *url = getenv("DATABASE_URL");
	auto_free char *service = NULL;
	unsigned slot;

	if (which && is_url(which)) {
		cJSON_AddStringToObject(args, "url", which);
		cJSON_AddTrueToObject(args, "strict");
		return 0;
	}
	if (!which && inside) {
		if (lease && *lease)
			cJSON_AddStringToObject(args, "lease", lease);
		else if (url && !strncmp(url, "sqlite:", 7))
			cJSON_AddStringToObject(args, "url", url);
		return 0;
	}
	if (find_parse_target(which, &service, &slot, err) < 0)
		return -1;
	if (service)
		cJSON_AddStringToObject(args, "service", service);
	cJSON_AddNumberToObject(args, "slot", slot);
	return 0;
}

/* One side of a row: how many rows, or a definition that fits a line. */
static void put_side(const cJSON *row, const char *name, struct buf *out)
{
	enum {
		WIDTH = 40
	};
	const cJSON *side = cJSON_GetObjectItemCaseSensitive(row, name);
	const char *kind = protocol_string(row, "kind");
	bool shown =
	    kind && (!strcmp(kind, "column") || !strcmp(kind, "setting") ||
		     !strcmp(kind, "sequence value"));

	if (!side)
		buf_puts(out, "-");
	else if (cJSON_IsNumber(side))
		buf_printf(out, "%.0f row%s", side->valuedouble,
			   side->valuedouble == 1 ? "" : "s");
	else if (shown && cJSON_IsString(side) &&
		 strlen(side->valuestring) <= WIDTH)
		render_clean(out, side->valuestring);
	else
		buf_puts(out, "there");
}

static void add_row(struct table *t, const cJSON *row)
{
	const char *change = protocol_string(row, "change");
	auto_buf struct buf name = BUF_INIT;
	auto_buf struct buf from = BUF_INIT;
	auto_buf struct buf to = BUF_INIT;

	render_clean(&name, protocol_string(row, "name")
				? protocol_string(row, "name")
				: "");
	put_side(row, "template", &from);
	put_side(row, "now", &to);
	if (!strcmp(from.s, to.s))
		buf_puts(&to, ", changed");
	table_add(t, change ? change : "");
	table_add(t, protocol_string(row, "kind"));
	table_add(t, *name.s ? name.s : NULL);
	table_add(t, from.s);
	table_add(t, to.s);
}

static void print_table(const cJSON *reply)
{
	static const char *const heads[] = {"CHANGE", "WHAT", "NAME",
					    "TEMPLATE", "NOW"};
	const cJSON *rows =
	    cJSON_GetObjectItemCaseSensitive(reply, "differences");
	unsigned more = protocol_number(reply, "more", 1U << 30, 0);
	auto_table struct table t = TABLE_INIT(array_len(heads));
	auto_buf struct buf out = BUF_INIT;
	const cJSON *row;

	if (!cJSON_GetArraySize(rows))
		return;
	for (size_t i = 0; i < array_len(heads); i++)
		table_add(&t, heads[i]);
	cJSON_ArrayForEach (row, rows) {
		add_row(&t, row);
	}
	table_print(&t, 0, &out);
	fputs(out.s, stdout);
	if (more)
		printf("… and %u more\n", more);
}

static void print_json(cJSON *reply)
{
	char *text;

	cJSON_DeleteItemFromObjectCaseSensitive(reply, "ok");
	cJSON_DeleteItemFromObjectCaseSensitive(reply, "id");
	text = cJSON_Print(reply);
	puts(text);
	cJSON_free(text);
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct deadline deadline = deadline_in(DIFF_MS, cli->cancel);
	auto_session_client struct session_client *client = NULL;
	auto_cjson cJSON *reply = NULL;
	auto_cjson cJSON *args = cJSON_CreateObject();
	bool inside;

	if (connect_to(cli, options, &deadline, &client, &inside, err) < 0 ||
	    what_to_ask(options->args[0], inside, args, err) < 0 ||
	    session_client_call(client, "diff", take_ptr(&args), NULL,
				&deadline, &reply, err) < 0)
		return -1;
	if (options_get(options, "json"))
		print_json(reply);
	else
		print_table(reply);
	return cJSON_GetArraySize(
		   cJSON_GetObjectItemCaseSensitive(reply, "differences")) > 0;
}

static const struct option_spec options[] = {
    {"json", 0, NULL, "as JSON, with the definitions", false},
    {0},
};

const struct command cmd_diff = {
    .name = "diff",
    .summary = "show how a database differs from its template",
    .synopsis = "[OPTIONS] [SERVICE[.SLOT]|URL]",
    .text =
	"Compares a database with the template it was made from: objects that "
	"were added, are missing or have another definition, settings, "
	"sequences, and the rows of each table by their number and a checksum. "
	"The exit code is 0 where there is no difference and 1 where there is "
	"one.\n\n"
	"Inside a session it is the caller's own database; SERVICE.SLOT names "
	"any, as 'testenv status' numbers them, and a URL the one that it "
	"leads "
	"to. Every row is read; the database may be in use meanwhile, and what "
	"is not committed does not count.",
    .examples = "$ testenv exec --db postgres -- sh -c './tests || testenv "
		"diff'\n"
		"  what the tests left behind\n",
    .options = options,
    .groups = OPTIONS_SESSION,
    .max_args = 1,
    .run = run,
};
