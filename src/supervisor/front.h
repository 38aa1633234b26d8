/* SPDX-License-Identifier: MIT */
/*
 * supervisor/front.h - the addresses that the command sees.
 *
 * A front is one constant address of one service: a loopback port, and a
 * directory with a Unix socket in the form that libpq and the MariaDB client
 * expect. Who calls there is found out from the kernel (router/), becomes or is
 * a tenant (leases.h), and is joined to that tenant's server. A fixed front
 * belongs to one tenant, whoever calls: an explicit lease, or a number, for a
 * runner that picks its database by number.
 *
 * Files have no fronts; see ops.c, "route". All on the loop's thread.
 */
#ifndef SUPERVISOR_FRONT_H
#define SUPERVISOR_FRONT_H

#include "dialect/address.h"
#include "supervisor/leases.h"

#include <stdbool.h>

struct error;
struct supervisor;

struct call;

struct front {
	struct supervisor *supervisor;
	unsigned service;
	/* it leads to this port of a service that is no database, of which each
	 * slot has its own: then `service` is the number of that; 0: it does
	 * not */
	uint16_t companion_port;
	bool fixed;         /* belongs to `owner`, whoever calls */
	struct owner owner; /* then */
	uv_poll_t *tcp, *local;
	int tcp_fd, local_fd; /* -1: not listening */
	uint16_t port;
	char *dir, *path; /* of the socket */
	struct call *calls;
	unsigned n_calls;
	bool closed;
};

/*
 * Makes the addresses; nobody is let in yet. owner NULL: whoever calls is found
 * out. `name` is the socket's directory below the session's, and nobody else's.
 */
struct front *front_new(struct supervisor *s, unsigned service,
			const struct owner *owner, const char *name,
			struct error *err);
/* The same for a port of a service beside the databases: TCP alone. */
struct front *front_new_companion(struct supervisor *s, unsigned companion,
				  uint16_t port, const struct owner *owner,
				  struct error *err);
/* Where it is, in the form that the configuration asks for (TCP, or socket).
 * The strings are borrowed; there is no user, password or database. */
void front_address(const struct front *f, struct db_address *ret);
/* Accepts from now on. */
int front_listen(struct front *f, struct error *err);
/* Stops listening, cuts every call, removes the socket's directory; frees f
 * once the last call is gone. NULL is nothing. */
void front_close(struct front *f);

/* call.c: the call is off its list. */
void front_call_gone(struct front *f);

#endif
