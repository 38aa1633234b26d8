/* SPDX-License-Identifier: MIT */
/*
 * The pool under random sequences of events, beside a model of what a caller
 * sees: who holds which slot, and whose rows are in it.
 */
#include "unit/cm.h"

#include "pool/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLOTS = 6,
	OWNERS = 40,
	STEPS = 60000
};

struct model {
	struct pool *pool;
	unsigned seed;
	bool making[SLOTS], cleaning[SLOTS], exists[SLOTS];
	uint64_t rows[SLOTS]; /* the owner whose rows are there, 0: none */
	char label[SLOTS][8]; /* of those rows */
	uint64_t holder[SLOTS];
	bool resetting[SLOTS];
	uint64_t queue[OWNERS]; /* asked and not answered, in order */
	char queue_label[OWNERS][8];
	unsigned n_queue;
	uint64_t next_owner;
	enum pool_fresh fresh;
	unsigned long grants, refusals;
};

static unsigned roll(struct model *m, unsigned n)
{
	m->seed = m->seed * 1103515245 + 12345;
	return (m->seed >> 16) % n;
}

static void drop_from_queue(struct model *m, unsigned i)
{
	m->n_queue--;
	memmove(&m->queue[i], &m->queue[i + 1],
		(m->n_queue - i) * sizeof(m->queue[0]));
	memmove(&m->queue_label[i], &m->queue_label[i + 1],
		(m->n_queue - i) * sizeof(m->queue_label[0]));
}

static void on_grant(struct model *m, const struct pool_action *a)
{
	/* fair: whoever asked first */
	assert_true(m->n_queue > 0);
	assert_int_equal(m->queue[0], a->owner);
	assert_true(m->exists[a->slot]);
	assert_int_equal(m->holder[a->slot], 0);
	if (m->fresh == POOL_FRESH_OWNER)
		assert_int_equal(m->rows[a->slot], 0);
	if (m->fresh == POOL_FRESH_WORKER && m->rows[a->slot])
		assert_string_equal(m->label[a->slot], m->queue_label[0]);
	m->holder[a->slot] = a->owner;
	m->rows[a->slot] = a->owner;
	memcpy(m->label[a->slot], m->queue_label[0], sizeof(m->label[0]));
	drop_from_queue(m, 0);
	m->grants++;
}

static void on_refuse(struct model *m, const struct pool_action *a)
{
	for (unsigned i = 0; i < m->n_queue; i++)
		if (m->queue[i] == a->owner) {
			drop_from_queue(m, i);
			m->refusals++;
			return;
		}
	fail_msg("a refusal for nobody");
}

static void drain(struct model *m)
{
	struct pool_action a;

	while (pool_next(m->pool, &a)) {
		switch (a.kind) {
		case POOL_MAKE:
			assert_false(m->making[a.slot] || m->cleaning[a.slot]);
			assert_int_equal(m->holder[a.slot], 0);
			m->making[a.slot] = true;
			break;
		case POOL_CLEAN:
			assert_false(m->making[a.slot] || m->cleaning[a.slot]);
			assert_true(!m->holder[a.slot] || m->resetting[a.slot]);
			m->cleaning[a.slot] = true;
			break;
		case POOL_GRANT:
			on_grant(m, &a);
			break;
		case POOL_REFUSE:
			assert_non_null(a.reason);
			on_refuse(m, &a);
			break;
		}
		assert_null(pool_check(m->pool));
	}
}

static void ask(struct model *m)
{
	uint64_t owner = m->next_owner++;
	unsigned slot;
	char label[8];

	if (m->n_queue == OWNERS)
		return;
	snprintf(label, sizeof(label), "w%u", roll(m, 3));
	m->queue[m->n_queue] = owner;
	memcpy(m->queue_label[m->n_queue++], label, sizeof(label));
	assert_int_equal(pool_ask(m->pool, owner, label, &slot), 0);
	if (roll(m, 4) == 0)
		assert_int_equal(pool_ask(m->pool, owner, label, &slot), 0);
}

static void leave(struct model *m)
{
	unsigned slot = roll(m, SLOTS);

	if (roll(m, 3) == 0 && m->n_queue) {
		unsigned i = roll(m, m->n_queue);

		pool_gone(m->pool, m->queue[i]);
		drop_from_queue(m, i);
	} else if (m->holder[slot]) {
		unsigned held;

		assert_int_equal(
		    pool_ask(m->pool, m->holder[slot], NULL, &held), 1);
		assert_int_equal(held, slot);
		pool_gone(m->pool, m->holder[slot]);
		m->holder[slot] = 0;
	}
}

static void finish_job(struct model *m, bool may_fail)
{
	unsigned slot = roll(m, SLOTS);
	bool ok = !may_fail || roll(m, 8) != 0;

	if (m->making[slot]) {
		m->making[slot] = false;
		m->exists[slot] = ok;
		m->rows[slot] = 0;
		pool_made(m->pool, slot, ok);
	} else if (m->cleaning[slot]) {
		m->cleaning[slot] = false;
		m->resetting[slot] = false;
		if (!m->holder[slot])
			m->exists[slot] = ok;
		m->rows[slot] = m->holder[slot];
		pool_cleaned(m->pool, slot, ok);
	}
}

