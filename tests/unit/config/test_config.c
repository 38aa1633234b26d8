/* SPDX-License-Identifier: MIT */
#include "config/companion.h"
#include "config/config.h"
#include "unit/config/load.h"

#define FILE_FAILS(content, text)                        \
	do {                                             \
		put_file("compose.yaml", (content));     \
		fails(ERROR_CONFIG, (text), NULL, NULL); \
	} while (0)

static const struct config_value *value(const struct config *c, const char *key)
{
	for (size_t i = 0; i < c->n_values; i++)
		if (!strcmp(c->values[i].key, key))
			return &c->values[i];
	return NULL;
}

static void assert_value(const struct config *c, const char *key,
			 const char *text, enum config_origin origin,
			 const char *where)
{
	const struct config_value *v = value(c, key);

	assert_non_null(v);
	assert_string_equal(v->value, text);
	assert_int_equal(v->origin, origin);
	assert_string_equal(v->where, where);
}

static void test_flags_alone(void **state)
{
	struct config c;
	auto_free char *migrations = fs_join(dir, "db/migrations");

	(void)state;
	assert_int_equal(LOAD(&c, NULL, "db", "postgres:16", "migrations",
			      "db/migrations", "seed", "a.sql", "seed", "b.sql",
			      "workers", "4", "memory", "1g", "timeout", "2h",
			      "pull", "every_12h", "platform", "linux/arm64/v8",
			      "mirror", "r.local:5000/hub", "swarm-registry",
			      "r.local:5000", "swarm-constraint",
			      "node.role==worker,node.labels.a!=b", "env",
			      "A=1", "export", "X={url}", "unrelated", "9"),
			 0);
	assert_int_equal(c.n_services, 1);
	assert_string_equal(c.services[0].name, "db");
	assert_string_equal(c.services[0].db, "postgres");
	assert_string_equal(c.services[0].version, "16");
	assert_null(c.services[0].image);
	assert_string_equal(c.services[0].platform, "linux/arm64/v8");
	assert_string_equal(c.services[0].migrations, migrations);
	assert_int_equal(c.services[0].seeds.n, 2);
	assert_true(c.services[0].memory_bytes == 1 << 30);
	assert_string_equal(c.services[0].exports.v[0], "X={url}");
	assert_int_equal(c.workers, 4);
	assert_int_equal(c.services[0].pull_age_s, 12 * 3600);
	assert_string_equal(c.mirror, "r.local:5000/hub");
	assert_string_equal(c.swarm_registry, "r.local:5000");
	assert_int_equal(c.swarm_constraints.n, 2);
	assert_string_equal(c.swarm_constraints.v[1], "node.labels.a!=b");
	assert_int_equal(c.timeout_ms, 2 * 3600 * 1000);
	assert_string_equal(strvec_env_get(&c.env, "A"), "1");
	assert_string_equal(c.project_dir, dir);
	assert_null(c.file);
	assert_value(&c, "workers", "4", ORIGIN_FLAG, "--workers");
	assert_value(&c, "keep", "never", ORIGIN_DEFAULT, "");
	assert_value(&c, "db.db", "postgres:16", ORIGIN_FLAG, "--db");
	config_free(&c);
}

static void test_database_names(void **state)
{
	static const char *const rows[][3] = {
	    {"postgres", "postgres", NULL},
	    {"pg:15", "postgres", "15"},
	    {"postgresql", "postgres", NULL},
	    {"mariadb:10.11", "mariadb", "10.11"},
	    {"mysql", "mariadb", NULL},
	    {"sqlite", "sqlite", NULL},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct config c;

		assert_int_equal(LOAD(&c, NULL, "db", rows[i][0]), 0);
		assert_string_equal(c.services[0].db, rows[i][1]);
		if (rows[i][2])
			assert_string_equal(c.services[0].version, rows[i][2]);
		else
			assert_null(c.services[0].version);
		config_free(&c);
	}
}

