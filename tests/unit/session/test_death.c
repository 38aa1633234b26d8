/* SPDX-License-Identifier: MIT */
#include "session/death.h"

#include "unit/cm.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/lock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW 1000000

static struct label_owner self;
static char dir[] = "/tmp/testenv-death-XXXXXX";

static int setup(void **state)
{
	auto_free char *mine = label_owner();

	(void)state;
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	return mkdtemp(dir) ? label_owner_parse(mine, &self) : -1;
}

static int teardown(void **state)
{
	(void)state;
	return fs_remove_tree(dir, NULL);
}

/* The label of an owner like us but for what is given. */
static char *owner_text(const char *machine, const char *boot, uint64_t ns,
			pid_t pid, uint64_t start)
{
	return xasprintf("%s:%s:%llu:%ld:%llu:0", machine, boot,
			 (unsigned long long)ns, (long)pid,
			 (unsigned long long)start);
}

/* NULL: without that label. */
static const char *judge(const char *owner, const char *lock,
			 const char *expires)
{
	auto_strvec struct strvec labels = STRVEC_INIT;

	if (owner)
		strvec_pushf(&labels, LABEL_OWNER "=%s", owner);
	if (lock)
		strvec_pushf(&labels, LABEL_LOCK "=%s", lock);
	if (expires)
		strvec_pushf(&labels, LABEL_EXPIRES "=%s", expires);
	return death_of(&labels, &self, NOW);
}

static void spares(const char *owner, const char *lock, const char *expires)
{
	assert_null(judge(owner, lock, expires));
}

static void takes(const char *owner, const char *lock, const char *expires,
		  const char *why)
{
	const char *got = judge(owner, lock, expires);

	assert_non_null(got);
	assert_string_equal(got, why);
}

/* A process that was, and is no more. */
static pid_t dead_pid(uint64_t *ret_start)
{
	int ready[2];
	int status;
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		close(ready[1]);
		_exit((int)read(ready[0], &c, 1));
	}
	*ret_start = ident_start_time(pid);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return pid;
}

static void an_owner_that_runs_is_spared_even_when_expired(void **state)
{
	auto_free char *mine = label_owner();

	(void)state;
	spares(mine, NULL, "1");
	spares(mine, "/nowhere/owner.lock", "1");
}

static void a_neighbour_that_is_gone(void **state)
{
	static const char why[] = "its owner is gone";
	uint64_t start;
	pid_t pid = dead_pid(&start);
	auto_free char *owner =
	    owner_text(self.machine, self.boot, self.pid_namespace, pid, start);
	auto_free char *path = fs_join(dir, "owner.lock");
	auto_free char *below_file = fs_join(path, "owner.lock");
	auto_lock struct lock lock = LOCK_INIT;
	struct deadline d = deadline_in(1000, NULL);

	(void)state;
	takes(owner, NULL, NULL, why);
	takes(owner, "relative", NULL, why);
	takes(owner, path, NULL, why);
	/* its supervisor lives, under another pid: the lock is held */
	assert_int_equal(lock_take(&lock, path, &d, NULL), 0);
	spares(owner, path, "1");
	takes(owner, below_file, NULL, why);
	lock_release(&lock);
	takes(owner, path, NULL, why);
}

static void a_pid_used_again_is_another_process(void **state)
{
	auto_free char *owner =
	    owner_text(self.machine, self.boot, self.pid_namespace, getpid(),
		       self.start_time + 1);

	(void)state;
	takes(owner, NULL, NULL, "its owner is gone");
}

static void another_boot_of_this_machine(void **state)
{
	static const char mine[] = "0123456789abcdef0123456789abcdef";
	static const char boot[] = "00000000-0000-0000-0000-000000000000";
	auto_free char *owner =
	    owner_text(mine, boot, self.pid_namespace, getpid(), 1);
	auto_free char *nameless =
	    owner_text("", boot, self.pid_namespace, getpid(), 1);

	(void)state;
	memcpy(self.machine, mine, sizeof(mine));
	takes(owner, NULL, NULL, "its owner's machine was started anew");
	/* two machines without a name are not the same one */
	self.machine[0] = '\0';
	spares(nameless, NULL, NULL);
}

static void who_cannot_be_seen_is_judged_by_his_expiry(void **state)
{
	auto_free char *elsewhere =
	    owner_text("ffffffffffffffffffffffffffffffff",
		       "00000000-0000-0000-0000-000000000000", 1, 1, 1);
	/* in a container of this machine */
	auto_free char *inside = owner_text(
	    self.machine, self.boot, self.pid_namespace + 1, getpid(), 1);
	const char *const owners[] = {elsewhere, inside,     NULL,
				      "",        "nonsense", "a:b:c:d:e:f"};

	(void)state;
	for (size_t i = 0; i < array_len(owners); i++) {
		spares(owners[i], "/nowhere/owner.lock", NULL);
		spares(owners[i], NULL, "1000000");
		spares(owners[i], NULL, "1000001");
		takes(owners[i], NULL, "999999", "it has expired");
	}
}

static void an_expiry_that_is_no_time_has_not_passed(void **state)
{
	static const char *const odd[] = {
	    "", "0", "-1", "x", "12x", "99999999999999999999", " \n"};

	(void)state;
	for (size_t i = 0; i < array_len(odd); i++)
		spares(NULL, NULL, odd[i]);
}

int main(void)
{
#define judged(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    judged(an_owner_that_runs_is_spared_even_when_expired),
	    judged(a_neighbour_that_is_gone),
	    judged(a_pid_used_again_is_another_process),
	    judged(another_boot_of_this_machine),
	    judged(who_cannot_be_seen_is_judged_by_his_expiry),
	    judged(an_expiry_that_is_no_time_has_not_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
