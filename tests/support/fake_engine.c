/* SPDX-License-Identifier: MIT */
#include "fake_engine.h"

#include "fake_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	CONNS = 64,
	RULES = 64,
	REQUESTS = 4096,
	REQUEST_MAX = 64 * 1024 * 1024,
	CHUNK = 7
};

struct conn {
	int fd; /* -1: free */
	char *in;
	size_t len;
	bool hung;
	/* A reply that waits for its time. */
	bool pending;
	bool head_only; /* it answers a HEAD */
	int64_t due_ms;
	struct fake_reply reply;
	char *body_copy;
};

struct rule {
	const char *method;
	const char *path;
	struct fake_reply reply;
	unsigned times; /* left; 0: always */
	unsigned skip;  /* that fit, before it applies */
	bool spent;
};

struct fake_engine {
	char dir[64]; /* "" when the socket is the caller's */
	char socket_path[108];
	char host[128];
	char tcp[64];
	int unix_fd, tcp_fd, stop_fd;
	pthread_t thread;
	pthread_mutex_t lock; /* all below */
	struct conn conns[CONNS];
	struct rule rules[RULES];
	size_t n_rules;
	const struct fake_step *steps;
	size_t n_steps;
	size_t step;
	struct canned *canned;
	char *log[REQUESTS];
	size_t n_log;
	unsigned n_conns;
	char *difference;
	const char *log_path;
};

