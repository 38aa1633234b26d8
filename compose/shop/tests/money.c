/* SPDX-License-Identifier: MIT */
#include "money.h"

#include "test.h"

static void rounding(struct db *db)
{
	static const struct {
		int64_t cents, rate, want;
	} table[] = {
	    {100, 1900, 19}, {50, 100, 1},      {49, 100, 0},
	    {-50, 100, -1},  {-49, 100, 0},     {50, -100, -1},
	    {999, 700, 70},  {3495, 1900, 664}, {0, 1900, 0},
	};
	static const struct {
		int64_t cents;
		const char *want;
	} texts[] = {
	    {0, "0.00"},
	    {5, "0.05"},
	    {-1205, "-12.05"},
	    {INT64_MIN, "-92233720368547758.08"},
	};
	char text[MONEY_TEXT];
	int64_t got = -1;
	size_t i;

	(void)db;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		CHECK_INT(money_share(table[i].cents, table[i].rate, &got), 0);
		CHECK_INT(got, table[i].want);
	}
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		money_text(texts[i].cents, text);
		CHECK_TEXT(text, texts[i].want);
	}
}

/* A discount over many lines: the database adds up to the very cent. */
static void discount_loses_nothing(struct db *db)
{
	static const int64_t weights[] = {450, 999, 1250, 3495, 0, 1, 12000};
	enum {
		N = sizeof(weights) / sizeof(*weights)
	};
	int64_t parts[N], discount, id;
	char sku[16];
	size_t i;

	for (discount = 1; discount < 40; discount += 2) {
		int64_t sum = 0;

		CHECK_INT(money_split(discount, weights, N, parts), 0);
		for (i = 0; i < N; i++)
			sum += parts[i];
		CHECK_INT(sum, discount);
		CHECK_INT(parts[4], 0);
	}
	CHECK_INT(money_split(-1001, weights, N, parts), 0);
	for (i = 0; i < N; i++) {
		snprintf(sku, sizeof(sku), "D-%zu", i);
		CHECK_SHOP(
		    db,
		    shop_add_product(db, sku, "Discount", -parts[i], 0, &id),
		    SHOP_OK);
	}
	CHECK_INT(number(db, "select sum(price_cents) from products "
			     "where id > 1000"),
		  1001);
}

static void limits(struct db *db)
{
	auto_rows struct db_rows rows = DB_ROWS_INIT;
	int64_t customer = add_test_customer(db), id = 0, order = -1, r = 7;
	struct shop_line line = {0, 2};

	CHECK_INT(money_add(INT64_MAX, 1, &r), -1);
	CHECK_INT(money_times(INT64_MIN, -1, &r), -1);
	CHECK_INT(money_share(INT64_MAX, 2, &r), -1);
	CHECK_INT(r, 7);
	CHECK_SHOP(db,
		   shop_add_product(db, "MOON", "The moon", INT64_MAX, 2, &id),
		   SHOP_OK);
	CHECK_DB(db,
		 DB_RUN(db, &rows,
			"select price_cents from products where id = ?",
			db_int(id)),
		 DB_OK);
	CHECK_INT(db_rows_int(&rows, 0, 0), INT64_MAX);
	line.product = id;
	CHECK_SHOP(db, shop_place_order(db, customer, &line, 1, &order),
		   SHOP_REFUSED);
	CHECK_INT(on_hand(db, id), 2);
	CHECK_INT(count(db, "orders"), 0);
}

const struct test money_tests[] = {
    {"money_rounding", rounding},
    {"money_discount_loses_nothing", discount_loses_nothing},
    {"money_limits", limits},
    {NULL, NULL},
};
