/* SPDX-License-Identifier: MIT */
#include "shop.h"

#include "money.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_TRIES = 10 /* of a transaction that lost against another */
};

const char *shop_status_name(enum shop_status status)
{
	static const char *const names[] = {
	    "ok", "taken", "unknown", "sold out", "refused", "busy", "failed"};

	return names[status];
}

enum shop_status shop_status_of(enum db_status status)
{
	switch (status) {
	case DB_OK:
		return SHOP_OK;
	case DB_UNIQUE:
		return SHOP_TAKEN;
	case DB_FOREIGN_KEY:
		return SHOP_UNKNOWN;
	case DB_CHECK:
	case DB_NOT_NULL:
	case DB_REFUSED:
		return SHOP_REFUSED;
	case DB_BUSY:
		return SHOP_BUSY;
	case DB_LOST:
	case DB_ERROR:
	default:
		return SHOP_FAILED;
	}
}

/* Runs body as one transaction; again if it lost against another. */
static enum shop_status
transaction(struct db *db, enum shop_status (*body)(struct db *, void *),
	    void *ctx)
{
	enum shop_status status = SHOP_BUSY;
	int tries;

	for (tries = 0; status == SHOP_BUSY && tries < MAX_TRIES; tries++) {
		status = shop_status_of(db_begin(db));
		if (status != SHOP_OK)
			continue;
		status = body(db, ctx);
		if (status == SHOP_OK)
			status = shop_status_of(db_commit(db));
		if (status != SHOP_OK)
			db_rollback(db);
	}
	return status;
}

/* One statement that answers with one number, as "returning id" does. */
static enum shop_status one_number(struct db *db, const char *sql,
				   const struct db_value *params, size_t n,
				   int64_t *ret)
{
	auto_rows struct db_rows rows = DB_ROWS_INIT;
	enum db_status status = db_run(db, sql, params, n, &rows);

	if (status != DB_OK)
		return shop_status_of(status);
	if (rows.n_rows == 0)
		return SHOP_UNKNOWN;
	*ret = db_rows_int(&rows, 0, 0);
	return SHOP_OK;
}
#define ONE_NUMBER(db, ret, sql, ...)                               \
	one_number(db, sql, (const struct db_value[]){__VA_ARGS__}, \
		   sizeof((const struct db_value[]){__VA_ARGS__}) / \
		       sizeof(struct db_value),                     \
		   ret)

enum shop_status shop_add_customer(struct db *db, const char *email,
				   const char *name, int64_t *ret_id)
{
	return ONE_NUMBER(db, ret_id,
			  "insert into customers (email, name) values (?, ?) "
			  "returning id",
			  db_text(email), db_text(name));
}

enum shop_status shop_remove_customer(struct db *db, int64_t id)
{
	enum db_status status =
	    DB_RUN(db, NULL, "delete from customers where id = ?", db_int(id));

	/* here the parent goes, so it is the children that forbid it */
	return status == DB_FOREIGN_KEY ? SHOP_REFUSED : shop_status_of(status);
}

enum shop_status shop_page_customers(struct db *db, const char *after,
				     int64_t limit, struct db_rows *ret)
{
	return shop_status_of(
	    DB_RUN(db, ret,
		   "select id, email, name from customers where email > ? "
		   "order by email limit ?",
		   db_text(after), db_int(limit)));
}

enum shop_status shop_find_customers(struct db *db, const char *text,
				     struct db_rows *ret)
{
	char pattern[256];
	size_t n = 0;

	pattern[n++] = '%';
	for (; *text && n < sizeof(pattern) - 4; text++) {
		if (strchr("%_!", *text))
			pattern[n++] = '!';
		pattern[n++] = *text;
	}
	pattern[n++] = '%';
	pattern[n] = '\0';
	if (*text)
		return SHOP_REFUSED;
	return shop_status_of(
	    DB_RUN(db, ret,
		   "select id, email, name from customers "
		   "where name like ? escape '!' order by email",
		   db_text(pattern)));
}

struct new_product {
	const char *sku, *name;
	int64_t price_cents, on_hand, id;
};

static enum shop_status add_product(struct db *db, void *ctx)
{
	struct new_product *p = ctx;
	enum shop_status status;

	status = ONE_NUMBER(db, &p->id,
			    "insert into products (sku, name, price_cents) "
			    "values (?, ?, ?) returning id",
			    db_text(p->sku), db_text(p->name),
			    db_int(p->price_cents));
	if (status != SHOP_OK)
		return status;
	return shop_status_of(
	    DB_RUN(db, NULL,
		   "insert into stock (product_id, counted, on_hand) "
		   "values (?, ?, ?)",
		   db_int(p->id), db_int(p->on_hand), db_int(p->on_hand)));
}

