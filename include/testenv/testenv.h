/* SPDX-License-Identifier: MIT */
/*
 * testenv/testenv.h - a database of one's own, from C and C++.
 *
 * A program that runs under `testenv exec`, or beside `testenv up`, takes fresh
 * databases from the session by this:
 *
 *	struct testenv *env = testenv_new();
 *	struct testenv_lease *lease;
 *
 *	if (!env || testenv_open(env, NULL, 0) != TESTENV_OK ||
 *	    testenv_acquire(env, "my test", 0, &lease) != TESTENV_OK) {
 *		fprintf(stderr, "no database: %s\n", testenv_message(env));
 *		testenv_free(env);
 *		return 1;
 *	}
 *	puts(testenv_lease_get(lease, "DATABASE_URL"));
 *	testenv_reset(lease, 0);
 *	testenv_release(lease, 0);
 *	testenv_free(env);
 *
 * What holds everywhere:
 *
 * - The library never prints, aborts, exits or raises SIGPIPE, installs no
 *   handler, starts no thread or process and has no global state. Memory that
 *   cannot be had is TESTENV_NO_MEMORY.
 * - Outputs (ret_…) are written only with TESTENV_OK.
 * - Every call that talks to the session ends within its timeout_ms, in
 *   milliseconds; 0 means TESTENV_DEFAULT_TIMEOUT_MS, a negative one is
 *   TESTENV_INVALID. A signal does not cut it short.
 * - Strings are UTF-8. Those returned are the library's and live as long as
 *   what they were asked of.
 * - Threads: a handle, and the leases taken by it, are for one thread at a
 *time; different handles are independent. What takes no handle may be called
 *from any thread.
 * - Processes: a handle belongs to the process that opened it. In a child made
 *   by fork() every call gives TESTENV_FORKED, but for testenv_free(), which
 *   takes nothing from the parent; a child that needs a database opens a handle
 *   of its own. Descriptors are closed by exec().
 * - A lease ends with testenv_release(), with its handle, or with the process,
 *   however it dies.
 */
#ifndef TESTENV_TESTENV_H
#define TESTENV_TESTENV_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TESTENV_API __attribute__((visibility("default")))
#else
#define TESTENV_API
#endif

#define TESTENV_DEFAULT_TIMEOUT_MS 60000

/*
 * What a call came to: number, name, text. Append only, so that numbers stay
 * what they are.
 */
#define TESTENV_RESULTS(X)                                                     \
	X(TESTENV_OK, 0, "ok")                                                 \
	/* an argument that cannot be, a label that is no UTF-8 or too long */ \
	X(TESTENV_INVALID, 1, "invalid argument")                              \
	/* the connection may be closed by it: then the next is TESTENV_LOST   \
	 */                                                                    \
	X(TESTENV_NO_MEMORY, 2, "out of memory")                               \
	/* TESTENV_SOCKET is not set, or nobody listens there */               \
	X(TESTENV_NO_SESSION, 3, "no testenv session")                         \
	/* time is up; the handle stays usable */                              \
	X(TESTENV_TIMEOUT, 4, "timed out")                                     \
	/* all databases are taken, and waiting for one was of no use */       \
	X(TESTENV_BUSY, 5, "busy")                                             \
	/* the session may not, or will not, do this for us */                 \
	X(TESTENV_REFUSED, 6, "refused")                                       \
	/* anything else that the session answered: testenv_message() */       \
	X(TESTENV_FAILED, 7, "the session reports a failure")                  \
	/* the connection broke, its leases with it; testenv_open() again */   \
	X(TESTENV_LOST, 8, "connection to the session lost")                   \
	/* an answer nobody can read; as TESTENV_LOST */                       \
	X(TESTENV_PROTOCOL, 9, "answer not understood")                        \
	/* the session is of another version; as TESTENV_LOST */               \
	X(TESTENV_VERSION_MISMATCH, 10, "session of another version")          \
	/* a handle of the parent process */                                   \
	X(TESTENV_FORKED, 11, "handle belongs to another process")             \
	/* a system call failed; testenv_message() says which */               \
	X(TESTENV_SYSTEM, 12, "system error")                                  \
	/* text that is no URL */                                              \
	X(TESTENV_BAD_URL, 13, "not a URL")

enum testenv_result {
#define TESTENV_RESULT_ENUM(name, number, text) name = number,
	TESTENV_RESULTS(TESTENV_RESULT_ENUM)
#undef TESTENV_RESULT_ENUM
};

/* "TESTENV_BUSY" and "busy"; for a number from a newer library, "unknown". */
TESTENV_API const char *testenv_result_name(enum testenv_result result);
TESTENV_API const char *testenv_result_text(enum testenv_result result);

