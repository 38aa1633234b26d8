/* SPDX-License-Identifier: MIT */
/*
 * http/http.h - one HTTP/1.1 request over libcurl, under a deadline.
 *
 * A client names one server: a Unix socket or a TCP address. Any number of
 * threads may use one client at a time; idle connections are kept (a bounded
 * number) and reused, and a request on a kept connection that turns out to be
 * closed before a byte of reply is sent once more by libcurl.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/buf.h"
#include "base/clock.h"

struct error;
struct http_client;

/* Strings are copied. One of socket_path, program and base. */
struct http_address {
	const char *socket_path; /* absolute path of a Unix socket */
	/*
	 * A program, with its arguments, whose standard input and output are
	 * the connection: started for each, ended with it. What it writes to
	 * standard error is the reason when there is no connection.
	 */
	const char *const *program;
	const char *base; /* "http://host:port" or "https://host:port" */
	/* TLS material, for https; NULL where there is none. */
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
	bool insecure; /* the server's certificate is not verified */
};

/* Does not connect. */
struct http_client *http_client_new(const struct http_address *address,
				    struct error *err);
void http_client_free(struct http_client *client);

/* Reads up to `size` bytes of the request's body into buf; 0 is its end, -1
 * aborts the request (with *err filled in by the reader's owner). */
typedef long http_read_fn(void *ctx, char *buf, size_t size);
/* Takes a piece of the reply's body. Anything but 0 ends the request early, as
 * success: the caller has seen enough. */
typedef int http_data_fn(void *ctx, const char *data, size_t len);

/* What to ask. Zero means default; everything is borrowed for the call. */
struct http_request {
	const char *method; /* NULL: GET */
	const char *path;   /* "/v1.41/containers/json?all=1", encoded */
	const char *body;   /* sent as it is; NULL: none */
	size_t body_len;    /* 0 with a body: strlen(body) */
	http_read_fn *read; /* instead of body: streamed, chunked */
	void *read_ctx;
	const char *content_type;   /* NULL: application/json for a body */
	const char *const *headers; /* further "Name: value", NULL-terminated */
	/*
	 * NULL: the body is collected in the reply, up to max_reply bytes
	 * (default 16 MiB), more is ERROR_PROTOCOL. Else each piece of a 2xx
	 * reply goes here; other replies are collected all the same.
	 */
	http_data_fn *data;
	void *data_ctx;
	size_t max_reply;
};

struct http_reply {
	int status; /* 100..599 */
	struct buf body;
	char *api_version; /* the Api-Version header, or NULL */
	char *server;      /* the Server header, or NULL */
	char *os_type;     /* the Ostype header, or NULL */
	char *content_type;
	char *path_stat; /* X-Docker-Container-Path-Stat, or NULL */
};

#define HTTP_REPLY_INIT                    \
	{                                  \
		0, BUF_INIT, 0, 0, 0, 0, 0 \
	}
void http_reply_free(struct http_reply *reply);
#define auto_http_reply __attribute__((cleanup(http_reply_free)))

/*
 * Sends and waits for the end of the reply. Any complete reply is success,
 * whatever its status. Fails with
 *   ERROR_NO_ENGINE  no connection (text: the system's reason)
 *   ERROR_PROTOCOL   cut off, not HTTP, over max_reply
 *   ERROR_TIMEOUT, ERROR_CANCELLED  by the deadline
 */
int http_send(struct http_client *client, const struct http_request *request,
	      const struct deadline *deadline, struct http_reply *ret,
	      struct error *err);

/* Requests sent since the start of the process, for budgets in tests and
 * --debug. */
unsigned long http_requests_sent(void);

#endif
