/* SPDX-License-Identifier: MIT */
/*
 * docker/tree.h - a directory with all in it as a tar in a file, and back.
 *
 * Only directories and regular files: whatever leads elsewhere (links) or is
 * neither is refused on either way. Owners, modes and times do not travel.
 */
#ifndef DOCKER_TREE_H
#define DOCKER_TREE_H

#include "base/clock.h"

struct error;

/* Into a new file `to` of mode 0600. ERROR_REFUSED names what may not be in
 * it. A failure leaves no file. */
int tree_pack(const char *dir, const char *to, const struct deadline *deadline,
	      struct error *err);

/*
 * Into a new directory `to`, 0700 and 0600, all of it this process's user's.
 * Nothing is written outside of `to`, whatever the tar says: ERROR_REFUSED for
 * a name that leads out, a link, a name that comes twice, or more bytes than
 * the tar has; ERROR_CONFIG for one that is cut off or none. A failure leaves
 * nothing.
 */
int tree_unpack(const char *from, const char *to,
		const struct deadline *deadline, struct error *err);

#endif
