/* SPDX-License-Identifier: MIT */
#include "fake.h"

#include "base/progress.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct seen {
	struct buf text; /* "kind step item text current/total", a line each */
};

static void on_progress(void *ctx, const struct progress_event *e)
{
	static const char kinds[] = "SIDLN";
	struct seen *seen = ctx;

	buf_printf(&seen->text, "%c %s|%s|%s|%lld/%lld\n", kinds[e->kind],
		   e->step ? e->step : "-", e->item ? e->item : "-",
		   e->text ? e->text : "-", (long long)e->current,
		   (long long)e->total);
}

static void pull_answers(const char *stream, unsigned flags)
{
	struct fake_reply reply = {.body = stream, .flags = flags};

	fake_engine_on(fake, "POST", "/images/create", &reply, 1);
}

static void a_pull_shows_its_layers(void **state)
{
	struct seen seen = {BUF_INIT};
	struct progress progress = {on_progress, &seen};
	auto_free char *log = NULL;

	(void)state;
	fake_engine_add_image(fake, "postgres:16", NULL);
	pull_answers(
	    "{\"status\":\"Pulling from library/postgres\",\"id\":\"16\"}\r\n"
	    "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,"
	    "\"total\":9},\"progress\":\"[=>]\",\"id\":\"aaa\"}\r\n"
	    "{\"status\":\"Pull complete\",\"progressDetail\":{},"
	    "\"id\":\"aaa\"}\r\n"
	    "{\"status\":\"Digest: sha256:0\"}\r\n",
	    FAKE_CHUNKED);
	assert_ok(
	    image_pull(engine, "postgres:16", NULL, &until, &progress, &err));
	assert_string_equal(
	    seen.text.s,
	    "S pull postgres:16|-|pulling 'postgres:16'|0/0\n"
	    "I pull postgres:16|16|Pulling from library/postgres|0/0\n"
	    "I pull postgres:16|aaa|Downloading|5/9\n"
	    "I pull postgres:16|aaa|Pull complete|0/0\n"
	    "D pull postgres:16|-|pulled 'postgres:16'|0/0\n");
	log = fake_engine_log(fake);
	assert_non_null(strstr(
	    log, "POST /v1.41/images/create?fromImage=postgres&tag=16\n"));
	assert_int_equal(fake_engine_count(fake, NULL, NULL), 3);
	buf_free(&seen.text);
}

static void a_pull_always_names_one_tag(void **state)
{
	auto_free char *log = NULL;

	(void)state;
	assert_fails(
	    image_pull(engine, "localhost:5000/a/b", NULL, &until, NULL, &err),
	    ERROR_PULL, "does not have it");
	assert_fails(
	    image_pull(engine, "a:1@sha256:" HEX, NULL, &until, NULL, &err),
	    ERROR_PULL, "does not have it");
	log = fake_engine_log(fake);
	assert_non_null(
	    strstr(log, "fromImage=localhost%3A5000%2Fa%2Fb&tag=latest\n"));
	assert_non_null(strstr(log, "fromImage=a&tag=sha256%3A" HEX "\n"));
	assert_fails(image_pull(engine, "A b", NULL, &until, NULL, &err),
		     ERROR_CONFIG, "'A b' is not an image's name");
}

static void podman_is_told_the_registry(void **state)
{
	struct fake_reply ping = {
	    .headers = "Api-Version: 1.41\r\nServer: Libpod/4.3.1\r\n"};
	auto_free char *log = NULL;

	(void)state;
	fake_engine_on(fake, NULL, "/_ping", &ping, 0);
	assert_ok(open_fake());
	image_pull(engine, "postgres:16", NULL, &until, NULL, &err);
	log = fake_engine_log(fake);
	assert_non_null(
	    strstr(log, "fromImage=docker.io%2Flibrary%2Fpostgres&tag=16\n"));
}

