/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/progress.h"
#include "cli/render.h"
#include "cli/table.h"
#include "session/session.h"

#include <stdio.h>

enum {
	GC_MS = 10 * 60 * 1000
};

static const char *outcome(const struct gc_row *row, bool dry)
{
	if (row->failure)
		return row->failure;
	return row->removed || (dry && !row->stays) ? "removed" : "kept";
}

static void add_size(struct table *t, int64_t bytes)
{
	auto_buf struct buf size = BUF_INIT;

	if (bytes >= 0)
		render_bytes(&size, bytes);
	table_add(t, bytes < 0 ? NULL : size.s);
}

static void print_report(const struct gc_report *report, bool dry)
{
	auto_table struct table t = TABLE_INIT(5);
	auto_buf struct buf out = BUF_INIT;

	if (!report->n)
		return;
	table_add(&t, "KIND");
	table_add(&t, "NAME");
	table_add(&t, "SIZE");
	table_add(&t, "WHY");
	table_add(&t, dry ? "WOULD BE" : "DONE");
	for (size_t i = 0; i < report->n; i++) {
		const struct gc_row *row = &report->rows[i];

		table_add(&t, row->kind);
		table_add(&t, row->name);
		add_size(&t, row->bytes);
		table_add(&t, row->why);
		table_add(&t, outcome(row, dry));
	}
	table_print(&t, 0, &out);
	fputs(out.s, stdout);
}

static bool nothing_goes(const struct gc_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		if (!report->rows[i].stays)
			return false;
	return true;
}

static unsigned failures(const struct gc_report *report)
{
	unsigned n = 0;

	for (size_t i = 0; i < report->n; i++)
		n += report->rows[i].failure != NULL;
	return n;
}

static int run(struct cli *cli, const struct options *options,
	       struct error *err)
{
	struct deadline deadline = deadline_in(GC_MS, cli->cancel);
	bool dry = options_get(options, "dry-run") != NULL;
	struct gc_report report = {0};
	struct config config = {0};
	unsigned n;
	int result;

	if (config_load_any(options->flags, options->n_flags, NULL, &config,
			    err) < 0)
		return -1;
	result =
	    session_gc(&config, dry ? GC_DRY_RUN : 0, &deadline, &report, err);
	config_free(&config);
	if (result < 0)
		return -1;
	print_report(&report, dry);
	n = failures(&report);
	if (nothing_goes(&report))
		progress_notice(cli->progress, "nothing to remove");
	gc_report_free(&report);
	if (n)
		return error_set(err, ERROR_ENGINE,
				 "%u things could not be removed", n);
	return 0;
}

static const struct option_spec options[] = {
    {"dry-run", 'n', NULL, "only say what would be removed", false},
    {"cache-size", 0, "SIZE", "keep templates up to this size: 512m, 4g", true},
    {"host", 'H', "ADDRESS",
     "the container engine to look at, as in DOCKER_HOST", true},
    {0},
};

const struct command cmd_gc = {
    .name = "gc",
    .summary = "remove what dead sessions left, and templates over their size",
    .synopsis = "[OPTIONS]",
    .text = "Removes containers, directories and unfinished templates whose "
	    "session is provably dead: its lock is free, its machine was "
	    "started anew, or its time is over. What a live session holds is "
	    "never touched. Other commands do the same quietly when they "
	    "start.\n\n"
	    "Of the templates that are kept, those used longest ago go until "
	    "the rest is within --cache-size (cache_size in the file, 4g), on "
	    "the engine and in the cache directory each; a template counts "
	    "with what it adds to its image. One that a session uses stays. "
	    "On an engine that others use, too, templates never used from "
	    "this cache directory are left alone until they are a month old.",
    .examples = "$ testenv gc --dry-run\n"
		"  shows what would be removed and why\n",
    .options = options,
    .run = run,
};
