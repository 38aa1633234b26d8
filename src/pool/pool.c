/* SPDX-License-Identifier: MIT */
#include "pool/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAKE_ATTEMPTS = 3
};

struct slot {
	enum pool_state state;
	uint64_t owner;    /* also while its owner's reset is running */
	char *worker;      /* whose rows are in it */
	bool lost;         /* its server died under its owner */
	unsigned failures; /* in a row */
	unsigned long leases;
};

struct waiter {
	struct waiter *next;
	uint64_t owner;
	char *worker;
};

/* A told outcome that waits to be fetched. */
struct outcome {
	struct outcome *next;
	struct pool_action action;
};

struct pool {
	struct pool_config config;
	struct slot *slots;
	struct waiter *first, **last; /* queue, oldest first */
	struct outcome *told, **told_last;
	const char *closed;
	struct pool_counts counts;
};

struct pool *pool_new(const struct pool_config *config)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->config = *config;
	if (!pool->config.max_slots)
		pool->config.max_slots = 1;
	if (pool->config.min_slots > pool->config.max_slots)
		pool->config.min_slots = pool->config.max_slots;
	pool->slots = calloc(pool->config.max_slots, sizeof(struct slot));
	if (!pool->slots) {
		free(pool);
		return NULL;
	}
	pool->last = &pool->first;
	pool->told_last = &pool->told;
	return pool;
}

static void free_waiter(struct waiter *w)
{
	free(w->worker);
	free(w);
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	while (pool->first) {
		struct waiter *w = pool->first;

		pool->first = w->next;
		free_waiter(w);
	}
	while (pool->told) {
		struct outcome *o = pool->told;

		pool->told = o->next;
		free(o);
	}
	for (unsigned i = 0; i < pool->config.max_slots; i++)
		free(pool->slots[i].worker);
	free(pool->slots);
	free(pool);
}

static struct slot *slot_of(const struct pool *pool, uint64_t owner)
{
	for (unsigned i = 0; i < pool->config.max_slots; i++)
		if (owner && pool->slots[i].owner == owner)
			return &pool->slots[i];
	return NULL;
}

static bool is_waiting(const struct pool *pool, uint64_t owner)
{
	for (const struct waiter *w = pool->first; w; w = w->next)
		if (w->owner == owner)
			return true;
	return false;
}

/* The outcome of `owner` that nobody fetched yet. */
static bool is_told(const struct pool *pool, uint64_t owner)
{
	for (const struct outcome *o = pool->told; o; o = o->next)
		if (o->action.owner == owner)
			return true;
	return false;
}

static int refuse(struct pool *pool, uint64_t owner, const char *reason)
{
	struct outcome *o = calloc(1, sizeof(*o));

	if (!o)
		return -1;
	o->action = (struct pool_action){POOL_REFUSE, 0, owner, reason};
	*pool->told_last = o;
	pool->told_last = &o->next;
	pool->counts.refused++;
	return 0;
}

static unsigned n_waiters(const struct pool *pool)
{
	unsigned n = 0;

	for (const struct waiter *w = pool->first; w; w = w->next)
		n++;
	return n;
}

static int enqueue(struct pool *pool, uint64_t owner, const char *worker)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	w->owner = owner;
	if (worker && !(w->worker = strdup(worker))) {
		free(w);
		return -1;
	}
	*pool->last = w;
	pool->last = &w->next;
	return 0;
}

static bool give_up(const struct slot *slot)
{
	return slot->state == POOL_BROKEN && slot->failures >= MAKE_ATTEMPTS;
}

/* What was in the way may be gone: whoever comes new has one slot tried that
 * was given up. */
static void try_again(struct pool *pool)
{
	for (unsigned i = 0; i < pool->config.max_slots; i++) {
		if (!give_up(&pool->slots[i]))
			continue;
		pool->slots[i].failures = MAKE_ATTEMPTS - 1;
		return;
	}
}

int pool_ask(struct pool *pool, uint64_t owner, const char *worker,
	     unsigned *ret_slot)
{
	const struct slot *held = slot_of(pool, owner);
	int result;

	assert(owner != 0);
	if (held) {
		*ret_slot = (unsigned)(held - pool->slots);
		return 1;
	}
	if (is_waiting(pool, owner) || is_told(pool, owner))
		return 0;
	if (pool->closed)
		result = refuse(pool, owner, pool->closed);
	else if (n_waiters(pool) >= pool->config.max_waiters)
		result = refuse(pool, owner, "too many wait for a database");
	else
		result = enqueue(pool, owner, worker);
	if (result < 0)
		return -1;
	pool->counts.asked++;
	try_again(pool);
	return 0;
}

static void unqueue(struct pool *pool, struct waiter **at)
{
	struct waiter *w = *at;

	*at = w->next;
	if (pool->last == &w->next)
		pool->last = at;
	free_waiter(w);
}

/* What becomes of a slot that nobody holds any more. */
static void settle(struct pool *pool, struct slot *slot)
{
	slot->owner = 0;
	if (slot->lost) {
		slot->lost = false;
		slot->state = POOL_BROKEN;
	} else if (pool->config.fresh == POOL_FRESH_NEVER) {
		slot->state = POOL_READY;
	} else {
		slot->state = POOL_IDLE;
	}
}

