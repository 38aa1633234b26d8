/* SPDX-License-Identifier: MIT */
#include "http/http.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strvec.h"
#include "http/dial.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	IDLE_MAX = 4, /* kept connections of one client */
	REPLY_MAX_DEFAULT = 16 * 1024 * 1024,
	RECEIVE_BUFFER = 16 * 1024,
	PAIR_SPAN = 8 /* descriptors to look at, see multi_new */
};

/*
 * One connection's worth of libcurl. The multi handle owns the connection, so
 * that a transfer can be waited for together with a cancel token; a slot is
 * used by one thread at a time.
 */
struct slot {
	CURL *easy; /* of the transfer under way; NULL between two */
	CURLM *multi;
	struct dials dials;
	struct slot *next;
};

struct http_client {
	char *socket_path;
	struct strvec program;
	char *base;
	char *ca_file, *cert_file, *key_file;
	bool insecure;
	pthread_mutex_t lock; /* idle, n_idle */
	struct slot *idle;    /* last used first */
	unsigned n_idle;
};

static _Atomic unsigned long requests_sent;
static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

static void curl_start(void)
{
	/* TLS starts itself when it is first used (curl 7.57 and later) */
	curl_ready = curl_global_init(CURL_GLOBAL_NOTHING);
}

unsigned long http_requests_sent(void)
{
	return atomic_load(&requests_sent);
}

struct http_client *http_client_new(const struct http_address *address,
				    struct error *err)
{
	struct http_client *client;
	const char *path = address->socket_path;

	if (path && strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return error_set(err, ERROR_CONFIG,
				 "'%s' is too long for a socket's path", path),
		       NULL;
	pthread_once(&curl_once, curl_start);
	if (curl_ready != CURLE_OK)
		return error_set(err, ERROR_INTERNAL, "libcurl: %s",
				 curl_easy_strerror(curl_ready)),
		       NULL;
	client = xcalloc(1, sizeof(*client));
	client->program = (struct strvec)STRVEC_INIT;
	client->socket_path = xstrdup_or_null(path);
	for (size_t i = 0; address->program && address->program[i]; i++)
		strvec_push(&client->program, address->program[i]);
	client->base = xstrdup(path || address->program ? "http://localhost"
							: address->base);
	client->ca_file = xstrdup_or_null(address->ca_file);
	client->cert_file = xstrdup_or_null(address->cert_file);
	client->key_file = xstrdup_or_null(address->key_file);
	client->insecure = address->insecure;
	pthread_mutex_init(&client->lock, NULL);
	return client;
}

static void slot_free(struct slot *slot)
{
	curl_easy_cleanup(slot->easy);
	curl_multi_cleanup(slot->multi);
	dials_free(&slot->dials);
	free(slot);
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	while (client->idle) {
		struct slot *slot = client->idle;

		client->idle = slot->next;
		slot_free(slot);
	}
	pthread_mutex_destroy(&client->lock);
	free(client->socket_path);
	strvec_free(&client->program);
	free(client->base);
	free(client->ca_file);
	free(client->cert_file);
	free(client->key_file);
	free(client);
}

/*
 * Curl 7.88's multi handle holds a socket pair that children would inherit. It
 * is looked for among the lowest free descriptors; what another thread of ours
 * opened there meanwhile is close-on-exec as well.
 */
static CURLM *multi_new(void)
{
	int low = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	CURLM *multi;

	if (low >= 0)
		close(low);
	multi = curl_multi_init();
	for (int fd = low < 0 ? 0 : low; multi && fd < low + PAIR_SPAN; fd++) {
		int flags = fcntl(fd, F_GETFD);
		int domain = 0;
		socklen_t len = sizeof(domain);

		if (fd > STDERR_FILENO && flags >= 0 && !(flags & FD_CLOEXEC) &&
		    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
		    domain == AF_UNIX)
			fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
	}
	return multi;
}

static struct slot *slot_get(struct http_client *client)
{
	struct slot *slot;

