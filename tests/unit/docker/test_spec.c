/* SPDX-License-Identifier: MIT */
#include "docker/container_spec.h"

#include "base/alloc.h"
#include "docker/container.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void an_empty_spec_says_little(void **state)
{
	struct container_spec spec = {.image = "debian"};
	auto_free char *json = container_spec_json(&spec);

	(void)state;
	assert_string_equal(json, "{\"Image\":\"debian\",\"HostConfig\":{}}");
}

static void a_container_may_be_kept_from_labels(void **state)
{
	struct container_spec spec = {.image = "debian", .no_label = true};
	auto_free char *json = container_spec_json(&spec);

	(void)state;
	assert_string_equal(json, "{\"Image\":\"debian\",\"HostConfig\":{"
				  "\"SecurityOpt\":[\"label=disable\"]}}");
}

static void a_full_spec_says_all(void **state)
{
	const char *env[] = {"A=b=c", "Q=\"\n", NULL};
	const char *cmd[] = {"run", "", NULL};
	const char *entrypoint[] = {"/entry", NULL};
	const char *labels[] = {"k=v=w", "empty=", "bare", NULL};
	struct container_mount mounts[] = {{"/from", "/to", false},
					   {"/ro", "/mnt", true}};
	struct container_spec spec = {.image = "pg:16",
				      .name = "in the query",
				      .env = env,
				      .cmd = cmd,
				      .entrypoint = entrypoint,
				      .user = "999:999",
				      .working_dir = "/w",
				      .labels = labels,
				      .network_mode = "none",
				      .port = 5432,
				      .mounts = mounts,
				      .n_mounts = 2,
				      .memory_bytes = 4294967296,
				      .shm_bytes = 67108864,
				      .pids_limit = 500,
				      .stop_timeout_s = 3,
				      .init = true};
	auto_free char *json = container_spec_json(&spec);

	(void)state;
	assert_string_equal(
	    json, "{\"Image\":\"pg:16\",\"Env\":[\"A=b=c\",\"Q=\\\"\\n\"],"
		  "\"Cmd\":[\"run\",\"\"],\"Entrypoint\":[\"/entry\"],"
		  "\"User\":\"999:999\",\"WorkingDir\":\"/w\","
		  "\"Labels\":{\"k\":\"v=w\",\"empty\":\"\",\"bare\":\"\"},"
		  "\"StopTimeout\":3,\"HostConfig\":{\"NetworkMode\":\"none\","
		  "\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/from\","
		  "\"Target\":\"/to\"},{\"Type\":\"bind\",\"Source\":\"/ro\","
		  "\"Target\":\"/mnt\",\"ReadOnly\":true}],"
		  "\"PortBindings\":{\"5432/tcp\":[{\"HostIp\":\"127.0.0.1\","
		  "\"HostPort\":\"\"}]},\"Memory\":4294967296,"
		  "\"ShmSize\":67108864,\"PidsLimit\":500,\"Init\":true},"
		  "\"ExposedPorts\":{\"5432/tcp\":{}}}");
}

static void a_port_can_be_published_elsewhere(void **state)
{
	struct container_spec spec = {
	    .image = "x", .port = 1, .publish_ip = "0.0.0.0"};
	auto_free char *json = container_spec_json(&spec);

	(void)state;
	assert_string_equal(
	    json, "{\"Image\":\"x\",\"HostConfig\":{\"PortBindings\":{"
		  "\"1/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"\"}]}},"
		  "\"ExposedPorts\":{\"1/tcp\":{}}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_spec_says_little),
	    cmocka_unit_test(a_full_spec_says_all),
	    cmocka_unit_test(a_container_may_be_kept_from_labels),
	    cmocka_unit_test(a_port_can_be_published_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