static void test_image_tells_the_database(void **state)
{
	static const char *const rows[][2] = {
	    {"postgres:16", "postgres"},
	    {"docker.io/library/postgres@sha256:00", "postgres"},
	    {"reg.example:5000/testenv/mariadb:10.11", "mariadb"},
	    {"mysql:8", "mariadb"},
	    {"postgis/postgis", "postgres"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct config c;

		assert_int_equal(LOAD(&c, NULL, "image", rows[i][0]), 0);
		assert_string_equal(c.services[0].db, rows[i][1]);
		assert_string_equal(c.services[0].image, rows[i][0]);
		config_free(&c);
	}
	FAILS(ERROR_CONFIG, "cannot tell which database image 'shop/data:1' is",
	      "say it: --db postgres or --db mariadb", "image", "shop/data:1");
}

static void test_refused_flags(void **state)
{
	(void)state;
	FAILS(ERROR_USAGE, "--db: unknown database 'oracle'",
	      "testenv knows postgres, mariadb and sqlite, with a version as "
	      "in postgres:16",
	      "db", "oracle");
	FAILS(ERROR_USAGE, "--db: 'postgres:' has no usable version", NULL,
	      "db", "postgres:");
	FAILS(ERROR_USAGE,
	      "--db: 'sqlite:3': sqlite is built in and has no version to "
	      "choose",
	      NULL, "db", "sqlite:3");
	FAILS(ERROR_USAGE,
	      "--db: 'mysql:8': this is MariaDB's, not MySQL's version",
	      "give --image mysql:8 for MySQL's own server", "db", "mysql:8");
	FAILS(ERROR_USAGE, "--db: 'http://' is no kind of server",
	      "testenv knows postgresql://, mysql:// and mariadb://", "db",
	      "http://user:secret@localhost/x");
	FAILS(ERROR_USAGE,
	      "--workers: '0' is neither 'auto' nor a number from 1 to 512",
	      NULL, "db", "postgres", "workers", "0");
	FAILS(ERROR_USAGE,
	      "--workers: '513' is neither 'auto' nor a number from 1 to 512",
	      NULL, "db", "postgres", "workers", "513");
	FAILS(ERROR_USAGE,
	      "--workers: '-1' is neither 'auto' nor a number from 1 to 512",
	      NULL, "db", "postgres", "workers", "-1");
	FAILS(ERROR_USAGE,
	      "--backend: 'x' is none of: auto, container, swarm, server, "
	      "local, sqlite",
	      NULL, "db", "postgres", "backend", "x");
	FAILS(ERROR_CONFIG,
	      "service 'db': sqlite is a file and cannot be served by a "
	      "container",
	      NULL, "db", "sqlite", "backend", "swarm");
	FAILS(ERROR_USAGE,
	      "--swarm-registry: 'https://r.local' is not a registry's "
	      "HOST[:PORT][/PATH]",
	      NULL, "db", "postgres", "swarm-registry", "https://r.local");
	FAILS(ERROR_USAGE,
	      "--swarm-constraint: 'worker' is not a constraint such as "
	      "node.labels.tests==yes",
	      NULL, "db", "postgres", "swarm-constraint",
	      "node.role==worker,worker");
	FAILS(ERROR_USAGE, "--isolation: 'x' is none of: container, database",
	      NULL, "db", "postgres", "isolation", "x");
	FAILS(ERROR_USAGE, "--fresh: 'x' is none of: owner, worker, never",
	      NULL, "db", "postgres", "fresh", "x");
	FAILS(
	    ERROR_USAGE,
	    "--owner: 'x' is none of: auto, process, worker, command, depth=N",
	    NULL, "db", "postgres", "owner", "x");
	FAILS(ERROR_USAGE,
	      "--owner: 'depth=2x' is none of: auto, process, worker, command, "
	      "depth=N",
	      NULL, "db", "postgres", "owner", "depth=2x");
	FAILS(ERROR_USAGE, "--migrate: no command", NULL, "db", "postgres",
	      "migrate", " ");
	FAILS(ERROR_USAGE,
	      "--layout: 'rails' is none of: auto, plain, flyway, "
	      "golang-migrate, sqlx, dbmate, goose, sql-migrate",
	      NULL, "db", "postgres", "layout", "rails");
	FAILS(ERROR_USAGE, "--fallback: 'x' is none of: sqlite, local",
	      "or 'none', to fail instead", "db", "postgres", "fallback", "x");
	FAILS(ERROR_USAGE,
	      "--require: 'auto' is none of: container, swarm, server, local, "
	      "sqlite",
	      NULL, "db", "postgres", "require", "auto");
	FAILS(ERROR_USAGE, "--env: 'A' is not NAME=VALUE", NULL, "db",
	      "postgres", "env", "A");
	FAILS(ERROR_USAGE, "--export: '1A=x' is not NAME=VALUE", NULL, "db",
	      "postgres", "export", "1A=x");
	FAILS(ERROR_USAGE,
	      "--pull: 'every_x' is none of: missing, always, never, daily, "
	      "weekly, every_12h",
	      NULL, "db", "postgres", "pull", "every_x");
	FAILS(ERROR_USAGE,
	      "--platform: 'arm64' is no platform such as linux/amd64 or "
	      "linux/arm64/v8",
	      NULL, "db", "postgres", "platform", "arm64");
	FAILS(ERROR_USAGE,
	      "--platform: 'linux//v8' is no platform such as linux/amd64 or "
	      "linux/arm64/v8",
	      NULL, "db", "postgres", "platform", "linux//v8");
	FAILS(ERROR_USAGE,
	      "--mirror: 'hub' is not a registry's HOST[:PORT][/PATH]", NULL,
	      "db", "postgres", "mirror", "hub");
	FAILS(ERROR_USAGE, "--memory: 'much' is not a size such as 512m or 1g",
	      NULL, "db", "postgres", "memory", "much");
	FAILS(ERROR_USAGE, "--memory: '1m' is too little: 32m at least", NULL,
	      "db", "postgres", "memory", "1m");
	FAILS(ERROR_USAGE,
	      "--timeout: 'soon' is not a duration such as 90s, 5m or 2h", NULL,
	      "db", "postgres", "timeout", "soon");
	FAILS(ERROR_USAGE, "--start-timeout: no time at all to start in", NULL,
	      "db", "postgres", "start-timeout", "0");
	FAILS(ERROR_USAGE, "--image: '' is not an image's name", NULL, "image",
	      "");
	FAILS(ERROR_USAGE,
	      "--file: cannot open '/nowhere/none.yaml': No such file or "
	      "directory",
	      NULL, "file", "/nowhere/none.yaml");
}

static void test_contradictions(void **state)
{
	(void)state;
	FAILS(ERROR_USAGE, "--seed: no path", NULL, "db", "sqlite", "seed", "");
	FAILS(ERROR_USAGE, "--migrations: no directory", NULL, "db", "sqlite",
	      "migrations", "");
	FAILS(ERROR_CONFIG,
	      "backend 'sqlite' is asked for, and 'container' is required",
	      NULL, "db", "postgres", "backend", "sqlite", "require",
	      "container");
	FAILS(ERROR_CONFIG,
	      "service 'db': sqlite is a file and cannot be served by a "
	      "container",
	      NULL, "db", "sqlite", "backend", "container");
	FAILS(ERROR_CONFIG,
	      "service 'db': sqlite is a file and runs no image such as 'x'",
	      NULL, "db", "sqlite", "image", "x");
}

static void test_nothing_asked(void **state)
{
	struct config c;

	(void)state;
	fails(ERROR_USAGE,
	      "no database asked for: no --db, and no Compose file with one "
	      "here or above",
	      "for example: testenv exec --db postgres --migrations "
	      "db/migrations -- ctest -j8",
	      NULL);
	FAILS(ERROR_USAGE, "--file: no path", NULL, "file", "");
	/* a Compose file of somebody else's business is no answer */
	put_file("compose.yaml", "services: { web: { image: nginx } }\n");
	fails(ERROR_USAGE,
	      "no database asked for: no --db, and no Compose file with one "
	      "here or above",
	      NULL, NULL);
	assert_string_equal(notices.s, "");
	assert_int_equal(config_load_any(NULL, 0, &progress, &c, NULL), 0);
	assert_int_equal(c.n_services, 0);
	config_free(&c);
	assert_int_equal(LOAD(&c, NULL, "backend", "sqlite"), 0);
	assert_string_equal(c.services[0].db, "sqlite");
	config_free(&c);
}

static const char example[] =
    "services:\n"
    "  db:\n"
    "    image: postgres:16\n"
    "    environment: { POSTGRES_DB: shop, POSTGRES_PASSWORD: x,\n"
    "                   TZ: UTC }\n"
    "    ports: [\"5432:5432\"]\n"
    "    x-testenv:\n"
    "      migrations: db/migrations\n"
    "      seed: db/seed.sql\n"
    "      isolation: container\n"
    "      export: { A_URL: \"{url}\", SPRING: \"{jdbc_url}\" }\n"
    "  cache:\n"
    "    image: redis:7\n"
    "x-testenv:\n"
    "  workers: 3\n"
    "  env: { OMP_NUM_THREADS: \"1\" }\n"
    "  timeout: 2h\n"
    "  fallback: sqlite\n"
    "  colour: blue\n";

static void test_example_file(void **state)
{
	auto_free char *seed = fs_join(dir, "db/seed.sql");
	auto_free char *file = fs_join(dir, "compose.yaml");
	struct config c;
	struct config_service *s;

	(void)state;
	put_file("compose.yaml", example);
	assert_int_equal(load(&c, NULL, NULL), 0);
	assert_int_equal(c.n_services, 1);
	s = &c.services[0];
	assert_string_equal(s->db, "postgres");
	assert_string_equal(s->image, "postgres:16");
	assert_string_equal(s->database, "shop");
	assert_null(s->user);
	assert_int_equal(s->env.n, 1);
	assert_string_equal(s->env.v[0], "TZ=UTC");
	assert_string_equal(s->seeds.v[0], seed);
	assert_int_equal(s->exports.n, 2);
	assert_string_equal(s->exports.v[1], "SPRING={jdbc_url}");
	assert_int_equal(c.n_companions, 1);
	assert_string_equal(c.companions[0].name, "cache");
	assert_string_equal(c.companions[0].image, "redis:7");
	assert_int_equal(c.workers, 3);
	assert_int_equal(c.timeout_ms, 7200000);
	assert_string_equal(c.env.v[0], "OMP_NUM_THREADS=1");
	assert_string_equal(c.file, file);
	assert_string_equal(
	    notices.s,
	    "compose.yaml:6:5: 'ports' of service 'db' is not supported and "
	    "has no effect\n"
	    "compose.yaml:19:3: x-testenv has no 'colour' here: it has no "
	    "effect\n");
	assert_value(&c, "workers", "3", ORIGIN_FILE, "compose.yaml:15:12");
	assert_value(&c, "db.image", "postgres:16", ORIGIN_FILE,
		     "compose.yaml:3:12");
	config_free(&c);
}

static void test_precedence(void **state)
{
	struct config c;

	(void)state;
	put_file("compose.yaml", example);
	setenv("TESTENV_WORKERS", "5", 1);
	setenv("TESTENV_ENV", "B=2", 1);
	setenv("TESTENV_SEED", "env.sql", 1);
	setenv("TESTENV_TIMEOUT", "", 1);
	assert_int_equal(LOAD(&c, NULL, "timeout", "1m", "env", "A=3"), 0);
	assert_value(&c, "workers", "5", ORIGIN_ENVIRONMENT, "TESTENV_WORKERS");
	assert_value(&c, "timeout", "1m", ORIGIN_FLAG, "--timeout");
	assert_int_equal(c.env.n, 3);
	assert_int_equal(c.services[0].seeds.n, 1);
	config_free(&c);
	assert_int_equal(
	    LOAD(&c, NULL, "workers", "7", "seed", "a", "seed", "b"), 0);
	assert_int_equal(c.workers, 7);
	assert_int_equal(c.services[0].seeds.n, 2);
	assert_string_equal(value(&c, "db.seed.2")->value, "b");
	config_free(&c);
	setenv("TESTENV_WORKERS", "x", 1);
	fails(ERROR_CONFIG,
	      "TESTENV_WORKERS: 'x' is neither 'auto' nor a number from 1 to "
	      "512",
	      NULL, NULL);
	unsetenv("TESTENV_WORKERS");
	unsetenv("TESTENV_ENV");
	unsetenv("TESTENV_SEED");
	unsetenv("TESTENV_TIMEOUT");
}

static void test_flag_replaces_the_files_database(void **state)
{
	struct config c;

	(void)state;
	put_file("compose.yaml", example);
	assert_int_equal(LOAD(&c, NULL, "db", "mariadb:11"), 0);
	assert_string_equal(c.services[0].db, "mariadb");
	assert_null(c.services[0].image);
	assert_string_equal(c.services[0].version, "11");
	config_free(&c);
	assert_int_equal(LOAD(&c, NULL, "image", "testenv/mariadb"), 0);
	assert_string_equal(c.services[0].db, "mariadb");
	config_free(&c);
	put_file("compose.yaml", "services:\n"
				 "  a: { image: postgres }\n"
				 "  b: { image: mariadb }\n");
	FAILS(ERROR_USAGE,
	      "--db: the file has 2 database services: say there which one "
	      "this is for",
	      NULL, "db", "postgres");
}

static void test_inside_a_session(void **state)
{
	struct config c;

	(void)state;
	setenv("TESTENV_BACKEND", "sqlite", 1);
	assert_int_equal(LOAD(&c, NULL, "db", "postgres"), 0);
	assert_int_equal(c.backend, BACKEND_SQLITE);
	config_free(&c);
	setenv("TESTENV_SESSION", "abc", 1);
	assert_int_equal(LOAD(&c, NULL, "db", "postgres"), 0);
	assert_int_equal(c.backend, BACKEND_AUTO);
	config_free(&c);
	unsetenv("TESTENV_SESSION");
	unsetenv("TESTENV_BACKEND");
}

static void test_file_is_found_upwards(void **state)
{
	auto_free char *file = fs_join(dir, "testenv.yaml");
	struct config c;

	(void)state;
	put_file("testenv.yaml", "services: { db: { image: mariadb } }\n");
	assert_int_equal(fs_mkdir_p("a/b", 0700, NULL), 0);
	assert_int_equal(chdir("a/b"), 0);
	put_file("compose.yaml", "services: { web: { image: nginx } }\n");
	assert_int_equal(load(&c, NULL, NULL), 0);
	assert_string_equal(c.file, file);
	assert_string_equal(c.project_dir, dir);
	config_free(&c);
	assert_int_equal(LOAD(&c, NULL, "file", "/dev/null", "db", "sqlite"),
			 0);
	assert_string_equal(c.services[0].db, "sqlite");
	config_free(&c);
}

static void test_empty_files_and_lists(void **state)
{
	struct config c;

	(void)state;
	put_file("empty.yaml", "# nothing yet\n\n   # at all\n");
	assert_int_equal(LOAD(&c, NULL, "file", "empty.yaml", "db", "sqlite"),
			 0);
	assert_int_equal(c.fallback.n, 1);
	config_free(&c);
	put_file("none.yaml", "x-testenv: { fallback: [] }\n");
	assert_int_equal(LOAD(&c, NULL, "file", "none.yaml", "db", "sqlite"),
			 0);
	assert_int_equal(c.fallback.n, 0);
	config_free(&c);
}

static void test_environment_forms(void **state)
{
	struct config c;

	(void)state;
	setenv("TE_INHERITED", "yes", 1);
	unsetenv("TE_ABSENT");
	put_file("compose.yaml", "services:\n"
				 "  db:\n"
				 "    image: mariadb\n"
				 "    environment:\n"
				 "      - MYSQL_DATABASE=shop\n"
				 "      - MARIADB_USER=joe\n"
				 "      - MARIADB_ROOT_PASSWORD=secret\n"
				 "      - TE_INHERITED\n"
				 "      - TE_ABSENT\n"
				 "      - A=b=c\n"
				 "    mem_limit: 512m\n");
	assert_int_equal(load(&c, NULL, NULL), 0);
	assert_string_equal(c.services[0].database, "shop");
	assert_string_equal(c.services[0].user, "joe");
	assert_int_equal(c.services[0].env.n, 2);
	assert_string_equal(c.services[0].env.v[0], "TE_INHERITED=yes");
	assert_string_equal(c.services[0].env.v[1], "A=b=c");
	assert_true(c.services[0].memory_bytes == 512 << 20);
	assert_string_equal(notices.s, "");
	config_free(&c);
	unsetenv("TE_INHERITED");
}

static void test_extension_names_the_database(void **state)
{
	struct config c;

	(void)state;
	put_file("compose.yaml",
		 "x-common: &common\n"
		 "  environment: { POSTGRES_DB: one }\n"
		 "services:\n"
		 "  db:\n"
		 "    <<: *common\n"
		 "    image: shop/data:1\n"
		 "    x-testenv: { db: postgres, memory: 64m }\n"
		 "  files:\n"
		 "    x-testenv: { db: sqlite }\n");
	assert_int_equal(load(&c, NULL, NULL), 0);
	assert_int_equal(c.n_services, 2);
	assert_string_equal(c.services[0].image, "shop/data:1");
	assert_string_equal(c.services[0].db, "postgres");
	assert_string_equal(c.services[0].database, "one");
	assert_string_equal(c.services[1].db, "sqlite");
	config_free(&c);
}

static void test_interpolated_file(void **state)
{
	struct config c;

	(void)state;
	setenv("TE_TAG", "15", 1);
	unsetenv("TE_NONE");
	put_file("compose.yaml", "services:\n"
				 "  db:\n"
				 "    image: postgres:${TE_TAG:-16}\n"
				 "    environment:\n"
				 "      A: $TE_NONE\n"
				 "      B: a$$b\n");
	assert_int_equal(load(&c, NULL, NULL), 0);
	assert_string_equal(c.services[0].image, "postgres:15");
	assert_string_equal(c.services[0].env.v[0], "A=");
	assert_string_equal(c.services[0].env.v[1], "B=a$b");
	assert_string_equal(notices.s,
			    "compose.yaml:5:7: variable 'TE_NONE' is not set: "
			    "taken as empty\n");
	config_free(&c);
	unsetenv("TE_TAG");
	FILE_FAILS("services:\n  db:\n    image: ${TE_NONE:?say a tag}\n",
		   "compose.yaml:3:12: variable 'TE_NONE' is not set: say a "
		   "tag");
}

static void test_errors_in_a_file(void **state)
{
	(void)state;
	FILE_FAILS("services: [\n", "compose.yaml:2:1: flow sequence without "
				    "a closing bracket");
	FILE_FAILS("[]\n", "compose.yaml:1:1: a Compose file is a mapping");
	FILE_FAILS("services: x\n",
		   "compose.yaml:1:11: services: a mapping is wanted here");
	FILE_FAILS("services:\n  db: postgres\n",
		   "compose.yaml:2:7: service 'db' is no mapping");
	FILE_FAILS("services:\n  'a b': { image: postgres }\n",
		   "compose.yaml:2:4: 'a b' is no name for a service");
	FILE_FAILS("services:\n  a-b: { image: postgres }\n"
		   "  A_b: { image: mariadb }\n",
		   "compose.yaml:3:3: service 'A_b' has the same variables as "
		   "service 'a-b'");
	FILE_FAILS("services:\n  _1: { image: postgres }\n"
		   "  1: { image: mariadb }\n",
		   "compose.yaml:3:3: service '1' has the same variables as "
		   "service '_1'");
	FILE_FAILS("services:\n  db: { image: [a] }\n",
		   "compose.yaml:2:9: image: a single value is wanted here");
	FILE_FAILS("services:\n  db: { image: x, x-testenv: { seed: s } }\n",
		   "compose.yaml:2:3: cannot tell which database service 'db' "
		   "is: say 'db: postgres' or 'db: mariadb' under its "
		   "x-testenv");
	FILE_FAILS("services:\n  db:\n    image: postgres\n"
		   "    x-testenv:\n      isolation: process\n",
		   "compose.yaml:5:18: isolation: 'process' is none of: "
		   "container, database");
	FILE_FAILS("services:\n  db:\n    image: postgres\n"
		   "    x-testenv:\n      migrate: ' '\n",
		   "compose.yaml:5:17: migrate: no command");
	FILE_FAILS("services:\n  db:\n    image: postgres\n"
		   "    x-testenv: { db: oracle }\n",
		   "compose.yaml:4:22: db: unknown database 'oracle'");
	FILE_FAILS("services:\n  db:\n    image: postgres\n"
		   "    environment: x\n",
		   "compose.yaml:4:18: environment: a mapping or a list is "
		   "wanted here");
	FILE_FAILS("services:\n  db:\n    image: postgres\n"
		   "    environment: { 'A B': 1 }\n",
		   "compose.yaml:4:27: environment: 'A B=1' is not NAME=VALUE");
	FILE_FAILS("x-testenv:\n  workers: many\n",
		   "compose.yaml:2:12: workers: 'many' is neither 'auto' nor "
		   "a number from 1 to 512");
	FILE_FAILS("x-testenv:\n  workers:\n",
		   "compose.yaml:2:3: workers: has no value");
	FILE_FAILS("x-testenv:\n  env: { 'A-B': x }\n",
		   "compose.yaml:2:17: env: 'A-B=x' is not NAME=VALUE");
	FILE_FAILS("x-testenv:\n  swarm_registry: hub\n",
		   "compose.yaml:2:19: swarm_registry: 'hub' is not a "
		   "registry's HOST[:PORT][/PATH]");
	FILE_FAILS("a: {\n", "compose.yaml:2:1: did not find expected node "
			     "content");
	FILE_FAILS("services:\n  db: { <<: 3 }\n",
		   "compose.yaml:2:13: '<<' needs a mapping");
	FILE_FAILS("a: &a [*a]\nx-testenv: { env: *b }\n",
		   "compose.yaml:1:9: nested too deeply");
	FILE_FAILS("services: {}\nservices: {}\n",
		   "compose.yaml:2:1: duplicate key");
}

/* Nine aliases deep this would be 10^9 nodes. */
static void test_aliases_are_bounded(void **state)
{
	auto_buf struct buf text = BUF_INIT;

	(void)state;
	buf_puts(&text, "x-a: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
	for (int i = 1; i < 9; i++) {
		buf_printf(&text, "x-a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_printf(&text, "%s*a%d", k ? "," : "", i - 1);
		buf_puts(&text, "]\n");
	}
	put_file("compose.yaml", text.s);
	fails(ERROR_CONFIG,
	      "compose.yaml:1:15: too large, with its aliases followed", NULL,
	      NULL);
}

static void test_file_is_bounded(void **state)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *path = fs_join(dir, "compose.yaml");
	auto_free char *want =
	    xasprintf("'%s' is larger than 1048576 bytes", path);

	(void)state;
	while (text.len <= 1024 * 1024)
		buf_puts(&text, "# nothing here, and much of it\n");
	put_file("compose.yaml", text.s);
	fails(ERROR_IO, want, NULL, NULL);
}

static void identity_of(char ret[CONFIG_IDENTITY], const char *const *args)
{
	struct config c;

	assert_int_equal(load(&c, NULL, args), 0);
	config_identity(&c, ret);
	config_free(&c);
}
#define IDENTITY(ret, ...) \
	identity_of((ret), (const char *const[]){__VA_ARGS__, NULL})

static void test_identity(void **state)
{
	char base[CONFIG_IDENTITY];
	char other[CONFIG_IDENTITY];

	(void)state;
	IDENTITY(base, "db", "postgres");
	assert_int_equal(strlen(base), 16);
	IDENTITY(other, "db", "postgres", "timeout", "5m", "env", "A=1",
		 "quiet", "", "rebuild", "");
	assert_string_equal(base, other);
	IDENTITY(other, "db", "postgres", "workers", "2");
	assert_string_not_equal(base, other);
	IDENTITY(other, "db", "postgres:16");
	assert_string_not_equal(base, other);
	IDENTITY(other, "db", "postgres", "seed", "x.sql");
	assert_string_not_equal(base, other);
	IDENTITY(other, "db", "postgres", "host", "unix:///x");
	assert_string_not_equal(base, other);
	assert_int_equal(fs_mkdir_p("elsewhere", 0700, NULL), 0);
	assert_int_equal(chdir("elsewhere"), 0);
	IDENTITY(other, "db", "postgres");
	assert_string_not_equal(base, other);
}

static void test_units(void **state)
{
	(void)state;
	assert_int_equal(config_duration_ms("90"), 90000);
	assert_int_equal(config_duration_ms("1500ms"), 1500);
	assert_int_equal(config_duration_ms("30s"), 30000);
	assert_int_equal(config_duration_ms("5m"), 300000);
	assert_int_equal(config_duration_ms("1h30m"), 5400000);
	assert_int_equal(config_duration_ms("0"), 0);
	assert_int_equal(config_duration_ms(""), -1);
	assert_int_equal(config_duration_ms("s"), -1);
	assert_int_equal(config_duration_ms("5 m"), -1);
	assert_int_equal(config_duration_ms("-5"), -1);
	assert_int_equal(config_duration_ms("1h30"), -1);
	assert_int_equal(config_duration_ms("367d"), -1);
	assert_int_equal(config_duration_ms("99999999999999999999"), -1);
	assert_true(config_bytes("512m") == 512 << 20);
	assert_true(config_bytes("1g") == 1 << 30);
	assert_true(config_bytes("1GiB") == 1 << 30);
	assert_true(config_bytes("64kb") == 64 << 10);
	assert_true(config_bytes("17") == 17);
	assert_true(config_bytes("17b") == 17);
	assert_true(config_bytes("m") == -1);
	assert_true(config_bytes("1x") == -1);
	assert_true(config_bytes("99999999999t") == -1);
	assert_string_equal(config_backend_name(BACKEND_SQLITE), "sqlite");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_flags_alone, setup),
	    cmocka_unit_test_setup(test_database_names, setup),
	    cmocka_unit_test_setup(test_image_tells_the_database, setup),
	    cmocka_unit_test_setup(test_refused_flags, setup),
	    cmocka_unit_test_setup(test_contradictions, setup),
	    cmocka_unit_test_setup(test_nothing_asked, setup),
	    cmocka_unit_test_setup(test_example_file, setup),
	    cmocka_unit_test_setup(test_precedence, setup),
	    cmocka_unit_test_setup(test_flag_replaces_the_files_database,
				   setup),
	    cmocka_unit_test_setup(test_inside_a_session, setup),
	    cmocka_unit_test_setup(test_file_is_found_upwards, setup),
	    cmocka_unit_test_setup(test_empty_files_and_lists, setup),
	    cmocka_unit_test_setup(test_environment_forms, setup),
	    cmocka_unit_test_setup(test_extension_names_the_database, setup),
	    cmocka_unit_test_setup(test_interpolated_file, setup),
	    cmocka_unit_test_setup(test_errors_in_a_file, setup),
	    cmocka_unit_test_setup(test_aliases_are_bounded, setup),
	    cmocka_unit_test_setup(test_file_is_bounded, setup),
	    cmocka_unit_test_setup(test_identity, setup),
	    cmocka_unit_test_setup(test_units, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
