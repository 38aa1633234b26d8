/* SPDX-License-Identifier: MIT */
#include "router/owner.h"

#include "tree.h"

/* Process 10 is the command; 5 is what reaps its orphans. */
static const struct owner_root command = {.pid = 10, .start = 10, .reaper = 5};

struct want {
	int pid;
	const char *key;   /* NULL: refused */
	const char *label; /* or a piece of the refusal */
	const char *why;
};

static void check(const struct owner_rules *rules, const struct want *w)
{
	auto_error struct error err = ERROR_INIT;
	struct owner o;
	int rc = owner_of(rules, w->pid, 0, &o, &err);

	if (!w->key) {
		assert_int_equal(rc, -1);
		assert_int_equal(err.kind, ERROR_REFUSED);
		assert_non_null(strstr(error_text(&err), w->label));
		return;
	}
	if (rc < 0)
		fail_msg("process %d: %s", w->pid, error_text(&err));
	assert_string_equal(o.key, w->key);
	assert_string_equal(o.label, w->label);
	if (w->why)
		assert_string_equal(o.why, w->why);
}

static void check_tree(const struct fake *tree, const struct want *wants)
{
	auto_tree struct tree t;
	struct owner_rules rules = {.roots = &command, .n_roots = 1};

	tree_make(&t, tree);
	rules.proc = t.root;
	for (; wants->pid; wants++)
		check(&rules, wants);
}

static void ctest(void **state)
{
	static const struct fake tree[] = {
	    P(5, 1, "testenv|exec", ""),
	    P(10, 5, "ctest|-j8", "HOME=/x"),
	    P(20, 10, "/b/test_a|--fast", "HOME=/x"),
	    P(21, 10, "/bin/sh|-c|./test_b; :", ""),
	    P(22, 21, "./test_b", ""),
	    P(23, 22, "helper", ""),
	    /* a test may use another runner inside */
	    P(30, 10, "/usr/bin/python3|/usr/bin/pytest|-n2", ""),
	    P(31, 30,
	      "python3|-u|-c|import sys;exec(eval(sys.stdin.readline()))", ""),
	    P(40, 10, "./test_c",
	      "CTEST_RESOURCE_GROUP_COUNT=1|CTEST_RESOURCE_GROUP_0=dbs|"
	      "CTEST_RESOURCE_GROUP_0_DBS=id:3,slots:1"),
	    {0},
	};
	static const struct want wants[] = {
	    {10, "10:10", "master", "no test runner above it"},
	    {20, "20:20", "test_a", "child of ctest"},
	    {21, "21:21", "sh", "child of ctest"},
	    {22, "21:21", "sh", "child of ctest"},
	    {23, "21:21", "sh", NULL},
	    {31, "30:30", "pytest", "child of ctest"},
	    {40, "40:40", "3", "child of ctest"},
	    {0},
	};

	(void)state;
	check_tree(tree, wants);
}

/* Its parent may be a runner. */
static void what_cannot_be_read(void **state)
{
	static const struct fake tree[] = {
	    P(10, 5, "ctest|-j8", ""),
	    P(20, 10, "./test_a", ""),
	    {0},
	};
	static const struct want want = {
	    20, NULL,
	    "cannot look at process 20 and its ancestors: Is a directory",
	    NULL};
	auto_tree struct tree t;
	auto_free char *path = NULL;
	struct owner_rules rules = {.roots = &command, .n_roots = 1};

	(void)state;
	tree_make(&t, tree);
	rules.proc = t.root;
	path = xasprintf("%s/10/cmdline", t.root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fs_mkdir_p(path, 0700, NULL), 0);
	check(&rules, &want);
}

static void make_then_ctest(void **state)
{
	static const struct fake tree[] = {
	    P(10, 5, "make|-j8|test", ""),
	    P(11, 10, "/bin/sh|-c|ctest -j8", "MAKEFLAGS= -j8"),
	    P(12, 11, "ctest|-j8", ""),
	    P(20, 12, "./test_a", ""),
	    P(21, 20, "xargs|-P4|./part", ""),
	    P(22, 21, "./part", ""),
	    {0},
	};
	/* the seed that make runs beside is make's child */
	static const struct want wants[] = {
	    {20, "20:20", "test_a", "child of ctest"},
	    {22, "20:20", "test_a", "child of ctest"},
	    {12, "11:11", "sh", "child of make"},
	    {0},
	};

	(void)state;
	check_tree(tree, wants);
}

