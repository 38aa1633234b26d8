/* SPDX-License-Identifier: MIT */
/* A service beside the databases, on a scripted engine. */
/* first: what comes after has an engine and an err of its own */
#include "../docker/outside.h"

#include "../docker/fake.h"

#include "base/fs.h"
#include "provider/companion.h"

#define ID "aaaaaaaaaaaabbbbbbbbbbbbccccccccccccddddddddddddeeeeeeeeeeeeffff"

static char run_dir[] = "/tmp/testenv-companion-XXXXXX";
static struct ownership owner = {
    .session = "s1",
    .run_dir = run_dir,
    .data_dir = run_dir,
    .cache_dir = run_dir,
    .project = "/p",
    .lock_path = "/p/lock",
};
static struct companion_spec spec;
static struct companion *companion;

static void answer(const char *method, const char *path, int status,
		   const char *body, unsigned times)
{
	/* the fake borrows it until it is stopped */
	static struct fake_reply replies[64];
	static size_t n;
	struct fake_reply *reply = &replies[n++ % 64];

	*reply = (struct fake_reply){.status = status, .body = body};
	fake_engine_on(fake, method, path, reply, times);
}

static void exec_ends_with(int code, unsigned times)
{
	answer("GET", "/exec/*/json", 200,
	       code ? "{\"Running\":false,\"ExitCode\":1}"
		    : "{\"Running\":false,\"ExitCode\":0}",
	       times);
}

static const char running[] =
    "{\"State\":{\"Running\":true,\"Status\":\"running\",\"Pid\":0},"
    "\"NetworkSettings\":{\"IPAddress\":\"192.0.2.9\",\"Ports\":{"
    "\"9000/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"49000\"}],"
    "\"8080/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"48080\"}]}}}";

/* An engine on which everything works, but for what a test answers else. */
static int setup(void **state)
{
	fake_setup_open(state);
	spec = (struct companion_spec){
	    .name = "web", .image = "my/web:1", .pull_age_s = -1};
	answer("GET", "/images/my/web:1/json", 200,
	       "{\"Id\":\"sha256:12\",\"Config\":{\"ExposedPorts\":{"
	       "\"8080/tcp\":{},\"53/udp\":{}}}}",
	       0);
	answer("POST", "/containers/create", 201, "{\"Id\":\"" ID "\"}", 0);
	answer("POST", "/containers/" ID "/start", 204, "", 0);
	answer("GET", "/containers/" ID "/json", 200, running, 0);
	answer("GET", "/containers/" ID "/logs", 200, "", 0);
	answer("DELETE", "/containers/" ID, 204, "", 0);
	answer("POST", "/containers/" ID "/exec", 201, "{\"Id\":\"e1\"}", 0);
	answer("POST", "/exec/e1/start", 200, "", 0);
	exec_ends_with(0, 0);
	return 0;
}

static int teardown(void **state)
{
	struct deadline d = deadline_in(10000, NULL);

	companion_close(companion, &d);
	companion = NULL;
	return fake_teardown(state);
}

static int group_setup(void **state)
{
	(void)state;
	return mkdtemp(run_dir) ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	return fs_remove_tree(run_dir, NULL);
}

static int start(const char *const *hosts, const atomic_bool *give_up)
{
	companion = companion_open(engine, &spec, &owner, NULL);
	if (companion_prepare(companion, &until, &err) < 0)
		return -1;
	return companion_start(companion, COMPANION_SHARED, hosts, give_up,
			       &until, &err);
}

