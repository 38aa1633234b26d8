/* SPDX-License-Identifier: MIT */
/*
 * supervisor/joint.h - two sockets whose bytes go to one another.
 *
 * Bytes are moved as they come, in both directions, until both ends have said
 * that no more will follow, or either fails. An end that does not take its
 * bytes stops the other from being read: at most JOINT_PIECE bytes wait for
 * each. One loop's thread.
 */
#ifndef SUPERVISOR_JOINT_H
#define SUPERVISOR_JOINT_H

#include "base/buf.h"

#include <stddef.h>
#include <uv.h>

struct joint;

enum {
	JOINT_PIECE = 64 * 1024
};

/* Called once, when the joint is over and its descriptors are closed; the joint
 * is freed after it. */
typedef void joint_end_fn(void *ctx);

/*
 * Takes both connected, non-blocking descriptors. What was read from `client`
 * before (len bytes, copied, at most JOINT_PIECE) goes to `server` first. NULL
 * when the loop cannot watch them; they are closed then.
 */
struct joint *joint_new(uv_loop_t *loop, int client, int server,
			const void *early, size_t len, joint_end_fn *fn,
			void *ctx);
/* What the client sends from now on goes through fn, which appends what is to
 * be sent; -1 cuts the joint. What an end does not take stays in memory, so fn
 * must not make much of little. */
typedef int joint_filter_fn(void *ctx, const char *data, size_t len,
			    struct buf *ret);
void joint_filter(struct joint *j, joint_filter_fn *fn, void *ctx);

/* Cuts both ends; fn is called from the loop, not from here. */
void joint_cut(struct joint *j);

#endif
