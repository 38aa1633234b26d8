/* SPDX-License-Identifier: MIT */
/*
 * provider/reach.h - where a container's port is reached from here.
 *
 * Where the engine publishes it, mostly. Not so when this process runs in a
 * container that was given the engine's socket, or when the engine has nothing
 * that serves published ports on the loopback interface: then at the
 * container's own address. Which one it is, is found out by connecting.
 */
#ifndef PROVIDER_REACH_H
#define PROVIDER_REACH_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum reach_way {
	REACH_UNKNOWN,
	REACH_PUBLISHED,
	REACH_DIRECT /* at the container's own address */
};

struct reach_place {
	char host[64]; /* an address, in digits */
	uint16_t port;
	enum reach_way way; /* for reach_places()'s caller alone */
};

enum {
	REACH_PLACES = 2
};

/* What is known of a container's port. */
struct reach_port {
	const char *published_host; /* a name or digits */
	uint16_t published;
	const char *ip; /* the container's; "": it has none */
	uint16_t own;
	bool local;         /* the engine is on this machine */
	bool inside;        /* this process is in a container of it */
	enum reach_way way; /* that served others of the engine */
};
/* The places where it may be, the likelier first: one alone where the way is
 * known, or no other. ERROR_ENGINE as reach_resolve(). */
int reach_places(const struct reach_port *port,
		 struct reach_place ret[REACH_PLACES], size_t *ret_n,
		 struct error *err);

/* 0, or errno: ECONNREFUSED says that the machine is there. */
int reach_try(const char *host, uint16_t port, const struct deadline *deadline);

/* The address of a name, in digits, an IPv4 one if it has any: ERROR_ENGINE
 * where it has none. */
int reach_resolve(const char *host, char ret[64], struct error *err);

/*
 * Tries the places in turns until one takes a connection: its index. `dead`
 * (or NULL) is asked in between and ends it with its own error. With one place
 * nothing is tried. ERROR_TIMEOUT lists each place and what was met there.
 */
int reach_first(const struct reach_place *places, size_t n,
		int (*dead)(void *ctx, struct error *err), void *ctx,
		const struct deadline *deadline, size_t *ret,
		struct error *err);

#endif
