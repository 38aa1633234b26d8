/* SPDX-License-Identifier: MIT */
/*
 * provider/doorway.h - a TCP address on this machine's loopback that leads to a
 * Unix socket; for provider/ only.
 *
 * For a project's own migration command, which may know TCP only, while the
 * template of local servers is made: those listen on a socket alone. Whoever on
 * this machine finds the port needs the server's password, as he would there.
 */
#ifndef PROVIDER_DOORWAY_H
#define PROVIDER_DOORWAY_H

#include <stdint.h>

struct doorway;
struct error;

/* On 127.0.0.1, at a port that the kernel chooses. A thread of its own moves
 * the bytes, of so many connections at once; more wait until one ends. */
enum {
	DOORWAY_CONNECTIONS = 64
};
int doorway_open(const char *socket_path, struct doorway **ret,
		 uint16_t *ret_port, struct error *err);
/* Cuts off whoever is connected. NULL is nothing. */
void doorway_close(struct doorway *d);

#endif