static void an_error_in_the_stream_is_an_error(void **state)
{
	(void)state;
	/* docker's form, then podman's */
	pull_answers("{\"status\":\"Pulling\",\"id\":\"x\"}\r\n"
		     "{\"errorDetail\":{\"code\":5,\"message\":\"unexpected "
		     "end of data\"},\"error\":\"unexpected end of data\"}\r\n",
		     0);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_PULL, "pull 'a:b': unexpected end of data");
	pull_answers("{\"stream\":\"Trying to pull...\\n\"}\n"
		     "{\"error\":\"unable to copy: wrong digest\"}\n",
		     FAKE_BYTEWISE);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_PULL, "pull 'a:b': unable to copy: wrong digest");
	pull_answers("{\"errorDetail\":{}}\n", 0);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_PULL, "unknown error");
	/* without a line's end it counts all the same */
	pull_answers("{\"error\":\"late\"}", 0);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_PULL, "late");
}

/* Said once, and then it goes on. */
static void what_may_pass_is_tried_again(void **state)
{
	struct fake_reply pulled = {.status = 200,
				    .body = "{\"status\":\"Pulling\"}\n"};
	struct fake_reply reset = {
	    .status = 500,
	    .body = "{\"message\":\"Get x: connection reset by peer\"}"};
	struct fake_reply there = {.status = 200, .body = "{\"Id\":\"x\"}"};
	auto_free char *log = NULL;
	const char *first;

	(void)state;
	fake_engine_on(fake, "POST", "/images/create", &pulled, 0);
	fake_engine_on(fake, "POST", "/images/create", &reset, 1);
	fake_engine_on(fake, "GET", "/images/a:b/json", &there, 0);
	assert_ok(image_pull(engine, "a:b", NULL, &until, NULL, &err));
	log = fake_engine_log(fake);
	first = strstr(log, "POST /v1.41/images/create");
	assert_non_null(first);
	assert_non_null(strstr(first + 1, "POST /v1.41/images/create"));
}

static void refusals_say_what_to_do(void **state)
{
	(void)state;
	pull_answers("{\"error\":\"unauthorized: incorrect password\"}\n", 0);
	assert_fails(image_pull(engine, "r.io/a:b", NULL, &until, NULL, &err),
		     ERROR_PULL, "unauthorized");
	assert_string_equal(err.hint, "log in: docker login r.io");
	pull_answers("{\"error\":\"toomanyrequests: slow down\"}\n", 0);
	assert_fails(image_pull(engine, "r.io/a:b", NULL, &until, NULL, &err),
		     ERROR_PULL, "toomanyrequests");
	assert_string_equal(err.hint, "log in to 'r.io', or name a mirror");
	pull_answers("{\"error\":\"dial tcp: lookup r.io: no such host\"}\n",
		     0);
	assert_fails(image_pull(engine, "r.io/a:b", NULL, &until, NULL, &err),
		     ERROR_PULL, "lookup r.io: no such host");
	assert_string_equal(err.hint,
			    "the engine has no way to 'r.io'; offline, only "
			    "what it has serves: see 'testenv doctor'");
}

static void a_full_disk_is_said_in_one_way(void **state)
{
	static const char said[] =
	    "{\"errorDetail\":{\"message\":\"failed to register layer: write "
	    "/x: no space left on device\"}}\n";
	auto_buf struct buf context = BUF_INIT;
	const struct image_build build = {.context = &context, .tag = "a:b"};
	struct fake_reply failed = {
	    .status = 500,
	    .body = "{\"message\":\"mkdir /x: no space left on device\"}"};
	struct fake_reply step = {
	    .body = "{\"stream\":\"E: write (28: No space left on "
		    "device)\\n\"}\n{\"errorDetail\":{\"message\":\"returned a "
		    "non-zero code: 100\"}}\n"};

	(void)state;
	buf_puts(&context, "x");
	pull_answers(said, 0);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_NO_SPACE,
		     "the engine's disk is full: pull 'a:b': failed to");
	assert_non_null(strstr(err.hint, "testenv gc --cache-size 0"));
	fake_engine_on(fake, "POST", "/images/create", &failed, 1);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_NO_SPACE, "the engine's disk is full: pull 'a:b'");
	fake_engine_on(fake, "POST", "/build", &step, 1);
	assert_fails(image_build(engine, &build, &until, NULL, &err),
		     ERROR_NO_SPACE,
		     "the engine's disk is full: build 'a:b': returned");
	fake_engine_on(fake, "DELETE", "/images/a:b", &failed, 1);
	assert_fails(image_remove(engine, "a:b", &until, &err), ERROR_NO_SPACE,
		     "the engine's disk is full: ");
}

