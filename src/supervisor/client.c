/* SPDX-License-Identifier: MIT */
#include "supervisor/client.h"
#include "session/session.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/progress.h"
#include "supervisor/protocol.h"
#include "wire/line.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/* A live supervisor answers hello at once, whatever else it does; one
	 * that is stopped must not hold up every command. */
	HELLO_MS = 2000,
	EXIT_MS = 5000
};

struct session_client {
	int fd;
	unsigned last_id;
	struct wire_in in;
	cJSON *hello;
	char *socket;
};

void session_client_free(struct session_client *client)
{
	int saved = errno;

	if (!client)
		return;
	close(client->fd);
	wire_in_free(&client->in);
	cJSON_Delete(client->hello);
	free(client->socket);
	free(client);
	errno = saved;
}

int session_client_fd(const struct session_client *client)
{
	return client->fd;
}

void cleanup_session_client(struct session_client **client)
{
	session_client_free(*client);
	*client = NULL;
}

static int send_all(int fd, const char *data, size_t len,
		    const struct deadline *deadline, struct error *err)
{
	while (len) {
		struct pollfd p = {fd, POLLOUT, 0};
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return error_set_errno(err, ERROR_NO_SESSION, errno,
					       "the session has ended");
		if (deadline_poll(deadline, &p, 1, -1, "ask the session", err) <
		    0)
			return -1;
	}
	return 0;
}

/* Puts what has come into the buffer, waiting for at least a byte. */
static int receive(struct session_client *client,
		   const struct deadline *deadline, struct error *err)
{
	struct pollfd p = {client->fd, POLLIN, 0};
	char piece[16384];
	ssize_t n;
	int status;

	n = recv(client->fd, piece, sizeof(piece), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) {
		if (deadline_poll(deadline, &p, 1, -1, "wait for the session",
				  err) < 0)
			return -1;
		n = recv(client->fd, piece, sizeof(piece), MSG_DONTWAIT);
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return error_set(err, ERROR_NO_SESSION,
				 "the session has ended");
	status = wire_in_put(&client->in, piece, (size_t)n);
	if (status < 0)
		return error_set(err, ERROR_PROTOCOL,
				 "the session's answer: %s",
				 wire_status_text(status));
	return 0;
}

static int next_object(struct session_client *client,
		       const struct deadline *deadline, cJSON **ret,
		       struct error *err)
{
	char *line;
	size_t len;
	int status;

	while ((status = wire_in_next(&client->in, &line, &len)) == WIRE_MORE)
		if (receive(client, deadline, err) < 0)
			return -1;
	if (status < 0)
		return error_set(err, ERROR_PROTOCOL,
				 "the session's answer: %s",
				 wire_status_text(status));
	*ret = cJSON_ParseWithLength(line, len);
	if (!cJSON_IsObject(*ret)) {
		cJSON_Delete(*ret);
		return error_set(err, ERROR_PROTOCOL,
				 "the session's answer is not JSON");
	}
	return 0;
}

/* A reply without an id is the session's last word on the whole connection; one
 * with another id belongs to a call that was given up. */
static bool is_reply_to(const cJSON *json, unsigned id)
{
	return !cJSON_HasObjectItem(json, "id") ||
	       protocol_number(json, "id", UINT32_MAX, 0) == id;
}

static int next_reply(struct session_client *client, unsigned id,
		      const struct progress *progress,
		      const struct deadline *deadline, cJSON **ret,
		      struct error *err)
{
	for (;;) {
		auto_cjson cJSON *json = NULL;
		struct progress_event event;

		if (next_object(client, deadline, &json, err) < 0)
			return -1;
		if (protocol_event_from_json(json, &event) == 0) {
			progress_emit(progress, &event);
		} else if (!cJSON_HasObjectItem(json, "event") &&
			   is_reply_to(json, id)) {
			*ret = take_ptr(&json);
			return 0;
		}
	}
}

int session_client_call(struct session_client *client, const char *op,
			cJSON *args, const struct progress *progress,
			const struct deadline *deadline, cJSON **ret,
			struct error *err)
{
	auto_cjson cJSON *request = args ? args : cJSON_CreateObject();
	auto_cjson cJSON *reply = NULL;
	auto_buf struct buf line = BUF_INIT;
	auto_error struct error sent = ERROR_INIT;
	unsigned id = ++client->last_id;
	char *text;

	cJSON_AddStringToObject(request, "op", op);
	cJSON_AddNumberToObject(request, "id", id);
	text = cJSON_PrintUnformatted(request);
	buf_puts(&line, text);
	buf_putc(&line, '\n');
	cJSON_free(text);
	/* a session that has hung up may have said why before */
	if (send_all(client->fd, line.s, line.len, deadline, &sent) < 0 &&
	    sent.kind != ERROR_NO_SESSION)
		return error_move(err, &sent);
	if (next_reply(client, id, progress, deadline, &reply, err) < 0)
		return -1;
	if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(reply, "ok")))
		return protocol_error_from_json(
		    cJSON_GetObjectItemCaseSensitive(reply, "error"), err);
	*ret = take_ptr(&reply);
	return 0;
}

