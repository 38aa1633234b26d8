/* SPDX-License-Identifier: MIT */
/*
 * session/images.h - the images of the engine that is in use; see
 * provider/images.h for what each call does. `host` is as for engine_discover:
 * NULL lets the environment decide.
 */
#ifndef SESSION_IMAGES_H
#define SESSION_IMAGES_H

#include "provider/images.h"

/* Every image of `names`; an empty list: all there are. The tags made, also
 * those before a failure, are added to ret_tags. */
int session_images_build(const char *host, char *const *names, const char *base,
			 const struct deadline *deadline,
			 const struct progress *progress,
			 struct strvec *ret_tags, struct error *err);

int session_images_list(const char *host, const struct deadline *deadline,
			struct images_list *ret, struct error *err);

/* Removes those named and, if asked to, every template. Goes on after a failure
 * and returns the first; what went is added to ret_removed. */
int session_images_remove(const char *host, char *const *names, bool templates,
			  const struct deadline *deadline,
			  struct strvec *ret_removed, struct error *err);

#endif