static void die(const char *what)
{
	fprintf(stderr, "fake engine: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What the client does not take any more is its affair. */
static void send_bytes(int fd, const char *data, size_t len, unsigned flags)
{
	size_t step = flags & FAKE_BYTEWISE ? 1 : len;

	while (len) {
		size_t n = step < len ? step : len;
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return;
		data += sent;
		len -= (size_t)sent;
	}
}

static void put(char **text, size_t *len, const void *data, size_t n)
{
	*text = realloc(*text, *len + n + 1);
	if (!*text)
		die("memory");
	memcpy(*text + *len, data, n);
	*len += n;
	(*text)[*len] = '\0';
}

static void put_chunks(char **text, size_t *len, const char *body, size_t n,
		       unsigned flags)
{
	char head[32];

	for (size_t at = 0; at < n; at += CHUNK) {
		size_t piece = n - at < CHUNK ? n - at : CHUNK;

		snprintf(head, sizeof(head), "%zx\r\n", piece);
		put(text, len, head, strlen(head));
		put(text, len, body + at, piece);
		put(text, len, "\r\n", 2);
	}
	if (!(flags & FAKE_UNENDED))
		put(text, len, "0\r\n\r\n", 5);
}

/* The bytes of a reply; the caller frees. */
static char *compose(const struct fake_reply *r, bool head_only, size_t *ret)
{
	const char *body = r->body ? r->body : "";
	size_t body_len = r->body_len ? r->body_len : strlen(body);
	bool bodiless = r->status == 204 || r->status == 304;
	char line[128];
	char *text = NULL;
	size_t len = 0;

	if (r->raw) {
		put(&text, &len, r->raw,
		    r->raw_len ? r->raw_len : strlen(r->raw));
		*ret = len;
		return text;
	}
	snprintf(line, sizeof(line), "HTTP/1.1 %d Fake\r\n",
		 r->status ? r->status : 200);
	put(&text, &len, line, strlen(line));
	if (r->headers)
		put(&text, &len, r->headers, strlen(r->headers));
	if (r->flags & FAKE_CHUNKED)
		snprintf(line, sizeof(line), "Transfer-Encoding: chunked\r\n");
	else
		snprintf(line, sizeof(line), "Content-Length: %zu\r\n",
			 body_len);
	if (!bodiless)
		put(&text, &len, line, strlen(line));
	put(&text, &len, "\r\n", 2);
	if (r->flags & FAKE_CHUNKED && !head_only)
		put_chunks(&text, &len, body, body_len, r->flags);
	else if (!head_only && !bodiless)
		put(&text, &len, body, body_len);
	*ret = len;
	return text;
}

static void conn_close(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->in);
	free(c->body_copy);
	*c = (struct conn){.fd = -1};
}

static void stop_listening(struct fake_engine *f)
{
	if (f->unix_fd >= 0)
		close(f->unix_fd);
	if (f->tcp_fd >= 0)
		close(f->tcp_fd);
	f->unix_fd = f->tcp_fd = -1;
}

static void vanish(struct fake_engine *f)
{
	stop_listening(f);
	for (size_t i = 0; i < CONNS; i++)
		if (f->conns[i].fd >= 0)
			conn_close(&f->conns[i]);
}

static void send_reply(struct fake_engine *f, struct conn *c)
{
	unsigned flags = c->reply.flags;
	size_t len = 0;
	char *bytes = compose(&c->reply, c->head_only, &len);

	c->pending = false;
	if (flags & FAKE_HALF)
		len /= 2;
	if (!(flags & FAKE_SILENT))
		send_bytes(c->fd, bytes, len, flags);
	free(bytes);
	free(c->body_copy);
	c->body_copy = NULL;
	if (flags & FAKE_VANISH)
		vanish(f);
	else if (flags & FAKE_HANG)
		c->hung = true;
	else if (flags & (FAKE_CLOSE | FAKE_HALF | FAKE_UNENDED))
		conn_close(c);
}

static bool matches(const char *method, const char *path,
		    const struct fake_request *q)
{
	return (!method || !strcmp(method, q->method)) &&
	       (!path || !fnmatch(path, q->path, 0));
}

static void differ(struct fake_engine *f, const char *what,
		   const struct fake_request *q)
{
	if (f->difference)
		return;
	if (asprintf(&f->difference, "request %zu, '%s %s': %s", f->n_log,
		     q->method, q->target, what) < 0)
		die("memory");
}

static struct fake_reply step_reply(struct fake_engine *f,
				    const struct fake_request *q)
{
	const struct fake_reply wrong = {.status = 599, .flags = FAKE_CLOSE};
	const struct fake_step *step = &f->steps[f->step];
	char line[4200];

	if (f->step == f->n_steps) {
		differ(f, "the script has ended", q);
		return wrong;
	}
	snprintf(line, sizeof(line), "%s %s", q->method, q->target);
	if (step->expect && !strstr(line, step->expect)) {
		differ(f, step->expect, q);
		return wrong;
	}
	if (step->expect_body &&
	    !memmem(q->body, q->body_len, step->expect_body,
		    strlen(step->expect_body))) {
		differ(f, step->expect_body, q);
		return wrong;
	}
	f->step++;
	return step->reply;
}

static struct fake_reply choose(struct fake_engine *f,
				const struct fake_request *q)
{
	if (f->steps)
		return step_reply(f, q);
	for (size_t i = f->n_rules; i-- > 0;) {
		struct rule *r = &f->rules[i];

		if (r->spent || !matches(r->method, r->path, q))
			continue;
		if (r->skip) {
			r->skip--;
			continue;
		}
		if (r->times && --r->times == 0)
			r->spent = true;
		if (r->reply.flags & FAKE_EFFECT)
			canned_reply(f->canned, q);
		return r->reply;
	}
	return canned_reply(f->canned, q);
}

static void note(struct fake_engine *f, const struct fake_request *q)
{
	char *line = NULL;
	FILE *log;

	if (f->n_log == REQUESTS)
		return;
	if (asprintf(&line, "%s %s", q->method, q->target) < 0)
		die("memory");
	f->log[f->n_log++] = line;
	log = f->log_path ? fopen(f->log_path, "ae") : NULL;
	if (log) {
		fprintf(log, "%s\n", line);
		fclose(log);
	}
}

static void serve(struct fake_engine *f, struct conn *c,
		  const struct fake_request *q)
{
	struct fake_reply reply;

	note(f, q);
	reply = choose(f, q);
	c->reply = reply;
	c->head_only = !strcmp(q->method, "HEAD");
	if (!reply.delay_ms) {
		send_reply(f, c);
		return;
	}
	/* a canned body is gone by the time it is due */
	if (reply.body) {
		size_t len =
		    reply.body_len ? reply.body_len : strlen(reply.body);

		c->body_copy = malloc(len + 1);
		if (!c->body_copy)
			die("memory");
		memcpy(c->body_copy, reply.body, len);
		c->body_copy[len] = '\0';
		c->reply.body = c->body_copy;
	}
	c->pending = true;
	c->due_ms = now_ms() + reply.delay_ms;
}

/* The path without "/v1.41" and the query. */
static void strip_target(struct fake_request *q)
{
	const char *from = q->target;
	unsigned major;
	unsigned minor;
	int n = 0;

	if (sscanf(from, "/v%u.%u%n", &major, &minor, &n) == 2 && n &&
	    from[n] == '/')
		from += n;
	snprintf(q->path, sizeof(q->path), "%.*s", (int)strcspn(from, "?"),
		 from);
	q->query = strchr(q->target, '?');
	q->query = q->query ? q->query + 1 : "";
}

/* The value of a header in the head's text, or NULL. */
static const char *header(const char *head, const char *end, const char *name)
{
	const char *at = strcasestr(head, name);

	return at && at < end ? at + strlen(name) : NULL;
}

/* Takes the chunks of a body apart in place: 0 not all is there, else how many
 * bytes they took; *ret_len is what they held. */
static size_t dechunk(char *body, size_t len, size_t *ret_len)
{
	size_t at = 0;
	size_t out = 0;

	for (;;) {
		char *end = memmem(body + at, len - at, "\r\n", 2);
		size_t n;

		if (!end)
			return 0;
		n = strtoul(body + at, NULL, 16);
		at = (size_t)(end - body) + 2;
		if (len - at < n + 2)
			return 0;
		if (!n) {
			*ret_len = out;
			return at + 2;
		}
		memmove(body + out, body + at, n);
		out += n;
		at += n + 2;
	}
}

/* A whole request at the front of the input, answered and taken off; false if
 * more of it must come. */
static bool take_request(struct fake_engine *f, struct conn *c)
{
	char *end = c->in ? memmem(c->in, c->len, "\r\n\r\n", 4) : NULL;
	struct fake_request q = {.query = ""};
	const char *value;
	size_t head;
	size_t used;

	if (!end)
		return false;
	head = (size_t)(end - c->in) + 4;
	q.body = c->in + head;
	value = header(c->in, end, "\nContent-Length:");
	if (value)
		q.body_len = strtoul(value, NULL, 10);
	used = head + q.body_len;
	if (header(c->in, end, "\nTransfer-Encoding: chunked")) {
		/* on a copy: it may have to be read again */
		char *copy = malloc(c->len - head + 1);
		size_t n;

		if (!copy)
			die("memory");
		memcpy(copy, c->in + head, c->len - head);
		copy[c->len - head] = '\0';
		n = dechunk(copy, c->len - head, &q.body_len);
		if (n)
			memcpy(c->in + head, copy, q.body_len);
		free(copy);
		if (!n)
			return false;
		used = head + n;
	}
	if (c->len < used)
		return false;
	if (sscanf(c->in, "%15s %4095s", q.method, q.target) != 2) {
		conn_close(c);
		return false;
	}
	strip_target(&q);
	serve(f, c, &q);
	if (c->fd < 0)
		return false;
	memmove(c->in, c->in + used, c->len - used);
	c->len -= used;
	return true;
}

static void read_conn(struct fake_engine *f, struct conn *c)
{
	char piece[65536];
	ssize_t n = recv(c->fd, piece, sizeof(piece), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || c->len + (size_t)n > REQUEST_MAX) {
		conn_close(c);
		return;
	}
	put(&c->in, &c->len, piece, (size_t)n);
	while (c->fd >= 0 && !c->pending && !c->hung && take_request(f, c))
		;
}

static void accept_conn(struct fake_engine *f, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 0; i < CONNS; i++) {
		if (f->conns[i].fd < 0) {
			f->conns[i] = (struct conn){.fd = fd};
			f->n_conns++;
			return;
		}
	}
	close(fd);
}

