/* SPDX-License-Identifier: MIT */
#include "supervisor/passon.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const int passed[] = {SIGINT,  SIGTERM,  SIGHUP,  SIGQUIT, SIGUSR1,
			     SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT};

/* Process-wide, as signals are. */
static struct {
	bool done;
	sigset_t mask, ignored;
} saved;

static struct {
	struct sigaction before[array_len(passed)];
	_Atomic uint64_t pending; /* bit N: signal N */
	_Atomic int fd;
} passon = {.fd = -1};

void signals_save(void)
{
	struct sigaction action;

	if (saved.done)
		return;
	saved.done = true;
	pthread_sigmask(SIG_SETMASK, NULL, &saved.mask);
	sigemptyset(&saved.ignored);
	for (int s = 1; s < NSIG; s++)
		if (sigaction(s, NULL, &action) == 0 &&
		    action.sa_handler == SIG_IGN)
			sigaddset(&saved.ignored, s);
}

bool signals_ignored(int signo)
{
	return saved.done && sigismember(&saved.ignored, signo) == 1;
}

void signals_restore(void)
{
	struct sigaction action = {0};

	for (int s = 1; s < NSIG; s++) {
		action.sa_handler = signals_ignored(s) ? SIG_IGN : SIG_DFL;
		/* fails for KILL, STOP and those of the C library: right so */
		(void)sigaction(s, &action, NULL);
	}
	pthread_sigmask(SIG_SETMASK, &saved.mask, NULL);
}

void signals_die_of(int signo)
{
	struct sigaction action = {0};

	if (signals_ignored(signo))
		return;
	action.sa_handler = SIG_DFL;
	sigaction(signo, &action, NULL);
	kill(0, signo);
}

static void collect(int signo)
{
	int kept = errno;
	uint64_t one = 1;
	ssize_t ignored;

	atomic_fetch_or(&passon.pending, UINT64_C(1) << signo);
	ignored = write(atomic_load(&passon.fd), &one, sizeof(one));
	(void)ignored;
	errno = kept;
}

int passon_start(void)
{
	struct sigaction action = {0};

	atomic_store(&passon.pending, 0);
	atomic_store(&passon.fd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (passon.fd < 0)
		return -1;
	action.sa_handler = collect;
	action.sa_flags = SA_RESTART;
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < array_len(passed); i++) {
		sigaction(passed[i], NULL, &passon.before[i]);
		if (!signals_ignored(passed[i]))
			sigaction(passed[i], &action, NULL);
	}
	return passon.fd;
}

void passon_end(void)
{
	int fd = atomic_load(&passon.fd);

	if (fd < 0)
		return;
	for (size_t i = 0; i < array_len(passed); i++)
		sigaction(passed[i], &passon.before[i], NULL);
	atomic_store(&passon.fd, -1);
	close(fd);
}

int passon_next(void)
{
	uint64_t count;
	ssize_t ignored = read(atomic_load(&passon.fd), &count, sizeof(count));

	(void)ignored;
	for (size_t i = 0; i < array_len(passed); i++)
		if (passon_take(passed[i]))
			return passed[i];
	return 0;
}

bool passon_take(int signo)
{
	uint64_t bit = UINT64_C(1) << signo;

	return atomic_fetch_and(&passon.pending, ~bit) & bit;
}

void passon_obey(int signo, bool whole_group)
{
	struct sigaction action = {0}, before;

	action.sa_handler = SIG_DFL;
	if (sigaction(signo, &action, &before) < 0)
		before.sa_handler = SIG_DFL; /* SIGSTOP needs no help */
	kill(whole_group ? 0 : getpid(), signo);
	if (signo != SIGSTOP)
		sigaction(signo, &before, NULL);
}