static void make_in_parallel(void **state)
{
	/* automake: a make below a make, then a driver script */
	static const struct fake tree[] = {
	    P(10, 5, "make|-kj|8|check", ""),
	    P(11, 10, "/bin/sh|-c|make check-TESTS", ""),
	    P(12, 11, "make|check-TESTS", "MAKEFLAGS=k -j8 --jobserver"),
	    P(13, 12, "/bin/sh|-c|./test-driver ./t1", ""),
	    P(14, 13, "/bin/bash|../test-driver|./t1", ""),
	    P(15, 14, "./t1", ""),
	    P(16, 12, "/bin/sh|./t2.sh", ""),
	    P(17, 16, "psql", ""),
	    {0},
	};
	static const struct want wants[] = {
	    {15, "13:13", "sh", "child of make"},
	    {17, "16:16", "t2.sh", "child of make"},
	    {0},
	};

	(void)state;
	check_tree(tree, wants);
}

static void one_after_another_is_one_owner(void **state)
{
	static const struct fake by_make[] = {
	    P(10, 5, "make|test|-j|1", ""),
	    P(11, 10, "/bin/sh|-c|./seed", ""),
	    P(12, 10, "./tests", ""),
	    {0},
	};
	static const struct fake by_shell[] = {
	    P(10, 5, "sh|-c|./seed; ./tests", ""),
	    P(11, 10, "./seed", ""),
	    P(12, 10, "./tests", ""),
	    {0},
	};
	static const struct fake by_xargs[] = {
	    P(10, 5, "xargs|-n|1|-P1|./t|-P8", ""),
	    P(11, 10, "./t|a", ""),
	    P(12, 10, "./t|b", ""),
	    {0},
	};
	static const struct want wants[] = {
	    {11, "10:10", "master", "no test runner above it"},
	    {12, "10:10", "master", NULL},
	    {0},
	};

	(void)state;
	check_tree(by_make, wants);
	check_tree(by_shell, wants);
	check_tree(by_xargs, wants);
}

static void pytest(void **state)
{
	static const struct fake alone[] = {
	    P(10, 5, "/usr/bin/python3.11|-W|error|-m|pytest|-x", ""),
	    P(11, 10, "python3|-m|http.server", ""),
	    {0},
	};
	static const struct fake workers[] = {
	    P(10, 5, "python3|/usr/bin/pytest|-n|2", ""),
	    P(11, 10,
	      "/usr/bin/python3|-u|-c|import sys;exec(eval(sys.stdin."
	      "readline()))",
	      ""),
	    P(12, 10, "[pytest-xdist running] test_x.py", ""),
	    P(13, 11, "./server", "PYTEST_XDIST_WORKER=gw0"),
	    P(14, 10, "docker|compose|up", ""),
	    P(15, 13, "xargs|-P|0|./x", "PYTEST_XDIST_WORKER=gw0"),
	    P(16, 15, "./x", "PYTEST_XDIST_WORKER=gw0"),
	    {0},
	};
	static const struct want want_alone[] = {
	    {10, "10:10", "master", NULL},
	    {11, "10:10", "master", NULL},
	    {0},
	};
	static const struct want want_workers[] = {
	    {10, "10:10", "master", NULL},
	    {11, "11:11", "python3", "worker of pytest"},
	    {12, "12:12", "[pytest-xdist", "worker of pytest"},
	    {13, "11:11", "gw0", "worker of pytest"},
	    {14, "10:10", "master", NULL},
	    {16, "11:11", "gw0", "worker of pytest"},
	    {0},
	};

	(void)state;
	check_tree(alone, want_alone);
	check_tree(workers, want_workers);
}

