/* SPDX-License-Identifier: MIT */
/*
 * What real engines answered to the calls of a container's life, as
 * tests/engines/record wrote it down in recorded/ENGINE, read back. api152 is
 * docker28 less the fields that API 1.52 is documented to have dropped.
 */
#include "fake.h"

#include "docker/events.h"

#include <poll.h>
#include <unistd.h>

#define NAME  "testenv-test-record"
#define LABEL "dev.testenv.test=record"

static const char *which; /* the engine's directory */

enum {
	KEPT = 16 /* replies of one test */
};
static char *kept[KEPT];
static struct fake_reply replies[KEPT];
static size_t n_kept;

static bool is_podman(void)
{
	return !strncmp(which, "podman", 6);
}

/* The reply of that name, until the test's end. */
static const struct fake_reply *recorded(const char *name)
{
	auto_free char *path =
	    xasprintf("%s/fake/docker/recorded/%s/%s", TESTS_DIR, which, name);
	FILE *file = fopen(path, "re");
	struct fake_reply *reply = &replies[n_kept];
	char *text = xcalloc(1, 65536);
	size_t len;
	char *body;

	assert_true(n_kept < KEPT);
	if (!file)
		fail_msg("no %s", path);
	len = fread(text, 1, 65535, file);
	assert_int_equal(fclose(file), 0);
	kept[n_kept++] = text;
	body = strchr(text, '\n');
	assert_non_null(body);
	body++;
	*reply = (struct fake_reply){.status = (int)strtol(text, NULL, 10),
				     .body = body,
				     .body_len = len - (size_t)(body - text),
				     .flags = FAKE_CHUNKED};
	/* without a body there is nothing to chunk */
	if (!reply->body_len)
		reply->flags = 0;
	return reply;
}

static void on(const char *method, const char *path, const char *name)
{
	fake_engine_on(fake, method, path, recorded(name), 0);
}

static void answer_ping(void)
{
	const struct fake_reply *ping = recorded("ping");
	static struct fake_reply reply;
	static char raw[2048];
	char headers[1024];
	size_t len = 0;

	for (const char *c = ping->body; *c && len + 2 < sizeof(headers); c++) {
		if (*c == '\r')
			continue;
		if (*c == '\n')
			headers[len++] = '\r';
		headers[len++] = *c;
	}
	headers[len] = '\0';
	reply = (struct fake_reply){.raw = raw};
	snprintf(raw, sizeof(raw), "HTTP/1.1 200 OK\r\n%s\r\n", headers);
	fake_engine_on(fake, "HEAD", "/_ping", &reply, 0);
}

static int setup(void **state)
{
	fake_setup(state);
	n_kept = 0;
	answer_ping();
	return open_fake();
}

static int teardown(void **state)
{
	int rc = fake_teardown(state);

	while (n_kept)
		free(kept[--n_kept]);
	return rc;
}

/* The id of the container that the replies are about. */
static struct container the_container(void)
{
	struct container_spec spec = {.image = "debian"};
	struct container c;

	on("POST", "/containers/create", "create");
	assert_ok(container_create(engine, &spec, &until, &c, &err));
	assert_int_equal(strlen(c.id), 64);
	return c;
}

static void it_says_who_it_is(void **state)
{
	struct engine_info info = {0};
	static const struct {
		const char *which, *server, *version;
	} want[] = {
	    {"docker20", "Docker/20.10.", "20.10."},
	    {"docker26", "Docker/26.", "26."},
	    {"docker28", "Docker/28.", "28."},
	    {"api152", "Docker/29.", "29."},
	    {"podman4", "Libpod/4.", "4."},
	    {"podman5", "Libpod/5.", "5."},
	};
	bool found = false;

	(void)state;
	on("GET", "/info", "info");
	on("GET", "/version", "version");
	assert_int_equal(engine_flavor(engine),
			 is_podman() ? ENGINE_PODMAN : ENGINE_DOCKER);
	assert_ok(engine_info(engine, &until, &info, &err));
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		if (strcmp(want[i].which, which) != 0)
			continue;
		found = true;
		assert_non_null(strstr(engine_server(engine), want[i].server));
		assert_ptr_equal(strstr(info.version, want[i].version),
				 info.version);
	}
	assert_true(found);
	assert_true(engine_api(engine) >= 141);
	assert_non_null(info.min_api);
	assert_non_null(info.max_api);
	assert_string_equal(info.storage_driver,
			    is_podman() ? "overlay" : "overlay2");
	assert_string_equal(info.cgroup_version, "1");
	assert_true(info.memory_limit);
	assert_false(info.rootless);
	assert_true(info.cpus > 0 && info.memory_bytes > 0);
	engine_info_free(&info);
}