	pthread_mutex_lock(&client->lock);
	slot = client->idle;
	if (slot) {
		client->idle = slot->next;
		client->n_idle--;
	}
	pthread_mutex_unlock(&client->lock);
	if (!slot) {
		slot = xcalloc(1, sizeof(*slot));
		slot->multi = multi_new();
	}
	slot->easy = curl_easy_init();
	if (slot->easy && slot->multi)
		return slot;
	slot_free(slot);
	return NULL;
}

static void slot_put(struct http_client *client, struct slot *slot)
{
	bool keep;

	/*
	 * The multi handle keeps the connection. The easy one is not used
	 * again: with 7.88 a head that begins with a folded line is appended
	 * to the last header of the transfer before, which is freed.
	 */
	curl_easy_cleanup(slot->easy);
	slot->easy = NULL;
	pthread_mutex_lock(&client->lock);
	keep = client->n_idle < IDLE_MAX;
	if (keep) {
		slot->next = client->idle;
		client->idle = slot;
		client->n_idle++;
	}
	pthread_mutex_unlock(&client->lock);
	if (!keep)
		slot_free(slot);
}

void http_reply_free(struct http_reply *reply)
{
	buf_free(&reply->body);
	free(reply->api_version);
	free(reply->server);
	free(reply->os_type);
	free(reply->content_type);
	free(reply->path_stat);
	*reply = (struct http_reply)HTTP_REPLY_INIT;
}

/* One request on its way. */
struct transfer {
	const struct http_client *client;
	const struct http_request *request;
	struct http_reply reply;
	struct slot *slot;
	struct curl_slist *headers;
	char curl_text[CURL_ERROR_SIZE];
	char what[160];  /* "GET /v1.41/info", for messages */
	int fd;          /* of a new connection */
	int os_errno;    /* of a socket that could not be made */
	bool head_ended; /* the empty line after the headers came */
	bool seen_enough;
	bool over_limit;
	bool reader_failed;
};

static void transfer_free(struct transfer *t)
{
	http_reply_free(&t->reply);
	curl_slist_free_all(t->headers);
}

static bool is_success(int status)
{
	return status >= 200 && status < 300;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	size_t len = size * n;

	if (t->request->data && is_success(t->reply.status)) {
		if (t->request->data(t->request->data_ctx, data, len)) {
			t->seen_enough = true;
			return 0;
		}
		return len;
	}
	buf_put(&t->reply.body, data, len);
	if (!t->reply.body.full)
		return len;
	t->over_limit = true;
	return 0;
}

/* The value of header `name` if the line is one, into *slot. */
static void take_header(const char *line, size_t len, const char *name,
			char **slot)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return;
	line += n + 1;
	len -= n + 1;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len && strchr(" \t\r\n", line[len - 1]))
		len--;
	free(*slot);
	*slot = xstrndup(line, len);
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	size_t len = size * n;

	if (len > 5 && !memcmp(line, "HTTP/", 5)) {
		long status = 0;

		curl_easy_getinfo(t->slot->easy, CURLINFO_RESPONSE_CODE,
				  &status);
		t->reply.status = (int)status;
		t->head_ended = false;
	}
	if (len && (*line == '\r' || *line == '\n'))
		t->head_ended = true;
	take_header(line, len, "Api-Version", &t->reply.api_version);
	take_header(line, len, "Server", &t->reply.server);
	take_header(line, len, "Ostype", &t->reply.os_type);
	take_header(line, len, "Content-Type", &t->reply.content_type);
	take_header(line, len, "X-Docker-Container-Path-Stat",
		    &t->reply.path_stat);
	return len;
}

static size_t on_read(char *buf, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	long got = t->request->read(t->request->read_ctx, buf, size * n);

	if (got >= 0)
		return (size_t)got;
	t->reader_failed = true;
	return CURL_READFUNC_ABORT;
}

/* libcurl's own sockets would be inherited by children. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose,
			       struct curl_sockaddr *a)
{
	struct transfer *t = ctx;
	int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);

	(void)purpose;
	t->fd = fd;
	if (fd >= 0)
		return fd;
	t->os_errno = errno;
	return CURL_SOCKET_BAD;
}

/* The connection is there: of a new one, the program takes the other end. */
static int on_connected(void *ctx, char *ip, char *local, int port,
			int local_port)
{
	struct transfer *t = ctx;

	(void)ip;
	(void)local;
	(void)port;
	(void)local_port;
	if (dials_serve(&t->slot->dials, t->fd, t->client->program.v) == 0)
		return CURL_PREREQFUNC_OK;
	t->os_errno = errno;
	return CURL_PREREQFUNC_ABORT;
}

