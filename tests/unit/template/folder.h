/* SPDX-License-Identifier: MIT */
/* unit/template/folder.h - a directory of migrations for each test. */
#ifndef UNIT_TEMPLATE_FOLDER_H
#define UNIT_TEMPLATE_FOLDER_H

#include "base/alloc.h"
#include "base/fs.h"
#include "unit/cm.h"

#include <stdlib.h>
#include <string.h>

static char root[] = "/tmp/te-unit-XXXXXX";
static char *dir;

static inline int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	dir = fs_join(root, "m");
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	free(dir);
	return fs_remove_tree(root, NULL);
}

static inline int each(void **state)
{
	auto_free char *git = fs_join(root, ".git");

	(void)state;
	assert_int_equal(fs_remove_tree(root, NULL), 0);
	/* whatever else is in /tmp is no part of this project */
	return fs_mkdir_p(git, 0700, NULL) || fs_mkdir_p(dir, 0700, NULL);
}

/* Below the migrations; "../x": beside them. */
static inline void put(const char *name, const char *sql)
{
	auto_free char *path = fs_join(dir, name);
	auto_free char *parent = xstrndup(path, strrchr(path, '/') - path);

	assert_int_equal(fs_mkdir_p(parent, 0700, NULL), 0);
	assert_int_equal(fs_write_file(path, sql, strlen(sql), 0600, NULL), 0);
}

#endif