void pool_gone(struct pool *pool, uint64_t owner)
{
	struct slot *held = slot_of(pool, owner);

	if (held && held->state == POOL_CLEANING)
		held->owner = 0; /* its reset goes on, for the next one */
	else if (held)
		settle(pool, held);
	for (struct waiter **at = &pool->first; *at; at = &(*at)->next)
		if ((*at)->owner == owner) {
			unqueue(pool, at);
			break;
		}
	for (struct outcome **at = &pool->told; *at; at = &(*at)->next) {
		struct outcome *o = *at;

		if (o->action.owner != owner)
			continue;
		*at = o->next;
		if (pool->told_last == &o->next)
			pool->told_last = at;
		free(o);
		break;
	}
}

static void fail(struct slot *slot)
{
	slot->failures++;
	slot->state = POOL_BROKEN;
	slot->owner = 0;
}

static void forget_rows(struct slot *slot)
{
	free(slot->worker);
	slot->worker = NULL;
}

void pool_made(struct pool *pool, unsigned i, bool ok)
{
	struct slot *slot = &pool->slots[i];

	assert(slot->state == POOL_MAKING);
	forget_rows(slot);
	if (!ok) {
		fail(slot);
		return;
	}
	slot->failures = 0;
	slot->lost = false;
	slot->state = POOL_READY;
}

void pool_cleaned(struct pool *pool, unsigned i, bool ok)
{
	struct slot *slot = &pool->slots[i];

	assert(slot->state == POOL_CLEANING);
	pool->counts.cleaned++;
	if (slot->owner) {
		/* a reset: the owner has it still, clean or not */
		slot->state = POOL_LEASED;
		slot->lost = !ok;
		return;
	}
	forget_rows(slot);
	if (!ok) {
		fail(slot);
		return;
	}
	slot->failures = 0;
	slot->state = slot->lost ? POOL_BROKEN : POOL_READY;
	slot->lost = false;
}

void pool_lost(struct pool *pool, unsigned i)
{
	struct slot *slot = &pool->slots[i];

	switch (slot->state) {
	case POOL_LEASED:
	case POOL_CLEANING:
		slot->lost = true;
		break;
	case POOL_READY:
	case POOL_IDLE:
		slot->state = POOL_BROKEN;
		break;
	case POOL_EMPTY:
	case POOL_MAKING:
	case POOL_BROKEN:
		break;
	}
}

bool pool_reset(struct pool *pool, uint64_t owner)
{
	struct slot *slot = slot_of(pool, owner);
	struct outcome *o;

	if (!slot || slot->state != POOL_LEASED)
		return false;
	o = calloc(1, sizeof(*o));
	if (!o)
		return false;
	o->action = (struct pool_action){
	    POOL_CLEAN, (unsigned)(slot - pool->slots), 0, NULL};
	*pool->told_last = o;
	pool->told_last = &o->next;
	slot->state = POOL_CLEANING;
	slot->lost = false;
	return true;
}

static struct slot *find_state(struct pool *pool, enum pool_state state)
{
	for (unsigned i = 0; i < pool->config.max_slots; i++)
		if (pool->slots[i].state == state)
			return &pool->slots[i];
	return NULL;
}

static unsigned count_state(const struct pool *pool, enum pool_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool->config.max_slots; i++)
		n += pool->slots[i].state == state;
	return n;
}