/* "1.2.3": of the library that runs, not of this header. */
TESTENV_API const char *testenv_version(void);

/* One connection to a session. */
struct testenv;
/* One database, and what belongs to it, held by us alone. */
struct testenv_lease;

/* A handle without a connection. NULL: out of memory. */
TESTENV_API struct testenv *testenv_new(void);

/*
 * Connects. socket_path NULL: what TESTENV_SOCKET says, as `testenv exec` sets
 * it. A handle that was open before is closed first, its leases with it; so
 * this is also the way on after TESTENV_LOST.
 */
TESTENV_API enum testenv_result
testenv_open(struct testenv *env, const char *socket_path, int timeout_ms);

/* Ends its leases, closes it and frees all that came from it, but for URLs.
 * NULL is allowed. Waits for nothing. */
TESTENV_API void testenv_free(struct testenv *env);

/* Why the last call on this handle failed, one line, in the session's words if
 * it gave any; "no error", or "out of memory" for NULL. Valid until the next
 * call. */
TESTENV_API const char *testenv_message(const struct testenv *env);
/* The session's advice with that failure, one line, or "". */
TESTENV_API const char *testenv_hint(const struct testenv *env);

/*
 * Takes a fresh database, waiting while all are taken. label: what `testenv
 * status` shows, at most TESTENV_MAX_LABEL bytes; NULL: none. One handle may
 * hold several leases. A lease that is granted too late is given back by
 * itself.
 */
#define TESTENV_MAX_LABEL 256
TESTENV_API enum testenv_result
testenv_acquire(struct testenv *env, const char *label, int timeout_ms,
		struct testenv_lease **ret_lease);

/*
 * Gives it back. The lease is gone, whatever is returned: where the session
 * could not be told, it ends with the handle. What goes wrong is in
 * testenv_message() of its handle. NULL is allowed.
 */
TESTENV_API enum testenv_result testenv_release(struct testenv_lease *lease,
						int timeout_ms);

/* Brings its database back to the state in which it was given. Connections to
 * it are cut, ours too. */
TESTENV_API enum testenv_result testenv_reset(struct testenv_lease *lease,
					      int timeout_ms);
/* The same for the database that this process has without asking: the one
 * behind its own DATABASE_URL. */
TESTENV_API enum testenv_result testenv_reset_own(struct testenv *env,
						  int timeout_ms);

/* Unique among all leases of all sessions: good for names of queues, tenants,
 * files. */
TESTENV_API const char *testenv_lease_id(const struct testenv_lease *lease);
/* Small, dense, used by no other lease at this time. */
TESTENV_API unsigned testenv_lease_slot(const struct testenv_lease *lease);
/* The handle it came from. */
TESTENV_API struct testenv *
testenv_lease_handle(const struct testenv_lease *lease);

/*
 * The environment of a program that is to use this lease: the variable's value
 * ("DATABASE_URL", "PGHOST", "TESTENV_SCRATCH", …), NULL when there is none;
 * and all of them one by one, "NAME=value", NULL behind the last:
 *
 *	for (size_t i = 0; testenv_lease_variable(lease, i); i++)
 *		puts(testenv_lease_variable(lease, i));
 */
TESTENV_API const char *testenv_lease_get(const struct testenv_lease *lease,
					  const char *name);
TESTENV_API const char *
testenv_lease_variable(const struct testenv_lease *lease, size_t i);

/*
 * The parts of a database URL, percent-decoded; NULL (and port 0) for what the
 * URL does not say.
 *
 *	struct testenv_url *url;
 *
 *	if (testenv_url_parse(getenv("DATABASE_URL"), &url) == TESTENV_OK) {
 *		printf("%s at %s\n", url->database, url->host);
 *		testenv_url_free(url);
 *	}
 *
 * The struct may grow at its end in later versions: only the library makes it.
 */
struct testenv_url {
	const char *scheme; /* in lower case: "postgresql", "mysql", "sqlite" */
	const char *user;
	const char *password;
	const char *host;     /* "127.0.0.1"; "::1" without brackets */
	unsigned port;        /* 1..65535 */
	const char *database; /* for SQLite none: see path */
	const char *socket;   /* Unix socket: libpq's directory, or the file */
	const char *path;     /* SQLite: the database file */
};
TESTENV_API enum testenv_result testenv_url_parse(const char *text,
						  struct testenv_url **ret_url);
/* NULL is allowed. */
TESTENV_API void testenv_url_free(struct testenv_url *url);

#ifdef __cplusplus
}
#endif

#endif
