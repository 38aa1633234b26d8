/* SPDX-License-Identifier: MIT */
/*
 * fake_supervisor.h - a supervisor as libtestenv and the preload library see
 * it: hello, lease, release, reset, route. One thread, as many clients as it
 * has room for. Leases end with their connections, as the real one's do.
 *
 * A test tells it how to misbehave through the worker's label of a lease:
 *
 *	silent     no answer, ever         late       an answer with the next
 *one busy, timeout, refused, server     an error of that kind garbage    an
 *answer that is none  hang-up    the connection closes event      an event and
 *an answer to nobody come first split      the answer byte by byte big
 *thousands of variables no-id, bad-env, long-id            an answer that lacks
 *or spoils a part
 *
 * and through its own settings. route gives DIR/OWNER/app.sqlite, OWNER being
 * TEST_OWNER in the environment of the calling process (the peer), else its
 * parent's pid; the service "refused" is refused, "silent" not answered.
 */
#ifndef TESTS_SUPPORT_FAKE_SUPERVISOR_H
#define TESTS_SUPPORT_FAKE_SUPERVISOR_H

struct fake_supervisor;

struct fake_supervisor_options {
	const char *dir;   /* for its socket and the owners' files */
	unsigned version;  /* 0: as the protocol's */
	unsigned capacity; /* databases; 0: plenty */
};

/* NULL: it could not be started. */
struct fake_supervisor *
fake_supervisor_start(const struct fake_supervisor_options *options);
void fake_supervisor_stop(struct fake_supervisor *fake);

const char *fake_supervisor_socket(const struct fake_supervisor *fake);
/* Databases held now; resets and routes answered so far. */
unsigned fake_supervisor_held(struct fake_supervisor *fake);
unsigned fake_supervisor_resets(struct fake_supervisor *fake);
unsigned fake_supervisor_routes(struct fake_supervisor *fake);
/* Waits until so many are held; 0, or -1 after some seconds. */
int fake_supervisor_wait_held(struct fake_supervisor *fake, unsigned n);

#endif