static void an_image_is_read(void **state)
{
	auto_image struct image image = IMAGE_INIT;

	(void)state;
	on("GET", "/images/*/json", "image-missing");
	assert_int_equal(
	    image_inspect(engine, "debian:x", &until, &image, &err), 0);
	on("GET", "/images/*/json", "image");
	assert_int_equal(
	    image_inspect(engine, "debian:x", &until, &image, &err), 1);
	assert_int_equal(strlen(image.id), strlen("sha256:") + 64);
	assert_int_equal(image.tags.n, 1);
	assert_string_equal(image.tags.v[0], "debian:bookworm-slim");
	assert_int_equal(image.cmd.n, 1);
	assert_string_equal(image.cmd.v[0], "bash");
	assert_string_equal(image.architecture, "amd64");
	assert_true(image.size > 50000000);
	/* which 1.52 leaves out where the image does not say */
	assert_true(image.created_s > 0 || !strcmp(which, "api152"));
}

static void a_refused_create_has_its_kind(void **state)
{
	struct container_mount mount = {"/nowhere/at/all", "/x", false};
	struct container_spec spec = {.image = "debian", .mounts = &mount};
	struct container c;

	(void)state;
	on("POST", "/containers/create", "create-taken");
	assert_fails(container_create(engine, &spec, &until, &c, &err),
		     ERROR_BUSY, "already in use");
	on("POST", "/containers/create", "create-no-image");
	assert_fails(container_create(engine, &spec, &until, &c, &err),
		     ERROR_NO_IMAGE, "o such image");
	on("POST", "/containers/create", "create-no-source");
	spec.n_mounts = 1;
	assert_fails(container_create(engine, &spec, &until, &c, &err),
		     ERROR_REFUSED, "bind source path does not exist");
	/* podman would make it, and is not asked */
	assert_int_equal(fake_engine_count(fake, "POST", "/containers/create"),
			 is_podman() ? 2 : 3);
}

static void a_container_lives_and_ends(void **state)
{
	struct container c = the_container();
	struct container_state s;
	int code = -1;

	(void)state;
	on("GET", "/containers/*/json", "inspect-created");
	assert_ok(container_inspect(engine, c.id, &until, &s, &err));
	assert_string_equal(s.status, "created");
	assert_false(s.running);
	on("POST", "/containers/*/start", "start");
	assert_ok(container_start(engine, &c, &until, &err));
	on("POST", "/containers/*/start", "start-again");
	assert_ok(container_start(engine, &c, &until, &err));
	on("GET", "/containers/*/json", "inspect-running");
	assert_ok(container_inspect(engine, c.id, &until, &s, &err));
	assert_string_equal(s.status, "running");
	assert_true(s.running);
	assert_true(s.host_port > 1023);
	assert_string_equal(s.host_ip, "127.0.0.1");
	on("POST", "/containers/*/stop", "stop");
	assert_ok(container_stop(engine, &c, 1, &until, &err));
	on("POST", "/containers/*/stop", "stop-again");
	assert_ok(container_stop(engine, &c, 1, &until, &err));
	on("POST", "/containers/*/wait", "wait");
	assert_ok(container_wait(engine, &c, &until, &code, &err));
	assert_int_equal(code, 3);
	on("GET", "/containers/*/json", "inspect-exited");
	assert_ok(container_inspect(engine, c.id, &until, &s, &err));
	assert_string_equal(s.status, "exited");
	assert_int_equal(s.exit_code, 3);
	assert_false(s.oom_killed);
}

static void a_container_goes_once(void **state)
{
	struct container c = the_container();

	(void)state;
	on("POST", "/containers/*/kill", "start");
	on("DELETE", "/containers/*", "remove");
	assert_ok(container_remove(engine, c.id, &until, &err));
	on("DELETE", "/containers/*", "remove-again");
	assert_ok(container_remove(engine, c.id, &until, &err));
}

static void a_list_has_its_rows(void **state)
{
	auto_container_list struct container_list list = CONTAINER_LIST_INIT;

	(void)state;
	on("GET", "/containers/json", "list");
	assert_ok(container_list(engine, LABEL, &until, &list, &err));
	assert_int_equal(list.n, 1);
	assert_int_equal(strlen(list.rows[0].id), 64);
	assert_string_equal(list.rows[0].name, NAME);
	assert_string_equal(list.rows[0].state, "running");
	assert_non_null(strstr(list.rows[0].image, "debian:bookworm-slim"));
	assert_true(list.rows[0].created_s > 0);
	assert_string_equal(
	    container_row_label(&list.rows[0], "dev.testenv.test"), "record");
}

/* By stream, as they come in pieces. */
static int collect(void *ctx, int stream, const char *data, size_t len)
{
	struct buf *text = ctx;

	buf_put(&text[stream - 1], data, len);
	return 0;
}

