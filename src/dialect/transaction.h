/* SPDX-License-Identifier: MIT */
/*
 * dialect/transaction.h - may a script be one transaction? Pure. Private to
 * dialect/.
 */
#ifndef DIALECT_TRANSACTION_H
#define DIALECT_TRANSACTION_H

#include "dialect/address.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * False for a script that handles transactions itself, for one with a
 * statement that is refused or does nothing inside of one, as far as its words
 * tell, and for MariaDB, whose DDL ends any transaction. The text ends in a NUL
 * that len does not count.
 */
bool sql_fits_transaction(enum dialect d, const char *sql, size_t len);

#endif
