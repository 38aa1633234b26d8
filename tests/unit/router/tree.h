/* SPDX-License-Identifier: MIT */
/* A /proc of made-up processes, in a directory. */
#ifndef TESTS_UNIT_ROUTER_TREE_H
#define TESTS_UNIT_ROUTER_TREE_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Arguments and variables are parted by '|'. */
struct fake {
	int pid;
	int ppid;
	const char *cmdline;
	const char *environ_;
	int start;   /* 0: the pid */
	int pgrp;    /* 0: 10 */
	int session; /* 0: 10 */
};

#define P(id, parent, args, vars)                                 \
	{                                                         \
		.pid = (id), .ppid = (parent), .cmdline = (args), \
		.environ_ = (vars)                                \
	}
/* With its start time, process group and session. */
#define G(id, parent, args, vars, born, group, sid)                   \
	{                                                             \
		.pid = (id), .ppid = (parent), .cmdline = (args),     \
		.environ_ = (vars), .start = (born), .pgrp = (group), \
		.session = (sid)                                      \
	}

struct tree {
	char root[64];
};

static void tree_file(const struct tree *t, int pid, const char *name,
		      const char *text, size_t len)
{
	auto_error struct error err = ERROR_INIT;
	auto_free char *path = xasprintf("%s/%d/%s", t->root, pid, name);

	assert_int_equal(fs_write_file(path, text, len, 0600, &err), 0);
}

static void tree_words(const struct tree *t, int pid, const char *name,
		       const char *words)
{
	auto_buf struct buf b = BUF_INIT;

	if (words && *words)
		buf_put(&b, words, strlen(words) + 1);
	for (size_t i = 0; i < b.len; i++) {
		if (b.s[i] == '|')
			b.s[i] = '\0';
	}
	tree_file(t, pid, name, b.s, b.len);
}

static void tree_child(const struct tree *t, int ppid, int pid)
{
	auto_free char *path =
	    xasprintf("%s/%d/task/%d/children", t->root, ppid, ppid);
	FILE *f = fopen(path, "a");

	if (!f)
		return; /* a parent that is not in the tree */
	fprintf(f, "%d ", pid);
	fclose(f);
}

static void tree_add(const struct tree *t, const struct fake *p)
{
	auto_error struct error err = ERROR_INIT;
	auto_free char *task =
	    xasprintf("%s/%d/task/%d", t->root, p->pid, p->pid);
	auto_free char *stat = xasprintf(
	    "%d (a) b (%d) S %d %d %d 0 -1 4194304 1 2 3 4 5 6 7 8 "
	    "20 0 1 0 %d 1000 1\n",
	    p->pid, p->pid, p->ppid, p->pgrp ? p->pgrp : 10,
	    p->session ? p->session : 10, p->start ? p->start : p->pid);

	assert_int_equal(fs_mkdir_p(task, 0700, &err), 0);
	tree_file(t, p->pid, "stat", stat, strlen(stat));
	tree_words(t, p->pid, "cmdline", p->cmdline);
	tree_words(t, p->pid, "environ", p->environ_);
	tree_child(t, p->ppid, p->pid);
}

static inline void tree_make(struct tree *t, const struct fake *list)
{
	snprintf(t->root, sizeof(t->root), "%s", "/tmp/testenv-proc-XXXXXX");
	assert_non_null(mkdtemp(t->root));
	for (; list->pid; list++)
		tree_add(t, list);
}

static inline void tree_remove(struct tree *t)
{
	assert_int_equal(fs_remove_tree(t->root, NULL), 0);
}
#define auto_tree __attribute__((cleanup(tree_remove)))

#endif