static void output_is_told_apart(void **state)
{
	struct container c = the_container();
	struct container_log_options all = {0};
	const char *cmd[] = {"sh", NULL};
	struct buf text[2] = {BUF_INIT, BUF_INIT};
	int code = -1;

	(void)state;
	on("GET", "/containers/*/json", "inspect-exited");
	on("GET", "/containers/*/logs", "logs");
	assert_ok(
	    container_logs(engine, c.id, &all, &until, collect, text, &err));
	assert_string_equal(text[0].s, "out\n");
	assert_string_equal(text[1].s, "err\n");
	buf_clear(&text[0]);
	on("POST", "/containers/*/exec", "exec");
	on("POST", "/exec/*/start", "exec-start");
	on("GET", "/exec/*/json", "exec-ended");
	assert_ok(container_exec(engine, c.id, cmd, NULL, &until, collect, text,
				 &code, &err));
	assert_string_equal(text[0].s, "in\n");
	assert_int_equal(code, 5);
	on("POST", "/containers/*/exec", "exec-stopped");
	assert_fails(container_exec(engine, c.id, cmd, NULL, &until, NULL, NULL,
				    &code, &err),
		     ERROR_ENGINE, "running");
	buf_free(&text[0]);
	buf_free(&text[1]);
}

static void a_missing_file_is_told(void **state)
{
	struct container c = the_container();
	auto_buf struct buf tar = BUF_INIT;

	(void)state;
	on("GET", "/containers/*/archive", "archive-missing");
	assert_fails(
	    container_get_archive(engine, c.id, "/nowhere", &until, &tar, &err),
	    ERROR_ENGINE, is_podman() ? "no such file" : "not find");
}

static void a_commit_is_an_image(void **state)
{
	auto_image_list struct image_list list = IMAGE_LIST_INIT;
	auto_free char *id = NULL;

	(void)state;
	on("POST", "/commit", "commit");
	assert_ok(image_commit(engine, "x", "testenv-test/record", "1", NULL,
			       &until, &id, &err));
	on("GET", "/images/json", "images");
	assert_ok(image_list(engine, NULL, "testenv-test/record:1", &until,
			     &list, &err));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.images[0].id, id);
	assert_int_equal(list.images[0].tags.n, 1);
	assert_string_equal(list.images[0].tags.v[0], "testenv-test/record:1");
	assert_string_equal(image_label(&list.images[0], "dev.testenv.test"),
			    "record");
	assert_true(list.images[0].created_s > 0);
}

static void an_image_that_no_registry_has(void **state)
{
	(void)state;
	on("POST", "/images/create", "pull-missing");
	assert_fails(image_pull(engine, "x/none:1", NULL, &until, NULL, &err),
		     ERROR_NO_IMAGE, "manifest unknown");
}

static void a_failed_build_says_so(void **state)
{
	auto_buf struct buf context = BUF_INIT;
	struct image_build build = {.context = &context, .tag = "x:1"};

	(void)state;
	buf_puts(&context, "tar");
	on("POST", "/build", "build-failing");
	assert_fails(image_build(engine, &build, &until, NULL, &err),
		     ERROR_BUILD, "7");
	assert_non_null(strstr(err.detail, "\nno"));
}

static void note_event(void *ctx, const struct engine_event *e)
{
	int fd = *(int *)ctx;

	if (!strcmp(e->action, "start") || !strcmp(e->action, "die") ||
	    !strcmp(e->action, "destroy"))
		dprintf(fd, "%s %zu %s %d\n", e->action, strlen(e->id), e->name,
			!strcmp(e->action, "die") ? e->exit_code : 0);
}

static void events_have_one_form(void **state)
{
	static const char want[] = "start 64 " NAME " 0\n"
				   "die 64 " NAME " 3\n"
				   "destroy 64 " NAME " 0\n";
	struct fake_reply open = *recorded("events");
	char got[sizeof(want)] = "";
	size_t len = 0;
	struct engine_watch *w;
	int fds[2];

	(void)state;
	open.flags = FAKE_CHUNKED | FAKE_UNENDED | FAKE_HANG;
	fake_engine_on(fake, "GET", "/events", &open, 0);
	assert_int_equal(pipe(fds), 0);
	assert_ok(
	    engine_watch_start(engine, LABEL, note_event, &fds[1], &w, &err));
	while (len < sizeof(want) - 1) {
		struct pollfd p = {fds[0], POLLIN, 0};
		ssize_t n = 0;

		if (poll(&p, 1, 30000) == 1)
			n = read(fds[0], got + len, sizeof(want) - 1 - len);
		if (n <= 0)
			fail_msg("only '%s' came", got);
		len += (size_t)n;
	}
	engine_watch_stop(w);
	close(fds[0]);
	close(fds[1]);
	assert_string_equal(got, want);
}

#define each(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const char *const engines[] = {
	    "docker20", "docker26", "docker28", "api152", "podman4", "podman5"};
	const struct CMUnitTest tests[] = {
	    each(it_says_who_it_is),
	    each(an_image_is_read),
	    each(a_refused_create_has_its_kind),
	    each(a_container_lives_and_ends),
	    each(a_container_goes_once),
	    each(a_list_has_its_rows),
	    each(output_is_told_apart),
	    each(a_missing_file_is_told),
	    each(a_commit_is_an_image),
	    each(an_image_that_no_registry_has),
	    each(a_failed_build_says_so),
	    each(events_have_one_form),
	};
	int failed = 0;

	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
		which = engines[i];
		failed += cmocka_run_group_tests_name(which, tests, NULL, NULL);
	}
	return failed;
}