static bool same_worker(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* The slot the first waiter may have at once: under FRESH_WORKER the one with
 * its worker's rows before any other. */
static struct slot *slot_for(struct pool *pool, const struct waiter *w)
{
	if (pool->config.fresh == POOL_FRESH_WORKER)
		for (unsigned i = 0; i < pool->config.max_slots; i++) {
			struct slot *slot = &pool->slots[i];

			if (slot->state == POOL_IDLE &&
			    same_worker(slot->worker, w->worker))
				return slot;
		}
	return find_state(pool, POOL_READY);
}

static bool grant(struct pool *pool, struct pool_action *ret)
{
	struct waiter *w = pool->first;
	struct slot *slot = w ? slot_for(pool, w) : NULL;

	if (!slot)
		return false;
	slot->state = POOL_LEASED;
	slot->owner = w->owner;
	slot->leases++;
	free(slot->worker);
	slot->worker = w->worker;
	w->worker = NULL;
	*ret = (struct pool_action){POOL_GRANT, (unsigned)(slot - pool->slots),
				    w->owner, NULL};
	unqueue(pool, &pool->first);
	pool->counts.granted++;
	return true;
}

/* Slots that are, or are about to be, free to hand out. */
static unsigned n_coming(const struct pool *pool)
{
	unsigned n =
	    count_state(pool, POOL_READY) + count_state(pool, POOL_MAKING);

	for (unsigned i = 0; i < pool->config.max_slots; i++)
		n += pool->slots[i].state == POOL_CLEANING &&
		     !pool->slots[i].owner;
	return n;
}

static unsigned n_existing(const struct pool *pool)
{
	return pool->config.max_slots - count_state(pool, POOL_EMPTY) -
	       count_state(pool, POOL_BROKEN);
}

/* An idle slot's rows stay while they may be asked for again: under
 * FRESH_WORKER, until somebody else needs the slot. */
static bool clean_now(const struct pool *pool)
{
	if (pool->config.fresh != POOL_FRESH_WORKER)
		return true;
	return n_waiters(pool) > n_coming(pool) &&
	       !count_state(pool, POOL_EMPTY);
}

static struct slot *makeable(struct pool *pool)
{
	struct slot *empty = find_state(pool, POOL_EMPTY);

	for (unsigned i = 0; i < pool->config.max_slots; i++)
		if (pool->slots[i].state == POOL_BROKEN &&
		    !give_up(&pool->slots[i]))
			return &pool->slots[i];
	return empty;
}

static bool refill(struct pool *pool, struct pool_action *ret)
{
	struct slot *idle = find_state(pool, POOL_IDLE);
	struct slot *slot;

	if (idle && clean_now(pool)) {
		idle->state = POOL_CLEANING;
		*ret = (struct pool_action){
		    POOL_CLEAN, (unsigned)(idle - pool->slots), 0, NULL};
		return true;
	}
	if (n_existing(pool) >= pool->config.min_slots &&
	    n_coming(pool) >= n_waiters(pool) + pool->config.ahead)
		return false;
	slot = makeable(pool);
	if (!slot)
		return false;
	slot->state = POOL_MAKING;
	*ret = (struct pool_action){POOL_MAKE, (unsigned)(slot - pool->slots),
				    0, NULL};
	return true;
}

/* Whether those who wait could ever be served. */
static bool is_hopeless(const struct pool *pool)
{
	for (unsigned i = 0; i < pool->config.max_slots; i++)
		if (!give_up(&pool->slots[i]))
			return false;
	return true;
}

bool pool_next(struct pool *pool, struct pool_action *ret)
{
	struct outcome *o = pool->told;

	if (o) {
		*ret = o->action;
		pool->told = o->next;
		if (!pool->told)
			pool->told_last = &pool->told;
		free(o);
		return true;
	}
	if (pool->first && (pool->closed || is_hopeless(pool))) {
		*ret = (struct pool_action){
		    POOL_REFUSE, 0, pool->first->owner,
		    pool->closed ? pool->closed : "no database can be made"};
		unqueue(pool, &pool->first);
		pool->counts.refused++;
		return true;
	}
	if (grant(pool, ret))
		return true;
	return !pool->closed && refill(pool, ret);
}

void pool_close(struct pool *pool, const char *reason)
{
	pool->closed = reason;
}

void pool_look(const struct pool *pool, unsigned i, struct pool_view *ret)
{
	const struct slot *slot = &pool->slots[i];

	*ret = (struct pool_view){slot->state, slot->owner, slot->worker,
				  slot->leases};
}

void pool_count(const struct pool *pool, struct pool_counts *ret)
{
	*ret = pool->counts;
	ret->slots = n_existing(pool);
	ret->ready = count_state(pool, POOL_READY);
	ret->leased = count_state(pool, POOL_LEASED);
	ret->busy =
	    count_state(pool, POOL_MAKING) + count_state(pool, POOL_CLEANING);
	ret->waiters = n_waiters(pool);
}

static const char *check_slot(const struct pool *pool, unsigned i)
{
	const struct slot *slot = &pool->slots[i];

	if (slot->state == POOL_LEASED && !slot->owner)
		return "a leased slot without an owner";
	if (slot->owner && slot->state != POOL_LEASED &&
	    slot->state != POOL_CLEANING)
		return "an owner on a slot that is not leased";
	if (slot->owner && is_waiting(pool, slot->owner))
		return "an owner that holds a slot and waits for one";
	for (unsigned j = 0; j < i; j++)
		if (slot->owner && pool->slots[j].owner == slot->owner)
			return "an owner with two slots";
	return NULL;
}

const char *pool_check(const struct pool *pool)
{
	unsigned long held = 0;

	for (unsigned i = 0; i < pool->config.max_slots; i++) {
		const char *wrong = check_slot(pool, i);

		if (wrong)
			return wrong;
		held += pool->slots[i].leases;
	}
	if (held != pool->counts.granted)
		return "the leases of the slots are not those granted";
	if (n_waiters(pool) > pool->config.max_waiters)
		return "more waiters than allowed";
	if (pool->counts.granted + pool->counts.refused + n_waiters(pool) >
	    pool->counts.asked)
		return "more answers than questions";
	return NULL;
}

const char *pool_state_name(enum pool_state state)
{
	switch (state) {
	case POOL_EMPTY:
		return "empty";
	case POOL_MAKING:
		return "making";
	case POOL_READY:
		return "ready";
	case POOL_LEASED:
		return "leased";
	case POOL_IDLE:
		return "idle";
	case POOL_CLEANING:
		return "cleaning";
	case POOL_BROKEN:
		return "broken";
	}
	return "?";
}
