/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/progress.h"
#include "cli/table.h"
#include "session/session.h"

#include <stdio.h>

enum {
	GC_MS = 10 * 60 * 1000
};

static void print_report(const struct gc_report *report, bool dry)
{
	auto_table struct table t = TABLE_INIT(4);
	auto_buf struct buf out = BUF_INIT;

	if (!report->n)
		return;
	table_add(&t, "KIND");
	table_add(&t, "NAME");
	table_add(&t, "WHY");
	table_add(&t, dry ? "WOULD BE" : "DONE");
	for (size_t i = 0; i < report->n; i++) {
		const struct gc_row *row = &report->rows[i];

		table_add(&t, row->kind);
		table_add(&t, row->name);
		table_add(&t, row->why);
		if (row->failure)
			table_add(&t, row->failure);
		else
			table_add(&t, dry || row->removed ? "removed" : "kept");
	}
	table_print(&t, 0, &out);
	fputs(out.s, stdout);
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
	if (!report.n)
		progress_notice(cli->progress, "nothing to remove");
	gc_report_free(&report);
	if (n)
		return error_set(err, ERROR_ENGINE,
				 "%u things could not be removed", n);
	return 0;
}

static const struct option_spec options[] = {
    {"dry-run", 'n', NULL, "only say what would be removed", false},
    {"host", 'H', "ADDRESS",
     "the container engine to look at, as in DOCKER_HOST", true},
    {0},
};

const struct command cmd_gc = {
    .name = "gc",
    .summary = "remove what dead sessions left",
    .synopsis = "[OPTIONS]",
    .text = "Removes containers, directories and unfinished templates whose "
	    "session is provably dead: its lock is free, its machine was "
	    "started anew, or its time is over. What a live session holds is "
	    "never touched. Other commands do the same quietly when they "
	    "start.",
    .examples = "$ testenv gc --dry-run\n"
		"  shows what would be removed and why\n",
    .options = options,
    .run = run,
};