enum shop_status shop_add_product(struct db *db, const char *sku,
				  const char *name, int64_t price_cents,
				  int64_t on_hand, int64_t *ret_id)
{
	struct new_product p = {sku, name, price_cents, on_hand, 0};
	enum shop_status status = transaction(db, add_product, &p);

	if (status == SHOP_OK)
		*ret_id = p.id;
	return status;
}

enum shop_status shop_set_picture(struct db *db, int64_t product,
				  const void *data, size_t len)
{
	return shop_status_of(
	    DB_RUN(db, NULL, "update products set picture = ? where id = ?",
		   data ? db_blob(data, len) : db_null(), db_int(product)));
}

struct order {
	int64_t customer, id, total;
	struct shop_line lines[SHOP_MAX_LINES];
	int64_t prices[SHOP_MAX_LINES];
	size_t n;
};

static int by_product(const void *a, const void *b)
{
	const struct shop_line *x = a, *y = b;

	return (x->product > y->product) - (x->product < y->product);
}

static enum shop_status lock_stock(struct db *db, int64_t product,
				   int64_t *ret_on_hand)
{
	char sql[96];

	snprintf(sql, sizeof(sql),
		 "select on_hand from stock where product_id = ?%s",
		 db_for_update(db));
	return ONE_NUMBER(db, ret_on_hand, sql, db_int(product));
}

static enum shop_status move_stock(struct db *db, int64_t product, int64_t by)
{
	return shop_status_of(DB_RUN(
	    db, NULL,
	    "update stock set on_hand = on_hand + ? where product_id = ?",
	    db_int(by), db_int(product)));
}

/* Takes one line from stock and adds its value to the order's. */
static enum shop_status take_line(struct db *db, struct order *o, size_t i)
{
	const struct shop_line *line = &o->lines[i];
	enum shop_status status;
	int64_t on_hand, value;

	status = lock_stock(db, line->product, &on_hand);
	if (status != SHOP_OK)
		return status;
	if (on_hand < line->quantity)
		return SHOP_SOLD_OUT;
	status = ONE_NUMBER(db, &o->prices[i],
			    "select price_cents from products where id = ?",
			    db_int(line->product));
	if (status != SHOP_OK)
		return status;
	if (money_times(o->prices[i], line->quantity, &value) < 0 ||
	    money_add(o->total, value, &o->total) < 0)
		return SHOP_REFUSED;
	return move_stock(db, line->product, -line->quantity);
}

static enum shop_status place_order(struct db *db, void *ctx)
{
	struct order *o = ctx;
	enum shop_status status = SHOP_OK;
	size_t i;

	o->total = 0;
	for (i = 0; status == SHOP_OK && i < o->n; i++)
		status = take_line(db, o, i);
	if (status == SHOP_OK)
		status = ONE_NUMBER(db, &o->id,
				    "insert into orders (customer_id, "
				    "total_cents) values (?, ?) returning id",
				    db_int(o->customer), db_int(o->total));
	for (i = 0; status == SHOP_OK && i < o->n; i++)
		status = shop_status_of(
		    DB_RUN(db, NULL,
			   "insert into order_lines (order_id, line_no, "
			   "product_id, quantity, price_cents) "
			   "values (?, ?, ?, ?, ?)",
			   db_int(o->id), db_int((int64_t)i + 1),
			   db_int(o->lines[i].product),
			   db_int(o->lines[i].quantity), db_int(o->prices[i])));
	return status;
}

enum shop_status shop_place_order(struct db *db, int64_t customer,
				  const struct shop_line *lines, size_t n,
				  int64_t *ret_order)
{
	struct order o = {.customer = customer, .n = n};
	enum shop_status status;
	size_t i;

	if (n == 0 || n > SHOP_MAX_LINES)
		return SHOP_REFUSED;
	for (i = 0; i < n; i++)
		if (lines[i].quantity <= 0)
			return SHOP_REFUSED;
	memcpy(o.lines, lines, n * sizeof(*lines));
	/* everybody locks in the same order, so nobody waits in a circle */
	qsort(o.lines, n, sizeof(*o.lines), by_product);
	status = transaction(db, place_order, &o);
	if (status == SHOP_OK)
		*ret_order = o.id;
	return status;
}