static void node_runners(void **state)
{
	static const struct fake tree[] = {
	    P(10, 5, "npm run test", ""),
	    P(11, 10, "sh|-c|jest", ""),
	    P(12, 11, "node|/p/node_modules/.bin/jest", ""),
	    P(13, 12,
	      "/usr/bin/node|/p/node_modules/jest-worker/build/"
	      "processChild.js",
	      "JEST_WORKER_ID=2"),
	    P(14, 13, "node|server.js", "JEST_WORKER_ID=2"),
	    /* jest -i sets it for itself; its children only show it */
	    P(15, 12, "node|server.js", "JEST_WORKER_ID=1"),
	    P(20, 11,
	      "node|--conditions|/p/node_modules/vitest/dist/workers/"
	      "forks.js",
	      ""),
	    /* vitest 2: its fork has set its title by now */
	    P(22, 11, "node (vitest 3)", "TINYPOOL_WORKER_ID=3"),
	    P(21, 11, "node|/p/node_modules/mocha/lib/nodejs/worker.cjs",
	      "MOCHA_WORKER_ID=0"),
	    {0},
	};
	static const struct want wants[] = {
	    {12, "10:10", "master", NULL},
	    {13, "13:13", "2", "worker of jest"},
	    {14, "13:13", "2", "worker of jest"},
	    {15, "10:10", "master", NULL},
	    {20, "20:20", "forks", "worker of vitest"},
	    {22, "22:22", "3", "worker of vitest"},
	    {21, "21:21", "0", "worker of mocha"},
	    {0},
	};

	(void)state;
	check_tree(tree, wants);
}

static void compiled_runners(void **state)
{
	static const struct fake nextest[] = {
	    P(10, 5, "/c/cargo-nextest|nextest|run", ""),
	    P(11, 10, "/t/deps/api-1234|--exact|a",
	      "NEXTEST_TEST_GLOBAL_SLOT=0"),
	    {0},
	};
	static const struct fake go[] = {
	    P(10, 5, "go|-C|sub|test|./...", ""),
	    P(11, 10, "/tmp/go-build1/b001/shop.test|-test.v", ""),
	    {0},
	};
	static const struct fake not_test[] = {
	    P(10, 5, "go|run|.|test", ""),
	    P(11, 10, "/tmp/go-build1/exe/shop|test", ""),
	    {0},
	};
	static const struct want want_nextest[] = {
	    {11, "11:11", "0", "child of cargo-nextest"},
	    {0},
	};
	static const struct want want_go[] = {
	    {11, "11:11", "shop.test", "child of go"},
	    {0},
	};
	static const struct want want_not[] = {
	    {11, "10:10", "master", NULL},
	    {0},
	};

	(void)state;
	check_tree(nextest, want_nextest);
	check_tree(go, want_go);
	check_tree(not_test, want_not);
}

static void other_weak_runners(void **state)
{
	static const struct fake parallel[] = {
	    P(9, 5, "unrelated", ""),
	    P(10, 5, "make|-j2|check", ""),
	    P(11, 10, "sh|./run-all.sh", ""),
	    P(12, 11, "perl|/usr/bin/parallel|./t|:::|1|2", ""),
	    P(13, 12, "./t|1", "PARALLEL_JOBSLOT=1"),
	    /* a program in between: what it starts is its own affair */
	    P(14, 13, "xargs|-P4|./x", "PARALLEL_JOBSLOT=1"),
	    P(15, 14, "./x", "PARALLEL_JOBSLOT=1"),
	    {0},
	};
	static const struct fake ninja[] = {
	    P(10, 5, "timeout|9|ninja|check", ""),
	    P(11, 10, "ninja|check", ""),
	    P(12, 11, "/bin/sh|-c|./t1", ""),
	    P(13, 12, "./t1", ""),
	    {0},
	};
	static const struct fake xargs[] = {
	    P(10, 5, "sh|-c|ls t* | xargs -0rP 8 -n1 sh -c", ""),
	    P(11, 10, "xargs|-0rP|8|-n1|./t", ""),
	    P(12, 11, "./t|1", ""),
	    {0},
	};
	static const struct want want_parallel[] = {
	    {13, "13:13", "1", "child of parallel"},
	    {15, "13:13", "1", "child of parallel"},
	    {0},
	};
	static const struct want want_ninja[] = {
	    {13, "12:12", "sh", "child of ninja"},
	    {0},
	};
	static const struct want want_xargs[] = {
	    {12, "12:12", "t", "child of xargs"},
	    {0},
	};

	(void)state;
	check_tree(parallel, want_parallel);
	check_tree(ninja, want_ninja);
	check_tree(xargs, want_xargs);
}

