/* SPDX-License-Identifier: MIT */
/*
 * dialect/address_private.h - what the files of dialect/ share about addresses.
 */
#ifndef DIALECT_ADDRESS_PRIVATE_H
#define DIALECT_ADDRESS_PRIVATE_H

#include "dialect/address.h"

/* TCP comes first where an address has both. */
static inline int db_by_tcp(const struct db_address *a)
{
	return a->port != 0;
}

/* The directory of a Postgres socket, taken from the socket's path if need be;
 * NULL when there is neither. Valid as long as both arguments. */
const char *db_socket_dir(const struct db_address *a, struct buf *scratch);
/* Postgres names its socket .s.PGSQL.PORT: that number, by default 5432. */
unsigned db_socket_port(const struct db_address *a);

#endif