static void the_create_says_all(void **state)
{
	const char *env[] = {"A=b", NULL};
	const char *cmd[] = {"serve", NULL};
	const char *tmpfs[] = {"/run", "/tmp:size=1m", NULL};
	const char *hosts[] = {"cache:172.17.0.2", NULL};
	const char *probe[] = {"check", NULL};
	uint16_t ports[] = {9000, 8080};
	struct container_mount mount = {"/conf", "/etc/x", true};
	struct companion_address a;
	struct fake_step steps[] = {
	    {"GET /v1.41/images/my/web:1/json",
	     NULL,
	     {.body = "{\"Id\":\"sha256:12\",\"Config\":{}}"}},
	    {"POST /v1.41/containers/create?name=testenv-s1-web-shared",
	     "\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":"
	     "\"/conf\",\"Target\":\"/etc/x\",\"ReadOnly\":true}],"
	     "\"PortBindings\":{\"9000/tcp\":[{\"HostIp\":\"127.0.0.1\","
	     "\"HostPort\":\"\"}],\"8080/tcp\":[{\"HostIp\":\"127.0.0.1\","
	     "\"HostPort\":\"\"}]},\"Tmpfs\":{\"/run\":\"\","
	     "\"/tmp\":\"size=1m\"},\"ExtraHosts\":[\"cache:172.17.0.2\"],"
	     "\"Memory\":1073741824,\"PidsLimit\":4096},\"ExposedPorts\":{"
	     "\"9000/tcp\":{},\"8080/tcp\":{}},\"Healthcheck\":{\"Test\":["
	     "\"NONE\"]}}",
	     {.status = 201, .body = "{\"Id\":\"" ID "\"}"}},
	    {"POST /v1.41/containers/" ID "/start", NULL, {.status = 204}},
	    {"GET /v1.41/containers/" ID "/json", NULL, {.body = running}},
	    {"POST /v1.41/containers/" ID "/exec",
	     "\"Cmd\":[\"check\"]",
	     {.status = 201, .body = "{\"Id\":\"e1\"}"}},
	    {"POST /v1.41/exec/e1/start", NULL, {.body = ""}},
	    {"GET /v1.41/exec/e1/json",
	     NULL,
	     {.body = "{\"Running\":false,\"ExitCode\":0}"}},
	    {"GET /v1.41/containers/" ID "/json", NULL, {.body = running}},
	    {"DELETE /v1.41/containers/" ID "?force=1&v=1",
	     NULL,
	     {.status = 204}},
	};

	(void)state;
	spec.env = env;
	spec.cmd = cmd;
	spec.tmpfs = tmpfs;
	spec.mounts = &mount;
	spec.n_mounts = 1;
	spec.ports = ports;
	spec.n_ports = 2;
	spec.probe = PROBE_EXEC;
	spec.probe_cmd = probe;
	fake_engine_script(fake, steps, array_len(steps));
	assert_int_equal(start(hosts, NULL), 0);
	assert_true(companion_address(companion, COMPANION_SHARED, &a));
	assert_string_equal(a.host, "127.0.0.1");
	assert_string_equal(a.ip, "192.0.2.9");
	assert_int_equal(a.n_ports, 2);
	assert_int_equal(a.ports[0].inside, 9000);
	assert_int_equal(a.ports[0].outside, 49000);
	assert_int_equal(a.ports[1].outside, 48080);
	assert_false(companion_address(companion, 0, &a));
	companion_close(companion, &until);
	companion = NULL;
}

static void a_probe_is_repeated(void **state)
{
	const char *probe[] = {"check", NULL};

	(void)state;
	spec.probe = PROBE_EXEC;
	spec.probe_cmd = probe;
	exec_ends_with(1, 3);
	assert_int_equal(start(NULL, NULL), 0);
	assert_int_equal(fake_engine_count(fake, "POST", "/exec/e1/start"), 4);
	assert_string_equal(companion_probe_name(companion), "exec");
}

static void one_that_ends_says_why(void **state)
{
	(void)state;
	spec.probe = PROBE_NONE;
	answer("GET", "/containers/" ID "/json", 200,
	       "{\"State\":{\"Running\":false,\"ExitCode\":3}}", 0);
	assert_int_equal(start(NULL, NULL), -1);
	assert_error(ERROR_SERVER, "service 'web' ended with exit code 3 "
				   "before it was ready");
	assert_int_equal(fake_engine_count(fake, "DELETE", NULL), 1);
	assert_null(companion_name(companion, COMPANION_SHARED));
}

static void one_that_uses_too_much_says_so(void **state)
{
	(void)state;
	spec.probe = PROBE_NONE;
	answer("GET", "/containers/" ID "/json", 200,
	       "{\"State\":{\"Running\":false,\"OOMKilled\":true}}", 0);
	assert_int_equal(start(NULL, NULL), -1);
	assert_error(ERROR_SERVER,
		     "service 'web' used more memory than it may");
}

static void a_job_is_ready_when_it_has_ended(void **state)
{
	(void)state;
	spec.probe = PROBE_EXIT;
	answer("GET", "/containers/" ID "/json", 200,
	       "{\"State\":{\"Running\":false,\"ExitCode\":0}}", 0);
	answer("GET", "/containers/" ID "/json", 200, running, 3);
	assert_int_equal(start(NULL, NULL), 0);
}

static void one_that_is_late_is_given_up(void **state)
{
	const char *probe[] = {"check", NULL};

	(void)state;
	spec.probe = PROBE_EXEC;
	spec.probe_cmd = probe;
	spec.start_timeout_ms = 300;
	exec_ends_with(1, 0);
	assert_int_equal(start(NULL, NULL), -1);
	assert_error(ERROR_TIMEOUT, "service 'web' was not ready within ");
	assert_error(ERROR_TIMEOUT, "'check' ended with exit code 1");
	assert_int_equal(fake_engine_count(fake, "DELETE", NULL), 1);
}