int session_client_adopt(int fd, const struct deadline *deadline,
			 struct session_client **ret, struct error *err)
{
	auto_session_client struct session_client *client =
	    xcalloc(1, sizeof(*client));
	cJSON *args = cJSON_CreateObject();

	client->fd = fd;
	client->socket = xstrdup("");
	wire_in_init(&client->in, WIRE_MAX_LINE);
	cJSON_AddNumberToObject(args, "version", PROTOCOL_VERSION);
	if (session_client_call(client, "hello", args, NULL, deadline,
				&client->hello, err) < 0)
		return -1;
	*ret = take_ptr(&client);
	return 0;
}

/* connect(2) on a Unix socket never waits for the peer's accept, only for room
 * in its backlog, and without blocking says EAGAIN then. */
static int connect_socket(const char *path, const struct deadline *deadline,
			  int *ret_fd, struct error *err)
{
	auto_close int fd = -1;
	struct sockaddr_un addr;

	if (protocol_address(path, &addr, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, ERROR_IO, errno, "socket");
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return error_set_errno(err, ERROR_NO_SESSION, errno,
					       "no session listens on '%s'",
					       path);
		/* nothing tells when there is room again */
		if (deadline_poll(deadline, NULL, 0, 5, "reach the session",
				  err) < 0)
			return -1;
	}
	if (protocol_check_peer(fd, err) < 0)
		return -1;
	*ret_fd = take_fd(&fd);
	return 0;
}

int session_client_open(const char *socket_path,
			const struct deadline *deadline,
			struct session_client **ret, struct error *err)
{
	struct deadline hello = deadline_sooner(*deadline, HELLO_MS);
	struct session_client *client;
	int fd;

	if (connect_socket(socket_path, &hello, &fd, err) < 0)
		return -1;
	if (session_client_adopt(fd, &hello, &client, err) < 0)
		return -1;
	free(client->socket);
	client->socket = xstrdup(socket_path);
	*ret = client;
	return 0;
}

static const char *text_of(const cJSON *json, const char *name)
{
	const char *s = protocol_string(json, name);

	return s ? s : "";
}

void session_client_hello(const struct session_client *client,
			  struct session_hello *ret)
{
	const cJSON *json = client->hello;
	double started = cJSON_GetNumberValue(
	    cJSON_GetObjectItemCaseSensitive(json, "started"));

	*ret = (struct session_hello){
	    .session = text_of(json, "session"),
	    .identity = text_of(json, "identity"),
	    .project = text_of(json, "project"),
	    .state = text_of(json, "state"),
	    .socket = client->socket,
	    .inner =
		cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "private")),
	    .pid = protocol_number(json, "pid", 1U << 30, 0),
	    .started_s = started > 0 && started < 9e15 ? (int64_t)started : 0,
	};
}

