/* SPDX-License-Identifier: MIT */
/*
 * template/layout.h - the ways in which tools lay out their migrations: whose
 * a file is by its name and its marks, which of them are run, in which order.
 * Pure; private to template/.
 */
#ifndef TEMPLATE_LAYOUT_H
#define TEMPLATE_LAYOUT_H

#include "template/migrations.h"

#include <stdbool.h>
#include <stddef.h>

struct error;

/* One SQL file of the directory, for the dialect in use. */
struct layout_file {
	char *path;
	char *name;    /* below the directory, without the dialect, ".up" and
			  ".down": what orders and identifies it */
	bool own;      /* NAME.postgres.sql: replaces NAME.sql */
	bool up;       /* NAME.up.sql */
	bool below;    /* in a folder of the directory */
	bool callback; /* Flyway runs it around its migrations */
	char *text;
	size_t len;
	/* filled in by layout_arrange: */
	int rank;      /* files of a lower one run first */
	char *version; /* its digits, with dots; NULL: it has none */
	char *title;   /* what the name says besides */
};

struct layout_files {
	struct layout_file *v;
	size_t n;
};
void layout_files_free(struct layout_files *files);
#define auto_layout_files __attribute__((cleanup(layout_files_free)))

/*
 * Finds out whose layout it is (LAYOUT_AUTO) or takes the one given, leaves
 * out what its tool would not run, and sorts, Flyway's callbacks last.
 * `project` is what the project
 * around the files uses (golang-migrate, sqlx; LAYOUT_UP: not known): it
 * decides where files look alike. ERROR_CONFIG for files of two
 * layouts, for two migrations of one version, and for what only the tool
 * itself can run.
 */
int layout_arrange(struct layout_files *files, enum layout wanted,
		   enum layout project, enum layout *ret, struct error *err);

/* Is this a name of Flyway's ("sub/V1_2__title.sql")? */
bool layout_is_flyway(const char *name);
/* "sub/afterMigrate.sql": of Flyway's, if others there are. */
bool layout_is_callback(const char *name);

/* -1, 0, 1: "1.2" and "1.10" as their tools count; "1" is "1.0". */
int layout_compare_versions(const char *a, const char *b);

/* Whether a line of the text is the mark with which the layout's tool begins
 * what it runs ("-- migrate:up"). */
bool layout_has_mark(enum layout layout, const char *text);
/* The mark as the tool's manual writes it; NULL: it has none. */
const char *layout_mark(enum layout layout);

#endif