static void an_image_that_does_not_exist_is_of_its_kind(void **state)
{
	struct fake_reply missing = {
	    .status = 404,
	    .body = "{\"message\":\"manifest for a:b not found: manifest "
		    "unknown\"}"};
	struct fake_reply denied = {
	    .status = 500,
	    .body = "{\"message\":\"unauthorized: incorrect username\"}"};

	(void)state;
	fake_engine_on(fake, "POST", "/images/create", &missing, 1);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_NO_IMAGE, "manifest unknown");
	pull_answers("{\"error\":\"initializing source: reading manifest b: "
		     "manifest unknown\"}\n",
		     0);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_NO_IMAGE, "manifest unknown");
	fake_engine_on(fake, "POST", "/images/create", &denied, 1);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_PULL, "pull 'a:b': unauthorized");
}

static void a_pull_that_breaks_off_is_no_success(void **state)
{
	(void)state;
	fake_engine_add_image(fake, "a:b", NULL);
	pull_answers("{\"status\":\"Downloading\",\"id\":\"x\"}\r\n",
		     FAKE_CHUNKED | FAKE_UNENDED);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_PROTOCOL,
		     "pull 'a:b': POST /v1.41/images/create: "
		     "the reply is cut off");
	pull_answers("{\"status\":\"Downloading\",\"id\":\"x\"}\r\n{\"stat", 0);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_PROTOCOL, "unreadable reply: '{\"stat'");
	pull_answers("[1,2]\n", 0);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_PROTOCOL, "unreadable reply: '[1,2]'");
}

static void a_line_without_end_is_bounded(void **state)
{
	size_t len = 2 * 1024 * 1024;
	auto_free char *body = xmalloc(len + 1);

	(void)state;
	memset(body, 'x', len);
	body[len] = '\0';
	pull_answers(body, 0);
	assert_fails(image_pull(engine, "a:b", NULL, &until, NULL, &err),
		     ERROR_PROTOCOL, "unreadable reply: 'xxxx");
	assert_true(strlen(err.text) < 200);
}

static int build(const struct progress *progress)
{
	auto_buf struct buf tar = BUF_INIT;
	const char *args[] = {"A=b c", "EMPTY=", NULL};
	const char *labels[] = {"l=m", NULL};
	struct image_build b = {.context = &tar,
				.tag = "x/y:1",
				.build_args = args,
				.labels = labels,
				.no_cache = true};

	buf_puts(&tar, "the context");
	return image_build(engine, &b, &until, progress, &err);
}

static void a_build_shows_its_lines(void **state)
{
	struct fake_reply reply = {
	    .body = "{\"stream\":\"Step 1/2 : FROM a\"}\r\n"
		    "{\"stream\":\"\\n\"}\r\n{\"stream\":\" one\\ntwo\"}\r\n"
		    "{\"aux\":{\"ID\":\"sha256:0\"}}\r\n",
	    .flags = FAKE_CHUNKED};
	struct fake_step steps[] = {
	    {"POST /v1.41/build?version=1&rm=1&forcerm=1&t=x%2Fy%3A1&nocache=1"
	     "&buildargs=%7B%22A%22%3A%22b%20c%22%2C%22EMPTY%22%3A%22%22%7D"
	     "&labels=%7B%22l%22%3A%22m%22%7D",
	     "the context", reply},
	    {"GET /v1.41/images/x/y:1/json",
	     NULL,
	     {.body = "{\"Id\":\"sha256:" HEX "\"}"}},
	};
	struct seen seen = {BUF_INIT};
	struct progress progress = {on_progress, &seen};

	(void)state;
	fake_engine_script(fake, steps, array_len(steps));
	assert_ok(build(&progress));
	assert_string_equal(seen.text.s,
			    "S build x/y:1|-|building 'x/y:1'|0/0\n"
			    "L build x/y:1|-|Step 1/2 : FROM a|0/0\n"
			    "L build x/y:1|-| one|0/0\n"
			    "L build x/y:1|-|two|0/0\n"
			    "D build x/y:1|-|built 'x/y:1'|0/0\n");
	buf_free(&seen.text);
}

