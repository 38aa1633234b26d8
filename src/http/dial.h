/* SPDX-License-Identifier: MIT */
/*
 * http/dial.h - a connection that a program carries: its standard input and
 * output, as ssh's to a remote engine. Private to http/.
 */
#ifndef HTTP_DIAL_H
#define HTTP_DIAL_H

/*
 * What one slot has of them; zeroed is none. libcurl insists on connecting by
 * itself (7.88 does even where it is told that the socket is connected), so it
 * gets a path to connect to: a listener of ours that only this process can
 * name, by a descriptor of it, and that takes this process's connections only.
 */
struct dials {
	int listener, file;
	char path[32]; /* "/proc/self/fd/9"; "": there is no listener */
	struct dialed *first;
	char *said; /* the last line of standard error of one that ended, or
		       NULL */
};

/* Opens the listener unless it is open. -1 with errno. */
int dials_listen(struct dials *dials);

/*
 * For a new connection whose libcurl end is `fd`: starts argv in a session of
 * its own, so that a Ctrl-C at the terminal does not cut the clean-up off, with
 * the other end for 0 and 1. Nothing to do for a connection that has its
 * program. -1 with errno.
 */
int dials_serve(struct dials *dials, int fd, char *const *argv);

/*
 * Closes fd, keeps the last line that its program wrote to standard error, and
 * waits for the program's end: shortly, then it is killed.
 */
void dials_close(struct dials *dials, int fd);

/* The last line of standard error, of the connection made last; NULL: there is
 * none. Borrowed until the next call. */
const char *dials_said(struct dials *dials);

/* After every connection was closed. */
void dials_free(struct dials *dials);

#endif
