/* SPDX-License-Identifier: MIT */
/* Services, tasks and nodes, with replies as Docker 20.10 gave them. */
#include "fake.h"

#include "docker/service.h"

#define SERVICE "quw2o5vycdu5waow4hnh858r8"
#define TASK    "kkgyo5v1hoispjas6arw1y3gm"
#define NODE    "fhclkgo8zwfgl3pq9jc65ezyx"

static const char no_manager[] =
    "{\"message\":\"This node is not a swarm manager. Use \\\"docker swarm "
    "init\\\" or \\\"docker swarm join\\\" to connect this node to swarm and "
    "try again.\"}";

static void answer(const char *method, const char *path, int status,
		   const char *body)
{
	struct fake_reply reply = {.status = status, .body = body};

	fake_engine_on(fake, method, path, &reply, 0);
}

static void a_create_says_what_to_run(void **state)
{
	const char *args[] = {"-c", "fsync=off", NULL};
	const char *labels[] = {"a=b", NULL};
	const char *constraints[] = {"node.id==" NODE, NULL};
	struct service_spec spec = {.name = "testenv-x-db-0",
				    .image = "sha256:12",
				    .args = args,
				    .labels = labels,
				    .constraints = constraints,
				    .port = 5432,
				    .memory_bytes = 512LL << 20,
				    .pids_limit = 512};
	struct fake_step step = {
	    "POST /v1.41/services/create",
	    "{\"Name\":\"testenv-x-db-0\",\"Labels\":{\"a\":\"b\"},"
	    "\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"sha256:12\","
	    "\"Args\":[\"-c\",\"fsync=off\"],\"Labels\":{\"a\":\"b\"},"
	    "\"StopSignal\":\"SIGKILL\"},\"Resources\":{\"Limits\":{"
	    "\"MemoryBytes\":536870912,\"Pids\":512}},"
	    "\"RestartPolicy\":{\"Condition\":\"none\"},"
	    "\"Placement\":{\"Constraints\":[\"node.id==" NODE "\"]}},"
	    "\"Mode\":{\"Replicated\":{\"Replicas\":1}},"
	    "\"EndpointSpec\":{\"Ports\":[{\"Protocol\":\"tcp\","
	    "\"TargetPort\":5432,\"PublishMode\":\"host\"}]}}",
	    {.status = 201, .body = "{\"ID\":\"" SERVICE "\"}"}};
	char id[SWARM_ID];

	(void)state;
	fake_engine_script(fake, &step, 1);
	assert_ok(service_create(engine, &spec, &until, id, &err));
	assert_string_equal(id, SERVICE);
}