static void variables_of_unknown_runners(void **state)
{
	static const struct fake tree[] = {
	    P(10, 5, "./run-tests", "TEST_TOKEN=9|HOME=/x"),
	    P(11, 10, "./part", "TEST_TOKEN=2"),
	    P(12, 11, "./t", "TEST_TOKEN=2"),
	    /* from above the command: nobody's doing here */
	    P(13, 10, "./part", "TEST_TOKEN=9"),
	    P(14, 10, "./part", "TEST_ENV_NUMBER="),
	    P(15, 10, "./part", "TEST_TOKEN="),
	    {0},
	};
	static const struct want wants[] = {
	    {11, "11:11", "2", "topmost process with TEST_TOKEN=2"},
	    {12, "11:11", "2", NULL},
	    {13, "10:10", "master", NULL},
	    {14, "14:14", "1", NULL},
	    {15, "10:10", "master", NULL},
	    {0},
	};

	(void)state;
	check_tree(tree, wants);
}

static void a_named_worker_is_shared(void **state)
{
	static const struct fake tree[] = {
	    P(10, 5, "ctest", "TESTENV_WORKER=master"),
	    P(11, 10, "./a", "TESTENV_WORKER=red"),
	    P(12, 10, "./b", "TESTENV_WORKER=red"),
	    P(13, 10, "./c", "TESTENV_WORKER=master"),
	    /* what a worker sets for itself is not above it */
	    P(14, 10, "./d", ""),
	    P(15, 14, "./e", "TESTENV_WORKER=gw0"),
	    {0},
	};
	static const struct want wants[] = {
	    {11, "TESTENV_WORKER=red@10:10", "red", NULL},
	    {12, "TESTENV_WORKER=red@10:10", "red", NULL},
	    {13, "13:13", "c", "child of ctest"},
	    {15, "14:14", "d", "child of ctest"},
	    {0},
	};

	(void)state;
	check_tree(tree, wants);
}

static void wrappers_do_not_count(void **state)
{
	static const struct fake tree[] = {
	    P(10, 5, "xvfb-run|-a|timeout|60|npx|x", ""),
	    P(11, 10, "timeout|60|npx", ""),
	    P(12, 11, "node|/usr/bin/npx-cli.js|x", ""),
	    P(13, 12, "sh|-c|env A=1 make -j4", ""),
	    P(14, 13, "make|-j4", ""),
	    P(15, 14, "nice|./t", ""),
	    P(16, 15, "./t", ""),
	    {0},
	};
	static const struct want wants[] = {
	    {13, "10:10", "master", NULL},
	    {16, "15:15", "nice", "child of make"},
	    {0},
	};

	(void)state;
	check_tree(tree, wants);
}

static void orphans(void **state)
{
	static const struct fake tree[] = {
	    P(5, 1, "testenv|exec", ""),
	    P(10, 5, "ctest|-j8", ""),
	    G(20, 10, "./t", "", 0, 20, 0),
	    G(30, 5, "./daemon", "", 0, 20, 0), /* its group's leader lives */
	    G(31, 30, "./part", "", 0, 31, 0),
	    G(40, 5, "./daemon", "", 0, 10, 0),  /* in the command's group */
	    G(41, 5, "./daemon", "", 0, 39, 39), /* the leader is gone */
	    G(42, 5, "./daemon", "TEST_TOKEN=4", 0, 39, 39),
	    P(50, 5, "bazel(shop)|-Xmx", ""), /* a runner that detached */
	    P(51, 50, "process-wrapper|./t", ""),
	    {0},
	};
	static const struct want wants[] = {
	    {30, "20:20", "t",
	     "its process group's leader is the owner's process"},
	    {31, "20:20", "t", NULL},
	    {40, NULL,
	     "the parent of process 40 has exited, so it cannot be told "
	     "which test it belongs to",
	     NULL},
	    {41, NULL, "the parent of process 41 has exited", NULL},
	    {42, "42:42", "4", NULL},
	    {51, "51:51", "process-wrapper", "child of bazel"},
	    {0},
	};

	(void)state;
	check_tree(tree, wants);
}

static void an_orphan_without_any_runner_is_masters(void **state)
{
	static const struct fake tree[] = {
	    P(10, 5, "sh|-c|./serverd; ./tests", ""),
	    P(11, 10, "./tests", ""),
	    G(20, 5, "./serverd", "", 0, 19, 19),
	    {0},
	};
	struct owner_root root = command;
	struct owner_rules rules = {.roots = &root, .n_roots = 1};
	auto_tree struct tree t;

	(void)state;
	tree_make(&t, tree);
	rules.proc = t.root;
	check(&rules, &(struct want){20, "10:10", "master",
				     "no test runner in its command"});
	root.runner_seen = true;
	check(&rules, &(struct want){20, NULL, "has exited", NULL});
	rules.policy = OWNER_COMMAND;
	check(&rules, &(struct want){20, "10:10", "master", NULL});
}

