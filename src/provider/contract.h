/* SPDX-License-Identifier: MIT */
/*
 * provider/contract.h - how a server's image is told what to be.
 *
 * Our images and the official ones (docker-library/postgres,
 * MariaDB/mariadb-docker) obey one contract, so this is all there is to know
 * about either. Pure.
 */
#ifndef PROVIDER_CONTRACT_H
#define PROVIDER_CONTRACT_H

#include "base/strvec.h"
#include "dialect/address.h"

#include <stdbool.h>
#include <stdint.h>

/* Outside every image's VOLUME, so that a commit has it; on every layout,
 * Postgres 18's too. */
#define CONTRACT_DATA_DIR "/testenv/data"
/* Where the directory for the server's socket is mounted. */
#define CONTRACT_SOCKET_DIR "/testenv/run"

struct contract {
	enum dialect dialect;
	const char *user, *password, *database;
	const char *root_password; /* mariadb */
	bool socket; /* also listens on a socket in CONTRACT_SOCKET_DIR */
	bool tcp;    /* listens on TCP */
	const char *const *extra_env; /* the user's "K=V"; ours win */
};

uint16_t contract_port(enum dialect d);
/* Bytes a server may use unless the user says otherwise. */
int64_t contract_memory(enum dialect d);
/* The name of the official image: "postgres", "mariadb". */
const char *contract_image(enum dialect d);
/* The major that is pulled when nothing is there and none was asked for. */
const char *contract_default_version(enum dialect d);
/* The socket file's name in its directory. */
const char *contract_socket_name(enum dialect d);

/* The container's environment and arguments. */
void contract_env(const struct contract *c, struct strvec *ret);
void contract_args(const struct contract *c, struct strvec *ret);

/* The settings alone, as arguments of the server program: speed for durability,
 * and small. The same whoever runs it. */
void contract_tuning(enum dialect d, struct strvec *ret);

/* What in the above changes the data a template holds, for its key. */
void contract_settings(const struct contract *c, struct buf *ret);

/* The template's passwords, read back from its image's environment ("K=V"
 * list); false when they are not there. Borrowed. */
bool contract_passwords(enum dialect d, const struct strvec *env,
			const char **ret_password, const char **ret_root);

#endif
