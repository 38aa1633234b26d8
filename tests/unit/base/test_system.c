/* SPDX-License-Identifier: MIT */
/* Files, locks, time, identities, parallel jobs. */
#include "unit/cm.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/lock.h"
#include "base/net.h"
#include "base/parallel.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;

static int make_dir(void **state)
{
	(void)state;
	dir = xstrdup("/tmp/testenv-unit-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	int result = fs_remove_tree(dir, NULL);

	(void)state;
	free(dir);
	return result;
}

static void paths(void **state)
{
	auto_free char *a = fs_join("/", "x");
	auto_free char *b = fs_join("/a//", "x");
	auto_free char *c = fs_absolute("/a/./b/../c//");
	auto_free char *d = fs_absolute("/../..");

	(void)state;
	assert_string_equal(a, "/x");
	assert_string_equal(b, "/a/x");
	assert_string_equal(c, "/a/c");
	assert_string_equal(d, "/");
}

static void a_file_is_replaced_in_one_step(void **state)
{
	auto_free char *path = fs_join(dir, "f");
	auto_buf struct buf b = BUF_INIT;
	auto_error struct error err = ERROR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(fs_write_file(path, "one", 3, 0600, &err), 0);
	assert_int_equal(fs_write_file(path, "two!", 4, 0600, &err), 0);
	assert_int_equal(fs_read_file(path, &b, &err), 0);
	assert_string_equal(b.s, "two!");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	b.max = 3;
	assert_int_equal(fs_read_file(path, &b, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_non_null(strstr(err.text, "is larger than 3 bytes"));
}

static void a_failed_write_leaves_no_temporary(void **state)
{
	auto_free char *target = fs_join(dir, "sub");
	auto_free char *inside = fs_join(target, "x");
	auto_error struct error err = ERROR_INIT;
	struct dirent *e;
	DIR *entries;
	int n = 0;

	(void)state;
	assert_int_equal(fs_mkdir_p(inside, 0700, &err), 0);
	/* a directory cannot be replaced by a file */
	assert_int_equal(fs_write_file(target, "x", 1, 0600, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_non_null(strstr(err.text, "cannot write"));
	entries = opendir(dir);
	assert_non_null(entries);
	while ((e = readdir(entries)))
		n += strstr(e->d_name, ".tmp") != NULL;
	closedir(entries);
	assert_int_equal(n, 0);
}

static void a_copy_never_overwrites(void **state)
{
	auto_free char *from = fs_join(dir, "from");
	auto_free char *to = fs_join(dir, "to");
	auto_error struct error err = ERROR_INIT;
	auto_buf struct buf big = BUF_INIT;
	auto_buf struct buf back = BUF_INIT;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_printf(&big, "%d\n", i);
	assert_int_equal(fs_write_file(from, big.s, big.len, 0600, &err), 0);
	assert_int_equal(fs_copy_file(from, to, 0600, &err), 0);
	assert_int_equal(fs_read_file(to, &back, &err), 0);
	assert_int_equal(back.len, big.len);
	assert_memory_equal(back.s, big.s, big.len);
	assert_int_equal(fs_copy_file(from, to, 0600, &err), -1);
	assert_non_null(strstr(err.text, "File exists"));
	assert_true(fs_exists(to));
}

static void a_tree_goes_without_following_links(void **state)
{
	auto_free char *tree = fs_join(dir, "tree");
	auto_free char *deep = fs_join(tree, "a/b/c");
	auto_free char *link_path = fs_join(tree, "a/link");
	auto_free char *outside = fs_join(dir, "outside");
	auto_free char *kept = fs_join(outside, "kept");
	auto_error struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(fs_mkdir_p(deep, 0700, &err), 0);
	assert_int_equal(fs_mkdir_p(kept, 0700, &err), 0);
	assert_int_equal(symlink(outside, link_path), 0);
	assert_int_equal(fs_remove_tree(tree, &err), 0);
	assert_false(fs_exists(tree));
	assert_true(fs_exists(kept));
	assert_int_equal(fs_remove_tree(tree, &err), 0);
}

static void a_private_directory_is_ours_alone(void **state)
{
	auto_free char *path = fs_join(dir, "private");
	auto_free char *alias = fs_join(dir, "alias");
	auto_error struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(fs_private_dir(path, &err), 0);
	assert_int_equal(symlink(path, alias), 0);
	assert_int_equal(fs_private_dir(alias, &err), -1);
	assert_int_equal(err.kind, ERROR_REFUSED);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(fs_private_dir(path, &err), -1);
	assert_non_null(strstr(err.text, "is open to other users"));
}

static void the_runtime_directory_follows_the_environment(void **state)
{
	auto_free char *a = NULL;
	auto_free char *b = NULL;
	auto_error struct error err = ERROR_INIT;
	auto_free char *want = fs_join(dir, "testenv");
	auto_free char *deep = xasprintf("%s/%0100d", dir, 1);

	(void)state;
	setenv("XDG_RUNTIME_DIR", dir, 1);
	assert_int_equal(fs_runtime_dir(&a, &err), 0);
	assert_string_equal(a, want);
	/* too long for a socket below it */
	assert_int_equal(fs_mkdir_p(deep, 0700, &err), 0);
	setenv("XDG_RUNTIME_DIR", deep, 1);
	assert_int_equal(fs_runtime_dir(&b, &err), 0);
	assert_int_equal(strncmp(b, "/tmp/testenv-", 13), 0);
	unsetenv("XDG_RUNTIME_DIR");
}

static void a_lock_dies_with_its_holder(void **state)
{
	auto_free char *path = fs_join(dir, "lock");
	auto_error struct error err = ERROR_INIT;
	struct lock lock = LOCK_INIT;
	struct deadline soon = deadline_in(20, NULL);
	int ready[2];
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct lock theirs = LOCK_INIT;

		if (lock_try(&theirs, path, NULL) != 1 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(lock_try(&lock, path, &err), 0);
	assert_int_equal(lock_take(&lock, path, &soon, &err), -1);
	assert_int_equal(err.kind, ERROR_BUSY);
	assert_non_null(strstr(err.text, "is held by another process"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(lock_try(&lock, path, &err), 1);
	lock_remove(&lock);
	assert_false(fs_exists(path));
	close(ready[0]);
	close(ready[1]);
}

static void deadlines(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct deadline d;

	(void)state;
	clock_fake_ms(1000);
	d = deadline_in(500, NULL);
	assert_int_equal(deadline_left_ms(&d), 500);
	assert_int_equal(deadline_sooner(d, 100).at_ms, 1100);
	assert_int_equal(deadline_sooner(d, 900).at_ms, 1500);
	assert_int_equal(deadline_check(&d, "x", &err), 0);
	clock_fake_ms(1500);
	assert_int_equal(deadline_left_ms(&d), 0);
	assert_int_equal(deadline_check(&d, "engine", &err), -1);
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_string_equal(err.text, "engine: timed out");
	clock_fake_ms(-1);
}

static void a_token_ends_every_wait(void **state)
{
	auto_error struct error err = ERROR_INIT;
	struct cancel *c = cancel_new(&err);
	struct deadline d = deadline_in(60000, c);

	(void)state;
	assert_non_null(c);
	assert_int_equal(deadline_poll(&d, NULL, 0, 1, "x", &err), 0);
	cancel_trip(c, SIGINT);
	cancel_trip(c, SIGTERM);
	assert_int_equal(cancel_reason(c), SIGINT);
	assert_int_equal(deadline_poll(&d, NULL, 0, -1, "pull", &err), -1);
	assert_int_equal(err.kind, ERROR_CANCELLED);
	assert_string_equal(err.text, "pull: interrupted by SIGINT");
	cancel_free(c);
}

static void identities(void **state)
{
	char a[13];
	char b[13];
	char x[DIGEST_HEX];
	char y[DIGEST_HEX];
	struct digest *d;

	(void)state;
	ident_random(a, 12);
	ident_random(b, 12);
	assert_int_equal(strlen(a), 12);
	assert_string_not_equal(a, b);
	digest_of("abc", 3, x);
	assert_string_equal(x, "ba7816bf8f01cfea414140de5dae2223"
			       "b00361a396177a9cb410ff61f20015ad");
	d = digest_new();
	digest_add_str(d, "ab");
	digest_add_str(d, "c");
	digest_end(d, x);
	d = digest_new();
	digest_add_str(d, "a");
	digest_add_str(d, "bc");
	digest_end(d, y);
	assert_string_not_equal(x, y);
	assert_true(ident_start_time(getpid()) > 0);
	assert_int_equal(ident_start_time(0), 0);
	assert_int_equal(strlen(ident_boot_id()), 36);
}

struct jobs {
	atomic_int done;
	atomic_int now;
	atomic_int most;
	int fail_at;
};

static int job(void *ctx, size_t i, struct error *err)
{
	struct jobs *j = ctx;
	int now = atomic_fetch_add(&j->now, 1) + 1;

	if (now > atomic_load(&j->most))
		atomic_store(&j->most, now);
	atomic_fetch_add(&j->done, 1);
	atomic_fetch_sub(&j->now, 1);
	if ((int)i == j->fail_at)
		return error_set(err, ERROR_SERVER, "job %zu", i);
	return 0;
}

static void jobs_run_a_few_at_a_time(void **state)
{
	struct jobs all = {.fail_at = -1};
	struct jobs some = {.fail_at = 0};
	auto_error struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(parallel_run(100, 4, job, &all, &err), 0);
	assert_int_equal(all.done, 100);
	assert_true(all.most <= 4);
	assert_int_equal(parallel_run(100, 1, job, &some, &err), -1);
	assert_string_equal(err.text, "job 0");
	assert_int_equal(some.done, 1);
	assert_int_equal(parallel_run(0, 8, job, &all, &err), 0);
}

static void addresses_are_written_down(void **state)
{
	auto_free char *v4 = net_place("10.0.0.1", 80);
	auto_free char *v6 = net_place("fd00::1", 80);
	struct sockaddr_storage a;
	socklen_t len;

	(void)state;
	assert_string_equal(v4, "10.0.0.1:80");
	assert_string_equal(v6, "[fd00::1]:80");
	assert_true(net_address("10.0.0.1", 80, &a, &len));
	assert_int_equal(a.ss_family, AF_INET);
	assert_true(net_address("fd00::1", 80, &a, &len));
	assert_int_equal(a.ss_family, AF_INET6);
	assert_false(net_address("[fd00::1]", 80, &a, &len));
	assert_false(net_address("localhost", 80, &a, &len));
	assert_false(net_address("", 80, &a, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths),
	    cmocka_unit_test(a_file_is_replaced_in_one_step),
	    cmocka_unit_test(a_failed_write_leaves_no_temporary),
	    cmocka_unit_test(a_copy_never_overwrites),
	    cmocka_unit_test(a_tree_goes_without_following_links),
	    cmocka_unit_test(a_private_directory_is_ours_alone),
	    cmocka_unit_test(the_runtime_directory_follows_the_environment),
	    cmocka_unit_test(a_lock_dies_with_its_holder),
	    cmocka_unit_test(deadlines),
	    cmocka_unit_test(a_token_ends_every_wait),
	    cmocka_unit_test(identities),
	    cmocka_unit_test(jobs_run_a_few_at_a_time),
	    cmocka_unit_test(addresses_are_written_down),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
