/* SPDX-License-Identifier: MIT */
/*
 * supervisor/ending.h - how a process ended that is not our child.
 */
#ifndef SUPERVISOR_ENDING_H
#define SUPERVISOR_ENDING_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Did it end with another code than 0, or by a signal? To be asked when its
 * pidfd has become readable. A zombie says so in /proc; one that its parent has
 * collected by then only on Linux 6.15 and later: false where it is unknown.
 */
bool ending_was_failure(pid_t pid, int pidfd);

#endif