static void a_create_says_all(void **state)
{
	const char *env[] = {"A=b", NULL};
	const char *entrypoint[] = {"run", NULL};
	const char *args[] = {"serve", NULL};
	const char *tmpfs[] = {"/run", "/tmp:size=64m,mode=0700,noexec", NULL};
	const char *hosts[] = {"cache:172.17.0.2", "six:::1", NULL};
	const char *check[] = {"test", "-e", "/up", NULL};
	const uint16_t more[] = {81, 0};
	struct container_mount mount = {"/conf", "/etc/x", true};
	struct service_spec spec = {.name = "n",
				    .image = "sha256:12",
				    .env = env,
				    .entrypoint = entrypoint,
				    .args = args,
				    .user = "u",
				    .working_dir = "/w",
				    .port = 80,
				    .more_ports = more,
				    .mounts = &mount,
				    .n_mounts = 1,
				    .tmpfs = tmpfs,
				    .hosts = hosts,
				    .health_cmd = check,
				    .no_label = true};
	struct fake_step step = {
	    "POST /v1.41/services/create",
	    "{\"Name\":\"n\",\"TaskTemplate\":{\"ContainerSpec\":{"
	    "\"Image\":\"sha256:12\",\"Command\":[\"run\"],"
	    "\"Args\":[\"serve\"],\"Env\":[\"A=b\"],\"User\":\"u\","
	    "\"Dir\":\"/w\",\"Mounts\":[{\"Type\":\"bind\",\"Target\":"
	    "\"/etc/x\",\"Source\":\"/conf\",\"ReadOnly\":true},"
	    "{\"Type\":\"tmpfs\",\"Target\":\"/run\",\"TmpfsOptions\":"
	    "{}},{\"Type\":\"tmpfs\",\"Target\":\"/tmp\","
	    "\"TmpfsOptions\":{\"SizeBytes\":67108864,\"Mode\":448}}],"
	    "\"Hosts\":[\"172.17.0.2 cache\",\"::1 six\"],"
	    "\"Healthcheck\":{\"Test\":[\"CMD\",\"test\",\"-e\",\"/up\"],"
	    "\"Interval\":1000000000,\"Timeout\":30000000000,"
	    "\"Retries\":1000000},\"Privileges\":{\"SELinuxContext\":{"
	    "\"Disable\":true}},\"StopSignal\":\"SIGKILL\"},"
	    "\"Resources\":{\"Limits\":{}},\"RestartPolicy\":{"
	    "\"Condition\":\"none\"},\"Placement\":{}},"
	    "\"Mode\":{\"Replicated\":{\"Replicas\":1}},"
	    "\"EndpointSpec\":{\"Ports\":[{\"Protocol\":\"tcp\","
	    "\"TargetPort\":80,\"PublishMode\":\"host\"},{\"Protocol\":"
	    "\"tcp\",\"TargetPort\":81,\"PublishMode\":\"host\"}]}}",
	    {.status = 201, .body = "{\"ID\":\"" SERVICE "\"}"}};
	char id[SWARM_ID];

	(void)state;
	fake_engine_script(fake, &step, 1);
	assert_ok(service_create(engine, &spec, &until, id, &err));
}

static void a_tmpfs_has_two_options(void **state)
{
	static const char *const good[] = {
	    "/a",         "/a:",          "/a:size=1",
	    "/a:size=1G", "/a:mode=1777", "/a:rw,nosuid"};
	static const char *const bad[][2] = {
	    {"/a:exec", "exec"},
	    {"/a:size=1m,uid=5", "uid=5"},
	    {"/a:size=50%", "size=50%"},
	    {"/a:size=0", "size=0"},
	    {"/a:size=99999999999g", "size=99999999999g"},
	    {"/a:mode=9", "mode=9"},
	    {"/a:mode=77777", "mode=77777"}};

	(void)state;
	for (size_t i = 0; i < array_len(good); i++)
		assert_ok(service_check_tmpfs(good[i], &err));
	for (size_t i = 0; i < array_len(bad); i++) {
		auto_free char *text = xasprintf("a swarm cannot give the "
						 "tmpfs '/a' the option '%s'",
						 bad[i][1]);

		assert_fails(service_check_tmpfs(bad[i][0], &err), ERROR_CONFIG,
			     text);
	}
}

static void a_refused_create_says_of_which_kind(void **state)
{
	struct service_spec spec = {.name = "n", .image = "sha256:12"};
	char id[SWARM_ID] = "untouched";

	(void)state;
	answer("POST", "/services/create", 409,
	       "{\"message\":\"name conflicts with an existing object\"}");
	assert_fails(
	    service_create(engine, &spec, &until, id, &err), ERROR_BUSY,
	    "create service 'n': name conflicts with an existing object");
	answer("POST", "/services/create", 503, no_manager);
	assert_fails(service_create(engine, &spec, &until, id, &err),
		     ERROR_ENGINE,
		     "create service 'n': This node is not a swarm manager.");
	answer("POST", "/services/create", 201, "{\"ID\":\"../x\"}");
	assert_fails(service_create(engine, &spec, &until, id, &err),
		     ERROR_PROTOCOL, "create service: unreadable reply");
	answer("POST", "/services/create", 201, "[]");
	assert_fails(service_create(engine, &spec, &until, id, &err),
		     ERROR_PROTOCOL, "create service: unreadable reply");
	assert_string_equal(id, "untouched");
}

