/* SPDX-License-Identifier: MIT */
/* dialect/original_private.h - what original.c gives to original_keep.c. */
#ifndef DIALECT_ORIGINAL_PRIVATE_H
#define DIALECT_ORIGINAL_PRIVATE_H

#include "dialect/original.h"

/* Copies a database, of which either may be the original, with all that CREATE
 * DATABASE leaves behind. */
int original_copy(struct db *admin, const char *from, const char *to,
		  enum original_strategy strategy,
		  const struct deadline *deadline, struct error *err);

#endif