/* Sends what is due; how long until the next is, -1: nothing waits. */
static int send_due(struct fake_engine *f)
{
	int64_t now = now_ms();
	int64_t next = -1;

	for (size_t i = 0; i < CONNS; i++) {
		struct conn *c = &f->conns[i];

		if (c->fd < 0 || !c->pending)
			continue;
		if (c->due_ms <= now)
			send_reply(f, c);
		else if (next < 0 || c->due_ms - now < next)
			next = c->due_ms - now;
	}
	return (int)next;
}

static void *serve_main(void *ctx)
{
	struct fake_engine *f = ctx;
	struct pollfd fds[CONNS + 3];
	bool stopping = false;

	while (!stopping) {
		int wait;

		pthread_mutex_lock(&f->lock);
		wait = send_due(f);
		fds[0] = (struct pollfd){f->stop_fd, POLLIN, 0};
		fds[1] = (struct pollfd){f->unix_fd, POLLIN, 0};
		fds[2] = (struct pollfd){f->tcp_fd, POLLIN, 0};
		for (size_t i = 0; i < CONNS; i++)
			fds[i + 3] = (struct pollfd){f->conns[i].fd, POLLIN, 0};
		pthread_mutex_unlock(&f->lock);
		if (poll(fds, CONNS + 3, wait) < 0)
			continue;
		pthread_mutex_lock(&f->lock);
		stopping = fds[0].revents != 0;
		if (fds[1].revents)
			accept_conn(f, f->unix_fd);
		if (fds[2].revents)
			accept_conn(f, f->tcp_fd);
		for (size_t i = 0; i < CONNS; i++)
			if (fds[i + 3].revents && fds[i + 3].fd >= 0 &&
			    fds[i + 3].fd == f->conns[i].fd)
				read_conn(f, &f->conns[i]);
		pthread_mutex_unlock(&f->lock);
	}
	return NULL;
}

