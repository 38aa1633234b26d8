/* SPDX-License-Identifier: MIT */
/*
 * fresh N: what a fresh database for the next owner costs. N owners that each
 * change 3 of 30 tables get theirs from the session of TESTENV_SOCKET; N more
 * get it by hand, on the same server, in turns within one run:
 *
 *	postgres  CREATE DATABASE … TEMPLATE testenv_original, DROP DATABASE
 *	mariadb   CREATE DATABASE, then FRESH_REPLAY through sh with the name
 *		  in DB and the URL's parts in HOST, PORT, USER and MYSQL_PWD;
 *		  DROP DATABASE
 *	sqlite    cp(1), unlink(2)
 *
 * Prints both rates and their ratio. For fresh.sh.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "dialect/db.h"
#include "testenv/testenv.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	BLOCK = 10,
	TABLES = 30,
	MS = 60000
};

struct bench {
	struct testenv *env;
	enum dialect dialect;
	struct db_address hand; /* of the database that is made by hand */
	struct db *admin;       /* beside it; NULL: a file */
	char *template;         /* a file to copy */
	unsigned owner;
};

static struct deadline soon(void)
{
	return deadline_in(MS, NULL);
}

static int touch(struct bench *b, const struct db_address *a, struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;
	auto_db struct db *db = NULL;
	struct deadline d = soon();
	unsigned n = b->owner++;

	buf_printf(&sql,
		   "INSERT INTO t%u (name, v) VALUES ('new', 1);"
		   "UPDATE t%u SET v = 5 WHERE id < 20;"
		   "DELETE FROM t%u WHERE id > 190",
		   1 + n % TABLES, 1 + (n + 7) % TABLES, 1 + (n + 15) % TABLES);
	if (db_connect(a, &d, &db, err) < 0)
		return -1;
	return db_exec(db, sql.s, &d, err);
}

static int address_of(enum dialect dialect, const char *text,
		      struct db_address *ret, struct error *err)
{
	struct testenv_url *url;

	if (testenv_url_parse(text, &url) != TESTENV_OK)
		return error_set(err, ERROR_USAGE, "no URL: '%s'", text);
	*ret = (struct db_address){
	    .dialect = dialect,
	    .host = xstrdup_or_null(url->host),
	    .port = (uint16_t)url->port,
	    .user = xstrdup_or_null(url->user),
	    .password = xstrdup_or_null(url->password),
	    .database = xstrdup_or_null(url->database),
	    .path = xstrdup_or_null(url->path),
	};
	testenv_url_free(url);
	return 0;
}

static int fail(struct bench *b, struct error *err)
{
	return error_set(err, ERROR_SERVER, "%s", testenv_message(b->env));
}

static int by_testenv(struct bench *b, struct error *err)
{
	auto_db_address struct db_address a = {.dialect = b->dialect};
	struct testenv_lease *lease;
	int result;

	if (testenv_acquire(b->env, "bench", MS, &lease) != TESTENV_OK)
		return fail(b, err);
	result = address_of(b->dialect,
			    testenv_lease_get(lease, "DATABASE_URL"), &a, err);
	if (result == 0)
		result = touch(b, &a, err);
	if (testenv_release(lease, MS) != TESTENV_OK)
		return fail(b, err);
	return result;
}

static int run(char *const *argv, struct error *err)
{
	pid_t pid;
	int status = -1;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		return error_set(err, ERROR_SERVER, "'%s' failed", argv[0]);
	return 0;
}

static int make(struct bench *b, struct error *err)
{
	struct deadline d = soon();
	char *copy[] = {(char[]){"cp"}, b->template, b->hand.path, NULL};
	char *replay[] = {(char[]){"sh"}, (char[]){"-c"},
			  getenv("FRESH_REPLAY"), NULL};

	if (b->dialect == DIALECT_SQLITE)
		return run(copy, err);
	if (b->dialect == DIALECT_POSTGRES)
		return db_exec(b->admin,
			       "CREATE DATABASE hand TEMPLATE testenv_original",
			       &d, err);
	if (db_exec(b->admin, "CREATE DATABASE hand", &d, err) < 0)
		return -1;
	return run(replay, err);
}