static void reset(struct model *m)
{
	unsigned slot = roll(m, SLOTS);

	if (m->holder[slot] && pool_reset(m->pool, m->holder[slot]))
		m->resetting[slot] = true;
}

static void run_model(unsigned seed, enum pool_fresh fresh, bool may_fail)
{
	struct pool_config config = {SLOTS, 2, 1, OWNERS, fresh};
	struct model m = {.seed = seed, .fresh = fresh, .next_owner = 1};
	struct pool_counts counts;

	m.pool = pool_new(&config);
	assert_non_null(m.pool);
	for (int step = 0; step < STEPS; step++) {
		switch (roll(&m, 8)) {
		case 0:
		case 1:
			ask(&m);
			break;
		case 2:
		case 3:
			leave(&m);
			break;
		case 4:
			reset(&m);
			break;
		case 5:
			if (may_fail && roll(&m, 20) == 0)
				pool_lost(m.pool, roll(&m, SLOTS));
			break;
		default:
			finish_job(&m, may_fail);
		}
		assert_null(pool_check(m.pool));
		drain(&m);
	}
	pool_count(m.pool, &counts);
	assert_int_equal(counts.granted, m.grants);
	assert_int_equal(counts.refused, m.refusals);
	assert_int_equal(counts.waiters, m.n_queue);
	assert_true(m.grants > 100 || may_fail);
	pool_free(m.pool);
}

static void random_sequences_keep_the_invariants(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 3; seed++) {
		run_model(seed, POOL_FRESH_OWNER, false);
		run_model(seed, POOL_FRESH_WORKER, false);
		run_model(seed, POOL_FRESH_NEVER, false);
		run_model(seed, POOL_FRESH_OWNER, true);
	}
}

/* Carries out makes and cleans at once until there is nothing to do; counts the
 * grants of `owner` and refusals. */
static int settle(struct pool *pool, uint64_t owner, const char **ret_reason)
{
	struct pool_action a;
	int granted = -1;

	while (pool_next(pool, &a)) {
		if (a.kind == POOL_MAKE)
			pool_made(pool, a.slot, true);
		else if (a.kind == POOL_CLEAN)
			pool_cleaned(pool, a.slot, true);
		else if (a.kind == POOL_GRANT && a.owner == owner)
			granted = (int)a.slot;
		else if (a.kind == POOL_REFUSE && ret_reason)
			*ret_reason = a.reason;
	}
	return granted;
}

static void no_waiter_is_lost(void **state)
{
	struct pool_config config = {2, 0, 0, 100, POOL_FRESH_OWNER};
	struct pool *pool = pool_new(&config);
	unsigned slot;

	(void)state;
	for (uint64_t o = 1; o <= 50; o++)
		assert_int_equal(pool_ask(pool, o, NULL, &slot), 0);
	/* each one's end serves the next, in order */
	assert_int_not_equal(settle(pool, 2, NULL), -1);
	for (uint64_t o = 1; o <= 48; o++) {
		pool_gone(pool, o);
		assert_int_not_equal(settle(pool, o + 2, NULL), -1);
	}
	pool_free(pool);
}

static void what_can_never_be_made_is_refused(void **state)
{
	struct pool_config config = {1, 0, 0, 8, POOL_FRESH_OWNER};
	struct pool *pool = pool_new(&config);
	struct pool_action a;
	unsigned slot;
	int makes = 0;

	(void)state;
	pool_ask(pool, 7, NULL, &slot);
	while (pool_next(pool, &a) && a.kind == POOL_MAKE) {
		makes++;
		pool_made(pool, a.slot, false);
	}
	assert_int_equal(makes, 3);
	assert_int_equal(a.kind, POOL_REFUSE);
	assert_int_equal(a.owner, 7);
	assert_string_equal(a.reason, "no database can be made");
	pool_free(pool);
}

static void a_full_queue_and_a_closed_pool_refuse(void **state)
{
	struct pool_config config = {1, 0, 0, 1, POOL_FRESH_OWNER};
	struct pool *pool = pool_new(&config);
	const char *reason = NULL;
	unsigned slot;

	(void)state;
	pool_ask(pool, 1, NULL, &slot);
	pool_ask(pool, 2, NULL, &slot);
	assert_int_equal(settle(pool, 1, &reason), 0);
	assert_string_equal(reason, "too many wait for a database");
	pool_ask(pool, 3, NULL, &slot);
	pool_close(pool, "the session ends");
	settle(pool, 3, &reason);
	assert_string_equal(reason, "the session ends");
	pool_ask(pool, 4, NULL, &slot);
	reason = NULL;
	settle(pool, 4, &reason);
	assert_string_equal(reason, "the session ends");
	pool_free(pool);
}

