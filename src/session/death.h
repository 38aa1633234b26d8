/* SPDX-License-Identifier: MIT */
/*
 * session/death.h - how the death of a container's owner is proven.
 *
 * Its labels say who the owner is. He is judged by his process and his lock
 * where the asking process can see both (same boot, same pid namespace), by the
 * boot where the machine is the same, and else by nothing but the expiry.
 */
#ifndef SESSION_DEATH_H
#define SESSION_DEATH_H

#include "base/strvec.h"
#include "provider/labels.h"

/*
 * Why the container with these labels ("key=value") may be removed, or NULL.
 * `self` is who asks. Labels that nobody here wrote prove nothing.
 */
const char *death_of(const struct strvec *labels,
		     const struct label_owner *self, int64_t now_s);

#endif
