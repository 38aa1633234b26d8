/* SPDX-License-Identifier: MIT */
#include "docker/self.h"

#include "unit/cm.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_container_finds_its_id(void **state)
{
	char id[65] = "";

	(void)state;
	assert_true(self_id("22 1 0:5 / /proc rw - proc proc rw\n"
			    "719 688 254:0 /var/lib/docker/containers/" ID
			    "/hostname /etc/hostname rw - ext4 /dev/vda rw\n",
			    id));
	assert_string_equal(id, ID);
	/* podman's */
	assert_true(self_id("/run/containers/storage/overlay-containers/" ID
			    "/userdata/hostname /etc/hostname rw",
			    id));
	assert_string_equal(id, ID);
}

static void what_looks_like_one_is_none(void **state)
{
	char id[65] = "x";

	(void)state;
	assert_false(self_id("", id));
	assert_false(self_id("/containers/0123/hostname", id));
	assert_false(self_id("/containers/" ID, id));
	assert_false(self_id("/containers/" ID "0/hostname", id));
	assert_string_equal(id, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_container_finds_its_id),
	    cmocka_unit_test(what_looks_like_one_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
