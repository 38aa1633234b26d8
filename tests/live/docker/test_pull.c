/* SPDX-License-Identifier: MIT */
/* Pulls from a real registry on this machine, which the test brings up (and
 * takes down, unless it was up). */
#include "live.h"

#include "base/progress.h"
#include "http/http.h"

#include <sys/wait.h>

static char registry[64]; /* "127.0.0.1:5000" */
static char locked[64];   /* the one with a password */
static const char *push_header = "X-Registry-Auth: e30=";
static bool ours; /* the registry was not there before */

/* The first line of a script in tests/engines. */
static bool run(const char *command, char *ret, size_t size)
{
	FILE *pipe = popen(command, "re");
	bool ok = pipe && fgets(ret, (int)size, pipe);

	return pipe && pclose(pipe) == 0 && ok;
}

static bool registry_up(void)
{
	char line[256] = "";

	ours =
	    system("curl -s -m 5 -o /dev/null http://127.0.0.1:5000/v2/") != 0;
	if (!run("sh " TESTS_DIR "/engines/registry-up 2>/dev/null", line,
		 sizeof(line)))
		return false;
	return sscanf(line, "%63s %63s", registry, locked) == 2;
}

static void registry_down(void)
{
	if (ours && system("sh " TESTS_DIR "/engines/down registry "
			   "registry-auth 2>/dev/null") != 0)
		print_error("the registries cannot be taken down\n");
}

/* The repository of this run at a registry. */
static char *repo_at(const char *host)
{
	return xasprintf("%s/testenv-test/%s", host,
			 strchr(live_label, '=') + 1);
}

static void post(const char *path)
{
	const char *headers[] = {push_header, NULL};
	struct http_request request = {
	    .method = "POST", .path = path, .headers = headers};
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;

	assert_ok(engine_send(engine, &request, &until, &reply, &err));
	if (reply.status >= 300 || strstr(reply.body.s, "errorDetail"))
		fail_msg("%s: %d %s", path, reply.status, reply.body.s);
}

static void push_an_image(const char *name)
{
	static const char dockerfile[] = "FROM scratch\nCOPY Dockerfile /\n";
	const char *labels[] = {live_label, NULL};
	auto_buf struct buf context = BUF_INIT;
	struct tar *tar = tar_new();
	struct image_build b = {
	    .context = &context, .tag = name, .labels = labels};
	auto_free char *path = xasprintf("/images/%.*s/push?tag=%s",
					 (int)(strrchr(name, ':') - name), name,
					 strrchr(name, ':') + 1);

	assert_ok(tar_add(tar, "Dockerfile", dockerfile, strlen(dockerfile),
			  0644, &err));
	assert_ok(tar_end(tar, &context, &err));
	assert_ok(image_build(engine, &b, &until, NULL, &err));
	post(path);
	assert_ok(image_remove(engine, name, &until, &err));
}

static void count_items(void *ctx, const struct progress_event *event)
{
	*(int *)ctx += event->kind == PROGRESS_ITEM;
}

static void an_image_is_pulled(void **state)
{
	auto_free char *repo = repo_at(registry);
	auto_free char *name = xasprintf("%s:one", repo);
	auto_image struct image image = IMAGE_INIT;
	int items = 0;
	struct progress progress = {count_items, &items};

	(void)state;
	push_an_image(name);
	assert_int_equal(image_inspect(engine, name, &until, &image, &err), 0);
	assert_ok(image_pull(engine, name, NULL, &until, &progress, &err));
	assert_true(items > 0);
	assert_int_equal(image_inspect(engine, name, &until, &image, &err), 1);
	assert_non_null(image_label(&image, "dev.testenv.test"));
	assert_ok(image_remove(engine, name, &until, &err));
}

static void an_image_that_is_not_there_says_so(void **state)
{
	auto_free char *repo = repo_at(registry);
	auto_free char *name = xasprintf("%s:none", repo);

	(void)state;
	assert_int_equal(image_pull(engine, name, NULL, &until, NULL, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_NO_IMAGE);
	assert_non_null(strstr(err.text, name));
}

static void a_registry_that_wants_a_login_says_so(void **state)
{
	auto_free char *repo = repo_at(locked);
	auto_free char *name = xasprintf("%s:none", repo);

	(void)state;
	assert_int_equal(image_pull(engine, name, NULL, &until, NULL, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_PULL);
	/* "no basic auth credentials", "authentication required" … */
	assert_non_null(strstr(err.text, "auth"));
}

/* The registry's user is "eng", its password "secret". */
static void a_log_in_is_sent(void **state)
{
	auto_free char *repo = repo_at(locked);
	auto_free char *name = xasprintf("%s:two", repo);
	auto_free char *right = xasprintf(
	    "{\"auths\":{\"%s\":{\"auth\":\"ZW5nOnNlY3JldA==\"}}}", locked);
	auto_free char *wrong = xasprintf(
	    "{\"auths\":{\"%s\":{\"auth\":\"ZW5nOndyb25n\"}}}", locked);
	auto_image struct image image = IMAGE_INIT;

	(void)state;
	push_header =
	    "X-Registry-Auth: eyJ1c2VybmFtZSI6ImVuZyIsInBhc3N3b3JkIjoi"
	    "c2VjcmV0In0=";
	push_an_image(name);
	setenv("DOCKER_AUTH_CONFIG", wrong, 1);
	assert_int_equal(image_pull(engine, name, NULL, &until, NULL, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_PULL);
	assert_null(strstr(err.text, "ZW5n"));
	setenv("DOCKER_AUTH_CONFIG", right, 1);
	error_clear(&err);
	assert_ok(image_pull(engine, name, NULL, &until, NULL, &err));
	unsetenv("DOCKER_AUTH_CONFIG");
	assert_int_equal(image_inspect(engine, name, &until, &image, &err), 1);
	assert_ok(image_remove(engine, name, &until, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_image_is_pulled),
	    cmocka_unit_test(an_image_that_is_not_there_says_so),
	    cmocka_unit_test(a_registry_that_wants_a_login_says_so),
	    cmocka_unit_test(a_log_in_is_sent),
	};
	int rc;

	if (!live_available())
		return 77;
	if (!registry_up()) {
		printf("skipped: no registry can be brought up\n");
		return 77;
	}
	rc = cmocka_run_group_tests(tests, live_setup, live_teardown);
	registry_down();
	return rc;
}