static void strangers(void **state)
{
	static const struct fake tree[] = {
	    P(1, 0, "init", ""),
	    P(7, 1, "-bash", ""),
	    P(8, 7, "psql|-c|x", ""),
	    P(9, 7, "ctest", ""),
	    P(10, 5, "sh", ""),
	    P(12, 9, "./t", ""),
	    {0},
	};
	struct owner_rules rules = {.roots = &command, .n_roots = 1};
	auto_tree struct tree t;

	(void)state;
	tree_make(&t, tree);
	rules.proc = t.root;
	check(&rules, &(struct want){8, NULL,
				     "process 8 ('psql') was not started by "
				     "the command",
				     NULL});
	rules.any = true;
	check(&rules,
	      &(struct want){8, "master", "master", "no test runner above it"});
	check(&rules, &(struct want){12, "12:12", "t", "child of ctest"});
	check(&rules, &(struct want){10, "10:10", "master", NULL});
}

static void leases(void **state)
{
	static const struct fake tree[] = {
	    P(10, 5, "ctest", ""),
	    P(20, 10, "./t", ""),
	    P(21, 20, "testenv|lease|--|make|-j4", ""),
	    P(22, 21, "make|-j4", "TESTENV_LEASE=l1"),
	    P(23, 22, "./part", "TESTENV_LEASE=l1"),
	    P(30, 21, "./left", ""),               /* below its reaper */
	    P(31, 5, "./far", "TESTENV_LEASE=l1"), /* it says so */
	    P(32, 5, "./far", "TESTENV_LEASE=old"),
	    {0},
	};
	const struct owner_root roots[] = {
	    command,
	    {.pid = 22, .start = 22, .reaper = 21, .lease = "l1"},
	};
	struct owner_rules rules = {.roots = roots, .n_roots = 2};
	auto_tree struct tree t;

	(void)state;
	tree_make(&t, tree);
	rules.proc = t.root;
	check(&rules, &(struct want){20, "20:20", "t", NULL});
	check(&rules, &(struct want){22, "lease:l1", "lease", NULL});
	check(&rules, &(struct want){23, "lease:l1", "lease", NULL});
	check(&rules, &(struct want){30, "lease:l1", "lease", NULL});
	check(&rules, &(struct want){31, "lease:l1", "lease", NULL});
	check(&rules, &(struct want){32, NULL, "has exited", NULL});
}

static void policies(void **state)
{
	static const struct fake tree[] = {
	    P(10, 5, "ctest", ""),
	    P(11, 10, "sh|-c|x", ""),
	    P(12, 11, "./t", ""),
	    P(13, 12, "./part", "TEST_TOKEN=1"),
	    P(14, 10, "./t2", "PARALLEL_JOBSLOT=2"),
	    {0},
	};
	struct owner_rules rules = {.roots = &command, .n_roots = 1};
	auto_tree struct tree t;

	(void)state;
	tree_make(&t, tree);
	rules.proc = t.root;
	rules.policy = OWNER_PROCESS;
	check(&rules, &(struct want){12, "12:12", "t", NULL});
	rules.policy = OWNER_COMMAND;
	check(&rules, &(struct want){12, "10:10", "master",
				     "the command is the owner"});
	rules.policy = OWNER_WORKER;
	check(&rules, &(struct want){12, "10:10", "master", NULL});
	check(&rules, &(struct want){13, "13:13", "1", NULL});
	check(&rules, &(struct want){14, "14:14", "2", NULL});
	rules.policy = OWNER_DEPTH;
	rules.depth = 0;
	check(&rules, &(struct want){12, "10:10", "master", "depth=0"});
	rules.depth = 2;
	check(&rules, &(struct want){13, "12:12", "t", "depth=2"});
	rules.depth = 9;
	check(&rules, &(struct want){13, "13:13", "1", NULL});
}

