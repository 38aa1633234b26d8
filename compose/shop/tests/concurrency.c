/* SPDX-License-Identifier: MIT */
/*
 * Several writers on one database, on purpose: those of one test. Each has a
 * connection of its own.
 */
#include "test.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WRITERS = 4,
	TRIES = 15, /* 60 in all, for 40 packets of tea */
};

struct writer {
	pthread_t thread;
	int64_t customer, bought, refused;
	const struct shop_line *lines;
	size_t n;
	enum shop_status failure;
};

static void *buy(void *arg)
{
	struct writer *w = arg;
	struct db *db = test_connect();
	int i;

	for (i = 0; i < TRIES && w->failure == SHOP_OK; i++) {
		int64_t order;
		enum shop_status status =
		    shop_place_order(db, w->customer, w->lines, w->n, &order);

		if (status == SHOP_OK)
			w->bought++;
		else if (status == SHOP_SOLD_OUT)
			w->refused++;
		else
			w->failure = status;
	}
	db_close(db);
	return NULL;
}

static void run_writers(struct writer *w)
{
	int i;

	for (i = 0; i < WRITERS; i++)
		CHECK(!pthread_create(&w[i].thread, NULL, buy, &w[i]));
	for (i = 0; i < WRITERS; i++)
		CHECK(!pthread_join(w[i].thread, NULL));
}

static void threads(struct db *db)
{
	static const struct shop_line tea = {TEA, 1};
	int64_t customer = add_test_customer(db), bought = 0, refused = 0;
	struct writer w[WRITERS] = {{0}};
	int i;

	for (i = 0; i < WRITERS; i++) {
		w[i].customer = customer;
		w[i].lines = &tea;
		w[i].n = 1;
	}
	run_writers(w);
	for (i = 0; i < WRITERS; i++) {
		CHECK_SHOP(db, w[i].failure, SHOP_OK);
		bought += w[i].bought;
		refused += w[i].refused;
	}
	CHECK_INT(bought, 40);
	CHECK_INT(refused, WRITERS * TRIES - 40);
	CHECK_INT(on_hand(db, TEA), 0);
	CHECK_INT(count(db, "orders"), 40);
}

/* Half of them ask for the products the other way round. */
static void no_deadlock(struct db *db)
{
	static const struct shop_line forth[] = {{TEA, 1}, {CUP, 1}};
	static const struct shop_line back[] = {{CUP, 1}, {TEA, 1}};
	int64_t customer = add_test_customer(db), bought = 0;
	struct writer w[WRITERS] = {{0}};
	int i;

	for (i = 0; i < WRITERS; i++) {
		w[i].customer = customer;
		w[i].lines = i % 2 ? back : forth;
		w[i].n = 2;
	}
	run_writers(w);
	for (i = 0; i < WRITERS; i++) {
		CHECK_SHOP(db, w[i].failure, SHOP_OK);
		bought += w[i].bought;
	}
	CHECK_INT(bought, 40);
	CHECK_INT(on_hand(db, TEA), 0);
	CHECK_INT(on_hand(db, CUP), 0);
	CHECK_INT(count(db, "order_lines"), 80);
}

int buy_main(char **args)
{
	static const struct shop_line tea = {TEA, 1};
	struct writer w = {.lines = &tea, .n = 1};

	w.customer = strtoll(args[0], NULL, 10);
	buy(&w);
	return w.failure == SHOP_OK ? (int)w.bought : 100;
}

static pid_t start_buyer(const char *customer)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		execl("/proc/self/exe", "shop-tests", "buy", customer, "now",
		      (char *)NULL);
		_exit(100);
	}
	return pid;
}

/* A test's own child processes share the test's database. */
static void processes(struct db *db)
{
	int64_t customer = add_test_customer(db), bought = 0;
	pid_t pids[WRITERS];
	char text[24];
	int i;

	snprintf(text, sizeof(text), "%" PRId64, customer);
	for (i = 0; i < WRITERS; i++)
		pids[i] = start_buyer(text);
	for (i = 0; i < WRITERS; i++) {
		int how;

		CHECK(waitpid(pids[i], &how, 0) == pids[i]);
		CHECK(WIFEXITED(how) && WEXITSTATUS(how) < 100);
		bought += WEXITSTATUS(how);
	}
	CHECK_INT(bought, 40);
	CHECK_INT(on_hand(db, TEA), 0);
	CHECK_INT(count(db, "orders"), 40);
}

/* What one has not committed, the other does not see. */
static void uncommitted_is_unseen(struct db *db)
{
	struct db *other = test_connect();

	CHECK_DB(db, db_begin(db), DB_OK);
	add_test_customer(db);
	CHECK_INT(count(db, "customers"), SEED_CUSTOMERS + 1);
	CHECK_INT(count(other, "customers"), SEED_CUSTOMERS);
	CHECK_DB(db, db_commit(db), DB_OK);
	CHECK_INT(count(other, "customers"), SEED_CUSTOMERS + 1);
	db_close(other);
}

const struct test concurrency_tests[] = {
    {"concurrent_threads", threads},
    {"concurrent_no_deadlock", no_deadlock},
    {"concurrent_processes", processes},
    {"concurrent_uncommitted_is_unseen", uncommitted_is_unseen},
    {NULL, NULL},
};
