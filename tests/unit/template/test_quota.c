/* SPDX-License-Identifier: MIT */
#include "unit/cm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "template/hold.h"
#include "template/quota.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW 100000000

static void check(struct quota_item *items, size_t n, int64_t bytes,
		  const enum quota_verdict *want)
{
	quota_judge(items, n, bytes, NOW);
	for (size_t i = 0; i < n; i++)
		if (items[i].verdict != want[i])
			fail_msg("%s: '%s', not '%s'", items[i].name,
				 quota_reason(items[i].verdict),
				 quota_reason(want[i]));
}

static void the_longest_unused_go_first(void **state)
{
	struct quota_item items[] = {
	    {.name = "young", .bytes = 10, .used_s = 30},
	    {.name = "old", .bytes = 10, .used_s = 10},
	    {.name = "middle", .bytes = 10, .used_s = 20},
	};

	(void)state;
	check(items, 3, 30,
	      (enum quota_verdict[]){QUOTA_KEEP, QUOTA_KEEP, QUOTA_KEEP});
	check(items, 3, 29,
	      (enum quota_verdict[]){QUOTA_KEEP, QUOTA_OVER, QUOTA_KEEP});
	check(items, 3, 19,
	      (enum quota_verdict[]){QUOTA_KEEP, QUOTA_OVER, QUOTA_OVER});
	check(items, 3, 0,
	      (enum quota_verdict[]){QUOTA_OVER, QUOTA_OVER, QUOTA_OVER});
	check(items, 0, 0, NULL);
}

/* Equal times are decided by the name, so that two who look agree. */
static void what_is_in_use_counts_and_stays(void **state)
{
	struct quota_item items[] = {
	    {.name = "held", .bytes = 100, .used_s = 1, .held = true},
	    {.name = "b", .bytes = 10, .used_s = 2},
	    {.name = "a", .bytes = 10, .used_s = 2},
	    {.name = "gone", .bytes = 10, .used_s = 3, .replaced = true},
	    {.name = "had",
	     .bytes = 1,
	     .used_s = 3,
	     .held = true,
	     .replaced = true},
	};

	(void)state;
	check(items, 5, 111,
	      (enum quota_verdict[]){QUOTA_KEEP_HELD, QUOTA_KEEP, QUOTA_OVER,
				     QUOTA_REPLACED, QUOTA_KEEP_HELD});
	check(items, 5, 5,
	      (enum quota_verdict[]){QUOTA_KEEP_HELD, QUOTA_OVER, QUOTA_OVER,
				     QUOTA_REPLACED, QUOTA_KEEP_HELD});
}

static void others_do_not_count_and_stay_a_month(void **state)
{
	struct quota_item items[] = {
	    {.name = "others", .bytes = 100, .used_s = -1, .created_s = NOW},
	    {.name = "old",
	     .bytes = 100,
	     .used_s = -1,
	     .created_s = NOW - QUOTA_STRANGER_S - 1},
	    {.name = "run", .bytes = 100, .used_s = -1, .held = true},
	    {.name = "ours", .bytes = 10, .used_s = 1},
	    {.name = "nameless", .used_s = -1, .created_s = NOW, .replaced = 1},
	    {.name = "lost",
	     .used_s = -1,
	     .created_s = NOW - 3601,
	     .replaced = 1},
	};

	(void)state;
	check(items, 6, 10,
	      (enum quota_verdict[]){QUOTA_KEEP_OTHERS, QUOTA_OLD,
				     QUOTA_KEEP_HELD, QUOTA_KEEP,
				     QUOTA_KEEP_OTHERS, QUOTA_REPLACED});
}

#define KEY "0123456789abcdef0123456789abcdef"

static void count(void *ctx, const char *key)
{
	assert_string_equal(key, KEY);
	++*(int *)ctx;
}

/* Any number may hold it; nobody removes it meanwhile. */
static void holds(void **state)
{
	char dir[] = "/tmp/testenv-hold-XXXXXX";
	struct deadline d = deadline_in(10000, NULL);
	auto_error struct error err = ERROR_INIT;
	auto_lock struct lock a = LOCK_INIT;
	auto_lock struct lock b = LOCK_INIT;
	auto_lock struct lock alone = LOCK_INIT;
	int notes = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(hold_last_use(dir, KEY), -1);
	assert_false(hold_is_held(dir, KEY));
	hold_each(dir, count, &notes);
	assert_int_equal(notes, 0);
	assert_int_equal(hold_take(&a, dir, KEY, &d, &err), 0);
	assert_int_equal(hold_take(&b, dir, KEY, &d, &err), 0);
	hold_each(dir, count, &notes);
	assert_int_equal(notes, 1);
	assert_true(hold_last_use(dir, KEY) > 1000);
	assert_true(hold_is_held(dir, KEY));
	lock_release(&a);
	assert_int_equal(hold_try_alone(&alone, dir, KEY), 0);
	lock_release(&b);
	assert_false(hold_is_held(dir, KEY));
	hold_set_last_use(dir, KEY, 77);
	assert_int_equal(hold_try_alone(&alone, dir, KEY), 1);
	assert_int_equal(hold_last_use(dir, KEY), 77);
	d = deadline_in(20, NULL);
	assert_int_equal(hold_take(&a, dir, KEY, &d, &err), -1);
	assert_int_equal(err.kind, ERROR_BUSY);
	lock_remove(&alone);
	assert_int_equal(hold_last_use(dir, KEY), -1);
	/* no template came of it */
	d = deadline_in(10000, NULL);
	assert_int_equal(hold_take(&a, dir, KEY, &d, &err), 0);
	assert_int_equal(hold_take(&b, dir, KEY, &d, &err), 0);
	hold_give_up(&b);
	assert_true(hold_is_held(dir, KEY));
	hold_give_up(&a);
	assert_int_equal(hold_last_use(dir, KEY), -1);
	assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

/* Where nothing can be written nothing is held, and that is no error. */
static void nowhere(void **state)
{
	struct deadline d = deadline_in(10000, NULL);
	auto_lock struct lock a = LOCK_INIT;

	(void)state;
	assert_int_equal(hold_take(&a, "/proc/self", KEY, &d, NULL), 0);
	assert_int_equal(a.fd, -1);
	assert_int_equal(hold_try_alone(&a, "/proc/self", KEY), -1);
}

static void forms_of_keys(void **state)
{
	(void)state;
	assert_true(template_is_key(KEY));
	assert_false(template_is_key(""));
	assert_false(template_is_key(KEY "0"));
	assert_false(template_is_key("0123456789abcdef0123456789abcdeF"));
	assert_false(template_is_key("../../456789abcdef0123456789abcd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_longest_unused_go_first),
	    cmocka_unit_test(what_is_in_use_counts_and_stays),
	    cmocka_unit_test(others_do_not_count_and_stay_a_month),
	    cmocka_unit_test(holds),
	    cmocka_unit_test(nowhere),
	    cmocka_unit_test(forms_of_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