static void nobody_waits_for_one_not_wanted(void **state)
{
	const char *probe[] = {"check", NULL};
	atomic_bool give_up = true;

	(void)state;
	spec.probe = PROBE_EXEC;
	spec.probe_cmd = probe;
	exec_ends_with(1, 0);
	assert_int_equal(start(NULL, &give_up), -1);
	assert_error(ERROR_CANCELLED, "service 'web': another one failed");
}

static void what_the_image_does_not_tell(void **state)
{
	static const char *const bodies[] = {
	    "{\"Id\":\"sha256:12\",\"Config\":{\"ExposedPorts\":{"
	    "\"1/tcp\":{},\"2/tcp\":{}}}}",
	    "{\"Id\":\"sha256:12\",\"Config\":{}}"};

	(void)state;
	answer("GET", "/images/my/web:1/json", 200, bodies[0], 0);
	assert_int_equal(start(NULL, NULL), -1);
	assert_error(ERROR_CONFIG,
		     "service 'web': 'my/web:1' exposes several ports: 1/tcp, "
		     "2/tcp");
	companion_close(companion, &until);
	answer("GET", "/images/my/web:1/json", 200, bodies[1], 0);
	spec.probe = PROBE_TCP;
	error_clear(&err);
	assert_int_equal(start(NULL, NULL), -1);
	assert_error(ERROR_CONFIG,
		     "service 'web': 'my/web:1' exposes no port to probe");
	companion_close(companion, &until);
	spec.probe = PROBE_IMAGE_HEALTHCHECK;
	error_clear(&err);
	assert_int_equal(start(NULL, NULL), -1);
	assert_error(ERROR_CONFIG,
		     "service 'web': 'my/web:1' has no healthcheck");
}

/* On a swarm */

#define SERVICE "quw2o5vycdu5waow4hnh858r8"
#define NODE    "fhclkgo8zwfgl3pq9jc65ezyx"

static const char one_node[] =
    "[{\"ID\":\"" NODE "\",\"Spec\":{\"Availability\":\"active\"},"
    "\"Status\":{\"State\":\"ready\",\"Addr\":\"127.0.0.1\"}}]";
/* the manager's, which takes no tasks, and another */
static const char two_nodes[] =
    "[{\"ID\":\"" NODE "\",\"Spec\":{\"Availability\":\"drain\"},"
    "\"Status\":{\"State\":\"ready\",\"Addr\":\"127.0.0.1\"}},"
    "{\"ID\":\"other\",\"Spec\":{\"Availability\":\"active\"},"
    "\"Status\":{\"State\":\"ready\",\"Addr\":\"127.0.0.1\"}}]";

static void task_is(const char *node, const char *state, const char *more,
		    unsigned times)
{
	static char bodies[8][1024];
	static size_t n;
	char *body = bodies[n++ % 8];

	snprintf(body, 1024,
		 "[{\"ID\":\"task\",\"NodeID\":\"%s\",\"Status\":{"
		 "\"State\":\"%s\",\"ContainerStatus\":{\"ContainerID\":"
		 "\"" ID "\"%s},\"PortStatus\":{\"Ports\":[{\"TargetPort\":"
		 "8080,\"PublishedPort\":48080}]}}}]",
		 node, state, more);
	answer("GET", "/tasks", 200, body, times);
}

static void on_swarm(const char *nodes)
{
	spec.swarm = true;
	answer("GET", "/info", 200,
	       "{\"Swarm\":{\"NodeID\":\"" NODE "\",\"LocalNodeState\":"
	       "\"active\",\"ControlAvailable\":true}}",
	       0);
	answer("GET", "/nodes", 200, nodes, 0);
	answer("POST", "/services/create", 201, "{\"ID\":\"" SERVICE "\"}", 0);
	answer("GET", "/services/" SERVICE "/logs", 200, "", 0);
	answer("DELETE", "/services/" SERVICE, 200, "", 0);
}