static void listen_unix(struct fake_engine *f)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", f->socket_path);
	unlink(a.sun_path);
	f->unix_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->unix_fd < 0 ||
	    bind(f->unix_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(f->unix_fd, 64) < 0)
		die(f->socket_path);
	snprintf(f->host, sizeof(f->host), "unix://%s", f->socket_path);
}

static void listen_tcp(struct fake_engine *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	f->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->tcp_fd < 0 ||
	    bind(f->tcp_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(f->tcp_fd, 64) < 0 ||
	    getsockname(f->tcp_fd, (struct sockaddr *)&a, &len) < 0)
		die("127.0.0.1");
	snprintf(f->tcp, sizeof(f->tcp), "tcp://127.0.0.1:%d",
		 ntohs(a.sin_port));
}

static struct fake_engine *start(const char *dir, const char *socket_path)
{
	struct fake_engine *f = calloc(1, sizeof(*f));

	if (!f)
		die("memory");
	snprintf(f->dir, sizeof(f->dir), "%s", dir);
	snprintf(f->socket_path, sizeof(f->socket_path), "%s", socket_path);
	for (size_t i = 0; i < CONNS; i++)
		f->conns[i].fd = -1;
	f->canned = canned_new();
	f->stop_fd = eventfd(0, EFD_CLOEXEC);
	listen_unix(f);
	listen_tcp(f);
	pthread_mutex_init(&f->lock, NULL);
	if (pthread_create(&f->thread, NULL, serve_main, f))
		die("thread");
	return f;
}

struct fake_engine *fake_engine_start(void)
{
	char dir[] = "/tmp/testenv-fake-XXXXXX";
	char path[64];

	if (!mkdtemp(dir))
		die(dir);
	snprintf(path, sizeof(path), "%s/engine.sock", dir);
	return start(dir, path);
}

struct fake_engine *fake_engine_start_at(const char *socket_path)
{
	return start("", socket_path);
}

