/* SPDX-License-Identifier: MIT */
/*
 * supervisor/watchdog.h - the process that outlives its owner by one clean-up.
 *
 * watchdog_start forks, before the program has threads. The watchdog is the
 * parent of the command, and a child subreaper: whatever the command leaves
 * running stays its descendant. It holds one end of a socket pair; when the
 * other end closes without a farewell, the owner is dead, and the watchdog
 * kills every descendant, calls `clean`, and exits. If the watchdog dies first,
 * the kernel kills the command (parent-death signal) and its orphans become the
 * owner's, which is a subreaper, too.
 *
 * It blocks every signal, has its own process group (in the owner's session,
 * so that the command can have the terminal), and holds no descriptor of the
 * owner's own: those are close-on-exec. What was handed to the owner without
 * that flag (stdin, stdout, stderr, a make's job server) is for the command;
 * once that runs, or the owner is dead, the watchdog has none of it any more,
 * and "/" for working directory.
 *
 * Order of an owner's life, none of it from more than one thread:
 *
 *	signals_save (passon.h), first of all in main
 *	watchdog_start
 *	watchdog_tell_session, watchdog_tell ... before each thing is made
 *	watchdog_spawn, watchdog_wait            one command, or none
 *	watchdog_sweep                           what the command left running
 *	(the session is ended: the watchdog still stands guard)
 *	watchdog_end
 *
 * A process that the owner forks without exec after watchdog_start shares the
 * socket; the owner's death is then seen through its pidfd (Linux 5.3).
 */
#ifndef SUPERVISOR_WATCHDOG_H
#define SUPERVISOR_WATCHDOG_H

#include "base/clock.h"
#include "session/session.h"

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct watchdog;

/* `clean` runs in the watchdog with all that was told, unless no session was.
 * It sees /dev/null for stdin, stdout and stderr. NULL: only kills. */
typedef void watchdog_clean_fn(const struct estate *estate);
/* An error also where the process may open too few descriptors for a session.
 */
int watchdog_start(watchdog_clean_fn *clean, struct watchdog **ret,
		   struct error *err);

/* The process that orphans of the command become children of. */
pid_t watchdog_pid(const struct watchdog *w);

/* Adds to what `clean` gets; a later value replaces one of the same kind. -1:
 * the watchdog is dead, which watchdog_wait will say. */
int watchdog_tell_session(struct watchdog *w, const char *session);
int watchdog_tell(struct watchdog *w, enum estate_kind kind, const char *value);

/* What to run; borrowed for the call. */
struct watchdog_command {
	char *const *argv; /* argv[0] is looked up in envp's PATH */
	char *const *envp;
	bool foreground; /* give it the terminal, if ours is in front */
};
/*
 * ERROR_NOT_FOUND, ERROR_CANNOT_RUN (both name argv[0]; arguments and
 * environment too large for the kernel are the latter), ERROR_INTERNAL. Once in
 * a watchdog's life; after a failure of the first two kinds it may be tried
 * again. The command has a process group of its own, and signal dispositions
 * and mask as the owner got them at its own start. From here to watchdog_end
 * the signals that watchdog_wait passes on do nothing else.
 */
int watchdog_spawn(struct watchdog *w, const struct watchdog_command *command,
		   pid_t *ret_pid, struct error *err);
/* To the command's whole process group, never after it was reaped. */
int watchdog_signal(struct watchdog *w, int signo);

/*
 * Waits for the command: its wait status. INT TERM HUP QUIT USR1 USR2 WINCH
 * TSTP are passed on to its process group, those too that came since
 * watchdog_spawn. When the command is stopped, the owner takes the terminal
 * back and stops as well (its whole process group, if the terminal said so);
 * when either is continued, both are. With timeout_ms over 0 the group gets
 * TERM then, and KILL after grace_ms more; *ret_timed_out tells, whatever the
 * status. Time spent stopped does not count.
 *
 * ERROR_INTERNAL "the watchdog process ended" if it was killed: what the
 * command left is dead by then.
 */
struct watchdog_wait {
	int64_t timeout_ms; /* 0: none */
	int64_t grace_ms;   /* between TERM and KILL; 0: 5 s */
	/* If fn is set: called when this descriptor (a supervisor's) is
	 * readable. */
	int fd;
	void (*fn)(void *ctx);
	void *ctx;
};
int watchdog_wait(struct watchdog *w, const struct watchdog_wait *wait,
		  int *ret_status, bool *ret_timed_out, struct error *err);

/*
 * After watchdog_wait: a Ctrl-C ended the command, which alone had the
 * terminal. Whoever waits for us (a script, a shell's loop, the rest of a
 * pipeline) would have had it, too, and goes by it: at the very end the owner
 * should hand it on (signals_die_of in passon.h).
 */
bool watchdog_interrupted(const struct watchdog *w);

/*
 * Ends everything that the command left running, and the command itself if it
 * still does: TERM (and CONT), then KILL after grace_ms (0: at once). Returns
 * when nothing is left. Daemons that left the process group or the session are
 * found; another testenv's watchdog among them gets 10 s for its own clean-up.
 * What even KILL does not end within 15 s (a dead disk) is left.
 */
void watchdog_sweep(struct watchdog *w, int64_t grace_ms);

/* Sweeps, says farewell, reaps the watchdog, puts the signal handlers back.
 * Frees w. NULL is nothing. */
void watchdog_end(struct watchdog *w, int64_t grace_ms);

#endif
