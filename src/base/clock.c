/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t fake_now = -1;

static int64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_now_ms(void)
{
	int64_t fake = atomic_load(&fake_now);

	return fake >= 0 ? fake : monotonic_ns() / 1000000;
}

int64_t clock_now_us(void)
{
	return monotonic_ns() / 1000;
}

int64_t clock_wall_s(void)
{
	return (int64_t)time(NULL);
}

void clock_fake_ms(int64_t now)
{
	atomic_store(&fake_now, now);
}

struct cancel {
	int fd;
	_Atomic int signo;
};

struct cancel *cancel_new(struct error *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct cancel *c;

	if (fd < 0) {
		error_set_errno(err, ERROR_INTERNAL, errno, "eventfd");
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->fd = fd;
	return c;
}

void cancel_free(struct cancel *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c);
}

void cancel_trip(struct cancel *c, int signo)
{
	int saved = errno;
	int none = 0;
	uint64_t one = 1;

	if (atomic_compare_exchange_strong(&c->signo, &none, signo)) {
		/* cannot fail: the counter goes from 0 to 1 once */
		ssize_t ignored = write(c->fd, &one, sizeof(one));

		(void)ignored;
	}
	errno = saved;
}

int cancel_reason(const struct cancel *c)
{
	return c ? atomic_load(&c->signo) : 0;
}

int cancel_fd(const struct cancel *c)
{
	return c ? c->fd : -1;
}

struct deadline deadline_in(int64_t ms, const struct cancel *cancel)
{
	return (struct deadline){clock_now_ms() + ms, cancel};
}

struct deadline deadline_sooner(struct deadline d, int64_t ms)
{
	int64_t at = clock_now_ms() + ms;

	if (at < d.at_ms)
		d.at_ms = at;
	return d;
}

int64_t deadline_left_ms(const struct deadline *d)
{
	int64_t left = d->at_ms - clock_now_ms();

	return left < 0 || cancel_reason(d->cancel) ? 0 : left;
}

int deadline_check(const struct deadline *d, const char *what,
		   struct error *err)
{
	int signo = cancel_reason(d->cancel);

	if (signo) {
		const char *name = sigabbrev_np(signo);

		return error_set(err, ERROR_CANCELLED,
				 "%s: interrupted by SIG%s", what,
				 name ? name : "?");
	}
	if (clock_now_ms() >= d->at_ms)
		return error_set(err, ERROR_TIMEOUT, "%s: timed out", what);
	return 0;
}

enum {
	POLL_MAX = 16
};

int deadline_poll(const struct deadline *d, struct pollfd *fds, unsigned n,
		  int64_t ms, const char *what, struct error *err)
{
	struct pollfd all[POLL_MAX + 1];
	int64_t until = ms < 0 ? INT64_MAX : clock_now_ms() + ms;

	if (n > POLL_MAX)
		return error_set(err, ERROR_INTERNAL,
				 "%s: %u descriptors in one wait", what, n);
	if (n)
		memcpy(all, fds, n * sizeof(*fds));
	all[n] = (struct pollfd){cancel_fd(d->cancel), POLLIN, 0};
	for (;;) {
		int64_t left;
		int ready;

		if (deadline_check(d, what, err) < 0)
			return -1;
		left = deadline_left_ms(d);
		if (until - clock_now_ms() < left)
			left = until - clock_now_ms();
		if (left < 0)
			left = 0;
		ready = poll(all, n + 1, left > INT_MAX ? INT_MAX : (int)left);
		if (ready < 0 && errno != EINTR)
			return error_set_errno(err, ERROR_INTERNAL, errno,
					       "%s: poll", what);
		if (ready > 0 && !all[n].revents) {
			for (unsigned i = 0; i < n; i++)
				fds[i].revents = all[i].revents;
			return ready;
		}
		if (ready == 0 && clock_now_ms() >= until)
			return deadline_check(d, what, err);
	}
}
