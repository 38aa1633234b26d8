/* SPDX-License-Identifier: MIT */
/*
 * supervisor/passon.h - signals as they were, and signals that are meant for
 * somebody else.
 */
#ifndef SUPERVISOR_PASSON_H
#define SUPERVISOR_PASSON_H

#include <stdbool.h>

/*
 * Remembers the process's signal mask and which signals it ignores, once: the
 * first call counts. To be called first of all in main, before any handler is
 * set, so that a command is started as testenv was (nohup, a shell's `&`).
 */
void signals_save(void);
/* In a new process, before exec: everything as remembered, else default. */
void signals_restore(void);
/* Was it ignored when signals_save was called? Then it should stay so. */
bool signals_ignored(int signo);

/* Sends it to the own process group, and dies of it, too; returns if it was
 * ignored from the start. */
void signals_die_of(int signo);

/*
 * Collects INT TERM HUP QUIT USR1 USR2 WINCH TSTP CONT for a command instead of
 * obeying them, from passon_start to passon_end, which puts back the handlers
 * that were there. Signals ignored from the start stay ignored. One at a time
 * in a process; the handlers may run on any thread.
 */
int passon_start(void); /* a descriptor, readable when some came; -1: errno */
void passon_end(void);
/* One of those that came, or 0; empties the descriptor. */
int passon_next(void);
/* Has this one come? It is forgotten. */
bool passon_take(int signo);
/* Obeys the signal as if it were not collected, in the own process group (or
 * only here), and goes on collecting. */
void passon_obey(int signo, bool whole_group);

#endif
