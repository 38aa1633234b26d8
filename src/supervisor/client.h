/* SPDX-License-Identifier: MIT */
/*
 * supervisor/client.h - sessions that run in the background, from outside.
 *
 * To join the session of a configuration, as `exec` does:
 *
 *	r = session_client_join(identity, NULL, &deadline, &client, err);
 *	if (r > 0) {
 *		session_client_wait(client, NULL, &deadline, err);
 *		session_client_variables(client, SESSION_SLOT_ANY, &env,
 *					 &deadline, err);
 *	}
 *
 * Keep the client open for as long as the session is used: an idle session
 * ends itself, and one with a client is not idle.
 *
 * One thread at a time. Every call blocks until the answer or the deadline.
 * After ERROR_TIMEOUT or ERROR_CANCELLED another call may be made; after
 * ERROR_PROTOCOL the connection is of no more use. The session lives on.
 */
#ifndef SUPERVISOR_CLIENT_H
#define SUPERVISOR_CLIENT_H

#include "base/clock.h"
#include "base/strvec.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct progress;
struct session_client;

/* Who a session is, as it says itself. Borrowed from its client. */
struct session_hello {
	const char *session;  /* id */
	const char *identity; /* config_identity */
	const char *project;  /* directory */
	const char *state;    /* "starting" "ready" "ending" "failed" */
	const char *socket;   /* path, or "" for a connection handed over */
	bool inner;           /* of an exec, and ends with it */
	long pid;
	int64_t started_s; /* epoch */
};

/* Connects and says hello. ERROR_NO_SESSION when nobody listens. */
int session_client_open(const char *socket_path,
			const struct deadline *deadline,
			struct session_client **ret, struct error *err);
/* The same over a connected stream socket, which it owns from now on. */
int session_client_adopt(int fd, const struct deadline *deadline,
			 struct session_client **ret, struct error *err);
/* NULL is allowed. */
void session_client_free(struct session_client *client);
void cleanup_session_client(struct session_client **client);
#define auto_session_client __attribute__((cleanup(cleanup_session_client)))

/* To be polled: readable when the session says something or has ended. */
int session_client_fd(const struct session_client *client);

void session_client_hello(const struct session_client *client,
			  struct session_hello *ret);

/* Every session of this user that answers, each with an open client. */
struct session_list {
	struct session_client **clients;
	size_t n;
};
#define SESSION_LIST_INIT \
	{                 \
		0, 0      \
	}
void session_list_free(struct session_list *list);
#define auto_session_list __attribute__((cleanup(session_list_free)))
/* In the order of their start. One that does not answer at once is left out. */
int session_client_list(const struct deadline *deadline,
			struct session_list *ret, struct error *err);

/*
 * The live session of a configuration: 1 found, 0 there is none, -1. An exec's
 * own may end at any time, so that is found only by what runs in it: inherited
 * is TESTENV_SESSION, or NULL.
 */
int session_client_join(const char *identity, const char *inherited,
			const struct deadline *deadline,
			struct session_client **ret, struct error *err);

/*
 * One request: "op" with the members of args (NULL: none; consumed in any
 * case). *ret is the whole reply, the caller's. A refusal is the error that the
 * session gave. Events meanwhile go to progress (NULL: nowhere).
 */
int session_client_call(struct session_client *client, const char *op,
			cJSON *args, const struct progress *progress,
			const struct deadline *deadline, cJSON **ret,
			struct error *err);

/* Until it is ready; the error with which it failed to start. */
int session_client_wait(struct session_client *client,
			const struct progress *progress,
			const struct deadline *deadline, struct error *err);
/*
 * What joining the session means for an environment: "NAME=value" to set, in
 * the contract's order, and names that are in env and would lead a client
 * astray (PGSERVICE, another run's DB_PATH). Adds to ret_set and ret_unset.
 */
int session_client_changes(struct session_client *client, unsigned slot,
			   const struct strvec *env,
			   const struct deadline *deadline,
			   struct strvec *ret_set, struct strvec *ret_unset,
			   struct error *err);
/* Makes these changes to env. */
int session_client_variables(struct session_client *client, unsigned slot,
			     struct strvec *env,
			     const struct deadline *deadline,
			     struct error *err);
/* Ends the session and waits until nothing of it is left, its process neither.
 * The client is of no more use. */
int session_client_down(struct session_client *client,
			const struct progress *progress,
			const struct deadline *deadline, struct error *err);

#endif
