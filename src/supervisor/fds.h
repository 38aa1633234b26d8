/* SPDX-License-Identifier: MIT */
/*
 * supervisor/fds.h - the descriptors of this process, wholesale.
 */
#ifndef SUPERVISOR_FDS_H
#define SUPERVISOR_FDS_H

#include <stddef.h>

enum fds_which {
	FDS_CLOEXEC, /* our own: all that we open is close-on-exec */
	FDS_ALL      /* those that were handed to us, too */
};

/* Closes all from 3 up but these n (-1 among them is nothing). */
void fds_close(const int *keep, size_t n, enum fds_which which);

#endif