/* Of a connection that outlives its transfer: the slot has it. */
static int on_close(void *ctx, curl_socket_t fd)
{
	struct slot *slot = ctx;

	dials_close(&slot->dials, fd);
	return 0;
}

static void add_header(struct transfer *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->headers, line);

	if (list)
		t->headers = list;
}

static void set_headers(struct transfer *t)
{
	const struct http_request *q = t->request;
	bool has_body = q->body || q->read;

	/* no round trip for "100 Continue" */
	add_header(t, "Expect:");
	if (q->content_type || has_body) {
		auto_free char *line = xasprintf(
		    "Content-Type: %s",
		    q->content_type ? q->content_type : "application/json");

		add_header(t, line);
	} else {
		/* libcurl calls an empty POST a form */
		add_header(t, "Content-Type:");
	}
	for (size_t i = 0; q->headers && q->headers[i]; i++)
		add_header(t, q->headers[i]);
	if (q->read)
		add_header(t, "Transfer-Encoding: chunked");
	curl_easy_setopt(t->slot->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void set_method(struct transfer *t)
{
	CURL *easy = t->slot->easy;
	const struct http_request *q = t->request;
	const char *method = q->method ? q->method : "GET";

	if (q->read) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(easy, CURLOPT_READDATA, t);
	} else if (q->body || !strcmp(method, "POST")) {
		size_t len = q->body_len ? q->body_len
			     : q->body   ? strlen(q->body)
					 : 0;

		curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
				 q->body ? q->body : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)len);
	} else if (!strcmp(method, "HEAD")) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_address(struct transfer *t)
{
	CURL *easy = t->slot->easy;
	const struct http_client *client = t->client;
	auto_free char *url = xasprintf("%s%s", client->base, t->request->path);

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	/* the environment's proxies are for the web, not for an engine */
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	if (client->socket_path)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH,
				 client->socket_path);
	if (client->program.n) {
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH,
				 t->slot->dials.path);
		curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
		curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
		curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
		curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, t->slot);
	}
	if (client->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
	if (client->cert_file)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, client->cert_file);
	if (client->key_file)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, client->key_file);
	if (client->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void transfer_prepare(struct transfer *t)
{
	CURL *easy = t->slot->easy;
	const struct http_request *q = t->request;

	set_address(t);
	set_method(t);
	set_headers(t);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
			 (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXCONNECTS, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)RECEIVE_BUFFER);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->curl_text);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	t->reply.body.max = q->max_reply ? q->max_reply : REPLY_MAX_DEFAULT;
}

/* Drives the transfer to its end. 1 ended, with *ret; -1 by the deadline. */
static int transfer_drive(struct transfer *t, const struct deadline *deadline,
			  CURLcode *ret, struct error *err)
{
	for (;;) {
		struct curl_waitfd cancelled = {cancel_fd(deadline->cancel),
						CURL_WAIT_POLLIN, 0};
		unsigned n_fds = cancelled.fd >= 0 ? 1 : 0;
		int running = 0;
		int left;
		int64_t left_ms;
		CURLMsg *msg;
		CURLMcode rc = curl_multi_perform(t->slot->multi, &running);

		msg = curl_multi_info_read(t->slot->multi, &left);
		if (msg && msg->msg == CURLMSG_DONE) {
			*ret = msg->data.result;
			return 1;
		}
		if (rc != CURLM_OK || !running)
			return error_set(err, ERROR_INTERNAL, "%s: libcurl: %s",
					 t->what, curl_multi_strerror(rc));
		if (deadline_check(deadline, t->what, err) < 0)
			return -1;
		left_ms = deadline_left_ms(deadline);
		curl_multi_poll(
		    t->slot->multi, n_fds ? &cancelled : NULL, n_fds,
		    left_ms > INT_MAX ? INT_MAX : (int)left_ms, NULL);
	}
}

/* What the program that carries the connection says of its failure. */
static int no_program(struct transfer *t, CURLcode rc, struct error *err)
{
	const char *name = t->client->program.v[0];
	const char *said = dials_said(&t->slot->dials);

	if (t->os_errno)
		return error_set_errno(err, ERROR_NO_ENGINE, t->os_errno,
				       "cannot run '%s'", name);
	return error_set(err, ERROR_NO_ENGINE, "no connection by '%s': %s",
			 name, said ? said : curl_easy_strerror(rc));
}