void session_list_free(struct session_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		session_client_free(list->clients[i]);
	free(list->clients);
	*list = (struct session_list)SESSION_LIST_INIT;
}

static void list_add(struct session_list *list, struct session_client *client)
{
	list->clients = xreallocarray(list->clients, list->n + 1,
				      sizeof(struct session_client *));
	list->clients[list->n++] = client;
}

static int by_start(const void *a, const void *b)
{
	struct session_client *const *x = a;
	struct session_client *const *y = b;
	struct session_hello hx, hy;

	session_client_hello(*x, &hx);
	session_client_hello(*y, &hy);
	if (hx.started_s != hy.started_s)
		return hx.started_s < hy.started_s ? -1 : 1;
	return strcmp(hx.session, hy.session);
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int list_dir(const char *runtime, const struct deadline *deadline,
		    struct session_list *list, struct error *err)
{
	__attribute__((cleanup(cleanup_dir))) DIR *dir = opendir(runtime);
	struct dirent *entry;

	if (!dir)
		return error_set_errno(err, ERROR_IO, errno, "read '%s'",
				       runtime);
	while ((entry = readdir(dir))) {
		auto_error struct error ignored = ERROR_INIT;
		auto_free char *path = NULL;
		struct session_client *client;

		if (entry->d_name[0] == '.' || entry->d_type == DT_REG)
			continue;
		path =
		    xasprintf("%s/%s/" PROTOCOL_SOCKET, runtime, entry->d_name);
		if (session_client_open(path, deadline, &client, &ignored) == 0)
			list_add(list, client);
		else if (deadline_check(deadline, "find the session", err) < 0)
			return -1;
		else
			log_debug("%s: %s", path, error_text(&ignored));
	}
	return 0;
}

int session_client_list(const struct deadline *deadline,
			struct session_list *ret, struct error *err)
{
	auto_session_list struct session_list list = SESSION_LIST_INIT;
	auto_free char *runtime = NULL;

	if (fs_runtime_dir(&runtime, err) < 0)
		return -1;
	if (list_dir(runtime, deadline, &list, err) < 0)
		return -1;
	if (list.n)
		qsort(list.clients, list.n, sizeof(*list.clients), by_start);
	*ret = list;
	list = (struct session_list)SESSION_LIST_INIT;
	return 0;
}

static bool is_live(const struct session_hello *hello)
{
	return !strcmp(hello->state, "starting") ||
	       !strcmp(hello->state, "ready");
}

/* How well a session fits: 0 not at all, 2 if the caller runs in it. */
static int join_fit(const struct session_hello *h, const char *identity,
		    const char *inherited)
{
	if (strcmp(h->identity, identity) != 0 || !is_live(h))
		return 0;
	if (inherited && !strcmp(h->session, inherited))
		return 2;
	return h->inner ? 0 : 1;
}

int session_client_join(const char *identity, const char *inherited,
			const struct deadline *deadline,
			struct session_client **ret, struct error *err)
{
	auto_session_list struct session_list list = SESSION_LIST_INIT;
	size_t best = 0;
	int most = 0;

	if (session_client_list(deadline, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		struct session_hello hello;
		int fit;

		session_client_hello(list.clients[i], &hello);
		fit = join_fit(&hello, identity, inherited);
		if (fit <= most)
			continue;
		most = fit;
		best = i;
	}
	if (!most)
		return 0;
	*ret = take_ptr(&list.clients[best]);
	return 1;
}

int session_client_wait(struct session_client *client,
			const struct progress *progress,
			const struct deadline *deadline, struct error *err)
{
	auto_cjson cJSON *reply = NULL;
	cJSON *args = cJSON_CreateObject();

	cJSON_AddBoolToObject(args, "progress", progress != NULL);
	return session_client_call(client, "wait", args, progress, deadline,
				   &reply, err);
}

/* The names in an environment, not its values: nobody else's business. */
static cJSON *names_of(const struct strvec *env)
{
	cJSON *names = cJSON_CreateArray();

	for (size_t i = 0; i < env->n; i++) {
		auto_free char *name =
		    xstrndup(env->v[i], strcspn(env->v[i], "="));

		cJSON_AddItemToArray(names, cJSON_CreateString(name));
	}
	return names;
}

static int take_variables(const cJSON *list, struct strvec *ret,
			  struct error *err)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		const char *text = cJSON_GetStringValue(item);
		const char *equals = text ? strchr(text, '=') : NULL;

		if (!equals || equals == text)
			return error_set(err, ERROR_PROTOCOL,
					 "the session gave a variable without "
					 "a name");
		strvec_push(ret, text);
	}
	return 0;
}

