/* SPDX-License-Identifier: MIT */
#include "docker/engine.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/ident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char home[64];
static struct error err = ERROR_INIT;
static struct engine_candidates c = ENGINE_CANDIDATES_INIT;

static int setup(void **state)
{
	static const char *const names[] = {
	    "DOCKER_HOST",       "DOCKER_CONTEXT",   "DOCKER_CONFIG",
	    "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_TLS",
	    "XDG_RUNTIME_DIR"};

	(void)state;
	for (size_t i = 0; i < array_len(names); i++)
		unsetenv(names[i]);
	snprintf(home, sizeof(home), "/tmp/testenv-discover-XXXXXX");
	if (!mkdtemp(home))
		return -1;
	return setenv("HOME", home, 1);
}

static int teardown(void **state)
{
	(void)state;
	engine_candidates_free(&c);
	error_clear(&err);
	return fs_remove_tree(home, NULL);
}

/* Writes $HOME/.docker/PATH, its directories too. */
static void write_file(const char *path, const char *text)
{
	auto_free char *full = xasprintf("%s/.docker/%s", home, path);
	auto_free char *dir = xstrdup(full);

	*strrchr(dir, '/') = '\0';
	assert_int_equal(fs_mkdir_p(dir, 0700, &err), 0);
	assert_int_equal(fs_write_file(full, text, strlen(text), 0600, &err),
			 0);
}

static void write_context(const char *name, const char *meta)
{
	char hex[DIGEST_HEX];
	auto_free char *path = NULL;

	digest_of(name, strlen(name), hex);
	path = xasprintf("contexts/meta/%s/meta.json", hex);
	write_file(path, meta);
}

static void discover(void)
{
	if (engine_discover(NULL, &c, &err) < 0)
		fail_msg("%s", err.text);
}

