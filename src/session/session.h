/* SPDX-License-Identifier: MIT */
/*
 * session/session.h - one environment, alive.
 *
 * session_new makes the identity (id, directories, held lock) and nothing on
 * any engine; session_start brings the services up; session_end takes all down
 * in reverse and frees it. Between new and end the estate (below) says what a
 * stranger needs to clean up after a dead owner.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "base/clock.h"
#include "base/strvec.h"
#include "dialect/address.h"
#include "provider/companion.h"
#include "provider/provider.h"

#include <stdbool.h>

struct config;
struct db_state;
struct error;
struct progress;
struct session;

/* Who is told what must be cleaned up if we die: the watchdog. Called before
 * the thing is made; "name" is what a container that is just being created will
 * be called. */
enum estate_kind {
	ESTATE_RUN_DIR, /* a directory to remove */
	ESTATE_DATA_DIR,
	ESTATE_LOCAL_DIR, /* local servers' data, where that is elsewhere */
	ESTATE_SERVERS,   /* existing servers' URLs, each behind a tab */
	ESTATE_ENGINE,    /* encoded candidate: session_engine_encode */
};
struct estate_listener {
	void (*fn)(void *ctx, enum estate_kind kind, const char *value);
	void *ctx;
};

/* To be called before the program has threads, and after it has copied the
 * environment for its children: libpq's own variables are taken out of it. */
int session_new(const struct config *config,
		const struct estate_listener *listener,
		const struct progress *progress, struct session **ret,
		struct error *err);
int session_start(struct session *s, const struct deadline *deadline,
		  struct error *err);
/* Frees s, also one that never started. Never fails: what cannot be removed is
 * told to progress and left to gc. */
void session_end(struct session *s);

/*
 * Slots one at a time, once the session has started: session_start makes the
 * first ones, 0 to session_ready_slots() - 1. slot_start and slot_clean block,
 * and may run on any thread, for different slots at once; session_slot_taken,
 * on the thread that reads the session, then makes the slot's address known.
 */
unsigned session_ready_slots(const struct session *s);
unsigned session_max_slots(const struct session *s);
int session_slot_start(struct session *s, unsigned slot,
		       const struct deadline *deadline, struct error *err);
/* Back to the template's state; whoever is still connected is cut off. Files
 * keep their paths if they stay with the same owner. */
int session_slot_clean(struct session *s, unsigned slot, bool same_owner,
		       const struct deadline *deadline, struct error *err);
/* What the template and the slot's database hold (provider.h). Waits for what
 * is being done to the slot. */
int session_slot_states(struct session *s, unsigned service, unsigned slot,
			const struct deadline *deadline,
			struct db_state *ret_template, struct db_state *ret_now,
			struct error *err);
void session_slot_taken(struct session *s, unsigned slot);
/* Is a service of `slot` on another server than that of `made`, which was just
 * made, where all slots have one in common? Then that one is gone. */
bool session_slot_is_astray(const struct session *s, unsigned slot,
			    unsigned made);
const struct db_address *session_slot_address(const struct session *s,
					      unsigned service, unsigned slot);

/* The database's name in every URL; a slot's own may be another. */
const char *session_public_database(const struct session *s, unsigned service);

/*
 * What session_variables names instead of a slot itself: an address that leads
 * each caller to a database of its own (slot negative), and one that leads to
 * one slot's worth. Copied. Only host, port and sockets, or the path, are
 * taken; user, password and database are the service's.
 */
void session_set_public(struct session *s, unsigned service, int slot,
			const struct db_address *address);

const char *session_id(const struct session *s);
const char *session_run_dir(const struct session *s);
const char *session_identity(const struct session *s);

/* What happened, once started. Borrowed. */
struct session_service {
	const char *name;
	/* "container", "swarm", "local", "server", "sqlite" */
	const char *backend;
	enum dialect dialect;
	struct provider_facts facts;
	const char *migrations; /* "12 migrations (goose), 1 seed", or NULL */
	const struct db_address *slots;
	unsigned n_slots;
};
unsigned session_n_services(const struct session *s);
void session_service(const struct session *s, unsigned i,
		     struct session_service *ret);
const char *session_backend(const struct session *s);
const char *session_fallback_reason(const struct session *s); /* or NULL */
const char *session_engine_host(const struct session *s);     /* or NULL */
char *session_slot_name(const struct session *s, unsigned service,
			unsigned slot);

/* Which node of a swarm runs it; NULL: no swarm. May be asked at any time. */
char *session_slot_node(const struct session *s, unsigned service,
			unsigned slot);

/* A service beside the databases, once started. Borrowed. */
struct session_companion {
	const char *name;
	const char *image; /* NULL: missing */
	const char *probe; /* "tcp" */
	bool per_worker;   /* one for each slot, else one for all */
	bool missing;      /* it was optional, and could not be had */
};
unsigned session_n_companions(const struct session *s);
void session_companion(const struct session *s, unsigned i,
		       struct session_companion *ret);
/* Where the one of a slot is, or the one for all; false: there is none. From
 * any thread. */
bool session_companion_address(const struct session *s, unsigned i,
			       unsigned slot, struct companion_address *ret);
/* Its container's name, or NULL; the caller frees. */
char *session_companion_name(const struct session *s, unsigned i,
			     unsigned slot);
/* As session_set_public, for one that is per worker; its ports are in the order
 * of session_companion_address. Copied. */
void session_set_companion_public(struct session *s, unsigned i, int slot,
				  const struct companion_address *address);

/* Sets every variable of the contract in env ("What the command sees"). slot:
 * whose database DATABASE_URL names; SESSION_SLOT_ANY: the caller's own. */
#define SESSION_SLOT_ANY (~0U)
/* As SESSION_SLOT_ANY, for a command in which files are found by their callers,
 * too; without that, files are slot 0's. */
#define SESSION_SLOT_ROUTED (~1U)
int session_variables(const struct session *s, unsigned slot,
		      struct strvec *env, struct error *err);

/* What a lease's holder sees: its own databases. One address a service; worker
 * and scratch may be NULL. */
struct session_lease {
	const char *id, *worker, *scratch;
	unsigned slot;
	const struct db_address *addresses;
};
int session_lease_variables(const struct session *s,
			    const struct session_lease *lease,
			    struct strvec *env, struct error *err);
/* The directory for files of the session, 0700. */
const char *session_data_dir(const struct session *s);

/*
 * Removes all that a dead session left: containers and unfinished images with
 * its label on the engine, its directories. Idempotent. Used by the watchdog,
 * by gc and by tests.
 */
struct estate {
	char *session;
	char *run_dir, *data_dir, *local_dir;
	char *engine;  /* encoded, or NULL */
	char *servers; /* with their passwords; or NULL */
};
int estate_clean(const struct estate *estate, const struct deadline *deadline,
		 struct error *err);

/* What gc found, one line each: what dead sessions left, and every template
 * that is ours. */
struct gc_row {
	char *kind; /* "container" "service" "session" "template" */
	char *name;
	char *why;     /* "its owner is gone", "in use" */
	int64_t bytes; /* -1: not known */
	bool stays;    /* not to be removed */
	bool removed;
	char *failure; /* or NULL */
};
struct gc_report {
	struct gc_row *rows;
	size_t n;
};
enum gc_flags {
	GC_DRY_RUN = 1 << 0
};
int session_gc(const struct config *config, unsigned flags,
	       const struct deadline *deadline, struct gc_report *ret,
	       struct error *err);
void gc_report_free(struct gc_report *r);

#endif
