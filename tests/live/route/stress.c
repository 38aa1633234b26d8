/* SPDX-License-Identifier: MIT */
/*
 * stress PATH: opens the routed path from threads, from a signal handler that
 * interrupts them, and from children, all at once, in the ways that programs
 * have; prints "ok". What it sees must always be the file that was there first;
 * errno, descriptors and other paths are left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	THREADS = 8,
	ROUNDS = 150,
	CHILDREN = 40
};

static const char *path;
static char folder[PATH_MAX];
static _Atomic ino_t inode; /* 0: the file is not there yet */
static atomic_uint failures;

static void check(int holds, const char *what)
{
	if (holds)
		return;
	failures++;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
}

static void is_same(int fd, const char *what)
{
	struct stat st;

	check(fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == inode, what);
	if (fd >= 0)
		close(fd);
}

static void look_from_folder(void)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	check(fd >= 0 && fsync(fd) == 0, "folder");
	check(fstatat(fd, "app.sqlite", &st, 0) == 0 && st.st_ino == inode,
	      "fstatat");
	check(faccessat(fd, "app.sqlite-none", F_OK, 0) < 0 && errno == ENOENT,
	      "faccessat");
	is_same(openat(fd, "./app.sqlite", O_RDONLY | O_CLOEXEC), "openat");
	is_same((int)syscall(SYS_openat, fd, "app.sqlite", O_RDWR | O_CLOEXEC),
		"syscall");
	close(fd);
}

/* Allocates, so it is not for a child of several threads. */
static void look_by_stream(void)
{
	FILE *stream = fopen(path, "re");
	struct stat st;

	check(stream && fstat(fileno(stream), &st) == 0 && st.st_ino == inode,
	      "fopen");
	if (stream)
		fclose(stream);
}

static void look_once(void)
{
	struct statx stx;
	struct stat st;

	errno = 4711;
	is_same(open(path, O_RDWR | O_CLOEXEC), "open");
	check(errno == 4711, "errno");
	check(stat(path, &st) == 0 && st.st_ino == inode, "stat");
	check(statx(AT_FDCWD, path, 0, STATX_INO, &stx) == 0 &&
		  stx.stx_ino == inode,
	      "statx");
	look_from_folder();
}

static void on_alarm(int number)
{
	static const char text[] = "access in a signal handler\n";
	int saved = errno;

	(void)number;
	if (access(path, F_OK) < 0 && inode) {
		failures++;
		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			failures++;
	}
	errno = saved;
}

static void *look(void *data)
{
	for (int i = 0; i < ROUNDS; i++) {
		look_once();
		look_by_stream();
	}
	return data;
}

static void fork_some(void)
{
	for (int i = 0; i < CHILDREN; i++) {
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

	if (argc != 2)
		return 2;
	path = argv[1];
	snprintf(folder, sizeof(folder), "%.*s",
		 (int)(strlen(path) - strlen("/app.sqlite")), path);
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