static void a_removal_may_come_too_late(void **state)
{
	(void)state;
	answer("DELETE", "/services/" SERVICE, 404,
	       "{\"message\":\"service " SERVICE " not found\"}");
	assert_ok(service_remove(engine, SERVICE, &until, &err));
	answer("DELETE", "/services/" SERVICE, 200, "");
	assert_ok(service_remove(engine, SERVICE, &until, &err));
	answer("DELETE", "/services/" SERVICE, 500,
	       "{\"message\":\"rpc error: no leader\"}");
	assert_fails(service_remove(engine, SERVICE, &until, &err),
		     ERROR_ENGINE,
		     "remove service " SERVICE ": rpc error: no leader");
	assert_fails(service_remove(engine, "a/b", &until, &err), ERROR_ENGINE,
		     "'a/b' is not a service's name");
}

/* No swarm, a worker of one, and podman: whoever clears up asks any engine. */
static void an_engine_without_a_swarm_has_no_services(void **state)
{
	auto_service_list struct service_list list = SERVICE_LIST_INIT;

	(void)state;
	answer("GET", "/services", 503, no_manager);
	assert_ok(service_list(engine, "l", &until, &list, &err));
	assert_int_equal(list.n, 0);
	answer("GET", "/services", 404, "Not Found");
	assert_ok(service_list(engine, "l", &until, &list, &err));
	assert_int_equal(list.n, 0);
	answer("GET", "/services", 503,
	       "{\"message\":\"The swarm does not have a leader.\"}");
	assert_fails(service_list(engine, "l", &until, &list, &err),
		     ERROR_ENGINE,
		     "list services: The swarm does not have a leader.");
}

static void a_list_may_lack_anything(void **state)
{
	auto_service_list struct service_list list = SERVICE_LIST_INIT;
	auto_free char *log = NULL;

	(void)state;
	answer("GET", "/services", 200,
	       "[null,{},{\"ID\":7},{\"ID\":\"" TASK "\"},"
	       "{\"ID\":\"" SERVICE "\",\"Spec\":{\"Name\":\"n\","
	       "\"Labels\":{\"a\":\"b\",\"c\":3}}}]");
	assert_ok(service_list(engine, "a=b", &until, &list, &err));
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].name, TASK);
	assert_int_equal(list.rows[0].labels.n, 0);
	assert_string_equal(list.rows[1].id, SERVICE);
	assert_string_equal(list.rows[1].name, "n");
	assert_int_equal(list.rows[1].labels.n, 1);
	log = fake_engine_log(fake);
	assert_non_null(strstr(log, "GET /v1.41/services?filters=%7B%22label%22"
				    "%3A%5B%22a%3Db%22%5D%7D\n"));
	service_list_free(&list);
	answer("GET", "/services", 200, "{}");
	assert_fails(service_list(engine, "l", &until, &list, &err),
		     ERROR_PROTOCOL, "list services: unreadable reply");
}

static struct service_task task_of(const char *json)
{
	struct service_task t;

	answer("GET", "/tasks", 200, json);
	assert_ok(service_task(engine, SERVICE, &until, &t, &err));
	return t;
}

