/* SPDX-License-Identifier: MIT */
/*
 * folders PATH: what a process can reach from the folder of its file, and what
 * its children can, each of which the supervisor takes for an owner of its own.
 * Prints "own".
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;
static char folder[PATH_MAX], above[PATH_MAX];
static int failures;

static void check(int holds, const char *what)
{
	if (holds)
		return;
	failures++;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
}

static ino_t inode_of(int fd)
{
	struct stat st = {0};

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	close(fd);
	return st.st_ino;
}

static void is_refused(int fd, const char *what)
{
	check(fd < 0 && errno == ENOENT, what);
	if (fd >= 0)
		close(fd);
}

/* The file of this process by its path and by every other way. */
static ino_t look(int dir)
{
	struct open_how how = {.flags = O_RDONLY};
	struct stat st = {0};
	ino_t own = inode_of(open(path, O_RDWR | O_CREAT, 0600));
	int above_fd = open(above, O_RDONLY | O_DIRECTORY);

	check(own != 0, "open");
	check(inode_of(openat(dir, "app.sqlite", O_RDONLY)) == own, "openat");
	check(inode_of(openat(dir, ".//app.sqlite", O_RDONLY)) == own, "./");
	check(inode_of((int)syscall(SYS_openat2, dir, "app.sqlite", &how,
				    sizeof(how))) == own,
	      "openat2");
	check(inode_of((int)syscall(SYS_openat2, AT_FDCWD, path, &how,
				    sizeof(how))) == own,
	      "openat2 of the path");
	check(syscall(SYS_openat2, -1, NULL, NULL, 0) < 0, "no arguments");
	check(fstatat(dir, "app.sqlite", &st, 0) == 0 && st.st_ino == own,
	      "fstatat");
	check(inode_of(openat(above_fd, path + strlen(above) + 1, O_RDONLY)) ==
		  own,
	      "openat from above");
	check(chdir(above) == 0, "chdir above");
	check(inode_of(open(path + strlen(above) + 1, O_RDONLY)) == own,
	      "open from above");
	check(chdir("/") == 0, "chdir");
	check(linkat(dir, "app.sqlite", dir, "app.sqlite-link", 0) == 0 &&
		  unlinkat(dir, "app.sqlite-link", 0) == 0,
	      "linkat");
	close(above_fd);
	is_refused(openat(dir, "../db/real.sqlite", O_RDONLY), "..");
	is_refused(chdir(folder), "chdir");
	is_refused(fchdir(dir), "fchdir");
	return own;
}

/* In another owner's process, with the first one's folder. */
static void look_as_another(int dir, ino_t first)
{
	check(look(dir) != first, "the first one's file");
	is_refused(openat(dir, "real.sqlite", O_RDONLY), "its real name");
	is_refused(openat(dir, "new", O_CREAT | O_RDWR, 0600), "a new file");
}

static void wait_for(pid_t pid)
{
	int status = 1;

	check(waitpid(pid, &status, 0) == pid && status == 0, "child");
}

int main(int argc, char **argv)
{
	ino_t first;
	int dir;
	pid_t pid;

	if (argc != 2)
		return 2;
	path = argv[1];
	snprintf(folder, sizeof(folder), "%.*s",
		 (int)(strlen(path) - strlen("/app.sqlite")), path);
	snprintf(above, sizeof(above), "%.*s",
		 (int)(strstr(path, "/needs-") - path), path);
	dir = open(folder, O_RDONLY | O_DIRECTORY);
	check(dir >= 0, "folder");
	first = look(dir);
	check(inode_of(openat(dir, "real.sqlite", O_RDONLY)) == first, "real");
	pid = fork();
	if (pid == 0) {
		look_as_another(dir, first);
		exit(failures != 0);
	}
	wait_for(pid);
	pid = vfork(); /* NOLINT */
	if (pid == 0)
		_exit(inode_of(open(path, O_RDWR | O_CREAT, 0600)) == first);
	wait_for(pid);
	check(inode_of(open(path, O_RDONLY)) == first, "after the children");
	if (!failures)
		puts("own");
	return failures != 0;
}
