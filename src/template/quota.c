/* SPDX-License-Identifier: MIT */
#include "template/quota.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static enum quota_verdict judge_one(const struct quota_item *item,
				    int64_t now_s)
{
	if (item->held)
		return QUOTA_KEEP_HELD;
	if (item->replaced)
		return item->used_s >= 0 ||
			       item->created_s < now_s - QUOTA_NAMELESS_S
			   ? QUOTA_REPLACED
			   : QUOTA_KEEP_OTHERS;
	if (item->used_s >= 0)
		return QUOTA_KEEP;
	return item->created_s < now_s - QUOTA_STRANGER_S ? QUOTA_OLD
							  : QUOTA_KEEP_OTHERS;
}

static int oldest_first(const void *a, const void *b)
{
	const struct quota_item *x = *(struct quota_item *const *)a;
	const struct quota_item *y = *(struct quota_item *const *)b;

	if (x->used_s != y->used_s)
		return x->used_s < y->used_s ? -1 : 1;
	return strcmp(x->name, y->name);
}

void quota_judge(struct quota_item *items, size_t n, int64_t bytes,
		 int64_t now_s)
{
	auto_free struct quota_item **order =
	    xcalloc(n + 1, sizeof(struct quota_item *));
	size_t n_ours = 0;
	int64_t total = 0;

	for (size_t i = 0; i < n; i++) {
		items[i].verdict = judge_one(&items[i], now_s);
		if (items[i].used_s < 0 || quota_goes(items[i].verdict))
			continue;
		total += items[i].bytes;
		order[n_ours++] = &items[i];
	}
	if (n_ours)
		qsort(order, n_ours, sizeof(*order), oldest_first);
	for (size_t i = 0; i < n_ours && total > bytes; i++) {
		if (order[i]->held)
			continue;
		order[i]->verdict = QUOTA_OVER;
		total -= order[i]->bytes;
	}
}

bool quota_goes(enum quota_verdict verdict)
{
	return verdict == QUOTA_OVER || verdict == QUOTA_OLD ||
	       verdict == QUOTA_REPLACED;
}

const char *quota_reason(enum quota_verdict verdict)
{
	switch (verdict) {
	case QUOTA_KEEP:
		return "within cache_size";
	case QUOTA_KEEP_HELD:
		return "in use";
	case QUOTA_KEEP_OTHERS:
		return "never used from here";
	case QUOTA_OVER:
		return "used longest ago, and over cache_size";
	case QUOTA_OLD:
		return "never used from here, and a month old";
	case QUOTA_REPLACED:
		return "a newer one has its name";
	}
	return "";
}