static void a_task_is_new_then_runs(void **state)
{
	struct service_task t = task_of("[]");

	(void)state;
	assert_string_equal(t.id, "");
	assert_false(t.running || t.ended);
	t = task_of("[{\"ID\":\"" TASK "\"}]");
	assert_string_equal(t.id, TASK);
	assert_string_equal(t.state, "");
	assert_false(t.running || t.ended);
	t = task_of(
	    "[{\"ID\":\"" TASK "\",\"Status\":{\"State\":\"pending\","
	    "\"Err\":\"no suitable node (insufficient resources on 1 "
	    "node)\",\"PortStatus\":{}},\"DesiredState\":\"running\"}]");
	assert_false(t.running || t.ended);
	assert_string_equal(
	    t.message, "no suitable node (insufficient resources on 1 node)");
	t = task_of("[{\"ID\":\"" TASK "\",\"NodeID\":\"" NODE
		    "\",\"Status\":{\"State\":\"running\",\"PortStatus\":"
		    "{\"Ports\":[{\"TargetPort\":5432},{\"PublishedPort\":"
		    "70000},{\"Protocol\":\"tcp\",\"PublishedPort\":32768},"
		    "{\"PublishedPort\":32769}]},\"ContainerStatus\":{"
		    "\"ContainerID\":\"0a1b\"}},"
		    "\"DesiredState\":\"running\"}]");
	assert_true(t.running && !t.ended);
	assert_string_equal(t.container, "0a1b");
	assert_string_equal(t.node, NODE);
	assert_int_equal(t.port, 32768);
	assert_int_equal(t.n_ports, 0);
	t = task_of("[{\"ID\":\"" TASK "\",\"Status\":{\"State\":"
		    "\"running\",\"ContainerStatus\":{\"ContainerID\":"
		    "\"00aa\"},\"PortStatus\":{\"Ports\":[{\"TargetPort\":"
		    "80,\"PublishedPort\":32768},{\"TargetPort\":81,"
		    "\"PublishedPort\":32769}]}}}]");
	assert_int_equal(t.n_ports, 2);
	assert_int_equal(t.ports[1].inside, 81);
	assert_int_equal(t.ports[1].outside, 32769);
	assert_string_equal(t.container, "00aa");
	t = task_of("[{\"Status\":{\"ContainerStatus\":{\"ContainerID\":"
		    "\"../x\"}}}]");
	assert_string_equal(t.container, "");
}

static void a_task_ends(void **state)
{
	struct service_task t;

	(void)state;
	t = task_of("[{\"ID\":\"" TASK "\",\"Status\":{\"State\":\"failed\","
		    "\"Err\":\"task: non-zero exit (137)\","
		    "\"ContainerStatus\":{\"ExitCode\":137}},"
		    "\"DesiredState\":\"shutdown\"}]");
	assert_true(t.ended && !t.running);
	assert_int_equal(t.exit_code, 137);
	t = task_of("[{\"ID\":\"" TASK "\",\"Status\":{\"State\":\"rejected\","
		    "\"Err\":\"No such image: sha256:12\"},"
		    "\"DesiredState\":\"shutdown\"}]");
	assert_true(t.ended);
	assert_string_equal(t.message, "No such image: sha256:12");
	/* its node is down: it says what it last said */
	t = task_of("[{\"ID\":\"" TASK "\",\"Status\":{\"State\":\"running\","
		    "\"PortStatus\":{\"Ports\":[{\"PublishedPort\":32768}]}},"
		    "\"DesiredState\":\"shutdown\"}]");
	assert_true(t.ended && !t.running);
}

static void the_youngest_task_counts(void **state)
{
	struct service_task t = task_of(
	    "[{\"ID\":\"old\",\"CreatedAt\":\"2026-11-22T15:48:01.2Z\"},"
	    "{\"ID\":\"new\",\"CreatedAt\":\"2026-11-22T15:49:01.2Z\"},"
	    "{\"ID\":\"odd\"}]");

	(void)state;
	assert_string_equal(t.id, "new");
	answer("GET", "/tasks", 200, "\"x\"");
	assert_fails(service_task(engine, SERVICE, &until, &t, &err),
		     ERROR_PROTOCOL, "list tasks: unreadable reply");
	answer("GET", "/tasks", 503, no_manager);
	assert_fails(service_task(engine, SERVICE, &until, &t, &err),
		     ERROR_ENGINE, "task of service " SERVICE ": This node");
}

static void the_engine_says_what_it_is_in_a_swarm(void **state)
{
	struct swarm_info info;

	(void)state;
	answer("GET", "/info", 200, "{}");
	assert_ok(swarm_info(engine, &until, &info, &err));
	assert_string_equal(info.state, "inactive");
	assert_false(info.manager);
	assert_string_equal(info.node, "");
	answer("GET", "/info", 200,
	       "{\"Swarm\":{\"NodeID\":\"" NODE
	       "\",\"LocalNodeState\":\"active\",\"ControlAvailable\":false,"
	       "\"RemoteManagers\":[{\"Addr\":\"10.0.0.1:2377\"}]}}");
	assert_ok(swarm_info(engine, &until, &info, &err));
	assert_string_equal(info.state, "active");
	assert_false(info.manager);
	assert_string_equal(info.node, NODE);
	assert_string_equal(info.managers, "10.0.0.1:2377");
	answer("GET", "/info", 200, "nothing");
	assert_fails(swarm_info(engine, &until, &info, &err), ERROR_PROTOCOL,
		     "the engine's swarm: unreadable reply");
}

