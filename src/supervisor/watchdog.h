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
 * It ignores the signals of the terminal, has its own process group, and holds
 * no descriptor of the owner but stdin, stdout and stderr, which it gives to
 * the command and then closes.
 */
#ifndef SUPERVISOR_WATCHDOG_H
#define SUPERVISOR_WATCHDOG_H

#include "base/clock.h"
#include "session/session.h"

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct watchdog;

/* `clean` runs in the watchdog with all that was told. NULL: only kills. */
typedef void watchdog_clean_fn(const struct estate *estate);
int watchdog_start(watchdog_clean_fn *clean, struct watchdog **ret,
		   struct error *err);

/* Adds to what `clean` gets. */
int watchdog_tell_session(struct watchdog *w, const char *session);
int watchdog_tell(struct watchdog *w, enum estate_kind kind, const char *value);

/* What to run; borrowed for the call. */
struct watchdog_command {
	char *const *argv; /* argv[0] is looked up in envp's PATH */
	char *const *envp;
	bool foreground; /* give it the terminal, if ours is in front */
};
/* ERROR_NOT_FOUND, ERROR_CANNOT_RUN (both name argv[0]), ERROR_INTERNAL. In a
 * process group of its own; signal dispositions and mask as the owner got them
 * at its own start (watchdog_start saves them). */
int watchdog_spawn(struct watchdog *w, const struct watchdog_command *command,
		   pid_t *ret_pid, struct error *err);
/* To the command's whole process group, never after it was reaped. */
int watchdog_signal(struct watchdog *w, int signo);

/*
 * Waits for the command: its wait status. A signal that the owner gets is
 * passed on; the terminal's stop and continue are followed. With timeout_ms
 * over 0 it gets TERM then, and KILL after grace_ms more; *ret_timed_out tells.
 * ERROR_SERVER "watchdog ended" if the watchdog died.
 */
struct watchdog_wait {
	int64_t timeout_ms; /* 0: none */
	int64_t grace_ms;   /* between TERM and KILL; 0: 5 s */
	/* Owner's extra descriptor to watch while waiting (a supervisor's), or
	 * -1; fn is called when it is readable. */
	int fd;
	void (*fn)(void *ctx);
	void *ctx;
};
int watchdog_wait(struct watchdog *w, const struct watchdog_wait *wait,
		  int *ret_status, bool *ret_timed_out, struct error *err);

/* Ends everything the command left running (TERM, then KILL after grace_ms),
 * says farewell and reaps the watchdog. Frees w. */
void watchdog_end(struct watchdog *w, int64_t grace_ms);

#endif
