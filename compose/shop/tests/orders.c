/* SPDX-License-Identifier: MIT */
#include "test.h"

static void places(struct db *db)
{
	static const struct shop_line lines[] = {{CUP, 6}, {TEA, 2}, {POT, 1}};
	int64_t customer = add_test_customer(db), order = 0;

	CHECK_SHOP(db, shop_place_order(db, customer, lines, 3, &order),
		   SHOP_OK);
	CHECK(order > SEED_LAST_ID);
	CHECK_INT(number(db, "select total_cents from orders"),
		  6 * CUP_PRICE + 2 * TEA_PRICE + POT_PRICE);
	CHECK_INT(count(db, "order_lines"), 3);
	CHECK_INT(on_hand(db, CUP), 34);
	CHECK_INT(on_hand(db, TEA), 38);
	CHECK_INT(on_hand(db, POT), 9);
}

/* The last line cannot be had: the first ones were never taken. */
static void rolls_back(struct db *db)
{
	static const struct shop_line lines[] = {{TEA, 5}, {CUP, 5}, {POT, 99}};
	static const struct shop_line ghost[] = {{TEA, 1}, {4711, 1}};
	int64_t customer = add_test_customer(db), order = -1;

	CHECK_SHOP(db, shop_place_order(db, customer, lines, 3, &order),
		   SHOP_SOLD_OUT);
	CHECK_SHOP(db, shop_place_order(db, customer, ghost, 2, &order),
		   SHOP_UNKNOWN);
	CHECK_SHOP(db, shop_place_order(db, 4711, lines, 2, &order),
		   SHOP_UNKNOWN);
	CHECK_INT(order, -1);
	CHECK_INT(count(db, "orders"), 0);
	CHECK_INT(count(db, "order_lines"), 0);
	CHECK_INT(count(db, "stock where on_hand <> counted"), 0);
}

static void cancels_once(struct db *db)
{
	int64_t customer = add_test_customer(db);
	int64_t order = order_tea(db, customer, 7);

	CHECK_INT(on_hand(db, TEA), 33);
	CHECK_SHOP(db, shop_cancel_order(db, order), SHOP_OK);
	CHECK_INT(on_hand(db, TEA), 40);
	CHECK_SHOP(db, shop_cancel_order(db, order), SHOP_REFUSED);
	CHECK_INT(on_hand(db, TEA), 40);
	CHECK_SHOP(db, shop_cancel_order(db, 4711), SHOP_UNKNOWN);
	CHECK_INT(count(db, "orders where state = 'cancelled'"), 1);
}

/* The same sums, once by C and once by the database. */
static void values_agree(struct db *db)
{
	auto_rows struct db_rows rows = DB_ROWS_INIT;
	int64_t customer = add_test_customer(db), order, want = 0;
	int i;

	for (i = 1; i <= 8; i++) {
		struct shop_line lines[] = {{TEA, i % 3 + 1},
					    {TEA_BIG, i % 4 + 1}};

		CHECK_SHOP(db, shop_place_order(db, customer, lines, 2, &order),
			   SHOP_OK);
		want += lines[0].quantity * TEA_PRICE +
			lines[1].quantity * TEA_BIG_PRICE;
	}
	CHECK_INT(number(db, "select sum(value_cents) from order_values"),
		  want);
	CHECK_INT(count(db, "order_values v join orders o on o.id = v.order_id "
			    "where o.total_cents <> v.value_cents"),
		  0);
	CHECK_DB(db,
		 DB_RUN(db, &rows,
			"select c.email, count(*), sum(v.value_cents) "
			"from order_values v "
			"join customers c on c.id = v.customer_id "
			"where v.state = ? group by c.email "
			"having count(*) > 1 order by 3 desc limit 10",
			db_text("open")),
		 DB_OK);
	CHECK_INT((int64_t)rows.n_rows, 1);
	CHECK_TEXT(db_rows_cell(&rows, 0, 0)->data, TEST_EMAIL);
	CHECK_INT(db_rows_int(&rows, 0, 1), 8);
}

/* A savepoint takes back a part; the rest of the transaction goes on. */
static void savepoint(struct db *db)
{
	int64_t id;

	CHECK_DB(db, db_begin(db), DB_OK);
	add_test_customer(db);
	CHECK_DB(db, db_run(db, "savepoint half", NULL, 0, NULL), DB_OK);
	CHECK_SHOP(db, shop_add_customer(db, "x@shop.example", "X", &id),
		   SHOP_OK);
	CHECK_SHOP(db, shop_add_customer(db, TEST_EMAIL, "Twice", &id),
		   SHOP_TAKEN);
	CHECK_DB(db, db_run(db, "rollback to savepoint half", NULL, 0, NULL),
		 DB_OK);
	CHECK_SHOP(db, shop_add_customer(db, "y@shop.example", "Y", &id),
		   SHOP_OK);
	CHECK_DB(db, db_commit(db), DB_OK);
	CHECK_INT(count(db, "customers"), SEED_CUSTOMERS + 2);
	CHECK_INT(count(db, "customers where email = 'x@shop.example'"), 0);
}

const struct test order_tests[] = {
    {"order_places", places},
    {"order_rolls_back", rolls_back},
    {"order_cancels_once", cancels_once},
    {"order_values_agree", values_agree},
    {"order_savepoint", savepoint},
    {NULL, NULL},
};
