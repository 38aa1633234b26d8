/* SPDX-License-Identifier: MIT */
/*
 * router/runners.h - what is known of test runners, kept as tables.
 *
 * strong   starts each test (or test program) as a process of its own; its
 *          children are owners
 * worker   a process that a runner keeps for one test after another, told by
 *          its own command line; it is an owner, its runner's other children
 *          (a server under test, say) are not
 * weak     runs anything in parallel (make -j, ninja, xargs -P, GNU parallel);
 *          its children are owners where nothing above says better. One that
 *          runs one thing after another is a wrapper: `make test` with a
 *          `./seed` and a `./tests` line is one owner
 * wrapper  never counts: a shell, env, timeout, npm ...
 *
 * What runs tests in its own process (pytest without xdist, rspec, phpunit,
 * jest -i) is none of these: it and what it starts are one owner.
 */
#ifndef ROUTER_RUNNERS_H
#define ROUTER_RUNNERS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum {
	PROGRAM_ARGS = 48
};

/* A command line read as a person would: `python3 -m pytest -x` is pytest,
 * `node /x/node_modules/.bin/jest.js` is jest. */
struct program {
	char name[48];        /* no folder, no .js or .py; "" if unknown */
	char interpreter[16]; /* "node", "python" ..., "" for none */
	bool shell;           /* sh, bash ...; name is then the script's */
	const char *args[PROGRAM_ARGS]; /* behind the name; borrowed */
	size_t n_args;
};

/* `cmdline` as proc_cmdline() gives it; must outlive ret->args. */
void program_of(const struct buf *cmdline, struct program *ret);

enum runner_kind {
	RUNNER_NONE, /* an ordinary program */
	RUNNER_WRAPPER,
	RUNNER_WEAK,
	RUNNER_STRONG
};
/* `environ_` for MAKEFLAGS. */
enum runner_kind runner_kind_of(const struct program *p,
				const struct buf *environ_);

/* The runner whose worker process this is ("jest"), or NULL. */
const char *runner_of_worker(const struct program *p,
			     const struct buf *cmdline);

enum variable_kind {
	/* ours, set by a person: all that have one value are one owner */
	VARIABLE_OURS,
	/* put there when a worker or test is started: makes an owner */
	VARIABLE_STARTS,
	/* also set by a process for itself, so that its children have it and
	 * it has not: a name for an owner found otherwise, no more */
	VARIABLE_NAMES,
	/* as VARIABLE_STARTS, by a weak runner */
	VARIABLE_WEAK
};
struct worker_variable {
	const char *name;
	enum variable_kind kind;
	const char *empty; /* what an empty value stands for, or NULL: unset */
};
/* In order of preference, where a process has several. */
extern const struct worker_variable worker_variables[];
extern const size_t n_worker_variables;

/* The variable's value in an environment, borrowed, or NULL. */
const char *worker_variable_in(const struct worker_variable *v,
			       const struct buf *environ_);

#endif
