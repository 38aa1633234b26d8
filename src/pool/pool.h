/* SPDX-License-Identifier: MIT */
/*
 * pool/pool.h - slots, owners, leases and waiters: who may use which database.
 *
 * A pure state machine: no I/O, no clock, no threads. Events go in (an owner
 * asks, an owner is gone, a slot was made or cleaned); actions come out
 * (pool_next), which the caller carries out and reports back. All of it belongs
 * to one thread.
 *
 * What always holds, and pool_check() verifies:
 *   - a slot has one owner at most, and an owner one slot at most
 *   - an owner that asked either holds a slot, waits, or was refused
 *   - waiters are served in the order in which they asked
 *   - under POOL_FRESH_OWNER a slot is cleaned between two owners
 *   - there are never more slots than max_slots
 *
 * libc only. Calls that take memory return -1 when there is none, and have
 * changed nothing then.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pool_fresh {
	POOL_FRESH_OWNER,  /* a new owner never sees an old one's rows */
	POOL_FRESH_WORKER, /* owners of one worker label share their rows */
	POOL_FRESH_NEVER
};

struct pool_config {
	unsigned max_slots; /* at least 1 */
	unsigned min_slots; /* made at once and kept */
	unsigned ahead;     /* clean slots to have ready for the next owners */
	unsigned max_waiters; /* more are refused */
	enum pool_fresh fresh;
};

enum pool_state {
	POOL_EMPTY,    /* nothing there */
	POOL_MAKING,   /* the caller makes it */
	POOL_READY,    /* clean, nobody's */
	POOL_LEASED,   /* an owner's */
	POOL_IDLE,     /* nobody's, but with a former owner's rows */
	POOL_CLEANING, /* the caller makes it clean */
	POOL_BROKEN    /* could not be made; made again when wanted */
};

enum pool_action_kind {
	POOL_MAKE,  /* make the slot; then pool_made() */
	POOL_CLEAN, /* bring it back to the template; then pool_cleaned() */
	POOL_GRANT, /* the owner has the slot now: tell it */
	POOL_REFUSE /* the owner gets none: tell it; `reason` says why */
};

struct pool_action {
	enum pool_action_kind kind;
	unsigned slot;      /* not of a POOL_REFUSE */
	uint64_t owner;     /* of a GRANT or REFUSE */
	const char *reason; /* of a REFUSE; a constant */
};

struct pool;

struct pool *pool_new(const struct pool_config *config);
void pool_free(struct pool *pool);

/*
 * The owner wants a database. `owner` is any number but 0 that names it for
 * its life; asking again is allowed and changes nothing. `worker` is its label
 * or NULL. Returns 1 if it holds *ret_slot already, 0 if a POOL_GRANT or
 * POOL_REFUSE for it will come out, -1 without memory.
 */
int pool_ask(struct pool *pool, uint64_t owner, const char *worker,
	     unsigned *ret_slot);
/* The owner ended, or gave its lease or its place in the queue back. Unknown
 * owners are passed over. */
void pool_gone(struct pool *pool, uint64_t owner);

/* The outcome of POOL_MAKE and POOL_CLEAN. A slot that failed counts as broken:
 * it is made again for a waiter, up to three times in a row, after which those
 * who wait are refused. Whoever asks later has it tried once more. */
void pool_made(struct pool *pool, unsigned slot, bool ok);
void pool_cleaned(struct pool *pool, unsigned slot, bool ok);

/* The slot's server died. Its owner keeps the lease (its connections fail until
 * a reset); once nobody's it is made anew. */
void pool_lost(struct pool *pool, unsigned slot);

/* Brings a held slot back while its owner keeps it, also one that was lost or
 * that an earlier reset left broken: a CLEAN comes out. false if the owner
 * holds none, or one that is being cleaned. */
bool pool_reset(struct pool *pool, uint64_t owner);

/* The next thing to do, or false when there is nothing until the next event. */
bool pool_next(struct pool *pool, struct pool_action *ret);

/* From now on nobody gets anything; those who wait are refused. */
void pool_close(struct pool *pool, const char *reason);

struct pool_view {
	enum pool_state state;
	uint64_t owner;       /* 0: nobody */
	const char *worker;   /* label of the owner, or of the rows; or NULL */
	unsigned long leases; /* so far */
};
void pool_look(const struct pool *pool, unsigned slot, struct pool_view *ret);

struct pool_counts {
	unsigned slots, ready, leased, busy, waiters;
	unsigned long asked, granted, refused, cleaned;
};
void pool_count(const struct pool *pool, struct pool_counts *ret);

/* NULL, or what is wrong: for tests and debug builds. */
const char *pool_check(const struct pool *pool);

const char *pool_state_name(enum pool_state state);

#endif