static void fresh_worker_has_a_name(void **state)
{
	static const struct fake tree[] = {
	    P(10, 5, "parallel|./t", ""),
	    P(11, 10, "./t", "PARALLEL_JOBSLOT=3"),
	    P(12, 10, "./t",
	      "PARALLEL_JOBSLOT=33333333333333333333333333333333333333333"
	      "33333333333333333333333333333333333333333333333333333333"),
	    P(13, 10, "./t", ""),
	    {0},
	};
	struct owner_rules rules = {.roots = &command, .n_roots = 1};
	auto_tree struct tree t;
	struct owner o;

	(void)state;
	tree_make(&t, tree);
	rules.proc = t.root;
	assert_int_equal(owner_of(&rules, 11, 11, &o, NULL), 0);
	assert_string_equal(o.worker, "PARALLEL_JOBSLOT=3@10:10");
	assert_int_equal(o.pid, 11);
	assert_int_equal(o.start, 11);
	assert_int_equal(o.root, 0);
	/* never cut: two long names could become one */
	assert_int_equal(owner_of(&rules, 12, 12, &o, NULL), 0);
	assert_string_equal(o.worker, "");
	assert_int_equal(owner_of(&rules, 13, 13, &o, NULL), 0);
	assert_string_equal(o.worker, "");
}

static void reused_pids(void **state)
{
	static const struct fake tree[] = {
	    G(10, 5, "ctest", "", 1000, 0, 0),
	    /* a parent younger than its child is another process */
	    G(20, 10, "./other", "", 2000, 0, 0),
	    G(21, 20, "./t", "", 1500, 0, 0),
	    {0},
	};
	struct owner_root root = {.pid = 10, .start = 1000, .reaper = 5};
	struct owner_rules rules = {.roots = &root, .n_roots = 1};
	auto_error struct error err = ERROR_INIT;
	auto_tree struct tree t;
	struct owner o;

	(void)state;
	tree_make(&t, tree);
	rules.proc = t.root;
	check(&rules, &(struct want){21, NULL, "come and go too fast", NULL});
	check(&rules, &(struct want){99, NULL,
				     "the calling process (99) has already "
				     "ended",
				     NULL});
	/* the same pid, born at another time */
	assert_int_equal(owner_of(&rules, 20, 1999, &o, &err), -1);
	assert_int_equal(err.kind, ERROR_REFUSED);
	/* the command's pid is another's now: it decides nothing itself */
	root.start = 999;
	check(&rules, &(struct want){20, "20:2000", "other", "child of ctest"});
}

static void policy_words(void **state)
{
	static const char *const wrong[] = {"",         "depth=",     "depth=x",
					    "depth=-1", "depth=1000", "Process",
					    "any"};
	auto_error struct error err = ERROR_INIT;
	enum owner_policy policy = OWNER_COMMAND;
	unsigned depth = 7;

	(void)state;
	for (size_t i = 0; i < array_len(wrong); i++) {
		assert_int_equal(
		    owner_policy_parse(wrong[i], &policy, &depth, &err), -1);
		assert_int_equal(err.kind, ERROR_USAGE);
		assert_int_equal(depth, 7);
	}
	assert_string_equal(
	    error_text(&err),
	    "'any' is not an owner: process, worker, command or "
	    "depth=N");
	assert_int_equal(owner_policy_parse("depth=12", &policy, &depth, &err),
			 0);
	assert_int_equal(policy, OWNER_DEPTH);
	assert_int_equal(depth, 12);
	assert_int_equal(owner_policy_parse("worker", &policy, &depth, &err),
			 0);
	assert_int_equal(policy, OWNER_WORKER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ctest),
	    cmocka_unit_test(what_cannot_be_read),
	    cmocka_unit_test(make_then_ctest),
	    cmocka_unit_test(make_in_parallel),
	    cmocka_unit_test(one_after_another_is_one_owner),
	    cmocka_unit_test(pytest),
	    cmocka_unit_test(node_runners),
	    cmocka_unit_test(compiled_runners),
	    cmocka_unit_test(other_weak_runners),
	    cmocka_unit_test(variables_of_unknown_runners),
	    cmocka_unit_test(a_named_worker_is_shared),
	    cmocka_unit_test(wrappers_do_not_count),
	    cmocka_unit_test(orphans),
	    cmocka_unit_test(an_orphan_without_any_runner_is_masters),
	    cmocka_unit_test(strangers),
	    cmocka_unit_test(leases),
	    cmocka_unit_test(policies),
	    cmocka_unit_test(fresh_worker_has_a_name),
	    cmocka_unit_test(reused_pids),
	    cmocka_unit_test(policy_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
