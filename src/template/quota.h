/* SPDX-License-Identifier: MIT */
/*
 * template/quota.h - which kept templates go, and why. Pure.
 */
#ifndef TEMPLATE_QUOTA_H
#define TEMPLATE_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* A template that was never used from this cache directory is somebody
	 * else's, on an engine that is shared; none of them is noted anywhere
	 * that we could see. It goes when it is this old: then whoever uses it
	 * pays for one build a month. */
	QUOTA_STRANGER_S = 30 * 24 * 60 * 60,
	/* Nobody finds one that has no name any more; the session that still
	 * uses it mostly has a container of it, which keeps it. */
	QUOTA_NAMELESS_S = 60 * 60
};

enum quota_verdict {
	QUOTA_KEEP,        /* within the quota */
	QUOTA_KEEP_HELD,   /* in use */
	QUOTA_KEEP_OTHERS, /* never used from here */
	QUOTA_OVER,        /* used longest ago, and there is too much */
	QUOTA_OLD,         /* never used from here, and a month old */
	QUOTA_REPLACED     /* a newer one has its name */
};

struct quota_item {
	const char *name; /* decides between equals */
	int64_t bytes;
	int64_t used_s; /* epoch; -1: never from here */
	int64_t created_s;
	bool held;
	bool replaced;
	enum quota_verdict verdict; /* the answer */
};

/* Only what was used from here counts against `bytes`. */
void quota_judge(struct quota_item *items, size_t n, int64_t bytes,
		 int64_t now_s);
bool quota_goes(enum quota_verdict verdict);
/* "used longest ago, and over cache_size" */
const char *quota_reason(enum quota_verdict verdict);

#endif