static void a_failed_build_has_its_tail(void **state)
{
	struct fake_reply docker = {
	    .body = "{\"stream\":\"Step 1/1 : RUN false\\n\"}\r\n"
		    "{\"errorDetail\":{\"code\":1,\"message\":\"The command "
		    "returned a non-zero code: 1\"},\"error\":\"The command "
		    "returned a non-zero code: 1\"}\r\n"};
	struct fake_reply podman = {
	    .body = "{\"stream\":\"STEP 1\\n\"}\n{\"error\":\"exit status "
		    "1\"}\n"};

	(void)state;
	fake_engine_on(fake, "POST", "/build", &docker, 1);
	assert_fails(build(NULL), ERROR_BUILD,
		     "build 'x/y:1': The command returned a non-zero code: 1");
	assert_string_equal(err.detail, "Step 1/1 : RUN false\n");
	fake_engine_on(fake, "POST", "/build", &podman, 1);
	assert_fails(build(NULL), ERROR_BUILD, "build 'x/y:1': exit status 1");
}

static void a_build_that_makes_nothing_is_an_error(void **state)
{
	struct fake_reply nothing = {.body = "{\"stream\":\"Step 1\\n\"}\r\n"};

	(void)state;
	fake_engine_on(fake, "POST", "/build", &nothing, 1);
	assert_fails(build(NULL), ERROR_BUILD,
		     "build 'x/y:1': the engine made no image");
}

static void the_tail_of_a_long_build_is_bounded(void **state)
{
	auto_buf struct buf body = BUF_INIT;
	struct fake_reply reply = {0};

	(void)state;
	for (int i = 0; i < 2000; i++)
		buf_printf(&body, "{\"stream\":\"line number %d\\n\"}\r\n", i);
	buf_puts(&body, "{\"error\":\"bad\"}\r\n");
	reply.body = body.s;
	fake_engine_on(fake, "POST", "/build", &reply, 1);
	assert_fails(build(NULL), ERROR_BUILD, "bad");
	assert_true(strlen(err.detail) <= 8192);
	assert_int_equal(strncmp(err.detail, "line number ", 12), 0);
	assert_non_null(strstr(err.detail, "\nline number 1999\n"));
}

static void an_image_may_lack_anything(void **state)
{
	struct fake_reply bare = {.body = "{\"Id\":\"" HEX "\"}"};
	struct fake_reply odd = {
	    .body =
		"{\"Id\":\"sha256:" HEX "\",\"RepoTags\":[\"<none>:<none>\","
		"\"a:b\",null],\"Created\":\"soon\",\"Size\":1e300,"
		"\"Config\":{\"Env\":[\"A=1\",2],\"Labels\":null,"
		"\"Volumes\":{\"/v\":{}},\"Entrypoint\":\"x\"}}"};
	auto_image struct image image = IMAGE_INIT;

	(void)state;
	fake_engine_on(fake, "GET", "/images/*", &bare, 1);
	assert_int_equal(image_inspect(engine, "a", &until, &image, &err), 1);
	assert_string_equal(image.id, "sha256:" HEX);
	assert_int_equal(image.created_s, 0);
	image_free(&image);
	fake_engine_on(fake, "GET", "/images/*", &odd, 1);
	assert_int_equal(image_inspect(engine, "a", &until, &image, &err), 1);
	assert_int_equal(image.tags.n, 1);
	assert_string_equal(image_env(&image, "A"), "1");
	assert_string_equal(image.volumes.v[0], "/v");
	assert_int_equal(image.size, 0);
	assert_int_equal(image.entrypoint.n, 0);
}

static void commit_sends_each_change(void **state)
{
	const char *changes[] = {"LABEL a=\"b c\"", "CMD [\"x\"]", NULL};
	struct fake_step steps[] = {
	    {"POST /v1.41/commit?container=c1&repo=r%2Fs&tag=t"
	     "&changes=LABEL%20a%3D%22b%20c%22&changes=CMD%20%5B%22x%22%5D",
	     NULL,
	     {.status = 201, .body = "{\"Id\":\"" HEX "\"}"}},
	};
	auto_free char *id = NULL;

	(void)state;
	fake_engine_script(fake, steps, 1);
	assert_ok(
	    image_commit(engine, "c1", "r/s", "t", changes, &until, &id, &err));
	assert_string_equal(id, "sha256:" HEX);
}

