/* SPDX-License-Identifier: MIT */
#include "config/companion.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/progress.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/testenv-companion-XXXXXX";
static struct buf notices = BUF_INIT;

static void on_event(void *ctx, const struct progress_event *e)
{
	(void)ctx;
	if (e->kind == PROGRESS_NOTICE)
		buf_printf(&notices, "%s\n", e->text);
}
static const struct progress progress = {on_event, NULL};

static int group_setup(void **state)
{
	(void)state;
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	buf_free(&notices);
	return fs_remove_tree(dir, NULL);
}

/* The services behind a database, in compose.yaml. */
static int load(const char *services, struct config *ret, struct error *err)
{
	auto_buf struct buf text = BUF_INIT;

	buf_printf(&text, "services:\n  db: { image: postgres:16 }\n%s",
		   services);
	assert_int_equal(
	    fs_write_file("compose.yaml", text.s, text.len, 0600, NULL), 0);
	buf_clear(&notices);
	return config_load(NULL, 0, &progress, ret, err);
}

static void refused(const char *services, const char *text)
{
	auto_error struct error err = ERROR_INIT;
	struct config c;

	assert_int_equal(load(services, &c, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(err.text, text);
}

static void words_are(const struct strvec *list, const char *wanted)
{
	auto_buf struct buf all = BUF_INIT;

	for (size_t i = 0; i < list->n; i++)
		buf_printf(&all, "[%s]", list->v[i]);
	assert_string_equal(all.s, wanted);
}

static const char whole[] =
    "  cache:\n"
    "    image: redis:7\n"
    "    command: redis-server --save \"\" --requirepass 'a b'\n"
    "    entrypoint: [tini, --]\n"
    "    environment: { A: \"1\", B: x=y }\n"
    "    user: \"1000\"\n"
    "    working_dir: /data\n"
    "    volumes:\n"
    "      - ./conf:/etc/redis:ro\n"
    "      - { type: bind, source: /abs, target: /b, read_only: true }\n"
    "      - data:/data\n"
    "      - ./rw:/rw\n"
    "      - /anonymous\n"
    "    tmpfs: [\"/run\", \"/tmp:size=64m\"]\n"
    "    ports: [\"127.0.0.1:6379:6379/tcp\", \"9000\", \"53:53/udp\"]\n"
    "    healthcheck: { test: redis-cli ping, interval: 5s }\n"
    "    mem_limit: 256m\n"
    "    restart: always\n"
    "    cpus: 2\n"
    "    x-testenv:\n"
    "      per: worker\n"
    "      url: redis://{host}:{port}/1\n"
    "      export: { CACHE_DSN: \"{host}:{port}\" }\n"
    "      optional: yes\n"
    "      reset: redis-cli flushall\n"
    "      start_timeout: 30s\n"
    "      pull: never\n"
    "      colour: blue\n";

static void test_whole(void **state)
{
	auto_free char *conf = fs_join(dir, "conf");
	struct config c;
	struct config_companion *s;

	(void)state;
	assert_int_equal(load(whole, &c, NULL), 0);
	assert_int_equal(c.n_services, 1);
	assert_int_equal(c.n_companions, 1);
	s = &c.companions[0];
	assert_string_equal(s->name, "cache");
	assert_string_equal(s->image, "redis:7");
	words_are(&s->command, "[redis-server][--save][][--requirepass][a b]");
	words_are(&s->entrypoint, "[tini][--]");
	words_are(&s->env, "[A=1][B=x=y]");
	assert_string_equal(s->user, "1000");
	assert_string_equal(s->working_dir, "/data");
	assert_int_equal(s->n_binds, 3);
	assert_string_equal(s->binds[0].source, conf);
	assert_string_equal(s->binds[0].target, "/etc/redis");
	assert_string_equal(s->binds[1].source, "/abs");
	words_are(&s->tmpfs, "[/run][/tmp:size=64m]");
	assert_int_equal(s->n_ports, 2);
	assert_int_equal(s->ports[0], 6379);
	assert_int_equal(s->ports[1], 9000);
	words_are(&s->probe_cmd, "[/bin/sh][-c][redis-cli ping]");
	assert_int_equal(s->probe, COMPANION_AUTO);
	assert_int_equal(s->memory_bytes, 256 << 20);
	assert_true(s->per_worker);
	assert_true(s->optional);
	assert_string_equal(s->url, "redis://{host}:{port}/1");
	words_are(&s->exports, "[CACHE_DSN={host}:{port}]");
	words_are(&s->reset, "[/bin/sh][-c][redis-cli flushall]");
	assert_int_equal(s->start_timeout_ms, 30000);
	assert_int_equal(s->pull_age_s, PULL_NEVER);
	assert_string_equal(
	    notices.s,
	    "compose.yaml:10:5: volume 'data' is not used: service 'cache' "
	    "keeps its data in its own container, and shares none\n"
	    "compose.yaml:10:5: '/rw' is read-only in service 'cache': tests "
	    "change nothing on this machine\n"
	    "compose.yaml:17:5: port '53:53/udp' of service 'cache' is not "
	    "published: only TCP is\n"
	    "compose.yaml:21:5: 'cpus' of service 'cache' is not supported "
	    "and has no effect\n"
	    "compose.yaml:30:7: x-testenv has no 'colour' here: it has no "
	    "effect\n");
	config_free(&c);
}

static void test_probes(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(
	    load("  a: { image: a, x-testenv: { probe: { http: /health } } }\n"
		 "  b: { image: b, x-testenv: { probe: { exec: [x, y z] } } }\n"
		 "  c: { image: c, x-testenv: { probe: tcp, port: 80 } }\n"
		 "  d: { image: d, healthcheck: { test: [CMD, p, q] } }\n"
		 "  e: { image: e, healthcheck: { disable: true } }\n"
		 "  f: { image: f, x-testenv: { probe: exit } }\n",
		 &c, NULL),
	    0);
	assert_int_equal(c.companions[0].probe, COMPANION_HTTP);
	assert_string_equal(c.companions[0].probe_path, "/health");
	assert_int_equal(c.companions[1].probe, COMPANION_EXEC);
	words_are(&c.companions[1].probe_cmd, "[x][y z]");
	assert_int_equal(c.companions[2].probe, COMPANION_TCP);
	assert_int_equal(c.companions[2].ports[0], 80);
	words_are(&c.companions[3].probe_cmd, "[p][q]");
	assert_true(c.companions[4].probe_off);
	assert_int_equal(c.companions[5].probe, COMPANION_EXIT);
	config_free(&c);
}

/* What is not started, and what needs it. */
static void test_not_started(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(
	    load("  web: { image: nginx, depends_on: [app] }\n"
		 "  app: { build: ., image: mine, depends_on: [db, cache] }\n"
		 "  cache: { image: redis }\n"
		 "  tool: { image: x, profiles: [debug] }\n"
		 "  off: { image: x, x-testenv: { start: no } }\n"
		 "  on: { image: x, build: ., x-testenv: { start: yes } }\n",
		 &c, NULL),
	    0);
	assert_int_equal(c.n_companions, 2);
	assert_string_equal(c.companions[0].name, "cache");
	assert_string_equal(c.companions[1].name, "on");
	assert_string_equal(
	    notices.s,
	    "compose.yaml:4:3: service 'app' is not started: it is built from "
	    "source; 'start: yes' under its x-testenv takes its image\n"
	    "compose.yaml:6:3: service 'tool' is not started: it has a "
	    "profile; 'start: yes' under its x-testenv starts it\n"
	    "compose.yaml:3:3: service 'web' is not started: it depends on "
	    "'app', which is not\n");
	config_free(&c);
}

static void test_order(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(
	    load("  a: { image: x, depends_on: { b: {}, db: {} } }\n"
		 "  b: { image: x, depends_on: [c] }\n"
		 "  c: { image: x }\n",
		 &c, NULL),
	    0);
	assert_string_equal(c.companions[0].name, "c");
	assert_string_equal(c.companions[1].name, "b");
	assert_string_equal(c.companions[2].name, "a");
	config_free(&c);
	refused("  a: { image: x, depends_on: [b] }\n"
		"  b: { image: x, depends_on: [c] }\n"
		"  c: { image: x, depends_on: [b] }\n",
		"compose.yaml:4:3: services depend on each other: b -> c -> b");
	refused("  a: { image: x, depends_on: [a] }\n",
		"compose.yaml:3:3: services depend on each other: a -> a");
	refused("  a: { image: x, depends_on: [z] }\n",
		"compose.yaml:3:3: service 'a' depends on 'z', which is no "
		"service that is started");
	refused("  a: { image: x, depends_on: [b] }\n"
		"  b: { image: x, x-testenv: { per: worker } }\n",
		"compose.yaml:3:3: service 'a' is one for all and depends on "
		"'b', of which each worker has its own");
}

static void test_refused(void **state)
{
	(void)state;
	refused("  a: { image: x, x-testenv: { probe: udp } }\n",
		"compose.yaml:3:38: probe: 'udp' is none of: auto, tcp, http, "
		"redis, healthcheck, exit, none");
	refused("  a: { image: x, x-testenv: { probe: { http: x } } }\n",
		"compose.yaml:3:46: http: 'x' is not a path such as "
		"'/health'");
	refused("  a: { image: x, x-testenv: { port: 70000 } }\n",
		"compose.yaml:3:37: '70000' is not a port");
	refused("  a: { image: x, x-testenv: { per: test } }\n",
		"compose.yaml:3:36: per: 'test' is none of: session, worker");
	refused("  a: { image: x, x-testenv: { optional: maybe } }\n",
		"compose.yaml:3:41: optional: 'maybe' is none of: yes, no");
	refused("  a: { image: x, command: \"a 'b\" }\n",
		"compose.yaml:3:28: command: a quote is not closed in 'a 'b'");
	refused("  a: { image: x, volumes: [\"./a:b\"] }\n",
		"compose.yaml:3:29: volumes: 'b' is not an absolute path");
	refused("  a: { image: x, tmpfs: run }\n",
		"compose.yaml:3:25: tmpfs: 'run' is not an absolute path");
	refused("  a: { image: x, mem_limit: much }\n",
		"compose.yaml:3:29: mem_limit: 'much' is not a size such as "
		"512m or 1g");
	refused("  DB: { image: x }\n",
		"compose.yaml:3:3: service 'DB' has the same variables as "
		"service 'db'");
	refused("  database: { image: x }\n",
		"compose.yaml:3:3: 'database' is no name for a service: "
		"testenv's own variables begin with it");
	refused("  a: { image: x, x-testenv: { url: \"{hots}\" } }\n",
		"compose.yaml:3:37: url: '{hots}' is none of: {url} {host} "
		"{port} {port:NUMBER} {slot} {worker}");
	refused("  a: { image: x, x-testenv: { start: yes }, build: . }\n"
		"  b: { build: ., x-testenv: { start: yes } }\n",
		"compose.yaml:4:3: service 'b' cannot start: it has no image");
}

/* A file in which nothing is said to testenv is somebody else's. */
static void test_irrelevant_file(void **state)
{
	static const char text[] = "services: { cache: { image: redis } }\n";
	static const struct config_flag db[] = {{"db", "sqlite"}};
	static const struct config_flag named[] = {{"db", "sqlite"},
						   {"file", "compose.yaml"}};
	struct config c;

	(void)state;
	assert_int_equal(
	    fs_write_file("compose.yaml", text, strlen(text), 0600, NULL), 0);
	assert_int_equal(config_load(db, 1, &progress, &c, NULL), 0);
	assert_int_equal(c.n_companions, 0);
	assert_null(c.file);
	config_free(&c);
	assert_int_equal(config_load(named, 2, &progress, &c, NULL), 0);
	assert_int_equal(c.n_companions, 1);
	config_free(&c);
}

static void test_identity(void **state)
{
	char a[CONFIG_IDENTITY];
	char b[CONFIG_IDENTITY];
	struct config c;

	(void)state;
	assert_int_equal(load("  a: { image: x }\n", &c, NULL), 0);
	config_identity(&c, a);
	config_free(&c);
	assert_int_equal(load("  a: { image: x, command: y }\n", &c, NULL), 0);
	config_identity(&c, b);
	config_free(&c);
	assert_string_not_equal(a, b);
}

static void test_words(void **state)
{
	auto_strvec struct strvec words = STRVEC_INIT;

	(void)state;
	assert_int_equal(
	    config_words(" a 'b c'd \"e\\\"f\\n\" g\\ h '' ", &words, NULL), 0);
	words_are(&words, "[a][b cd][e\"f\\n][g h][]");
	strvec_free(&words);
	assert_int_equal(config_words("", &words, NULL), 0);
	assert_int_equal(words.n, 0);
	assert_int_equal(config_words("\"a", &words, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_probes),
	    cmocka_unit_test(test_not_started),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_irrelevant_file),
	    cmocka_unit_test(test_identity),
	    cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
