/* SPDX-License-Identifier: MIT */
#include "test.h"

static void rules(struct db *db)
{
	int64_t id = 0, other;

	CHECK_SHOP(db, shop_add_product(db, "NEW-1", "Whisk", 1500, 3, &id),
		   SHOP_OK);
	CHECK(id > SEED_LAST_ID);
	CHECK_SHOP(db, shop_add_product(db, "NEW-1", "Whisk", 1, 1, &other),
		   SHOP_TAKEN);
	CHECK_SHOP(db, shop_add_product(db, "NEW-2", "Less", -1, 1, &other),
		   SHOP_REFUSED);
	/* the product is fine, its stock is not: neither may stay */
	CHECK_SHOP(db, shop_add_product(db, "NEW-3", "Gone", 1, -1, &other),
		   SHOP_REFUSED);
	CHECK_INT(count(db, "products"), SEED_PRODUCTS + 1);
	CHECK_INT(count(db, "stock"), SEED_PRODUCTS + 1);
	CHECK_INT(on_hand(db, id), 3);
}

static void get_picture(struct db *db, struct db_rows *rows)
{
	CHECK_DB(db,
		 DB_RUN(db, rows, "select picture from products where id = ?",
			db_int(CUP)),
		 DB_OK);
	CHECK_INT((int64_t)rows->n_rows, 1);
}

static void big_picture(struct db *db)
{
	enum {
		SIZE = 4 << 20
	};
	auto_rows struct db_rows rows = DB_ROWS_INIT;
	unsigned char *picture = malloc(SIZE);
	uint32_t x = 1;
	size_t i;

	CHECK(picture);
	for (i = 0; i < SIZE; i++) {
		/* all byte values, and nothing that compresses */
		x = x * 1664525 + 1013904223;
		picture[i] = (unsigned char)(x >> 24);
	}
	CHECK_SHOP(db, shop_set_picture(db, CUP, picture, SIZE), SHOP_OK);
	get_picture(db, &rows);
	CHECK_INT((int64_t)db_rows_cell(&rows, 0, 0)->len, SIZE);
	CHECK(!memcmp(db_rows_cell(&rows, 0, 0)->data, picture, SIZE));
	CHECK_INT(count(db, "products where picture is not null"), 1);
	free(picture);
}

static void empty_picture_is_not_none(struct db *db)
{
	auto_rows struct db_rows none = DB_ROWS_INIT;
	auto_rows struct db_rows empty = DB_ROWS_INIT;

	CHECK_SHOP(db, shop_set_picture(db, CUP, "", 0), SHOP_OK);
	get_picture(db, &empty);
	CHECK(db_rows_cell(&empty, 0, 0)->data);
	CHECK_INT((int64_t)db_rows_cell(&empty, 0, 0)->len, 0);
	CHECK_SHOP(db, shop_set_picture(db, CUP, NULL, 0), SHOP_OK);
	get_picture(db, &none);
	CHECK(!db_rows_cell(&none, 0, 0)->data);
}

static void stock_stays_above_zero(struct db *db)
{
	int64_t customer = add_test_customer(db), order = -1;
	struct shop_line pots = {POT, 11};

	CHECK_SHOP(db, shop_place_order(db, customer, &pots, 1, &order),
		   SHOP_SOLD_OUT);
	pots.quantity = 10;
	CHECK_SHOP(db, shop_place_order(db, customer, &pots, 1, &order),
		   SHOP_OK);
	CHECK_INT(on_hand(db, POT), 0);
	CHECK_DB(db,
		 DB_RUN(db, NULL,
			"update stock set on_hand = on_hand - 1 "
			"where product_id = ?",
			db_int(POT)),
		 DB_CHECK);
	CHECK_INT(on_hand(db, POT), 0);
}

const struct test product_tests[] = {
    {"product_rules", rules},
    {"product_big_picture", big_picture},
    {"product_empty_picture_is_not_none", empty_picture_is_not_none},
    {"product_stock_stays_above_zero", stock_stays_above_zero},
    {NULL, NULL},
};
