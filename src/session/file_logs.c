/* SPDX-License-Identifier: MIT */
/* A local server's log: LOG.1, then LOG, which base/ward.h turns and bounds. */
#include "session/logs.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/ward.h"
#include "provider/local_sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LOOK_MS = 100,
	BOTH_MAX = 2 * 1024 * 1024
};

/* The last n lines of it, all for n <= 0. */
static const char *last_lines(const struct buf *b, int n)
{
	size_t at = b->len;

	if (n <= 0)
		return b->s;
	/* the newline that ends the last line begins none */
	if (at && b->s[at - 1] == '\n')
		at--;
	while (at) {
		if (b->s[at - 1] == '\n' && --n == 0)
			break;
		at--;
	}
	return b->s + at;
}

/* Prints what was added; 1: the reader has had enough. */
static int print_more(int fd, session_output_fn *fn, void *ctx)
{
	char piece[16384];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		if (fn(ctx, piece, (size_t)n))
			return 1;
	return 0;
}

/* Has the file another name by now? */
static bool was_turned(int fd, const char *log)
{
	struct stat ours;
	struct stat there;

	return fstat(fd, &ours) < 0 || stat(log, &there) < 0 ||
	       ours.st_ino != there.st_ino;
}

static int follow(const char *log, const struct deadline *deadline,
		  session_output_fn *fn, void *ctx, struct error *err)
{
	auto_close int fd = open(log, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	while (fd >= 0) {
		bool turned = was_turned(fd, log);

		if (print_more(fd, fn, ctx))
			return 0;
		if (turned) {
			close(take_fd(&fd));
			fd = open(log, O_RDONLY | O_CLOEXEC);
			continue;
		}
		if (deadline_poll(deadline, NULL, 0, LOOK_MS, "log", err) < 0)
			return -1;
	}
	return 0;
}

int session_file_logs(const char *name,
		      const struct session_log_options *options,
		      const struct deadline *deadline, session_output_fn *fn,
		      void *ctx, struct error *err)
{
	auto_free char *log = xasprintf("%s" LOCAL_LOG, name);
	auto_buf struct buf both = BUF_INIT_MAX(BOTH_MAX);
	const char *from;

	if (access(log, R_OK) < 0)
		return error_set_errno(err, ERROR_IO, errno, "cannot read '%s'",
				       log);
	ward_log_tail(log, &both);
	from = last_lines(&both, options->tail);
	if (fn(ctx, from, both.len - (size_t)(from - both.s)))
		return 0;
	return options->follow ? follow(log, deadline, fn, ctx, err) : 0;
}
