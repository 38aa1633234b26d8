/* SPDX-License-Identifier: MIT */
/*
 * test.h - one test, one process, one database.
 *
 * Every test acts as if the shop were its own: it registers the same customer,
 * issues the same first invoice and counts whole tables. Two tests at once on
 * one database therefore fail, which is what prove-isolation shows.
 */
#ifndef SHOP_TEST_H
#define SHOP_TEST_H

#include "db.h"
#include "shop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
	const char *name;
	void (*run)(struct db *db);
};
/* Each ends with a NULL name. */
extern const struct test customer_tests[], product_tests[], order_tests[],
    concurrency_tests[], invoice_tests[], money_tests[];

/* What the seed has put there. */
enum {
	SEED_CUSTOMERS = 3,
	SEED_PRODUCTS = 5,
	SEED_LAST_ID = 1000, /* what tests add has ids above it */
	TEA = 1,
	TEA_BIG = 2,
	CUP = 3,
	POT = 4,
	TEA_PRICE = 450,
	TEA_BIG_PRICE = 999,
	CUP_PRICE = 1250,
	POT_PRICE = 3495,
	YEAR = 2026
};
#define TEST_EMAIL "ada@shop.example"

_Noreturn void test_fail(const char *file, int line, const char *what);

#define CHECK(cond)                                                   \
	do {                                                          \
		if (!(cond))                                          \
			test_fail(__FILE__, __LINE__, "not: " #cond); \
	} while (0)

void check_int(const char *file, int line, const char *what, int64_t got,
	       int64_t want);
#define CHECK_INT(got, want) check_int(__FILE__, __LINE__, #got, got, want)

void check_text(const char *file, int line, const char *what, const char *got,
		const char *want);
#define CHECK_TEXT(got, want) check_text(__FILE__, __LINE__, #got, got, want)

void check_db(const char *file, int line, const struct db *db,
	      enum db_status got, enum db_status want);
#define CHECK_DB(db, got, want) check_db(__FILE__, __LINE__, db, got, want)

void check_shop(const char *file, int line, const struct db *db,
		enum shop_status got, enum shop_status want);
#define CHECK_SHOP(db, got, want) check_shop(__FILE__, __LINE__, db, got, want)

/* The URL of this test's database; ends the test when there is none. */
const char *test_url(void);
/* Another connection to it. */
struct db *test_connect(void);

/* "select count(*) from TABLE" */
int64_t count(struct db *db, const char *table);
/* The first number of the first row. */
int64_t number(struct db *db, const char *sql);
int64_t on_hand(struct db *db, int64_t product);
int64_t add_test_customer(struct db *db);
/* An order of the test customer for `quantity` of the small tea. */
int64_t order_tea(struct db *db, int64_t customer, int64_t quantity);

/* This program again, as another process: "buy", CUSTOMER, TIMES. */
int buy_main(char **args);

#endif
