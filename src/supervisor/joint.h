/* SPDX-License-Identifier: MIT */
/*
 * supervisor/joint.h - two sockets whose bytes go to one another.
 *
 * Bytes are moved as they come, in both directions, until both ends have said
 * that no more will follow, or either fails. An end that does not take its
 * bytes stops the other from being read: at most JOINT_PIECE bytes wait for
 * each. A lane does it; these calls, and the end, are the home loop's.
 */
#ifndef SUPERVISOR_JOINT_H
#define SUPERVISOR_JOINT_H

#include "base/buf.h"
#include "supervisor/lane.h"

#include <stdbool.h>
#include <stddef.h>

struct joint;

enum {
	JOINT_PIECE = LANE_PIECE
};

/* Called once, when the joint is over and its descriptors are closed; the joint
 * is freed after it. */
typedef void joint_end_fn(void *ctx);
/* Instead of it, when the server's machine does not answer any more: the
 * client, which is still there, is handed back to be told. */
typedef void joint_lost_fn(void *ctx, int client, int errno_value);

/* What the client sends goes through such a one, which appends what is to be
 * sent; -1 cuts the joint. What an end does not take stays in memory, so it
 * must not make much of little. It runs on the lane. */
typedef int joint_filter_fn(void *ctx, const char *data, size_t len,
			    struct buf *ret);

struct joint_spec {
	int client, server; /* connected, non-blocking; taken */
	/* Read from the client before, at most JOINT_PIECE: goes to the server
	 * first, past the filter. Copied. */
	const void *early;
	size_t early_len;
	joint_filter_fn *filter; /* or NULL */
	joint_end_fn *end;
	joint_lost_fn *lost; /* NULL: the server is on this machine */
	void *ctx;           /* of them all */
};

/* NULL when there is no thread to do it; the descriptors are closed then. */
struct joint *joint_new(struct lanes *lanes, const struct joint_spec *spec);

/* Is this the errno of a connection whose other machine is not there? */
bool joint_machine_is_gone(int errno_value);

/* Cuts both ends: nothing reaches either any more. spec.end is called from the
 * loop, not from here. */
void joint_cut(struct joint *j);
/* As if its server's machine were found gone, by that errno: somebody else
 * found out. `lost` is called from the loop, not from here. */
void joint_lose(struct joint *j, int errno_value);

#endif