static char *verdict(struct fake_engine *f)
{
	char *text = f->difference;

	f->difference = NULL;
	if (!text && f->step < f->n_steps &&
	    asprintf(&text, "the script was not finished: %zu of %zu steps",
		     f->step, f->n_steps) < 0)
		die("memory");
	return text;
}

char *fake_engine_stop(struct fake_engine *f)
{
	uint64_t one = 1;
	char *text;

	if (write(f->stop_fd, &one, sizeof(one)) < 0)
		die("stop");
	pthread_join(f->thread, NULL);
	vanish(f);
	unlink(f->socket_path);
	if (f->dir[0])
		rmdir(f->dir);
	text = verdict(f);
	for (size_t i = 0; i < f->n_log; i++)
		free(f->log[i]);
	canned_free(f->canned);
	close(f->stop_fd);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return text;
}

void fake_engine_script(struct fake_engine *f, const struct fake_step *steps,
			size_t n)
{
	pthread_mutex_lock(&f->lock);
	f->steps = steps;
	f->n_steps = n;
	f->step = 0;
	pthread_mutex_unlock(&f->lock);
}

static void add_rule(struct fake_engine *f, const struct rule *rule)
{
	pthread_mutex_lock(&f->lock);
	if (f->n_rules == RULES) {
		errno = ENOSPC;
		die("rules");
	}
	f->rules[f->n_rules++] = *rule;
	pthread_mutex_unlock(&f->lock);
}

void fake_engine_on(struct fake_engine *f, const char *method, const char *path,
		    const struct fake_reply *reply, unsigned times)
{
	struct rule rule = {method, path, *reply, .times = times};

	add_rule(f, &rule);
}

void fake_engine_on_nth(struct fake_engine *f, const char *method,
			const char *path, const struct fake_reply *reply,
			unsigned skip)
{
	struct rule rule = {method, path, *reply, .times = 1, .skip = skip};

	add_rule(f, &rule);
}

void fake_engine_add_image(struct fake_engine *f, const char *name,
			   const char *labels)
{
	pthread_mutex_lock(&f->lock);
	canned_add_image(f->canned, name, labels);
	pthread_mutex_unlock(&f->lock);
}

void fake_engine_publish(struct fake_engine *f, int port)
{
	pthread_mutex_lock(&f->lock);
	canned_publish(f->canned, port);
	pthread_mutex_unlock(&f->lock);
}

const char *fake_engine_socket(const struct fake_engine *f)
{
	return f->socket_path;
}

const char *fake_engine_host(const struct fake_engine *f)
{
	return f->host;
}

const char *fake_engine_tcp(const struct fake_engine *f)
{
	return f->tcp;
}

unsigned fake_engine_count(struct fake_engine *f, const char *method,
			   const char *path)
{
	unsigned n = 0;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n_log; i++) {
		struct fake_request q = {.query = ""};

		sscanf(f->log[i], "%15s %4095s", q.method, q.target);
		strip_target(&q);
		n += matches(method, path, &q);
	}
	pthread_mutex_unlock(&f->lock);
	return n;
}

unsigned fake_engine_connections(struct fake_engine *f)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = f->n_conns;
	pthread_mutex_unlock(&f->lock);
	return n;
}

unsigned fake_engine_containers(struct fake_engine *f)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = canned_containers(f->canned);
	pthread_mutex_unlock(&f->lock);
	return n;
}

char *fake_engine_log(struct fake_engine *f)
{
	char *text = NULL;
	size_t len = 0;

	put(&text, &len, "", 0);
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n_log; i++) {
		put(&text, &len, f->log[i], strlen(f->log[i]));
		put(&text, &len, "\n", 1);
	}
	pthread_mutex_unlock(&f->lock);
	return text;
}

void fake_engine_log_to(struct fake_engine *f, const char *path)
{
	pthread_mutex_lock(&f->lock);
	f->log_path = path;
	pthread_mutex_unlock(&f->lock);
}
