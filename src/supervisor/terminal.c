/* SPDX-License-Identifier: MIT */
#include "supervisor/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

int terminal_open(void)
{
	return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

bool terminal_is(int tty, pid_t group)
{
	return tty >= 0 && tcgetpgrp(tty) == group;
}

void terminal_give(int tty, pid_t group)
{
	int saved = errno;
	sigset_t ttou, old;

	if (tty < 0)
		return;
	/* without this, asking from the background stops the asker */
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, &old);
	(void)tcsetpgrp(tty, group);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = saved;
}
