/* SPDX-License-Identifier: MIT */
/*
 * supervisor/leases.h - the pool at work: who is in, and what is being made.
 *
 * Brings pool/ together with the session (slots are made and cleaned on the
 * loop's thread pool) and with the kernel (an owner's end is seen through a
 * pidfd). An owner that has asked is a tenant until it ends. All on the loop's
 * thread.
 */
#ifndef SUPERVISOR_LEASES_H
#define SUPERVISOR_LEASES_H

#include "base/error.h"
#include "pool/pool.h"
#include "router/owner.h"

/* the default one's switch falls through, which clang warns of */
#define HASH_FUNCTION HASH_FNV
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>
#include <uv.h>

struct supervisor;
struct tenant;

/* Somebody who waits for a tenant's database; embedded in the waiter. */
struct tenant_wait {
	struct tenant_wait *prev, *next;
	struct tenant *tenant;
	/* Once: err NULL, the tenant holds its slot now; else it never will,
	 * and may be gone. The wait is over before the call. */
	void (*fn)(struct tenant_wait *w, struct tenant *t,
		   const struct error *err);
};

/* Something that uses a tenant's database and ends with it. */
struct tenant_use {
	struct tenant_use *prev, *next;
	struct tenant *tenant;
	bool through_reset; /* goes on when the database is reset */
	/* The tenant is gone, the use no longer counted: let go of it. */
	void (*cut)(struct tenant_use *u);
};

struct tenant {
	UT_hash_handle by_key;
	UT_hash_handle by_id;
	struct leases *leases;
	uint64_t id;
	struct owner owner;
	bool holds;
	bool kept; /* its process has ended, its database stays */
	unsigned slot;
	int64_t since_ms; /* asked, then granted */
	struct tenant_wait *waits;
	struct tenant_use *uses;
	uv_poll_t *exit; /* its process's pidfd; NULL: none to watch */
};

struct leases {
	struct supervisor *supervisor;
	struct pool *pool;
	struct tenant *by_key, *by_id;
	uint64_t last_id;
	unsigned max_slots;
	unsigned n_jobs;
	bool keeps;  /* the first one's whose process fails */
	bool frozen; /* nobody's end counts any more */
	bool closed;
	void (*closed_fn)(struct supervisor *s); /* when the last job is done */
	char *last_failure;                      /* of a slot, for refusals */
	unsigned long longest_wait_ms;
};

struct leases_spec {
	unsigned max_slots;
	unsigned ready; /* slots 0..ready-1 are made already */
	unsigned ahead;
	enum pool_fresh fresh;
	bool keeps; /* see leases_freeze */
};

int leases_open(struct leases *l, struct supervisor *s,
		const struct leases_spec *spec, struct error *err);
/* Ends every tenant and hands out nothing any more; fn once no slot is being
 * worked on. Also one that was never opened. */
void leases_close(struct leases *l, struct supervisor *s,
		  void (*fn)(struct supervisor *s));
void leases_free(struct leases *l);

/*
 * The tenant of an owner, made if it is new: then it asks the pool, and its
 * process is watched. ERROR_REFUSED if that process has gone, ERROR_NO_SESSION
 * if the session ends.
 */
int leases_tenant(struct leases *l, const struct owner *owner,
		  struct tenant **ret, struct error *err);
/*
 * The same for whoever is at the other end of a connection, over TCP or not.
 * An owner that was found and has ended by the time it is to be watched is no
 * answer while the caller is there, who is looked for anew then: it may be
 * somebody else's by now, and is told why it is nobody's otherwise.
 */
int leases_caller(struct leases *l, int fd, bool tcp, struct tenant **ret,
		  struct error *err);
/* Whoever is a tenant already, or NULL: of that name; in that slot. */
struct tenant *leases_find(const struct leases *l, const struct owner *owner);
struct tenant *leases_in_slot(const struct leases *l, unsigned slot);

/* Ends the tenant: refuses its waits, cuts its uses, gives its slot back, for
 * which leases_pump finds a use. */
void tenant_end(struct tenant *t, const char *why);

void leases_pump(struct leases *l);

/* For a tenant that does not hold its slot yet. */
void tenant_wait_for(struct tenant *t, struct tenant_wait *w);
/* Gives up waiting; a tenant nobody waits for any more leaves the queue. */
void tenant_wait_stop(struct tenant_wait *w);
void tenant_use_add(struct tenant *t, struct tenant_use *u);
void tenant_use_drop(struct tenant_use *u);

/* Brings a tenant's database back to the template's state; `w` is told. While
 * that is being done already, of the same end. ERROR_REFUSED: it has none. */
int tenant_reset(struct tenant *t, struct tenant_wait *w, struct error *err);
int leases_refuse_reset(const struct owner *owner, struct error *err);

/* Something runs on the thread pool with the session: leases_close waits for
 * it. */
void leases_job_begin(struct leases *l);
void leases_job_end(struct leases *l);

/*
 * The command is over, and what it left in its databases is wanted. From here
 * on an owner's end changes nothing. Before, that was so for the first owner
 * whose process failed. Says which databases stay: that one's alone, if there
 * was one, else those of the processes that have one now, else those of
 * TESTENV_URL_n. The caller frees.
 */
cJSON *leases_freeze(struct leases *l);

/* The server of a slot turned out to be gone. */
void leases_slot_lost(struct leases *l, unsigned slot);

/* For status: "slots": who is in each. */
cJSON *leases_json(const struct leases *l);

#endif
