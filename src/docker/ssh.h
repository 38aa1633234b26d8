/* SPDX-License-Identifier: MIT */
/*
 * docker/ssh.h - an engine on another machine, reached by the user's own ssh.
 */
#ifndef DOCKER_SSH_H
#define DOCKER_SSH_H

#include "base/clock.h"
#include "base/strvec.h"

struct error;

/*
 * The program that connects to "ssh://[user@]host[:port][/socket]", as the
 * docker CLI does it: ssh, with the user's own configuration and keys, runs
 * "docker system dial-stdio" over there. Nothing in the address can become an
 * option of ssh or a command over there. *ret_host is the address's host, the
 * caller's to free. ERROR_CONFIG for an address of another form. Pure.
 */
int ssh_program(const char *url, struct strvec *ret, char **ret_host,
		struct error *err);

/*
 * The host's name or address as the user's ssh configuration has it: `host` may
 * be a name of that alone. `program` is ssh_program's. NULL when ssh does not
 * say; the caller frees.
 */
char *ssh_real_host(const struct strvec *program,
		    const struct deadline *deadline);

#endif
