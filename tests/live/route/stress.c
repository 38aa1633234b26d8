/* SPDX-License-Identifier: MIT */
/*
 * stress PATH: opens the routed path from threads, from a signal
 * handler that interrupts them, and from children, all at once; prints "ok".
 * What it sees must always be the file that was there first; errno, descriptors
 * and other paths are left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	THREADS = 8,
	ROUNDS = 400
};

static const char *path;
static ino_t inode;
static atomic_uint failures;

static void check(int holds, const char *what)
{
	if (holds)
		return;
	failures++;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
}

static void look_once(void)
{
	struct stat by_path, by_fd;
	int fd;

	errno = 4711;
	fd = open(path, O_RDWR | O_CLOEXEC);
	check(fd >= 0, "open");
	check(errno == 4711, "errno");
	check(fstat(fd, &by_fd) == 0 && by_fd.st_ino == inode, "fstat");
	check(stat(path, &by_path) == 0 && by_path.st_ino == inode, "stat");
	close(fd);
}

static void on_alarm(int number)
{
	int saved = errno;

	(void)number;
	if (access(path, F_OK) < 0)
		failures++;
	errno = saved;
}

static void *look(void *data)
{
	for (int i = 0; i < ROUNDS; i++)
		look_once();
	return data;
}

static void fork_some(void)
{
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			look_once();
			_exit(failures != 0);
		}
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		check(status == 0, "child");
	}
}

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

int main(int argc, char **argv)
{
	struct itimerval every = {{0, 2000}, {0, 2000}},
			 never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = on_alarm};
	pthread_t threads[THREADS];
	struct stat st;
	int before, fd;

	path = argc > 1 ? argv[1] : "";
	before = open_descriptors();
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0640);
	check(fd >= 0 && fstat(fd, &st) == 0, "first");
	check((st.st_mode & 07777) == 0640, "mode");
	inode = st.st_ino;
	close(fd);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, look, NULL);
	fork_some();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	check(open_descriptors() == before, "descriptors");
	check(open("/nonexistent", O_RDONLY) < 0 && errno == ENOENT, "other");
	if (!failures)
		puts("ok");
	return failures != 0;
}
