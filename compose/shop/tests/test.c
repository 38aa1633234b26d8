/* SPDX-License-Identifier: MIT */
#include "test.h"

void test_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	exit(1);
}

void check_int(const char *file, int line, const char *what, int64_t got,
	       int64_t want)
{
	char text[256];

	if (got == want)
		return;
	snprintf(text, sizeof(text), "%s is %" PRId64 ", not %" PRId64, what,
		 got, want);
	test_fail(file, line, text);
}

void check_text(const char *file, int line, const char *what, const char *got,
		const char *want)
{
	char text[512];

	if (got && !strcmp(got, want))
		return;
	snprintf(text, sizeof(text), "%s is '%s', not '%s'", what,
		 got ? got : "(null)", want);
	test_fail(file, line, text);
}

void check_db(const char *file, int line, const struct db *db,
	      enum db_status got, enum db_status want)
{
	char text[640];

	if (got == want)
		return;
	snprintf(text, sizeof(text), "'%s', not '%s': %s", db_status_name(got),
		 db_status_name(want), db_message(db));
	test_fail(file, line, text);
}

void check_shop(const char *file, int line, const struct db *db,
		enum shop_status got, enum shop_status want)
{
	char text[640];

	if (got == want)
		return;
	snprintf(text, sizeof(text), "'%s', not '%s'; last message: %s",
		 shop_status_name(got), shop_status_name(want), db_message(db));
	test_fail(file, line, text);
}

/*
 * Where ctest hands out resources (--resource-spec-file), it tells each test
 * which one is its own, as "id:2,slots:1"; testenv has its URL in
 * TESTENV_URL_2. Otherwise DATABASE_URL.
 */
const char *test_url(void)
{
	const char *resource = getenv("CTEST_RESOURCE_GROUP_0_DB");
	char name[64] = "DATABASE_URL";
	const char *url;

	if (resource && !strncmp(resource, "id:", 3))
		snprintf(name, sizeof(name), "TESTENV_URL_%.*s",
			 (int)strcspn(resource + 3, ","), resource + 3);
	url = getenv(name);
	if (!url || !*url) {
		fprintf(stderr, "%s is not set: which database?\n", name);
		exit(1);
	}
	return url;
}

struct db *test_connect(void)
{
	struct db *db;

	if (db_open(test_url(), &db) != DB_OK)
		exit(1);
	return db;
}

int64_t number(struct db *db, const char *sql)
{
	auto_rows struct db_rows rows = DB_ROWS_INIT;

	CHECK_DB(db, db_run(db, sql, NULL, 0, &rows), DB_OK);
	CHECK(rows.n_rows > 0);
	return db_rows_int(&rows, 0, 0);
}

int64_t count(struct db *db, const char *table)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "select count(*) from %s", table);
	return number(db, sql);
}

int64_t on_hand(struct db *db, int64_t product)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "select on_hand from stock where product_id = %" PRId64,
		 product);
	return number(db, sql);
}

int64_t add_test_customer(struct db *db)
{
	int64_t id = 0;

	CHECK_SHOP(db, shop_add_customer(db, TEST_EMAIL, "Ada Lovelace", &id),
		   SHOP_OK);
	return id;
}

int64_t order_tea(struct db *db, int64_t customer, int64_t quantity)
{
	struct shop_line line = {TEA, quantity};
	int64_t order = 0;

	CHECK_SHOP(db, shop_place_order(db, customer, &line, 1, &order),
		   SHOP_OK);
	return order;
}

/*
 * Back to the seed: an earlier test may have had this database. Where every
 * test gets a fresh one, this finds nothing to do.
 */
static void tidy(struct db *db)
{
	static const char *const steps[] = {
	    "delete from invoices",
	    "delete from order_lines",
	    "delete from orders",
	    "delete from stock where product_id > 1000",
	    "delete from products where id > 1000",
	    "delete from customers where id > 1000",
	    "update stock set on_hand = counted where on_hand <> counted",
	    "update products set picture = null where picture is not null",
	    "update invoice_counters set last = 0 where last <> 0",
	};
	size_t i;

	CHECK_DB(db, db_begin(db), DB_OK);
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		CHECK_DB(db, db_run(db, steps[i], NULL, 0, NULL), DB_OK);
	CHECK_DB(db, db_commit(db), DB_OK);
}

/* The seed is whole, and nothing else is there. */
static void check_seed(struct db *db)
{
	CHECK_INT(count(db, "customers"), SEED_CUSTOMERS);
	CHECK_INT(count(db, "products"), SEED_PRODUCTS);
	CHECK_INT(count(db, "stock"), SEED_PRODUCTS);
	CHECK_INT(count(db, "orders"), 0);
	CHECK_INT(count(db, "invoices"), 0);
}

static const struct test *const suites[] = {
    customer_tests,    product_tests, order_tests,
    concurrency_tests, invoice_tests, money_tests,
};

static const struct test *find(const char *name)
{
	const struct test *t;
	size_t i;

	for (i = 0; i < sizeof(suites) / sizeof(*suites); i++)
		for (t = suites[i]; t->name; t++)
			if (!name)
				puts(t->name);
			else if (!strcmp(t->name, name))
				return t;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct test *t;
	struct db *db;

	if (argc == 4 && !strcmp(argv[1], "buy"))
		return buy_main(argv + 2);
	t = argc == 2 ? find(argv[1]) : NULL;
	if (!t) {
		fputs("usage: shop-tests NAME, one of:\n", stderr);
		find(NULL);
		return 2;
	}
	db = test_connect();
	tidy(db);
	check_seed(db);
	t->run(db);
	db_close(db);
	return 0;
}
