/* SPDX-License-Identifier: MIT */
/* The images' contract, the choice of one, and the labels. */
#include "unit/cm.h"

#include "base/alloc.h"
#include "provider/choose.h"
#include "provider/contract.h"
#include "provider/labels.h"
#include "provider/provider.h"

#include <string.h>
#include <unistd.h>

static void postgres_contract(void **state)
{
	const char *const extra[] = {"POSTGRES_PASSWORD=theirs", "TZ=UTC",
				     "POSTGRES_PASSWORD_FILE=/x", NULL};
	struct contract c = {
	    .dialect = DIALECT_POSTGRES,
	    .user = "app",
	    .password = "secret",
	    .database = "shop",
	    .tcp = true,
	    .extra_env = extra,
	};
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_strvec struct strvec args = STRVEC_INIT;

	(void)state;
	contract_env(&c, &env);
	assert_string_equal(strvec_env_get(&env, "POSTGRES_USER"), "app");
	assert_string_equal(strvec_env_get(&env, "POSTGRES_PASSWORD"),
			    "secret");
	assert_string_equal(strvec_env_get(&env, "POSTGRES_DB"), "shop");
	assert_string_equal(strvec_env_get(&env, "PGDATA"), "/testenv/data");
	assert_string_equal(strvec_env_get(&env, "TZ"), "UTC");
	assert_null(strvec_env_get(&env, "POSTGRES_PASSWORD_FILE"));
	contract_args(&c, &args);
	assert_true(strvec_has(&args, "fsync=off"));
	assert_true(strvec_has(&args, "listen_addresses=*"));
	for (size_t i = 0; i < args.n; i++) {
		assert_null(strstr(args.v[i], "secret"));
		assert_null(strstr(args.v[i], "unix_socket"));
	}
	c.tcp = false;
	c.socket = true;
	strvec_free(&args);
	contract_args(&c, &args);
	assert_true(strvec_has(&args, "listen_addresses=localhost"));
	assert_true(strvec_has(&args, "unix_socket_directories=/testenv/run,"
				      "/var/run/postgresql"));
}

static void mariadb_contract(void **state)
{
	struct contract c = {
	    .dialect = DIALECT_MARIADB,
	    .user = "app",
	    .password = "p",
	    .root_password = "r",
	    .database = "shop",
	    .socket = true,
	};
	auto_strvec struct strvec env = STRVEC_INIT;
	auto_strvec struct strvec args = STRVEC_INIT;
	const char *password;
	const char *root;

	(void)state;
	contract_env(&c, &env);
	contract_args(&c, &args);
	assert_string_equal(strvec_env_get(&env, "MARIADB_ROOT_PASSWORD"), "r");
	assert_string_equal(strvec_env_get(&env, "MARIADB_DATABASE"), "shop");
	assert_true(strvec_has(&args, "--datadir=/testenv/data"));
	assert_true(strvec_has(&args, "--socket=/testenv/run/mysqld.sock"));
	assert_true(
	    contract_passwords(DIALECT_MARIADB, &env, &password, &root));
	assert_string_equal(password, "p");
	assert_string_equal(root, "r");
	assert_false(
	    contract_passwords(DIALECT_POSTGRES, &env, &password, &root));
}

static const char *newest(const char *const *tags, const char *repo)
{
	static struct image images[16];
	struct image_list list = {images, 0};
	const char *best;
	static char copy[100];

	for (; *tags; tags++) {
		images[list.n] = (struct image)IMAGE_INIT;
		strvec_push(&images[list.n++].tags, *tags);
	}
	best = image_newest(&list, repo);
	strncpy(copy, best ? best : "none", sizeof(copy) - 1);
	for (size_t i = 0; i < list.n; i++)
		strvec_free(&images[i].tags);
	return copy;
}

#define NEWEST(repo, ...) newest((const char *const[]){__VA_ARGS__, NULL}, repo)

static void the_newest_image_is_by_number(void **state)
{
	(void)state;
	assert_string_equal(
	    NEWEST("postgres", "postgres:9", "postgres:16", "postgres:15.9"),
	    "postgres:16");
	assert_string_equal(NEWEST("postgres", "postgres:16.3",
				   "postgres:16.10", "postgres:16"),
			    "postgres:16.10");
	assert_string_equal(
	    NEWEST("postgres", "postgres:16-alpine", "postgres:16"),
	    "postgres:16");
	assert_string_equal(
	    NEWEST("postgres", "postgres:17-alpine", "postgres:16"),
	    "postgres:17-alpine");
	assert_string_equal(
	    NEWEST("postgres", "postgres:18", "postgres:latest"),
	    "postgres:latest");
	assert_string_equal(
	    NEWEST("postgres", "postgres:alpine", "postgres:12"),
	    "postgres:12");
	assert_string_equal(NEWEST("postgres", "docker.io/library/postgres:14",
				   "postgrest:15", "testenv/postgres:17"),
			    "docker.io/library/postgres:14");
	assert_string_equal(NEWEST("testenv/postgres",
				   "localhost/testenv/postgres:15",
				   "postgres:17"),
			    "localhost/testenv/postgres:15");
	assert_string_equal(NEWEST("postgres", "<none>:<none>"), "none");
}

static void owners_are_read_back(void **state)
{
	auto_free char *text = label_owner();
	struct label_owner o;

	(void)state;
	assert_int_equal(label_owner_parse(text, &o), 0);
	assert_int_equal(o.pid, getpid());
	assert_int_equal(o.uid, geteuid());
	assert_true(o.start_time > 0);
	assert_int_equal(label_owner_parse("", &o), -1);
	assert_int_equal(label_owner_parse("a:b:1:2:3", &o), -1);
	assert_int_equal(label_owner_parse("a:b:1:2:3:4x", &o), -1);
	assert_int_equal(label_owner_parse("::1:2:3:4", &o), 0);
	assert_string_equal(o.machine, "");
}

static void labels_are_all_there(void **state)
{
	struct ownership owner = {
	    .session = "s1",
	    .project = "/p q",
	    .lock_path = "/run/x",
	    .expires_s = 99,
	};
	auto_strvec struct strvec labels = STRVEC_INIT;

	(void)state;
	labels_for(&owner, "db", 3, "server", &labels);
	assert_true(strvec_has(&labels, "dev.testenv.session=s1"));
	assert_true(strvec_has(&labels, "dev.testenv.project=/p q"));
	assert_true(strvec_has(&labels, "dev.testenv.expires=99"));
	assert_true(strvec_has(&labels, "dev.testenv.slot=3"));
	assert_true(strvec_has(&labels, "dev.testenv.role=server"));
	strvec_free(&labels);
	labels_for(&owner, "db", -1, "builder", &labels);
	assert_true(strvec_has(&labels, "dev.testenv.slot="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(postgres_contract),
	    cmocka_unit_test(mariadb_contract),
	    cmocka_unit_test(the_newest_image_is_by_number),
	    cmocka_unit_test(owners_are_read_back),
	    cmocka_unit_test(labels_are_all_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
