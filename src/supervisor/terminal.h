/* SPDX-License-Identifier: MIT */
/*
 * supervisor/terminal.h - who has the terminal.
 */
#ifndef SUPERVISOR_TERMINAL_H
#define SUPERVISOR_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

/* The controlling terminal, close-on-exec; -1 when there is none. The others
 * take that -1 and do nothing. */
int terminal_open(void);
/* Is this the process group that the terminal listens to? */
bool terminal_is(int tty, pid_t group);
/* Makes it that, also from the background. */
void terminal_give(int tty, pid_t group);

#endif
