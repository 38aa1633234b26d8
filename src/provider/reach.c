/* SPDX-License-Identifier: MIT */
#include "provider/reach.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/net.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* what is there accepts or refuses within a round trip */
	REACH_MS = 3000,
	TURN_MS = 300, /* one of several places */
	PAUSE_MS = 20,
	PLACES_MAX = 4
};

static int try_within(const char *host, uint16_t port,
		      const struct deadline *deadline, int64_t ms)
{
	struct deadline limit = deadline_sooner(*deadline, ms);
	struct sockaddr_storage to;
	socklen_t len;
	auto_close int fd = -1;

	if (!net_address(host, port, &to, &len))
		return EADDRNOTAVAIL;
	return net_connect((const struct sockaddr *)&to, len, &limit, &fd);
}

int reach_try(const char *host, uint16_t port, const struct deadline *deadline)
{
	return try_within(host, port, deadline, REACH_MS);
}

int reach_resolve(const char *host, char ret[64], struct error *err)
{
	struct addrinfo hints = {.ai_family = AF_INET,
				 .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int failure = getaddrinfo(host, NULL, &hints, &found);
	int named;

	if (failure) {
		hints.ai_family = AF_INET6;
		failure = getaddrinfo(host, NULL, &hints, &found);
	}
	if (failure)
		return error_set(err, ERROR_ENGINE,
				 "the engine's host '%s' has no address: %s",
				 host, gai_strerror(failure));
	named = getnameinfo(found->ai_addr, found->ai_addrlen, ret, 64, NULL, 0,
			    NI_NUMERICHOST);
	freeaddrinfo(found);
	if (named)
		return error_set(err, ERROR_ENGINE,
				 "the engine's host '%s': %s", host,
				 gai_strerror(named));
	return 0;
}

static void add_place(struct reach_place *ret, size_t *n, enum reach_way way,
		      const char *host, uint16_t port)
{
	struct reach_place *place = &ret[(*n)++];

	*place = (struct reach_place){.port = port, .way = way};
	snprintf(place->host, sizeof(place->host), "%s", host);
}

int reach_places(const struct reach_port *port,
		 struct reach_place ret[REACH_PLACES], size_t *ret_n,
		 struct error *err)
{
	/* the network of containers is a machine's own business */
	bool direct = *port->ip && (port->inside || port->local) &&
		      port->way != REACH_PUBLISHED;
	bool only_direct = direct && port->way == REACH_DIRECT;
	char published[64];
	size_t n = 0;

	if (reach_resolve(port->published_host, published, err) < 0)
		return -1;
	if (only_direct || (direct && port->inside))
		add_place(ret, &n, REACH_DIRECT, port->ip, port->own);
	if (!only_direct)
		add_place(ret, &n, REACH_PUBLISHED, published, port->published);
	if (direct && !only_direct && !port->inside)
		add_place(ret, &n, REACH_DIRECT, port->ip, port->own);
	*ret_n = n;
	return 0;
}

static int none_answers(const struct reach_place *places, size_t n,
			const int *failures, struct error *err)
{
	auto_buf struct buf list = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		auto_free char *place =
		    net_place(places[i].host, places[i].port);

		buf_printf(&list, "%s%s: %s", i ? ", " : "", place,
			   strerror(failures[i]));
	}
	return error_set(err, ERROR_TIMEOUT,
			 "it is not reached from here by any of its addresses "
			 "(%s)",
			 list.s);
}

int reach_first(const struct reach_place *places, size_t n,
		int (*dead)(void *ctx, struct error *err), void *ctx,
		const struct deadline *deadline, size_t *ret, struct error *err)
{
	int failures[PLACES_MAX] = {0};
	auto_error struct error over = ERROR_INIT;

	if (n > PLACES_MAX)
		n = PLACES_MAX;
	for (size_t i = 0; n > 1;) {
		failures[i] = try_within(places[i].host, places[i].port,
					 deadline, TURN_MS);
		if (!failures[i]) {
			*ret = i;
			return 0;
		}
		if (++i < n)
			continue;
		i = 0;
		if (dead && dead(ctx, err) < 0)
			return -1;
		if (deadline_poll(deadline, NULL, 0, PAUSE_MS, "connection",
				  &over) == 0)
			continue;
		if (over.kind != ERROR_TIMEOUT)
			return error_move(err, &over);
		return none_answers(places, n, failures, err);
	}
	*ret = 0;
	return 0;
}