/* The reason why there is no connection, in the system's words if it has
 * any. */
static int no_connection(struct transfer *t, CURLcode rc, struct error *err)
{
	const char *to =
	    t->client->socket_path ? t->client->socket_path : t->client->base;
	long os_errno = 0;

	curl_easy_getinfo(t->slot->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (t->os_errno)
		os_errno = t->os_errno;
	if (os_errno)
		return error_set_errno(err, ERROR_NO_ENGINE, (int)os_errno,
				       "cannot connect to '%s'", to);
	return error_set(err, ERROR_NO_ENGINE, "cannot connect to '%s': %s", to,
			 t->curl_text[0] ? t->curl_text
					 : curl_easy_strerror(rc));
}

/* libcurl's verdict as ours: its whole translation. */
static int transfer_result(struct transfer *t, CURLcode rc, struct error *err)
{
	if (t->seen_enough)
		return 0;
	/* libcurl takes a head that is cut off for a whole one */
	if (rc == CURLE_OK && !t->head_ended)
		rc = CURLE_PARTIAL_FILE;
	if (rc == CURLE_OK)
		return 0;
	if (t->reader_failed)
		return -1; /* the reader has said why */
	if (t->client->program.n && !t->reply.status)
		return no_program(t, rc, err);
	if (t->over_limit)
		return error_set(err, ERROR_PROTOCOL,
				 "%s: the reply is over %zu bytes", t->what,
				 t->reply.body.max);
	switch ((int)rc) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_PEER_FAILED_VERIFICATION:
		return no_connection(t, rc, err);
	case CURLE_GOT_NOTHING:
		return error_set(err, ERROR_PROTOCOL,
				 "%s: connection closed without a reply",
				 t->what);
	case CURLE_PARTIAL_FILE:
		return error_set(err, ERROR_PROTOCOL,
				 "%s: the reply is cut off", t->what);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_FUNCTION_ARGUMENT: /* 7.88's word for a bad header */
		return error_set(err, ERROR_PROTOCOL,
				 "%s: the reply is not HTTP", t->what);
	default:
		return error_set(err, ERROR_PROTOCOL, "%s: %s", t->what,
				 t->curl_text[0] ? t->curl_text
						 : curl_easy_strerror(rc));
	}
}

static int transfer_run(struct transfer *t, const struct deadline *deadline,
			struct error *err)
{
	CURLcode result = CURLE_OK;
	int rc;

	if (t->client->program.n && dials_listen(&t->slot->dials) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "%s",
				       t->what);
	transfer_prepare(t);
	if (curl_multi_add_handle(t->slot->multi, t->slot->easy) != CURLM_OK)
		return error_set(err, ERROR_INTERNAL, "%s: libcurl", t->what);
	atomic_fetch_add(&requests_sent, 1);
	free(t->slot->dials.said);
	t->slot->dials.said = NULL;
	rc = transfer_drive(t, deadline, &result, err);
	/* a transfer that did not end takes its connection with it */
	curl_multi_remove_handle(t->slot->multi, t->slot->easy);
	return rc > 0 ? transfer_result(t, result, err) : rc;
}

int http_send(struct http_client *client, const struct http_request *request,
	      const struct deadline *deadline, struct http_reply *ret,
	      struct error *err)
{
	struct transfer t __attribute__((cleanup(transfer_free))) = {
	    .client = client, .request = request, .reply = HTTP_REPLY_INIT};
	int64_t began = clock_now_us();
	int rc;

	snprintf(t.what, sizeof(t.what), "%s %.*s",
		 request->method ? request->method : "GET",
		 (int)strcspn(request->path, "?"), request->path);
	if (deadline_check(deadline, t.what, err) < 0)
		return -1;
	t.slot = slot_get(client);
	if (!t.slot)
		return error_set(err, ERROR_INTERNAL, "%s: libcurl", t.what);
	rc = transfer_run(&t, deadline, err);
	slot_put(client, t.slot);
	log_debug("http: %s: %d, %zu bytes, %lld us%s", t.what, t.reply.status,
		  t.reply.body.len, (long long)(clock_now_us() - began),
		  rc < 0 ? ", failed" : "");
	if (rc < 0)
		return -1;
	http_reply_free(ret);
	*ret = t.reply;
	t.reply = (struct http_reply)HTTP_REPLY_INIT;
	return 0;
}
