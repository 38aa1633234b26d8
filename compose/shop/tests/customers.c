/* SPDX-License-Identifier: MIT */
#include "test.h"

static void registers(struct db *db)
{
	int64_t id = add_test_customer(db);

	CHECK(id > SEED_LAST_ID);
	CHECK_INT(count(db, "customers"), SEED_CUSTOMERS + 1);
	CHECK_SHOP(db, shop_remove_customer(db, id), SHOP_OK);
	CHECK_INT(count(db, "customers"), SEED_CUSTOMERS);
	CHECK(add_test_customer(db) > id);
}

static void email_is_unique(struct db *db)
{
	int64_t id = add_test_customer(db), other = -1;

	CHECK_SHOP(db, shop_add_customer(db, TEST_EMAIL, "Another", &other),
		   SHOP_TAKEN);
	CHECK_INT(other, -1);
	CHECK_DB(db,
		 DB_RUN(db, NULL, "update customers set email = ? where id = ?",
			db_text("grace@shop.example"), db_int(id)),
		 DB_UNIQUE);
	CHECK(strstr(db_message(db), "email"));
	CHECK_INT(count(db, "customers"), SEED_CUSTOMERS + 1);
}

static void must_have_an_email(struct db *db)
{
	int64_t id;

	CHECK_DB(db,
		 DB_RUN(db, NULL,
			"insert into customers (email, name) values (?, ?)",
			db_null(), db_text("Nobody")),
		 DB_NOT_NULL);
	CHECK_DB(db,
		 DB_RUN(db, NULL,
			"insert into customers (email, name) values (?, ?)",
			db_text("no at sign"), db_text("Nobody")),
		 DB_CHECK);
	CHECK_SHOP(db, shop_add_customer(db, NULL, "Nobody", &id),
		   SHOP_REFUSED);
	CHECK_INT(count(db, "customers"), SEED_CUSTOMERS);
}

/* Every byte comes back, and the database counts letters as people do. */
static void unicode(struct db *db)
{
	static const char *const names[] = {
	    "Žofia Łęcka",
	    "渡辺 花子",
	    "שָׁלוֹם",
	    "🫖🫖🫖",
	    "👩‍👩‍👧‍👦 and 🇪🇺",
	    "e\xCC\x81 is not \xC3\xA9",
	    "'; drop table customers; -- \" \\ %s ?",
	};
	auto_rows struct db_rows rows = DB_ROWS_INIT;
	size_t i, n = sizeof(names) / sizeof(*names);
	char email[32], sql[128];
	int64_t id;

	for (i = 0; i < n; i++) {
		snprintf(email, sizeof(email), "u%zu@shop.example", i);
		CHECK_SHOP(db, shop_add_customer(db, email, names[i], &id),
			   SHOP_OK);
	}
	snprintf(sql, sizeof(sql),
		 "select name, %s(name) from customers where id > 1000 "
		 "order by email",
		 strcmp(db_name(db), "sqlite") ? "char_length" : "length");
	CHECK_DB(db, db_run(db, sql, NULL, 0, &rows), DB_OK);
	CHECK_INT((int64_t)rows.n_rows, (int64_t)n);
	for (i = 0; i < n; i++)
		CHECK_TEXT(db_rows_cell(&rows, i, 0)->data, names[i]);
	CHECK_INT(db_rows_int(&rows, 0, 1), 11);
	CHECK_INT(db_rows_int(&rows, 1, 1), 5);
	CHECK_INT(db_rows_int(&rows, 3, 1), 3);
}

static void pages(struct db *db)
{
	enum {
		TOTAL = 250,
		PAGE = 40
	};
	char after[64] = "", email[64];
	int64_t seen = 0, n_pages = 0, id;
	int i;

	CHECK_DB(db, db_begin(db), DB_OK);
	for (i = 0; i < TOTAL; i++) {
		/* not in order of their names */
		snprintf(email, sizeof(email), "c%03d@shop.example",
			 i * 7 % TOTAL);
		CHECK_SHOP(db, shop_add_customer(db, email, "Customer", &id),
			   SHOP_OK);
	}
	CHECK_DB(db, db_commit(db), DB_OK);
	for (;;) {
		auto_rows struct db_rows rows = DB_ROWS_INIT;
		size_t row;

		CHECK_SHOP(db, shop_page_customers(db, after, PAGE, &rows),
			   SHOP_OK);
		for (row = 0; row < rows.n_rows; row++) {
			const char *got = db_rows_cell(&rows, row, 1)->data;

			CHECK(strcmp(after, got) < 0);
			snprintf(after, sizeof(after), "%s", got);
		}
		seen += (int64_t)rows.n_rows;
		n_pages++;
		if (rows.n_rows < PAGE)
			break;
	}
	CHECK_INT(seen, SEED_CUSTOMERS + TOTAL);
	CHECK_INT(n_pages, (SEED_CUSTOMERS + TOTAL) / PAGE + 1);
}

static void search(struct db *db)
{
	auto_rows struct db_rows percent = DB_ROWS_INIT;
	auto_rows struct db_rows under = DB_ROWS_INIT;
	auto_rows struct db_rows none = DB_ROWS_INIT;
	int64_t id;

	add_test_customer(db);
	CHECK_SHOP(db, shop_add_customer(db, "p@shop.example", "100% Tea", &id),
		   SHOP_OK);
	CHECK_SHOP(db,
		   shop_add_customer(db, "q@shop.example", "1000 Teas", &id),
		   SHOP_OK);
	CHECK_SHOP(db, shop_add_customer(db, "r@shop.example", "a_b!c", &id),
		   SHOP_OK);
	CHECK_SHOP(db, shop_find_customers(db, "0% T", &percent), SHOP_OK);
	CHECK_INT((int64_t)percent.n_rows, 1);
	CHECK_TEXT(db_rows_cell(&percent, 0, 2)->data, "100% Tea");
	CHECK_SHOP(db, shop_find_customers(db, "_b!", &under), SHOP_OK);
	CHECK_INT((int64_t)under.n_rows, 1);
	CHECK_SHOP(db, shop_find_customers(db, "a%a", &none), SHOP_OK);
	CHECK_INT((int64_t)none.n_rows, 0);
}

static void with_orders_stays(struct db *db)
{
	int64_t id = add_test_customer(db);

	order_tea(db, id, 1);
	CHECK_SHOP(db, shop_remove_customer(db, id), SHOP_REFUSED);
	CHECK_DB(
	    db,
	    DB_RUN(db, NULL, "delete from customers where id = ?", db_int(id)),
	    DB_FOREIGN_KEY);
	CHECK_INT(count(db, "customers"), SEED_CUSTOMERS + 1);
	CHECK_INT(count(db, "orders"), 1);
}

const struct test customer_tests[] = {
    {"customer_registers", registers},
    {"customer_email_is_unique", email_is_unique},
    {"customer_must_have_an_email", must_have_an_email},
    {"customer_unicode", unicode},
    {"customer_pages", pages},
    {"customer_search", search},
    {"customer_with_orders_stays", with_orders_stays},
    {NULL, NULL},
};