static void slots_are_made_ahead_up_to_the_bound(void **state)
{
	struct pool_config config = {3, 1, 1, 8, POOL_FRESH_OWNER};
	struct pool *pool = pool_new(&config);
	struct pool_counts counts;
	unsigned slot;

	(void)state;
	settle(pool, 0, NULL);
	pool_count(pool, &counts);
	assert_int_equal(counts.ready, 1);
	for (uint64_t o = 1; o <= 5; o++)
		pool_ask(pool, o, NULL, &slot);
	settle(pool, 0, NULL);
	pool_count(pool, &counts);
	assert_int_equal(counts.slots, 3);
	assert_int_equal(counts.leased, 3);
	assert_int_equal(counts.waiters, 2);
	pool_free(pool);
}

static void a_worker_keeps_its_rows_under_fresh_worker(void **state)
{
	struct pool_config config = {2, 0, 0, 8, POOL_FRESH_WORKER};
	struct pool *pool = pool_new(&config);
	struct pool_view view;
	unsigned slot;
	int a;
	int b;

	(void)state;
	pool_ask(pool, 1, "gw0", &slot);
	a = settle(pool, 1, NULL);
	pool_ask(pool, 2, "gw1", &slot);
	b = settle(pool, 2, NULL);
	pool_gone(pool, 1);
	pool_gone(pool, 2);
	pool_ask(pool, 3, "gw1", &slot);
	assert_int_equal(settle(pool, 3, NULL), b);
	pool_look(pool, (unsigned)b, &view);
	assert_string_equal(view.worker, "gw1");
	assert_int_equal(view.leases, 2);
	/* somebody else gets the other one, cleaned */
	pool_ask(pool, 4, "gw2", &slot);
	assert_int_equal(settle(pool, 4, NULL), a);
	pool_free(pool);
}

static void a_lost_slot_is_made_anew_for_the_next(void **state)
{
	struct pool_config config = {1, 0, 0, 8, POOL_FRESH_OWNER};
	struct pool *pool = pool_new(&config);
	struct pool_action a;
	unsigned slot;

	(void)state;
	pool_ask(pool, 1, NULL, &slot);
	settle(pool, 1, NULL);
	pool_lost(pool, 0);
	pool_gone(pool, 1);
	pool_ask(pool, 2, NULL, &slot);
	assert_true(pool_next(pool, &a));
	assert_int_equal(a.kind, POOL_MAKE);
	pool_free(pool);
}

static void a_reset_tries_again_what_was_lost(void **state)
{
	struct pool_config config = {1, 0, 0, 8, POOL_FRESH_OWNER};
	struct pool *pool = pool_new(&config);
	struct pool_action a;
	unsigned slot;

	(void)state;
	pool_ask(pool, 1, NULL, &slot);
	settle(pool, 1, NULL);
	pool_lost(pool, 0);
	/* it fails once, and then it does not */
	for (int ok = 0; ok < 2; ok++) {
		assert_true(pool_reset(pool, 1));
		assert_false(pool_reset(pool, 1));
		assert_true(pool_next(pool, &a));
		assert_int_equal(a.kind, POOL_CLEAN);
		pool_cleaned(pool, 0, ok);
	}
	/* for the next it is cleaned, not made */
	pool_gone(pool, 1);
	pool_ask(pool, 2, NULL, &slot);
	assert_true(pool_next(pool, &a));
	assert_int_equal(a.kind, POOL_CLEAN);
	pool_free(pool);
}

/* How often a slot is made for it. */
static unsigned attempts_for(struct pool *pool, uint64_t owner, bool ok,
			     bool *ret_granted)
{
	struct pool_action a;
	unsigned slot, n = 0;

	*ret_granted = false;
	pool_ask(pool, owner, NULL, &slot);
	while (pool_next(pool, &a)) {
		if (a.kind == POOL_MAKE)
			pool_made(pool, a.slot, ok);
		n += a.kind == POOL_MAKE;
		*ret_granted |= a.kind == POOL_GRANT;
	}
	return n;
}

static void what_was_given_up_is_tried_for_who_comes_new(void **state)
{
	struct pool_config config = {2, 0, 0, 8, POOL_FRESH_OWNER};
	struct pool *pool = pool_new(&config);
	bool granted;

	(void)state;
	assert_int_equal(attempts_for(pool, 1, false, &granted), 6);
	assert_false(granted);
	/* once, not as often as at first */
	assert_int_equal(attempts_for(pool, 2, false, &granted), 1);
	assert_false(granted);
	assert_int_equal(attempts_for(pool, 3, true, &granted), 1);
	assert_true(granted);
	assert_int_equal(attempts_for(pool, 4, true, &granted), 1);
	assert_true(granted);
	assert_null(pool_check(pool));
	pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_sequences_keep_the_invariants),
	    cmocka_unit_test(no_waiter_is_lost),
	    cmocka_unit_test(what_can_never_be_made_is_refused),
	    cmocka_unit_test(what_was_given_up_is_tried_for_who_comes_new),
	    cmocka_unit_test(a_full_queue_and_a_closed_pool_refuse),
	    cmocka_unit_test(slots_are_made_ahead_up_to_the_bound),
	    cmocka_unit_test(a_worker_keeps_its_rows_under_fresh_worker),
	    cmocka_unit_test(a_lost_slot_is_made_anew_for_the_next),
	    cmocka_unit_test(a_reset_tries_again_what_was_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
