/* SPDX-License-Identifier: MIT */
/*
 * base/ward.h - long-lived programs in our keeping, which cannot outlive us.
 * (base/child.h runs a command of the user's to its end.)
 *
 * All are started by one thread, which lives until wards_free: the kernel
 * sends a program its death signal when that thread ends, however this process
 * comes to its end, SIGKILL included. The same thread reads what they print
 * into their logs, and reaps them.
 *
 * Every call may come from any thread, for one ward from one at a time.
 */
#ifndef BASE_WARD_H
#define BASE_WARD_H

#include "base/buf.h"
#include "base/clock.h"

#include <stdbool.h>
#include <sys/types.h>

struct ward;
struct wards;
struct error;

int wards_new(struct wards **ret, struct error *err);
/* Kills what still runs. NULL is nothing. */
void wards_free(struct wards *c);

struct ward_spec {
	char *const *argv; /* argv[0] is the path */
	char *const *envp;
	const char *dir; /* working directory; NULL: "/" */
	/* stdout and stderr; made 0600. At most half a MiB: then it becomes
	 * LOG.1, and the one that had that name is gone. */
	const char *log;
	int death_signal; /* when we die; 0: SIGKILL */
	bool drop;        /* become uid and gid, without other groups */
	uid_t uid;
	gid_t gid;
};

/*
 * ERROR_NOT_FOUND or ERROR_CANNOT_RUN with argv[0] if it cannot be executed,
 * ERROR_INTERNAL, ERROR_IO for the log. The spec is borrowed for the call. The
 * program has a process group of its own, an empty stdin, no other descriptor,
 * default signals and umask 077.
 */
int ward_start(struct wards *c, const struct ward_spec *spec, struct ward **ret,
	       struct error *err);

pid_t ward_pid(const struct ward *ward);
/* Whether it has ended; its wait status. All it printed is in the log then. */
bool ward_ended(struct ward *ward, int *ret_status);
/* Until it ends. */
int ward_wait(struct ward *ward, const struct deadline *deadline,
	      int *ret_status, struct error *err);
/* To it, or with `group` to its whole process group; none if it has ended. */
void ward_signal(struct ward *ward, int signo, bool group);
/* Kills it if it still runs, reaps and frees it. NULL is nothing. */
void ward_free(struct ward *ward);
void cleanup_ward(struct ward **ward);
#define auto_ward __attribute__((cleanup(cleanup_ward)))

/*
 * Starts it and waits for its end. ret_output, unless NULL, gets the end of its
 * log, up to ret_output->max bytes; the log is removed. When the deadline
 * passes, it is killed. *ret_status is only written on success.
 */
int ward_run(struct wards *c, const struct ward_spec *spec,
	     const struct deadline *deadline, struct buf *ret_output,
	     int *ret_status, struct error *err);

/* The last bytes of LOG.1 and LOG together, as many as ret->max allows; none
 * is success. */
void ward_log_tail(const char *log, struct buf *ret);

#endif