static void a_service_of_one_node_is_asked_in_its_container(void **state)
{
	const char *probe[] = {"check", NULL};
	struct companion_address a;

	(void)state;
	on_swarm(one_node);
	task_is(NODE, "running", "", 0);
	task_is(NODE, "preparing", "", 2);
	spec.probe = PROBE_EXEC;
	spec.probe_cmd = probe;
	exec_ends_with(1, 2);
	assert_ok(start(NULL, NULL));
	assert_int_equal(fake_engine_count(fake, "POST", "/exec/e1/start"), 3);
	assert_int_equal(fake_engine_count(fake, "POST", "/containers/create"),
			 0);
	assert_true(companion_address(companion, COMPANION_SHARED, &a));
	assert_string_equal(a.host, "127.0.0.1");
	assert_string_equal(a.ip, "192.0.2.9");
	assert_int_equal(a.ports[0].inside, 8080);
	assert_int_equal(a.ports[0].outside, 48080);
	companion_close(companion, &until);
	companion = NULL;
	assert_int_equal(
	    fake_engine_count(fake, "DELETE", "/services/" SERVICE), 1);
	assert_int_equal(fake_engine_count(fake, "DELETE", NULL), 1);
}

static void a_service_elsewhere_is_asked_by_its_node(void **state)
{
	const char *probe[] = {"check", NULL};
	struct companion_address a;

	(void)state;
	on_swarm(two_nodes);
	answer("POST", "/images/*/tag", 201, "", 0);
	answer("POST", "/images/*/push", 200,
	       "{\"aux\":{\"Digest\":\"sha256:34\"}}\n", 0);
	answer("DELETE", "/images/*", 200, "[]", 0);
	task_is("other", "running", "", 0);
	task_is("other", "starting", "", 3);
	spec.swarm_registry = "r.local:5000/ci";
	spec.probe = PROBE_EXEC;
	spec.probe_cmd = probe;
	assert_ok(start(NULL, NULL));
	assert_int_equal(fake_engine_count(fake, "POST", "/exec/e1/start"), 0);
	assert_true(companion_address(companion, COMPANION_SHARED, &a));
	assert_string_equal(a.ip, "");
	assert_int_equal(a.ports[0].outside, 48080);
}

static void what_needs_its_container_needs_the_managers_node(void **state)
{
	(void)state;
	on_swarm(two_nodes);
	spec.swarm_registry = "r.local:5000/ci";
	spec.linked = true;
	assert_int_equal(start(NULL, NULL), -1);
	assert_error(ERROR_CONFIG,
		     "service 'web': the node of the manager that is asked "
		     "takes no tasks");
	assert_string_equal(err.hint, "it has to run there, as it reaches "
				      "others by name, or they reach it");
}

static void a_job_on_a_swarm_completes(void **state)
{
	(void)state;
	on_swarm(one_node);
	task_is(NODE, "complete", ",\"ExitCode\":0", 0);
	task_is(NODE, "running", "", 1);
	spec.probe = PROBE_EXIT;
	assert_ok(start(NULL, NULL));
}

static void a_task_that_fails_says_why(void **state)
{
	(void)state;
	on_swarm(one_node);
	task_is(NODE, "failed", ",\"ExitCode\":3", 0);
	spec.probe = PROBE_NONE;
	assert_int_equal(start(NULL, NULL), -1);
	assert_error(ERROR_SERVER, "service 'web' ended with exit code 3 "
				   "before it was ready");
	assert_int_equal(
	    fake_engine_count(fake, "DELETE", "/services/" SERVICE), 1);
}

static void a_swarm_has_not_every_tmpfs(void **state)
{
	const char *tmpfs[] = {"/a:exec", NULL};

	(void)state;
	on_swarm(one_node);
	spec.tmpfs = tmpfs;
	assert_int_equal(start(NULL, NULL), -1);
	assert_error(ERROR_CONFIG, "service 'web': a swarm cannot give the "
				   "tmpfs '/a' the option 'exec'");
}

static void names_of_redis(void **state)
{
	(void)state;
	assert_true(companion_is_redis("redis"));
	assert_true(companion_is_redis("docker.io/valkey/valkey:8"));
	assert_true(companion_is_redis("standin/redis@sha256:12"));
	assert_false(companion_is_redis("redis/exporter"));
	assert_false(companion_is_redis("redis-ui:1"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_create_says_all),
	    T(a_probe_is_repeated),
	    T(one_that_ends_says_why),
	    T(one_that_uses_too_much_says_so),
	    T(a_job_is_ready_when_it_has_ended),
	    T(one_that_is_late_is_given_up),
	    T(nobody_waits_for_one_not_wanted),
	    T(what_the_image_does_not_tell),
	    T(a_service_of_one_node_is_asked_in_its_container),
	    T(a_service_elsewhere_is_asked_by_its_node),
	    T(what_needs_its_container_needs_the_managers_node),
	    T(a_job_on_a_swarm_completes),
	    T(a_task_that_fails_says_why),
	    T(a_swarm_has_not_every_tmpfs),
	    cmocka_unit_test(names_of_redis),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