/* The order's row, locked: its total, and whether it is open. */
static enum shop_status lock_order(struct db *db, int64_t order,
				   int64_t *ret_total, bool *ret_open)
{
	auto_rows struct db_rows rows = DB_ROWS_INIT;
	enum db_status status;
	char sql[96];

	snprintf(sql, sizeof(sql),
		 "select total_cents, state from orders where id = ?%s",
		 db_for_update(db));
	status = DB_RUN(db, &rows, sql, db_int(order));
	if (status != DB_OK)
		return shop_status_of(status);
	if (rows.n_rows == 0)
		return SHOP_UNKNOWN;
	*ret_total = db_rows_int(&rows, 0, 0);
	*ret_open = !strcmp(db_rows_cell(&rows, 0, 1)->data, "open");
	return SHOP_OK;
}

static enum shop_status return_lines(struct db *db, int64_t order)
{
	auto_rows struct db_rows rows = DB_ROWS_INIT;
	enum shop_status status;
	size_t i;

	status = shop_status_of(DB_RUN(
	    db, &rows,
	    "select product_id, quantity from order_lines where order_id = ? "
	    "order by product_id",
	    db_int(order)));
	for (i = 0; status == SHOP_OK && i < rows.n_rows; i++)
		status = move_stock(db, db_rows_int(&rows, i, 0),
				    db_rows_int(&rows, i, 1));
	return status;
}

static enum shop_status cancel_order(struct db *db, void *ctx)
{
	const int64_t *order = ctx;
	enum shop_status status;
	int64_t total, invoices;
	bool open;

	status = lock_order(db, *order, &total, &open);
	if (status != SHOP_OK)
		return status;
	status = ONE_NUMBER(db, &invoices,
			    "select count(*) from invoices where order_id = ?",
			    db_int(*order));
	if (status != SHOP_OK)
		return status;
	if (!open || invoices)
		return SHOP_REFUSED;
	status = return_lines(db, *order);
	if (status != SHOP_OK)
		return status;
	return shop_status_of(DB_RUN(db, NULL,
				     "update orders set state = ? where id = ?",
				     db_text("cancelled"), db_int(*order)));
}

enum shop_status shop_cancel_order(struct db *db, int64_t order)
{
	return transaction(db, cancel_order, &order);
}

struct invoice {
	int64_t order;
	int year;
	char number[SHOP_NUMBER];
};

/* Holds the year's counter until the transaction ends. */
static enum shop_status next_number(struct db *db, struct invoice *v)
{
	enum shop_status status;
	int64_t last;
	char sql[96];

	snprintf(sql, sizeof(sql),
		 "select last from invoice_counters where year = ?%s",
		 db_for_update(db));
	status = ONE_NUMBER(db, &last, sql, db_int(v->year));
	if (status != SHOP_OK)
		return status;
	last++;
	snprintf(v->number, sizeof(v->number), "%04d-%06" PRId64, v->year,
		 last);
	return shop_status_of(DB_RUN(
	    db, NULL, "update invoice_counters set last = ? where year = ?",
	    db_int(last), db_int(v->year)));
}

static enum shop_status issue_invoice(struct db *db, void *ctx)
{
	struct invoice *v = ctx;
	enum shop_status status;
	int64_t total;
	bool open;

	status = lock_order(db, v->order, &total, &open);
	if (status == SHOP_OK && !open)
		return SHOP_REFUSED;
	if (status == SHOP_OK)
		status = next_number(db, v);
	if (status != SHOP_OK)
		return status;
	return shop_status_of(
	    DB_RUN(db, NULL,
		   "insert into invoices (number, order_id, total_cents) "
		   "values (?, ?, ?)",
		   db_text(v->number), db_int(v->order), db_int(total)));
}

enum shop_status shop_issue_invoice(struct db *db, int64_t order, int year,
				    char ret_number[SHOP_NUMBER])
{
	struct invoice v = {.order = order, .year = year};
	enum shop_status status = transaction(db, issue_invoice, &v);

	if (status == SHOP_OK)
		memcpy(ret_number, v.number, sizeof(v.number));
	return status;
}

enum shop_status shop_pay_invoice(struct db *db, const char *number,
				  int64_t cents)
{
	int64_t id;
	enum shop_status status =
	    ONE_NUMBER(db, &id, "select id from invoices where number = ?",
		       db_text(number));

	if (status != SHOP_OK)
		return status;
	if (cents <= 0)
		return SHOP_REFUSED;
	/* the CHECK says how much is too much: no race between look and do */
	return shop_status_of(
	    DB_RUN(db, NULL,
		   "update invoices set paid_cents = paid_cents + ? "
		   "where id = ?",
		   db_int(cents), db_int(id)));
}
