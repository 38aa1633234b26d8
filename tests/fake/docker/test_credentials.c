/* SPDX-License-Identifier: MIT */
#include "docker/credentials.h"

#include "base/alloc.h"
#include "base/buf.h"
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
#include <sys/stat.h>

#include <cmocka.h>

static char home[64];
static struct deadline until;

static void put(const char *name, const char *text, mode_t mode)
{
	auto_free char *path = fs_join(home, name);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int setup(void **state)
{
	auto_free char *path = NULL;

	(void)state;
	snprintf(home, sizeof(home), "/tmp/testenv-login-XXXXXX");
	if (!mkdtemp(home))
		return -1;
	path = xasprintf("%s:/usr/bin:/bin", home);
	setenv("PATH", path, 1);
	setenv("DOCKER_CONFIG", home, 1);
	unsetenv("DOCKER_AUTH_CONFIG");
	until = deadline_in(30000, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return fs_remove_tree(home, NULL);
}

/* What is sent to the registry, as JSON; NULL: nothing. */
static void sends(const char *registry, const char *json, const char *trouble)
{
	static const char name[] = "X-Registry-Auth: ";
	auto_credentials struct credentials c = CREDENTIALS_INIT;
	auto_free char *text = NULL;
	size_t len = 0;

	credentials_find(registry, &until, &c);
	if (trouble)
		assert_string_equal(c.trouble ? c.trouble : "none", trouble);
	else if (c.trouble)
		fail_msg("%s", c.trouble);
	if (!json) {
		assert_null(c.header);
		return;
	}
	assert_non_null(c.header);
	assert_memory_equal(c.header, name, strlen(name));
	text = base64_decode(c.header + strlen(name), &len);
	assert_non_null(text);
	assert_string_equal(text, json);
}

static void nothing_is_configured(void **state)
{
	(void)state;
	sends("docker.io", NULL, NULL);
	sends("localhost:5000", NULL, NULL);
}

/* "me:it's:mine" and "u:p" */
static void from_the_file(void **state)
{
	(void)state;
	put("config.json",
	    "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":"
	    "\"bWU6aXQnczptaW5l\"},\"https://ghcr.io/v1/\":{\"auth\":\"dTpw\"},"
	    "\"localhost:5000\":{\"identitytoken\":\"tok\"},"
	    "\"bad\":{\"auth\":\"?\"},\"empty\":{}}}",
	    0600);
	sends("docker.io",
	      "{\"username\":\"me\",\"password\":\"it's:mine\","
	      "\"serveraddress\":\"https://index.docker.io/v1/\"}",
	      NULL);
	sends("ghcr.io",
	      "{\"username\":\"u\",\"password\":\"p\","
	      "\"serveraddress\":\"ghcr.io\"}",
	      NULL);
	sends("localhost:5000",
	      "{\"identitytoken\":\"tok\","
	      "\"serveraddress\":\"localhost:5000\"}",
	      NULL);
	sends("localhost:5001", NULL, NULL);
	sends("empty", NULL, NULL);
}

static void what_cannot_be_read(void **state)
{
	auto_free char *text =
	    xasprintf("%s/config.json: its 'auth' cannot be read", home);
	auto_free char *broken =
	    xasprintf("registry log-ins: '%s/config.json' is not JSON", home);

	(void)state;
	put("config.json", "{\"auths\":{\"bad\":{\"auth\":\"?\"}}}", 0600);
	sends("bad", NULL, text);
	put("config.json", "{", 0600);
	sends("bad", NULL, broken);
	setenv("DOCKER_AUTH_CONFIG", "nonsense", 1);
	put("config.json", "{}", 0600);
	sends("bad", NULL, "DOCKER_AUTH_CONFIG: not JSON");
}

static void the_environment_comes_first(void **state)
{
	(void)state;
	put("config.json", "{\"auths\":{\"r:1\":{\"auth\":\"dTpw\"}}}", 0600);
	setenv("DOCKER_AUTH_CONFIG",
	       "{\"auths\":{\"r:1\":{\"auth\":\"ZTpl\"}}}", 1);
	sends("r:1",
	      "{\"username\":\"e\",\"password\":\"e\","
	      "\"serveraddress\":\"r:1\"}",
	      NULL);
	setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{}}", 1);
	sends("r:1",
	      "{\"username\":\"u\",\"password\":\"p\","
	      "\"serveraddress\":\"r:1\"}",
	      NULL);
}

/* Its stdin is the server, and its stdout alone counts. */
static void helpers(void **state)
{
	(void)state;
	put("docker-credential-one",
	    "#!/bin/sh\n[ \"$1\" = get ] || exit 3\nread -r s\n"
	    "echo noise >&2\n"
	    "case $s in token) u='<token>' ;; *) u=u ;; esac\n"
	    "printf '{\"ServerURL\":\"%s\",\"Username\":\"%s\","
	    "\"Secret\":\"s:%s\"}' \"$s\" \"$u\" \"$s\"\n",
	    0700);
	put("docker-credential-none",
	    "#!/bin/sh\necho credentials not found in native keychain\n"
	    "exit 1\n",
	    0700);
	put("docker-credential-odd", "#!/bin/sh\necho odd\n", 0700);
	put("docker-credential-bad", "#!/bin/sh\necho secret\nexit 1\n", 0700);
	put("config.json",
	    "{\"credsStore\":\"one\",\"credHelpers\":{\"n\":\"none\","
	    "\"o\":\"odd\",\"b\":\"bad\",\"g\":\"gone\",\"x\":\"a;b\"},"
	    "\"auths\":{\"n\":{},\"g\":{\"auth\":\"dTpw\"}}}",
	    0600);
	sends("r",
	      "{\"username\":\"u\",\"password\":\"s:r\","
	      "\"serveraddress\":\"r\"}",
	      NULL);
	sends("token",
	      "{\"identitytoken\":\"s:token\",\"serveraddress\":\"token\"}",
	      NULL);
	sends("n", NULL, NULL);
	sends("o", NULL, "docker-credential-odd: its answer cannot be read");
	sends("b", NULL, "docker-credential-bad: it failed");
	sends("x", NULL, "a;b: no name of a credential helper");
	/* the file's own entry is still good */
	sends("g",
	      "{\"username\":\"u\",\"password\":\"p\","
	      "\"serveraddress\":\"g\"}",
	      "docker-credential-gone: not found");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing_is_configured, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(from_the_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_cannot_be_read, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(the_environment_comes_first, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(helpers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
