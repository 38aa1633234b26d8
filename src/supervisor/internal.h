/* SPDX-License-Identifier: MIT */
/*
 * supervisor/internal.h - what the files of the server share.
 *
 *   server.c   the session's life: start, ready, end; signals and timers
 *   listen.c   the socket's path: made, checked, removed
 *   peer.c     one connection: lines in, lines out
 *   ops.c      the requests, one function each, in a table
 *   relay.c    progress from the pool's threads to the clients
 *   serve.c    a ready session: leases, owners and fronts come and go
 *   front.c    the addresses that tests connect to; call.c, joint.c: one
 *              connection; refuse.c: one that is told why not
 *   leases.c   the pool at work; lease_ops.c: requests about leases
 *   owners.c   who is calling
 *   status.c   what `status` and `target` say
 *
 *   lane.c     threads that move the calls' bytes
 *
 * All of it runs on the loop's thread, but relay_progress() and what joint.c
 * does on a lane.
 */
#ifndef SUPERVISOR_INTERNAL_H
#define SUPERVISOR_INTERNAL_H

#include "base/error.h"
#include "base/lock.h"
#include "base/progress.h"
#include "session/session.h"
#include "supervisor/lane.h"
#include "supervisor/leases.h"
#include "supervisor/owners.h"
#include "supervisor/protocol.h"
#include "supervisor/server.h"
#include "supervisor/state.h"
#include "wire/line.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

enum {
	MAX_PEERS = 512,             /* well below the usual 1024 descriptors */
	MAX_PARKED = 16,             /* waiting requests of one peer */
	MAX_QUEUE = 4 * 1024 * 1024, /* unread bytes of one peer … */
	MAX_EVENTS = 256 * 1024,     /* … past which it gets no events */
	RELAY_BACKLOG = 64,          /* events for who comes later */
	RELAY_PENDING = 4096,        /* events the loop has not seen yet */
	LOG_MAX = 1024 * 1024
};

/* One connection. */
struct peer {
	struct supervisor *server;
	struct peer *prev, *next;
	uv_pipe_t pipe;
	uv_write_t write;
	struct wire_in in;
	struct wire_out out;
	char *flight; /* what uv_write holds; NULL: none under way */
	unsigned n_parked;
	bool greeted;    /* hello was right */
	bool subscribed; /* to progress */
	bool starter;
	bool leaving; /* no more reading; closed once all is written */
	bool closing;
};

/* A request that waits for the session to become something. */
enum parked_for {
	PARKED_READY,
	PARKED_GONE
};
struct parked {
	struct parked *prev, *next;
	struct peer *peer;
	cJSON *id; /* of the request, or NULL */
	enum parked_for what;
};

struct relayed {
	struct relayed *prev, *next;
	char *line;
	bool lasting; /* worth telling who comes later */
};
struct relay {
	uv_mutex_t mutex; /* for pending */
	uv_async_t wake;
	struct relayed *pending;
	unsigned n_pending;
	struct relayed *backlog;
	unsigned n_backlog;
	struct progress progress;
};

/* The socket's path, and what we put there. */
struct listener {
	int fd; /* -1: none; uv's once it listens */
	char *path;
	dev_t dev;
	ino_t ino;
};

struct supervisor {
	struct supervisor_spec spec;
	enum supervisor_state state;
	struct error failure; /* why it ended or failed to start */
	bool failure_told;
	bool has_starter; /* still connected */
	int64_t started_s;
	char identity[17];

	struct session *session; /* NULL before and after */
	char *id, *run_dir;      /* outlive it */
	struct cancel *cancel;   /* of session_start */
	uv_mutex_t engine_mutex;
	char *engine; /* encoded, as told to the watchdog; NULL */

	uv_loop_t loop;
	uv_work_t work;
	struct error work_err;
	int work_result;
	struct listener listener;
	struct lock linger;   /* in FAILED: gc leaves the directory alone */
	uv_pipe_t *accepting; /* NULL: not listening */
	uv_signal_t signals[4];
	uv_timer_t idle;  /* until it ends itself; in FAILED until forgotten */
	uv_timer_t check; /* is the socket still ours, the log small */
	uv_timer_t last;  /* how long last answers may take */
	bool stopping;

