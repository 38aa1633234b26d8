/* SPDX-License-Identifier: MIT */
/*
 * shop.h - what the shop does: customers order from stock and get invoices.
 *
 * Each call is one transaction of its own: on any failure nothing has changed,
 * and db_message() has the server's words where there are some. SHOP_BUSY comes
 * only after several tries.
 */
#ifndef SHOP_SHOP_H
#define SHOP_SHOP_H

#include "db.h"

#include <stddef.h>
#include <stdint.h>

enum shop_status {
	SHOP_OK,
	SHOP_TAKEN,    /* e-mail, sku or number is in use */
	SHOP_UNKNOWN,  /* no such customer, product, order */
	SHOP_SOLD_OUT, /* less on hand than asked for */
	SHOP_REFUSED,  /* a rule says no */
	SHOP_BUSY,
	SHOP_FAILED
};
const char *shop_status_name(enum shop_status status);
enum shop_status shop_status_of(enum db_status status);

enum {
	SHOP_MAX_LINES = 20
};

struct shop_line {
	int64_t product, quantity;
};

enum shop_status shop_add_customer(struct db *db, const char *email,
				   const char *name, int64_t *ret_id);
enum shop_status shop_remove_customer(struct db *db, int64_t id);
/* Customers in order of e-mail, those after `after` ("" for the first page):
 * id, email, name. */
enum shop_status shop_page_customers(struct db *db, const char *after,
				     int64_t limit, struct db_rows *ret);
/* Those whose name contains text, letter by letter: % and _ are themselves. */
enum shop_status shop_find_customers(struct db *db, const char *text,
				     struct db_rows *ret);

enum shop_status shop_add_product(struct db *db, const char *sku,
				  const char *name, int64_t price_cents,
				  int64_t on_hand, int64_t *ret_id);
enum shop_status shop_set_picture(struct db *db, int64_t product,
				  const void *data, size_t len);

/* Takes the lines from stock, at today's prices. */
enum shop_status shop_place_order(struct db *db, int64_t customer,
				  const struct shop_line *lines, size_t n,
				  int64_t *ret_order);
/* Puts them back. SHOP_REFUSED if it is cancelled or has an invoice. */
enum shop_status shop_cancel_order(struct db *db, int64_t order);

enum {
	SHOP_NUMBER = 24
};
/* The next number of the year, "2026-000001", without gaps. */
enum shop_status shop_issue_invoice(struct db *db, int64_t order, int year,
				    char ret_number[SHOP_NUMBER]);
/* SHOP_REFUSED if it is more than what is still owed. */
enum shop_status shop_pay_invoice(struct db *db, const char *number,
				  int64_t cents);

#endif