int session_client_changes(struct session_client *client, unsigned slot,
			   const struct strvec *env,
			   const struct deadline *deadline,
			   struct strvec *ret_set, struct strvec *ret_unset,
			   struct error *err)
{
	auto_cjson cJSON *reply = NULL;
	cJSON *args = cJSON_CreateObject();
	const cJSON *item;

	if (slot == SESSION_SLOT_ROUTED)
		cJSON_AddTrueToObject(args, "routed");
	else if (slot != SESSION_SLOT_ANY)
		cJSON_AddNumberToObject(args, "slot", slot);
	cJSON_AddItemToObject(args, "names", names_of(env));
	if (session_client_call(client, "env", args, NULL, deadline, &reply,
				err) < 0)
		return -1;
	if (take_variables(cJSON_GetObjectItemCaseSensitive(reply, "env"),
			   ret_set, err) < 0)
		return -1;
	cJSON_ArrayForEach (item,
			    cJSON_GetObjectItemCaseSensitive(reply, "unset")) {
		if (cJSON_IsString(item))
			strvec_push(ret_unset, item->valuestring);
	}
	return 0;
}

int session_client_variables(struct session_client *client, unsigned slot,
			     struct strvec *env,
			     const struct deadline *deadline, struct error *err)
{
	auto_strvec struct strvec set = STRVEC_INIT;
	auto_strvec struct strvec unset = STRVEC_INIT;

	if (session_client_changes(client, slot, env, deadline, &set, &unset,
				   err) < 0)
		return -1;
	for (size_t i = 0; i < unset.n; i++)
		strvec_env_set(env, unset.v[i], NULL);
	for (size_t i = 0; i < set.n; i++)
		strvec_env_put(env, set.v[i]);
	return 0;
}

/* A handle on the session's process, or -1 where there are none. The socket
 * knows it by our own pid namespace; one that was handed over knows only who
 * made it, which is us. */
static int open_process(const struct session_client *client)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	struct session_hello hello;
	pid_t pid;

	session_client_hello(client, &hello);
	pid = (pid_t)hello.pid;
	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    peer.pid > 0 && peer.pid != getpid())
		pid = peer.pid;
	/* a session of this process would be waited for in vain */
	if (pid <= 0 || pid == getpid())
		return -1;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* The answer comes from a process that has files open yet: the caller may want
 * to unmount what they lie on. */
static void await_exit(int pidfd, const struct deadline *deadline)
{
	struct deadline soon = deadline_sooner(*deadline, EXIT_MS);
	struct pollfd p = {pidfd, POLLIN, 0};

	if (pidfd >= 0)
		deadline_poll(&soon, &p, 1, -1, "the session's process", NULL);
}

int session_client_down(struct session_client *client,
			const struct progress *progress,
			const struct deadline *deadline, struct error *err)
{
	auto_close int process = open_process(client);
	auto_cjson cJSON *reply = NULL;
	cJSON *args = cJSON_CreateObject();

	cJSON_AddBoolToObject(args, "progress", progress != NULL);
	if (session_client_call(client, "down", args, progress, deadline,
				&reply, err) < 0)
		return -1;
	shutdown(client->fd, SHUT_RDWR);
	await_exit(process, deadline);
	return 0;
}
