/* SPDX-License-Identifier: MIT */
/* fake_supervisor DIR COMMAND…: runs COMMAND with TESTENV_SOCKET set, ends as
 * it does. */
#include "fake_supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct fake_supervisor_options options = {.dir =
						      argc > 2 ? argv[1] : ""};
	struct fake_supervisor *fake;
	int status = 0;
	pid_t pid;

	fake = argc > 2 ? fake_supervisor_start(&options) : NULL;
	if (!fake) {
		fprintf(stderr, "usage: fake_supervisor DIR COMMAND...\n");
		return 125;
	}
	setenv("TESTENV_SOCKET", fake_supervisor_socket(fake), 1);
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	fake_supervisor_stop(fake);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
