/* SPDX-License-Identifier: MIT */
/* Which of the machine's server programs are taken. */
#include "unit/cm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "provider/programs.h"

#include <stdlib.h>
#include <string.h>

static void versions(void **state)
{
	auto_free char *pg = programs_version(
	    DIALECT_POSTGRES, "postgres (PostgreSQL) 15.8 (Debian 15.8-0)\n");
	auto_free char *beta =
	    programs_version(DIALECT_POSTGRES, "postgres (PostgreSQL) 19beta1");
	auto_free char *maria = programs_version(
	    DIALECT_MARIADB,
	    "mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu");

	(void)state;
	assert_string_equal(pg, "15.8");
	assert_string_equal(beta, "19");
	assert_string_equal(maria, "10.11.6");
	assert_null(programs_version(DIALECT_MARIADB,
				     "/usr/sbin/mysqld  Ver 8.0.36 for Linux "
				     "on x86_64 (MySQL Community Server)"));
	assert_null(programs_version(DIALECT_POSTGRES, ""));
}

static void choice(void **state)
{
	static char v17[] = "17.2";
	static char v15[] = "15.8";
	struct programs programs[] = {{.version = v17}, {.version = v15}};
	const struct programs_list list = {programs, 2};
	const struct programs_list none = PROGRAMS_LIST_INIT;
	auto_error struct error err = ERROR_INIT;

	(void)state;
	assert_ptr_equal(programs_choose(&list, DIALECT_POSTGRES, NULL, &err),
			 &programs[0]);
	assert_ptr_equal(programs_choose(&list, DIALECT_POSTGRES, "15", &err),
			 &programs[1]);
	assert_null(programs_choose(&list, DIALECT_POSTGRES, "1", &err));
	assert_int_equal(err.kind, ERROR_NO_SERVER);
	assert_string_equal(err.text,
			    "PostgreSQL 1 is not installed on this machine, "
			    "which has 17.2, 15.8");
	assert_null(programs_choose(&none, DIALECT_MARIADB, NULL, &err));
	assert_string_equal(err.text,
			    "no MariaDB server is installed on this machine");
	assert_string_equal(err.hint,
			    "on Debian: apt-get install mariadb-server-core");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(versions),
	    cmocka_unit_test(choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
