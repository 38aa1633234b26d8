/* SPDX-License-Identifier: MIT */
/*
 * session/doctor.h - what this machine has to offer, and what is wrong with it.
 *
 * Only looks: nothing is created, pulled or changed, here or on an engine.
 */
#ifndef SESSION_DOCTOR_H
#define SESSION_DOCTOR_H

#include "base/clock.h"
#include "base/error.h"
#include "base/strvec.h"

#include <stdbool.h>
#include <stddef.h>

struct config;

/* A place where an engine may be, and what it answered. */
struct doctor_candidate {
	char *host, *source;
	char *version; /* NULL: it did not answer */
	char *failure; /* NULL: it did */
	bool used;
};

/* What is known of a thing, for people and for --json: "storage driver". */
struct doctor_fact {
	char *name, *value;
};

/* A database server installed on this machine. */
struct doctor_program {
	const char *dialect;
	char *server, *version;
};

struct doctor {
	struct doctor_candidate *candidates;
	size_t n_candidates;
	struct doctor_fact *facts; /* of the engine that would be used */
	size_t n_facts;
	struct strvec images; /* database images on it */
	struct doctor_program *programs;
	size_t n_programs;
	char *sqlite_version;
	struct doctor_fact *disk; /* a folder, its free bytes in digits */
	size_t n_disk;
	const char *backend;    /* that would be used; NULL: none can be */
	bool fallback;          /* it is not the first choice */
	struct error why;       /* why not containers; ERROR_NONE if they are */
	struct strvec warnings; /* about an engine that can be used */
	struct strvec fixes;    /* the next step for each problem */
};

/* Never fails: what cannot be found out is in the report. It asks every
 * candidate, in parallel, until the deadline. */
void doctor_look(const struct config *config, const struct deadline *deadline,
		 struct doctor *ret);
void doctor_free(struct doctor *d);

#endif