	/* serve.c */
	struct leases leases;
	struct owners owners;
	struct front **fronts;
	unsigned n_fronts;
	unsigned n_calls; /* of all fronts, leases' too */
	struct held *held;
	struct waiting *waiting;
	struct comparison *comparisons;
	struct refusal *refusals;
	struct lanes *lanes; /* which carry the calls' bytes */
	char *route_dir;     /* where files seem to be; NULL: there are none */
	int spare_fd;        /* given up to accept one more, and refuse it */

	struct peer *peers;
	unsigned n_peers;
	struct parked *parked;
	struct relay relay;
};

/* server.c */
/* Begins the end, unless it has begun. why: for who waits for READY. */
void supervisor_end(struct supervisor *s, const struct error *why);
/* A peer came, went, or asked: puts the idle limit off. */
void supervisor_touch(struct supervisor *s);
/* The starter has closed its connection. */
void supervisor_starter_left(struct supervisor *s);

/* serve.c */
/* The session is ready: makes what the commands will use. -1: it must end. */
int serve_open(struct supervisor *s, struct error *err);
/* Lets callers in. A private session does that once it knows its command. */
int serve_listen(struct supervisor *s, struct error *err);
/* Lets nobody in any more and ends every lease; then fn, once no slot is being
 * worked on. */
void serve_close(struct supervisor *s, void (*fn)(struct supervisor *s));
void serve_free(struct supervisor *s);
/* An owner named by a number, as TESTENV_URL_n names it. */
void serve_index_owner(unsigned n, struct owner *ret);

/* lease_ops.c */
int op_lease(struct peer *p, const cJSON *request, struct error *err);
int op_release(struct peer *p, const cJSON *request, struct error *err);
int op_reset(struct peer *p, const cJSON *request, struct error *err);
int op_route(struct peer *p, const cJSON *request, struct error *err);
/* Of a request with lease, url, or neither: whose database it is about. Refused
 * to whoever has none. */
int lease_ops_tenant(struct peer *p, const cJSON *request, struct tenant **ret,
		     struct error *err);
/* A member "service", or the first one. */
int lease_ops_service(struct peer *p, const cJSON *request, unsigned *ret,
		      struct error *err);
/* A peer that is gone holds nothing. */
void lease_ops_forget_peer(struct peer *p);
/* Does this connection hold that lease? */
bool lease_ops_holds(const struct peer *p, const char *lease);

/* compare.c */
int op_diff(struct peer *p, const cJSON *request, struct error *err);
/* A peer that is gone is told nothing. */
void compare_forget_peer(struct peer *p);

/* listen.c */
int listener_open(struct listener *l, const char *path, struct error *err);
/* Does the path still lead to us? */
bool listener_is_current(const struct listener *l);
/* Unlinks the path if it is ours, and forgets it. The descriptor is closed only
 * if uv does not have it. */
void listener_close(struct listener *l);

/* peer.c */
/* Takes the pending connection of `accepting`. */
void peer_accept(struct supervisor *s, uv_stream_t *accepting);
/* A connected socket, owned from now on; NULL if it cannot be served. */
struct peer *peer_adopt(struct supervisor *s, int fd);
/* Queues one object; who cannot take it is disconnected. Frees json. */
void peer_send(struct peer *p, cJSON *json);
void peer_send_line(struct peer *p, const char *line);
/* Closes once all is written. */
void peer_leave(struct peer *p);
void peer_close(struct peer *p);

/* ops.c */
/* One line from a peer. */
void ops_request(struct peer *p, const char *line, size_t len);
void ops_reply(struct peer *p, const cJSON *id, cJSON *members);
void ops_refuse(struct peer *p, const cJSON *id, const struct error *err);
/* Answers those parked for this; err NULL: all is well. How many. */
unsigned ops_unpark(struct supervisor *s, enum parked_for what,
		    const struct error *err);
/* A peer that is gone waits for nothing. */
void ops_forget_peer(struct peer *p);

/* relay.c */
int relay_init(struct relay *r, struct supervisor *s);
/* Hands what has come to the subscribers, before the reply that ends it. */
void relay_drain(struct supervisor *s);
/* Events from now on, and those that were before. */
void relay_subscribe(struct peer *p);
/* What was before is history: nobody who comes later is told. */
void relay_forget(struct relay *r);
void relay_close(struct relay *r); /* its uv handle; then, when closed: */
void relay_free(struct relay *r);

/* status.c */
cJSON *status_hello(const struct supervisor *s);
cJSON *status_json(const struct supervisor *s);
cJSON *status_target(struct supervisor *s, const char *service, unsigned slot,
		     struct error *err);

#endif
