/* SPDX-License-Identifier: MIT */
/*
 * session/companions.h - the session's services beside its databases.
 *
 * One that is shared has one container; of one that is per worker each slot
 * has its own, made with the slot. They start in the order of their
 * dependencies, what is independent at the same time, and images are pulled
 * side by side.
 */
#ifndef SESSION_COMPANIONS_H
#define SESSION_COMPANIONS_H

#include "base/clock.h"
#include "base/strvec.h"
#include "provider/companion.h"

#include <stdbool.h>

struct companions;
struct config_companion;
struct error;
struct session;

/*
 * Of the session's configuration, asking nothing of anybody. Without an engine
 * (why: the reason) those that are optional are missing, which is told; one
 * that is not: NULL with that error.
 */
struct companions *companions_new(struct session *s, const struct error *why,
				  struct error *err);
/* Starts all, of those that are per worker one for each of the first `slots`.
 * One that fails and is optional is missing from then on, which is told. */
int companions_start(struct companions *all, unsigned slots,
		     const struct deadline *deadline, struct error *err);
/* From any thread: what is being started is wanted no more. */
void companions_give_up(struct companions *all);
/* Those of one slot: made, if they are not there or have ended. For different
 * slots at once. */
int companions_start_slot(struct companions *all, unsigned slot,
			  const struct deadline *deadline, struct error *err);
/* Brings those of a slot back with their reset command. */
int companions_reset_slot(struct companions *all, unsigned slot,
			  const struct deadline *deadline, struct error *err);
/* Removes all. NULL is nothing. */
void companions_free(struct companions *all, const struct deadline *deadline);

unsigned companions_count(const struct companions *all); /* NULL: 0 */
const struct config_companion *companions_config(const struct companions *all,
						 unsigned i);
bool companions_is_missing(const struct companions *all, unsigned i);
/* NULL when it is missing. */
struct companion *companions_at(const struct companions *all, unsigned i);

/* See session.h. */
void companions_set_public(struct companions *all, unsigned i, int slot,
			   const struct companion_address *address);
bool companions_any_per_worker(const struct companions *all);

/*
 * NAME_URL, NAME_HOST, NAME_PORT and the exports of each; of one that is
 * missing they are taken out. slot negative: the caller's own; else the number
 * as in TESTENV_URL_n, or for a lease its very slot. worker may be NULL.
 */
struct companion_view {
	long slot;
	bool leased;
	const char *worker;
};
int companions_variables(const struct companions *all,
			 const struct companion_view *view, struct strvec *env,
			 struct error *err);

/* Whose URL it is by its image and probe: "redis", "http", "tcp". Pure. */
const char *companion_scheme(const char *image, enum probe probe);

/* Expands {url} {host} {port} {port:9000} {slot} {worker}; "{{" is a brace.
 * ERROR_CONFIG for another name, or a port that is not published. Pure. */
struct companion_words {
	const struct companion_address *address;
	const char *url, *slot, *worker; /* NULL: empty */
};
int companion_expand(const char *text, const struct companion_words *words,
		     struct buf *ret, struct error *err);

#endif
