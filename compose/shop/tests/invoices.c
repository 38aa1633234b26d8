/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <pthread.h>

static void first_number(struct db *db)
{
	int64_t order = order_tea(db, add_test_customer(db), 2);
	char text[SHOP_NUMBER];

	CHECK_SHOP(db, shop_issue_invoice(db, order, YEAR, text), SHOP_OK);
	CHECK_TEXT(text, "2026-000001");
	CHECK_INT(count(db, "invoices"), 1);
	CHECK_INT(number(db, "select total_cents from invoices"),
		  2 * TEA_PRICE);
	CHECK_SHOP(db, shop_cancel_order(db, order), SHOP_REFUSED);
}

static void number_is_unique(struct db *db)
{
	int64_t customer = add_test_customer(db);
	int64_t first = order_tea(db, customer, 1);
	int64_t second = order_tea(db, customer, 1);
	static const char *const insert =
	    "insert into invoices (number, order_id, total_cents) "
	    "values (?, ?, ?)";

	CHECK_DB(db,
		 DB_RUN(db, NULL, insert, db_text("2026-000001"), db_int(first),
			db_int(TEA_PRICE)),
		 DB_OK);
	CHECK_DB(db,
		 DB_RUN(db, NULL, insert, db_text("2026-000001"),
			db_int(second), db_int(TEA_PRICE)),
		 DB_UNIQUE);
	CHECK(strstr(db_message(db), "number"));
	CHECK_DB(db,
		 DB_RUN(db, NULL, insert, db_text("2026-000002"), db_int(first),
			db_int(TEA_PRICE)),
		 DB_UNIQUE);
	CHECK_INT(count(db, "invoices"), 1);
}

/* A number whose invoice failed is given to the next one. */
static void no_gap_after_failure(struct db *db)
{
	int64_t customer = add_test_customer(db);
	int64_t first = order_tea(db, customer, 1);
	int64_t second = order_tea(db, customer, 1);
	char text[SHOP_NUMBER];

	CHECK_SHOP(db, shop_issue_invoice(db, first, YEAR, text), SHOP_OK);
	CHECK_SHOP(db, shop_issue_invoice(db, first, YEAR, text), SHOP_TAKEN);
	CHECK_SHOP(db, shop_issue_invoice(db, 4711, YEAR, text), SHOP_UNKNOWN);
	CHECK_SHOP(db, shop_issue_invoice(db, second, 1999, text),
		   SHOP_UNKNOWN);
	CHECK_SHOP(db, shop_issue_invoice(db, second, YEAR, text), SHOP_OK);
	CHECK_TEXT(text, "2026-000002");
}

enum {
	CLERKS = 4,
	EACH = 5
};

struct clerk {
	pthread_t thread;
	int64_t orders[EACH];
	enum shop_status status;
};

static void *issue(void *arg)
{
	struct clerk *clerk = arg;
	struct db *db = test_connect();
	char text[SHOP_NUMBER];
	int i;

	for (i = 0; i < EACH && clerk->status == SHOP_OK; i++)
		clerk->status =
		    shop_issue_invoice(db, clerk->orders[i], YEAR, text);
	db_close(db);
	return NULL;
}

static void no_gap_between_clerks(struct db *db)
{
	int64_t customer = add_test_customer(db);
	struct clerk clerks[CLERKS] = {{0}};
	int i, k;

	for (i = 0; i < CLERKS; i++)
		for (k = 0; k < EACH; k++)
			clerks[i].orders[k] = order_tea(db, customer, 1);
	for (i = 0; i < CLERKS; i++)
		CHECK(!pthread_create(&clerks[i].thread, NULL, issue,
				      &clerks[i]));
	for (i = 0; i < CLERKS; i++) {
		CHECK(!pthread_join(clerks[i].thread, NULL));
		CHECK_SHOP(db, clerks[i].status, SHOP_OK);
	}
	CHECK_INT(count(db, "invoices"), CLERKS * EACH);
	CHECK_INT(count(db, "invoices where number > '2026-000020'"), 0);
	CHECK_INT(number(db, "select last from invoice_counters"),
		  CLERKS * EACH);
}

static void is_frozen(struct db *db)
{
	int64_t order = order_tea(db, add_test_customer(db), 3);
	char text[SHOP_NUMBER];

	CHECK_SHOP(db, shop_issue_invoice(db, order, YEAR, text), SHOP_OK);
	CHECK_DB(
	    db,
	    DB_RUN(db, NULL, "update invoices set total_cents = ?", db_int(1)),
	    DB_REFUSED);
	CHECK(strstr(db_message(db), "issued; write another"));
	CHECK_INT(number(db, "select total_cents from invoices"),
		  3 * TEA_PRICE);
}

static void paid_in_parts(struct db *db)
{
	int64_t order = order_tea(db, add_test_customer(db), 2);
	char text[SHOP_NUMBER];

	CHECK_SHOP(db, shop_issue_invoice(db, order, YEAR, text), SHOP_OK);
	CHECK_SHOP(db, shop_pay_invoice(db, text, 500), SHOP_OK);
	CHECK_SHOP(db, shop_pay_invoice(db, text, 401), SHOP_REFUSED);
	CHECK_SHOP(db, shop_pay_invoice(db, text, -1), SHOP_REFUSED);
	CHECK_SHOP(db, shop_pay_invoice(db, text, 400), SHOP_OK);
	CHECK_SHOP(db, shop_pay_invoice(db, text, 1), SHOP_REFUSED);
	CHECK_SHOP(db, shop_pay_invoice(db, "none", 1), SHOP_UNKNOWN);
	CHECK_INT(count(db, "invoices where paid_cents = total_cents"), 1);
}

const struct test invoice_tests[] = {
    {"invoice_first_number", first_number},
    {"invoice_number_is_unique", number_is_unique},
    {"invoice_no_gap_after_failure", no_gap_after_failure},
    {"invoice_no_gap_between_clerks", no_gap_between_clerks},
    {"invoice_is_frozen", is_frozen},
    {"invoice_paid_in_parts", paid_in_parts},
    {NULL, NULL},
};