static void an_image_in_use_is_busy(void **state)
{
	struct fake_reply used = {
	    .status = 409, .body = "{\"message\":\"image is being used\"}"};

	(void)state;
	fake_engine_on(fake, "DELETE", NULL, &used, 0);
	assert_fails(image_remove(engine, "a:b", &until, &err), ERROR_BUSY,
		     "remove image 'a:b': image is being used");
	assert_fails(image_remove(engine, "a?force=1", &until, &err),
		     ERROR_CONFIG, "not an image's name");
	assert_fails(image_remove(engine, "sha256:xyz", &until, &err),
		     ERROR_CONFIG, "not an image's name");
}

/* Podman 4.3.1's words. */
static void a_list_is_asked_for_again_while_images_go(void **state)
{
	struct fake_reply gone = {
	    .status = 500,
	    .body = "{\"cause\":\"image not known\",\"message\":\"retrieving "
		    "size of image \\\"6759\\\": you may need to remove the "
		    "image to resolve the error: locating image with ID "
		    "\\\"6759\\\": image not known\",\"response\":500}"};
	struct fake_reply broken = {.status = 500,
				    .body = "{\"message\":\"broken\"}"};
	auto_image_list struct image_list list = IMAGE_LIST_INIT;

	(void)state;
	fake_engine_add_image(fake, "x/pg:1", "{\"k\":\"v\"}");
	fake_engine_on(fake, "GET", "/images/json", &gone, 2);
	assert_ok(image_list(engine, "k", NULL, &until, &list, &err));
	assert_int_equal(list.n, 1);
	assert_int_equal(fake_engine_count(fake, "GET", "/images/json"), 3);
	fake_engine_on(fake, "GET", "/images/json", &broken, 0);
	assert_fails(image_list(engine, "k", NULL, &until, &list, &err),
		     ERROR_ENGINE, "list images: broken");
	assert_int_equal(fake_engine_count(fake, "GET", "/images/json"), 4);
}

static void lists_are_filtered(void **state)
{
	auto_image_list struct image_list list = IMAGE_LIST_INIT;
	auto_free char *log = NULL;

	(void)state;
	fake_engine_add_image(fake, "x/pg:1", "{\"k\":\"v\"}");
	fake_engine_add_image(fake, "x/pg:2", NULL);
	fake_engine_add_image(fake, "y:1", "{\"k\":\"v\"}");
	assert_ok(image_list(engine, "k=v", "x/pg", &until, &list, &err));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.images[0].tags.v[0], "x/pg:1");
	assert_string_equal(image_label(&list.images[0], "k"), "v");
	image_list_free(&list);
	assert_ok(image_list(engine, NULL, NULL, &until, &list, &err));
	assert_int_equal(list.n, 3);
	log = fake_engine_log(fake);
	assert_non_null(strstr(log, "GET /v1.41/images/json\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test_open(a_pull_shows_its_layers),
	    test_open(a_pull_always_names_one_tag),
	    test(podman_is_told_the_registry),
	    test_open(an_error_in_the_stream_is_an_error),
	    test_open(what_may_pass_is_tried_again),
	    test_open(refusals_say_what_to_do),
	    test_open(an_image_that_does_not_exist_is_of_its_kind),
	    test_open(a_full_disk_is_said_in_one_way),
	    test_open(a_pull_that_breaks_off_is_no_success),
	    test_open(a_line_without_end_is_bounded),
	    test_open(a_build_shows_its_lines),
	    test_open(a_failed_build_has_its_tail),
	    test_open(a_build_that_makes_nothing_is_an_error),
	    test_open(the_tail_of_a_long_build_is_bounded),
	    test_open(an_image_may_lack_anything),
	    test_open(commit_sends_each_change),
	    test_open(an_image_in_use_is_busy),
	    test_open(a_list_is_asked_for_again_while_images_go),
	    test_open(lists_are_filtered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