static void refused(const char *text)
{
	assert_int_equal(engine_discover(NULL, &c, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	if (!strstr(err.text, text))
		fail_msg("'%s' is not in '%s'", text, err.text);
	assert_int_equal(c.n, 0);
}

static void the_usual_sockets_come_in_order(void **state)
{
	auto_free char *colima =
	    xasprintf("unix://%s/.colima/default/docker.sock", home);

	(void)state;
	setenv("XDG_RUNTIME_DIR", "/run/user/77", 1);
	discover();
	assert_true(c.n >= 8);
	assert_string_equal(c.list[0].host, "unix:///var/run/docker.sock");
	assert_string_equal(c.list[0].source, "default socket");
	assert_string_equal(c.list[1].host, "unix:///run/user/77/docker.sock");
	assert_string_equal(c.list[c.n - 1].host,
			    "unix:///run/podman/podman.sock");
	for (size_t i = 0; i < c.n; i++) {
		assert_false(c.list[i].explicit_choice);
		if (!strcmp(c.list[i].host, colima))
			return;
	}
	fail_msg("no colima");
}

static void no_socket_is_listed_twice(void **state)
{
	char dir[64];

	(void)state;
	snprintf(dir, sizeof(dir), "/run/user/%ld", (long)getuid());
	setenv("XDG_RUNTIME_DIR", dir, 1);
	discover();
	for (size_t i = 0; i < c.n; i++)
		for (size_t k = i + 1; k < c.n; k++)
			assert_string_not_equal(c.list[i].host, c.list[k].host);
}

static void docker_host_beats_a_context(void **state)
{
	(void)state;
	setenv("DOCKER_HOST", "tcp://build.example:2375", 1);
	setenv("DOCKER_CONTEXT", "no-such", 1);
	discover();
	assert_int_equal(c.n, 1);
	assert_string_equal(c.list[0].host, "tcp://build.example:2375");
	assert_string_equal(c.list[0].source, "DOCKER_HOST");
	assert_true(c.list[0].explicit_choice);
	assert_null(c.list[0].ca_file);
	assert_false(c.list[0].skip_verify);
}

static void the_caller_beats_docker_host(void **state)
{
	(void)state;
	setenv("DOCKER_HOST", "tcp://build.example:2375", 1);
	assert_int_equal(engine_discover("unix:///x", &c, &err), 0);
	assert_string_equal(c.list[0].host, "unix:///x");
}

static void an_odd_docker_host_is_an_error(void **state)
{
	static const char *const hosts[] = {"build.example:2375", "unix://",
					    "ftp://x", "/var/run/docker.sock"};

	(void)state;
	for (size_t i = 0; i < array_len(hosts); i++) {
		setenv("DOCKER_HOST", hosts[i], 1);
		refused("DOCKER_HOST: '");
		assert_non_null(strstr(err.hint, "unix:///path"));
	}
}

static void an_empty_docker_host_is_none(void **state)
{
	(void)state;
	setenv("DOCKER_HOST", "", 1);
	discover();
	assert_true(c.n > 1);
}

static void tls_is_asked_for_as_the_cli_does(void **state)
{
	auto_free char *ca = xasprintf("%s/.docker/ca.pem", home);

	(void)state;
	write_file("ca.pem", "x");
	setenv("DOCKER_HOST", "tcp://h:2376", 1);
	setenv("DOCKER_TLS_VERIFY", "1", 1);
	discover();
	assert_string_equal(c.list[0].ca_file, ca);
	assert_null(c.list[0].key_file);
	assert_false(c.list[0].skip_verify);
	engine_candidates_free(&c);
	setenv("DOCKER_CERT_PATH", "/nowhere", 1);
	discover();
	assert_null(c.list[0].ca_file);
	assert_string_equal(c.list[0].host, "https://h:2376");
	engine_candidates_free(&c);
	unsetenv("DOCKER_TLS_VERIFY");
	discover();
	assert_string_equal(c.list[0].host, "tcp://h:2376");
}

static void a_context_is_read_from_its_folder(void **state)
{
	(void)state;
	write_context("lab", "{\"Name\":\"lab\",\"Endpoints\":{\"docker\":{"
			     "\"Host\":\"tcp://lab:2375\"}}}");
	setenv("DOCKER_CONTEXT", "lab", 1);
	discover();
	assert_int_equal(c.n, 1);
	assert_string_equal(c.list[0].host, "tcp://lab:2375");
	assert_string_equal(c.list[0].source, "context 'lab'");
	assert_true(c.list[0].explicit_choice);
}

static void the_current_context_is_used(void **state)
{
	(void)state;
	write_file("config.json", "{\"currentContext\":\"lab\"}");
	write_context("lab", "{\"Endpoints\":{\"docker\":{\"Host\":"
			     "\"tcp://lab:2376\",\"SkipTLSVerify\":true}}}");
	discover();
	assert_int_equal(c.n, 1);
	assert_string_equal(c.list[0].source, "context 'lab'");
	assert_true(c.list[0].skip_verify);
	engine_candidates_free(&c);
	/* the variable names another one, which is none */
	setenv("DOCKER_CONTEXT", "default", 1);
	discover();
	assert_true(c.n > 1);
}

static void a_contexts_keys_are_found(void **state)
{
	char hex[DIGEST_HEX];
	auto_free char *path = NULL;

	(void)state;
	write_context("tls", "{\"Endpoints\":{\"docker\":{\"Host\":"
			     "\"tcp://lab:2376\"}}}");
	digest_of("tls", 3, hex);
	path = xasprintf("contexts/tls/%s/docker/cert.pem", hex);
	write_file(path, "x");
	setenv("DOCKER_CONTEXT", "tls", 1);
	discover();
	assert_non_null(strstr(c.list[0].cert_file, path));
	assert_null(c.list[0].ca_file);
}

static void a_context_that_cannot_be_used_is_an_error(void **state)
{
	(void)state;
	setenv("DOCKER_CONTEXT", "lab", 1);
	refused("DOCKER_CONTEXT: there is no docker context 'lab'");
	write_context("lab", "{}");
	refused("DOCKER_CONTEXT: context 'lab' names no engine");
	write_context("lab", "<html>");
	refused("is not JSON");
	write_context("lab", "{\"Endpoints\":{\"docker\":{\"Host\":\"x\"}}}");
	refused("context 'lab': 'x' is not an engine's address");
	unsetenv("DOCKER_CONTEXT");
	write_file("config.json", "not json");
	refused("config.json' is not JSON");
	write_file("config.json", "{\"currentContext\":\"gone\"}");
	refused("there is no docker context 'gone'");
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(the_usual_sockets_come_in_order),
	    test(no_socket_is_listed_twice),
	    test(docker_host_beats_a_context),
	    test(the_caller_beats_docker_host),
	    test(an_odd_docker_host_is_an_error),
	    test(an_empty_docker_host_is_none),
	    test(tls_is_asked_for_as_the_cli_does),
	    test(a_context_is_read_from_its_folder),
	    test(the_current_context_is_used),
	    test(a_contexts_keys_are_found),
	    test(a_context_that_cannot_be_used_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