static void nodes_have_addresses_or_not(void **state)
{
	auto_swarm_nodes struct swarm_nodes nodes = SWARM_NODES_INIT;

	(void)state;
	answer("GET", "/nodes", 200,
	       "[{\"ID\":\"a\",\"Spec\":{\"Availability\":\"active\"},"
	       "\"Description\":{\"Hostname\":\"one\",\"Resources\":{"
	       "\"NanoCPUs\":4000000000}},\"Status\":{\"State\":\"ready\","
	       "\"Addr\":\"0.0.0.0\"},\"ManagerStatus\":{\"Addr\":"
	       "\"10.0.0.1:2377\"}},"
	       "{\"ID\":\"b\",\"Spec\":{\"Availability\":\"drain\"},"
	       "\"Status\":{\"State\":\"ready\",\"Addr\":\"10.0.0.2\"}},"
	       "{\"ID\":\"c\",\"Spec\":{\"Availability\":\"active\"},"
	       "\"Status\":{\"State\":\"down\"}},{},"
	       "{\"ID\":\"d6\",\"Status\":{\"Addr\":\"::\"},"
	       "\"ManagerStatus\":{\"Addr\":\"[fd00::1]:2377\"}},"
	       "{\"ID\":\"e6\",\"Status\":{\"Addr\":\"fd00::2\"}},"
	       "{\"ID\":\"f6\",\"ManagerStatus\":{\"Addr\":"
	       "\"[::]:2377\"}}]");
	assert_ok(swarm_nodes(engine, &until, &nodes, &err));
	assert_int_equal(nodes.n, 6);
	assert_string_equal(nodes.list[3].address, "fd00::1");
	assert_string_equal(nodes.list[4].address, "fd00::2");
	assert_string_equal(nodes.list[5].address, "");
	assert_string_equal(nodes.list[0].hostname, "one");
	assert_string_equal(nodes.list[0].address, "10.0.0.1");
	assert_int_equal(nodes.list[0].cpus, 4);
	assert_true(nodes.list[0].ready);
	assert_string_equal(nodes.list[1].hostname, "b");
	assert_string_equal(nodes.list[1].address, "10.0.0.2");
	assert_false(nodes.list[1].ready);
	assert_string_equal(nodes.list[2].address, "");
	assert_false(nodes.list[2].ready);
	assert_ptr_equal(swarm_node_find(&nodes, "b"), &nodes.list[1]);
	assert_null(swarm_node_find(&nodes, "d"));
}

static int take(void *ctx, int stream, const char *data, size_t len)
{
	(void)stream;
	buf_put(ctx, data, len);
	return 0;
}

static void logs_come_in_frames(void **state)
{
	struct fake_reply log = {
	    .body = "\1\0\0\0\0\0\0\3one\2\0\0\0\0\0\0\3two", .body_len = 22};
	struct container_log_options options = {.tail = 5};
	auto_buf struct buf out = BUF_INIT;
	auto_free char *asked = NULL;

	(void)state;
	fake_engine_on(fake, "GET", "/services/n/logs", &log, 0);
	assert_ok(
	    service_logs(engine, "n", &options, &until, take, &out, &err));
	assert_string_equal(out.s, "onetwo");
	asked = fake_engine_log(fake);
	assert_non_null(strstr(
	    asked, "GET /v1.41/services/n/logs?stdout=1&stderr=1&tail=5\n"));
	log.body_len = 21;
	fake_engine_on(fake, "GET", "/services/n/logs", &log, 0);
	assert_fails(
	    service_logs(engine, "n", &options, &until, take, &out, &err),
	    ERROR_PROTOCOL,
	    "logs of service n: the stream ends within a frame");
}

