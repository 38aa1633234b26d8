/* SPDX-License-Identifier: MIT */
#include "docker/self.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "docker/engine.h"
#include "docker/json.h"
#include "docker/reply.h"
#include "http/http.h"

#include <string.h>
#include <unistd.h>

enum {
	ID_LEN = 64,
	MOUNTINFO_MAX = 1024 * 1024
};

static bool is_id(const char *s)
{
	return strspn(s, "0123456789abcdef") == ID_LEN;
}

bool self_id(const char *mountinfo, char ret[65])
{
	/* Docker: …/containers/ID/hostname; Podman:
	 * …/overlay-containers/ID/userdata/hostname */
	static const char mark[] = "containers/";

	for (const char *p = mountinfo; (p = strstr(p, mark));) {
		p += strlen(mark);
		if (!is_id(p) || p[ID_LEN] != '/')
			continue;
		memcpy(ret, p, ID_LEN);
		ret[ID_LEN] = '\0';
		return true;
	}
	return false;
}

/* What to ask the engine for: the id, else the host's name, which is the id's
 * beginning unless it was set. */
static bool own_name(char ret[65])
{
	auto_buf struct buf mounts = BUF_INIT_MAX(MOUNTINFO_MAX);

	if (!fs_exists("/.dockerenv") && !fs_exists("/run/.containerenv"))
		return false;
	if (fs_read_file("/proc/self/mountinfo", &mounts, NULL) == 0 &&
	    self_id(mounts.s, ret))
		return true;
	return gethostname(ret, 65) == 0 && strlen(ret) == 12 &&
	       strspn(ret, "0123456789abcdef") == 12;
}

/* The first network that it has an address on. "bridge" and "podman" are the
 * engines' own, where a container is put anyway. */
static int read_networks(const cJSON *json, char **ret)
{
	const cJSON *network;

	cJSON_ArrayForEach (network,
			    json_get2(json, "NetworkSettings", "Networks")) {
		const char *ip = json_str(network, "IPAddress");

		if (!ip || !*ip)
			continue;
		*ret = !strcmp(network->string, "bridge") ||
			       !strcmp(network->string, "podman")
			   ? NULL
			   : xstrdup(network->string);
		return 1;
	}
	return 0;
}

int engine_own_network(struct engine *engine, const struct deadline *deadline,
		       char **ret_network, struct error *err)
{
	auto_http_reply struct http_reply reply = HTTP_REPLY_INIT;
	auto_free char *path = NULL;
	auto_json cJSON *json = NULL;
	struct http_request request = {0};
	char name[65];

	if (!own_name(name))
		return 0;
	path = xasprintf("/containers/%s/json", name);
	request.path = path;
	if (engine_send(engine, &request, deadline, &reply, err) < 0)
		return -1;
	if (!reply_ok(&reply)) {
		log_debug("this container is none of the engine's: HTTP %d",
			  reply.status);
		return 0;
	}
	json = json_reply(&reply, "inspect this container", err);
	if (!json)
		return -1;
	return read_networks(json, ret_network);
}