static int by_hand(struct bench *b, struct error *err)
{
	struct deadline d = soon();

	if (make(b, err) < 0 || touch(b, &b->hand, err) < 0)
		return -1;
	if (!b->admin)
		return unlink(b->hand.path);
	return db_exec(b->admin, "DROP DATABASE hand", &d, err);
}

/* The server on which it is done by hand is that of a lease of ours. */
static int open_hand(struct bench *b, const struct testenv_lease *lease,
		     struct error *err)
{
	struct deadline d = soon();

	if (address_of(b->dialect, testenv_lease_get(lease, "DATABASE_URL"),
		       &b->hand, err) < 0)
		return -1;
	if (b->dialect == DIALECT_SQLITE) {
		/* nobody has changed it yet */
		b->template = b->hand.path;
		b->hand.path = xasprintf("%s.hand", b->template);
		return 0;
	}
	free(b->hand.database);
	b->hand.database =
	    xstrdup(b->dialect == DIALECT_POSTGRES ? "postgres" : "mysql");
	if (db_connect(&b->hand, &d, &b->admin, err) < 0)
		return -1;
	free(b->hand.database);
	b->hand.database = xstrdup("hand");
	setenv("DB", "hand", 1);
	setenv("HOST", b->hand.host, 1);
	setenv("USER", b->hand.user, 1);
	setenv("MYSQL_PWD", b->hand.password, 1);
	{
		char port[8];

		snprintf(port, sizeof(port), "%u", b->hand.port);
		setenv("PORT", port, 1);
	}
	return 0;
}

struct times {
	int64_t ours, hand;
};

static int measure_block(struct bench *b, struct times *t, struct error *err)
{
	int64_t start = clock_now_us();

	for (unsigned i = 0; i < BLOCK; i++)
		if (by_testenv(b, err) < 0)
			return -1;
	t->ours += clock_now_us() - start;
	start = clock_now_us();
	for (unsigned i = 0; i < BLOCK; i++)
		if (by_hand(b, err) < 0)
			return -1;
	t->hand += clock_now_us() - start;
	return 0;
}

/* Each third tells its own: what grows with the number of owners is seen. */
static int measure(struct bench *b, unsigned n, struct error *err)
{
	struct times all = {0, 0};
	unsigned blocks = (n + BLOCK - 1) / BLOCK;

	for (unsigned third = 1; third <= 3; third++) {
		struct times t = {0, 0};
		unsigned from = blocks * (third - 1) / 3;
		unsigned to = blocks * third / 3;

		for (unsigned i = from; i < to; i++)
			if (measure_block(b, &t, err) < 0)
				return -1;
		all.ours += t.ours;
		all.hand += t.hand;
		if (to == from)
			continue;
		printf("%s: owners %u to %u: testenv %.1f ms each, by hand "
		       "%.1f\n",
		       dialect_name(b->dialect), from * BLOCK + 1, to * BLOCK,
		       (double)t.ours / 1e3 / (to - from) / BLOCK,
		       (double)t.hand / 1e3 / (to - from) / BLOCK);
		fflush(stdout);
	}
	n = blocks * BLOCK;
	printf("%s: %u owners, testenv %.1f/s, by hand %.1f/s: ratio %.2f\n",
	       dialect_name(b->dialect), n, n * 1e6 / (double)all.ours,
	       n * 1e6 / (double)all.hand, (double)all.hand / (double)all.ours);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 300;
	const char *dialect = getenv("TESTENV_DIALECT");
	auto_error struct error err = ERROR_INIT;
	struct bench b = {.env = testenv_new()};
	struct testenv_lease *lease = NULL;
	int result = -1;

	if (!dialect || dialect_parse(dialect, &b.dialect) < 0)
		error_set(&err, ERROR_USAGE, "run it under 'testenv exec'");
	else if (testenv_open(b.env, NULL, 0) != TESTENV_OK ||
		 testenv_acquire(b.env, "by hand", MS, &lease) != TESTENV_OK)
		fail(&b, &err);
	else if (open_hand(&b, lease, &err) == 0)
		result = measure(&b, n, &err);
	if (result < 0)
		fprintf(stderr, "fresh: %s\n", error_text(&err));
	db_close(b.admin);
	db_address_free(&b.hand);
	free(b.template);
	testenv_free(b.env);
	return result < 0;
}