static char *push(const char *stream)
{
	struct fake_reply reply = {.body = stream, .flags = FAKE_CHUNKED};
	char *digest = NULL;

	fake_engine_on(fake, "POST", "/images/*/push", &reply, 1);
	image_push(engine, "r.local:5000/t:1", &until, NULL, &digest, &err);
	return digest;
}

static void a_push_ends_with_a_digest(void **state)
{
	auto_free char *digest = NULL;
	auto_free char *log = NULL;

	(void)state;
	setenv("DOCKER_CONFIG", "/nowhere", 1);
	unsetenv("DOCKER_AUTH_CONFIG");
	digest = push("{\"status\":\"The push refers to repository [r]\"}\n"
		      "{\"status\":\"Pushing\",\"progressDetail\":{\"current\":"
		      "5,\"total\":9},\"id\":\"aaa\"}\n"
		      "{\"status\":\"1: digest: sha256:34 size: 9\"}\n"
		      "{\"progressDetail\":{},\"aux\":{\"Tag\":\"1\","
		      "\"Digest\":\"sha256:34\",\"Size\":9}}\n");
	assert_int_equal(err.kind, ERROR_NONE);
	assert_string_equal(digest, "sha256:34");
	log = fake_engine_log(fake);
	assert_non_null(
	    strstr(log, "POST /v1.41/images/r.local:5000/t/push?tag=1\n"));
}

static void a_push_that_is_refused_says_why(void **state)
{
	(void)state;
	setenv("DOCKER_CONFIG", "/nowhere", 1);
	unsetenv("DOCKER_AUTH_CONFIG");
	assert_null(push("{\"errorDetail\":{\"message\":\"no basic auth "
			 "credentials\"},\"error\":\"no basic auth "
			 "credentials\"}\n"));
	assert_error(ERROR_PULL,
		     "push 'r.local:5000/t:1': no basic auth credentials");
	assert_string_equal(err.hint, "log in: docker login r.local:5000");
	assert_null(push("{\"status\":\"Pushed\"}\n"));
	assert_error(ERROR_PROTOCOL,
		     "push 'r.local:5000/t:1': the engine names no digest");
	error_clear(&err);
	assert_null(push("oops\n"));
	assert_error(ERROR_PROTOCOL,
		     "push 'r.local:5000/t:1': unreadable reply");
}

static void an_image_gets_one_more_name(void **state)
{
	auto_free char *log = NULL;

	(void)state;
	answer("POST", "/images/*/tag", 201, "");
	assert_ok(image_tag(engine, "sha256:12", "r.local:5000/t", "1", &until,
			    &err));
	log = fake_engine_log(fake);
	assert_non_null(strstr(log, "POST /v1.41/images/sha256:12/tag?repo="
				    "r.local%3A5000%2Ft&tag=1\n"));
	answer("POST", "/images/*/tag", 404,
	       "{\"message\":\"No such image: sha256:12\"}");
	assert_fails(image_tag(engine, "sha256:12", "r", "1", &until, &err),
		     ERROR_ENGINE,
		     "name 'sha256:12' 'r:1': No such image: sha256:12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test_open(a_create_says_what_to_run),
	    test_open(a_create_says_all),
	    test_open(a_tmpfs_has_two_options),
	    test_open(a_refused_create_says_of_which_kind),
	    test_open(a_removal_may_come_too_late),
	    test_open(an_engine_without_a_swarm_has_no_services),
	    test_open(a_list_may_lack_anything),
	    test_open(a_task_is_new_then_runs),
	    test_open(a_task_ends),
	    test_open(the_youngest_task_counts),
	    test_open(the_engine_says_what_it_is_in_a_swarm),
	    test_open(nodes_have_addresses_or_not),
	    test_open(logs_come_in_frames),
	    test_open(a_push_ends_with_a_digest),
	    test_open(a_push_that_is_refused_says_why),
	    test_open(an_image_gets_one_more_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
