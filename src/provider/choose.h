/* SPDX-License-Identifier: MIT */
/*
 * provider/choose.h - which image a service runs on.
 *
 * The rule of the manual: what was named; else, with a version, the first of
 * our tuned image and the official one that the engine has; else, with no
 * version, the newest of ours, then of the official ones there; else a pull of
 * the official one. Ours are never pulled. A pull that is due by age alone and
 * fails is a notice, and what is there serves.
 */
#ifndef PROVIDER_CHOOSE_H
#define PROVIDER_CHOOSE_H

#include "base/clock.h"
#include "dialect/address.h"
#include "docker/image.h"

struct engine;
struct error;
struct progress;

struct image_wish {
	enum dialect dialect;
	const char *version; /* or NULL */
	const char *image;   /* or NULL */
	const char *mirror;  /* "registry.local/hub" for "docker.io", or NULL */
	/* An image that the engine has is pulled again when it came there more
	 * than so many seconds ago; IMAGE_PULL_… */
	int64_t pull_age_s;
	/* "linux/arm64": what is there for another does not count; or NULL */
	const char *platform;
};

enum {
	IMAGE_PULL_ALWAYS = 0,
	IMAGE_PULL_MISSING = -1,
	IMAGE_PULL_NEVER = -2
};

/* The image is on the engine then. *ret_name is the caller's to free; of
 * *ret_image only id, tags, digests and labels are sure to be filled in. */
int image_choose(struct engine *engine, const struct image_wish *wish,
		 const struct deadline *deadline,
		 const struct progress *progress, char **ret_name,
		 struct image *ret_image, struct error *err);

/* "postgres@sha256:…": as the registry knows what was chosen under a name, or
 * NULL; borrowed of the image. */
const char *image_digest_of(const struct image *image, const char *name);

/*
 * Of a list of references ("testenv/postgres:15",
 * "docker.io/library/postgres:9", "x:latest") the one of `repo` with the
 * highest version, borrowed; NULL when none is of that repo. Numbers compare as
 * numbers, "latest" comes first, a suffix ("16-alpine") after the same without.
 * Pure.
 */
const char *image_newest(const struct image_list *list, const char *repo);

#endif
