/* SPDX-License-Identifier: MIT */
#include "dialect/split.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "unit/cm.h"

#include <string.h>

/* The script cut up: "LINE:statement" joined by "|"; COPY's rows follow as
 * "<LINE:rows>"; an error as "!LINE:text". */
static void cut(enum dialect d, const char *sql, struct buf *ret)
{
	auto_error struct error err = ERROR_INIT;
	struct sql_statement st;
	struct sql_split sp;
	size_t line = 0;
	int rc;

	sql_split_init(&sp, d, sql, strlen(sql));
	while ((rc = sql_split_next(&sp, &st, &line, &err)) > 0) {
		buf_printf(ret, "%s%zu:%.*s", ret->len ? "|" : "", st.line,
			   (int)st.len, st.sql);
		if (st.data)
			buf_printf(ret, "<%zu:%.*s>", st.data_line,
				   (int)st.data_len, st.data);
	}
	if (rc < 0)
		buf_printf(ret, "!%zu:%s", line, err.text);
}

struct example {
	const char *sql, *pieces;
};

static void check(enum dialect d, const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf b = BUF_INIT;

		cut(d, examples[i].sql, &b);
		if (strcmp(b.s, examples[i].pieces) != 0)
			fail_msg("\n%s\ngave     %s\nexpected %s",
				 examples[i].sql, b.s, examples[i].pieces);
	}
}

static void postgres(void **state)
{
	static const struct example examples[] = {
	    {"", ""},
	    {" \n\t\r\n", ""},
	    {"-- only a comment", ""},
	    {";;\n;", ""},
	    {"a", "1:a"},
	    {"a;b", "1:a|1:b"},
	    {"a;\r\n\r\nb;\r\n", "1:a|3:b"},
	    {"\xef\xbb\xbf"
	     "a;b",
	     "1:a|1:b"},
	    {"/* x; */ a -- y;\n; /* z */", "1:a -- y;\n"},
	    {"/* 1 /* 2; */ ; */ a; b", "1:a|1:b"},
	    {"-- c\n/* d\n*/\n  a\n;\nb", "4:a\n|6:b"},
	    {"'a;''b;'; c", "1:'a;''b;'|1:c"},
	    {"'a\\'; b", "1:'a\\'|1:b"},
	    {"E'a\\';'; b", "1:E'a\\';'|1:b"},
	    {"e'a\\\\'; b", "1:e'a\\\\'|1:b"},
	    {"type'a\\'; b", "1:type'a\\'|1:b"},
	    {"U&'a\\'; b", "1:U&'a\\'|1:b"},
	    {"\"a;\"\"b;\"; c", "1:\"a;\"\"b;\"|1:c"},
	    {"\"a'\"; 'b\"'; c", "1:\"a'\"|1:'b\"'|1:c"},
	    {"$$a;'$$; b", "1:$$a;'$$|1:b"},
	    {"$x$a;$$;$y$ $x$; b", "1:$x$a;$$;$y$ $x$|1:b"},
	    {"a$$;b$$;", "1:a$$|1:b$$"},
	    {"$1; $2$$a;$$", "1:$1|1:$2$$a;$$"},
	    {"a $ ; b", "1:a $ |1:b"},
	    {"$\xc3\xa9$;$\xc3\xa9$; b", "1:$\xc3\xa9$;$\xc3\xa9$|1:b"},
	    {"(a; b); c", "1:(a; b)|1:c"},
	    {"a); b", "1:a)|1:b"},
	    {"create or replace function f() begin atomic select 1; select "
	     "case when a then b end; end; c",
	     "1:create or replace function f() begin atomic select 1; select "
	     "case when a then b end; end|1:c"},
	    {"CREATE PROCEDURE p() BEGIN ATOMIC x; END; c",
	     "1:CREATE PROCEDURE p() BEGIN ATOMIC x; END|1:c"},
	    {"BEGIN; a; END; c", "1:BEGIN|1:a|1:END|1:c"},
	    {"create table begin (a); b", "1:create table begin (a)|1:b"},
	    {"create function f() as $$begin; end$$; b",
	     "1:create function f() as $$begin; end$$|1:b"},
	    {"COPY t FROM stdin;\n1;\n\\.\na",
	     "1:COPY t FROM stdin<2:1;\n>|4:a"},
	    {"\ncopy t (a, b) from STDIN with (format csv); -- rows\r\n"
	     "1,'\r\n\\.\r\na;",
	     "2:copy t (a, b) from STDIN with (format csv)<3:1,'\r\n>|5:a"},
	    {"COPY t FROM stdin;\n\\.\n", "1:COPY t FROM stdin<2:>"},
	    {"COPY t FROM stdin;\n1\n\\.", "1:COPY t FROM stdin<2:1\n>"},
	    {"COPY t FROM stdin;\n1\n\\.x\n",
	     "1:COPY t FROM stdin<2:1\n\\.x\n>"},
	    {"COPY t FROM stdin", "1:COPY t FROM stdin<1:>"},
	    {"COPY (SELECT 1 FROM stdin) TO stdout; a",
	     "1:COPY (SELECT 1 FROM stdin) TO stdout|1:a"},
	    {"COPY t FROM 'stdin'; a", "1:COPY t FROM 'stdin'|1:a"},
	    {"COPY t TO stdin FROM x; a", "1:COPY t TO stdin FROM x|1:a"},
	    {"COPY t FROM stdin; a\n",
	     "!1:text behind COPY … FROM stdin on its line"},
	    {"\\restrict abc\na;\n\\unrestrict abc\n", "2:a"},
	    {"a;\n\\connect x\n",
	     "1:a!2:'\\connect' is a command to psql, which is not used here"},
	    {"a \\gset\n",
	     "!1:'\\gset' is a command to psql, which is not used here"},
	    {"a;\n 'b\n", "1:a!2:string without an end"},
	    {"\n\"b\n", "!2:quoted name without an end"},
	    {"a\n $x$b$y$\n", "!2:dollar-quoted string without an end"},
	    {"a;\n\n/* /* */", "1:a!3:comment without an end"},
	    {"/*/", "!1:comment without an end"},
	    {"E'\\", "!1:string without an end"},
	};

	(void)state;
	check(DIALECT_POSTGRES, examples, array_len(examples));
}

static void mariadb(void **state)
{
	static const struct example examples[] = {
	    {"", ""},
	    {"a;b;", "1:a|1:b"},
	    {"a;\r\nb", "1:a|2:b"},
	    {"# x;\na -- y;\n; b", "2:a -- y;\n|3:b"},
	    {"--\na;--\n", "2:a"},
	    {"--", ""},
	    {"5--1; b", "1:5--1|1:b"},
	    {"a --;b;\n", "1:a --|1:b"},
	    {"'a\\'; b'; c", "1:'a\\'; b'|1:c"},
	    {"\"a\\\"; b\"; c", "1:\"a\\\"; b\"|1:c"},
	    {"'a''; b'; c", "1:'a''; b'|1:c"},
	    {"`a\\`; `b``;`; c", "1:`a\\`|1:`b``;`|1:c"},
	    {"/* a /* b; */ c; */ d", "1:c|1:*/ d"},
	    {"/*!40101 SET x; */; b", "1:/*!40101 SET x; */|1:b"},
	    {"/*M!100100 a */; b", "1:/*M!100100 a */|1:b"},
	    {"/*! a '*/;' /* b; */ */; c", "1:/*! a '*/;' /* b; */ */|1:c"},
	    {"DELIMITER $$\na; b;$$\nc$$\nDELIMITER ;\nd; e",
	     "2:a; b;|3:c|5:d|5:e"},
	    {"delimiter //\r\na; // b; //\r\ndelimiter ;\r\nc;",
	     "2:a; |2:b; |4:c"},
	    {"DELIMITER ;;\n/*!50003 CREATE*/ /*!50003 TRIGGER t BEGIN a; END "
	     "*/;;\nDELIMITER ;\nb;",
	     "2:/*!50003 CREATE*/ /*!50003 TRIGGER t BEGIN a; END */|4:b"},
	    {"CREATE PROCEDURE p() BEGIN a; IF x THEN b; END IF; CASE c WHEN 1 "
	     "THEN d; END CASE; SET e = CASE WHEN 1 THEN 2 END; l: LOOP f; END "
	     "LOOP l; BEGIN g; END; END; h",
	     "1:CREATE PROCEDURE p() BEGIN a; IF x THEN b; END IF; CASE c WHEN "
	     "1 THEN d; END CASE; SET e = CASE WHEN 1 THEN 2 END; l: LOOP f; "
	     "END LOOP l; BEGIN g; END; END|1:h"},
	    {"create or replace definer='a'@'b' trigger t before insert on x "
	     "for each row begin set NEW.end = 'begin;'; end;\nc",
	     "1:create or replace definer='a'@'b' trigger t before insert on x "
	     "for each row begin set NEW.end = 'begin;'; end|2:c"},
	    {"CREATE FUNCTION f() RETURNS int RETURN IF(1, 2, 3); b",
	     "1:CREATE FUNCTION f() RETURNS int RETURN IF(1, 2, 3)|1:b"},
	    {"CREATE TABLE t (begin int); BEGIN; a; COMMIT",
	     "1:CREATE TABLE t (begin int)|1:BEGIN|1:a|1:COMMIT"},
	    {"DELIMITER $$\n'$$' `$$` -- $$\n$$b", "2:'$$' `$$` -- $$\n|3:b"},
	    {"select delimiter; b", "1:select delimiter|1:b"},
	    {"delimiters; b", "1:delimiters|1:b"},
	    {"a;\nDELIMITER\nb",
	     "1:a!2:DELIMITER needs one short word, without a backslash"},
	    {"DELIMITER \\\\\n",
	     "!1:DELIMITER needs one short word, without a backslash"},
	    {"a;\n'b\\'", "1:a!2:string without an end"},
	    {"a;\n`b", "1:a!2:quoted name without an end"},
	    {"a;\n/* b", "1:a!2:comment without an end"},
	    {"a;\n/*! b;", "1:a!2:comment without an end"},
	    {"$$a;$$", "1:$$a|1:$$"},
	};

	(void)state;
	check(DIALECT_MARIADB, examples, array_len(examples));
}

static void sqlite(void **state)
{
	static const struct example examples[] = {
	    {"", ""},
	    {"-- a;\n/* b */ ;\n c; d;\n", "3:c; d;\n"},
	    {"/* open", ""},
	};
	struct sql_split sp;
	struct sql_statement st;
	size_t line;

	(void)state;
	check(DIALECT_SQLITE, examples, array_len(examples));
	sql_split_init(&sp, DIALECT_SQLITE, "a;\n\nb;", 6);
	assert_int_equal(sql_split_next(&sp, &st, &line, NULL), 1);
	sql_split_seek(&sp, &st, 2);
	assert_int_equal(sql_split_next(&sp, &st, &line, NULL), 1);
	assert_int_equal(st.line, 3);
	assert_int_equal(st.len, 2);
}

/* Every beginning of every example ends, within its bounds. */
static void cut_short(void **state)
{
	static const char text[] =
	    "a'b''\\'\"c\"`d`$x$e$x$--f\n/*g/*h*/*/#i\nE'j\\'k';(l;);/*!m*/"
	    "DELIMITER $$\nn$$DELIMITER ;\nCOPY o FROM stdin;\np\n\\.\n\\q";
	enum dialect all[] = {DIALECT_POSTGRES, DIALECT_MARIADB,
			      DIALECT_SQLITE};

	(void)state;
	for (size_t from = 0; from < sizeof(text) - 1; from++) {
		for (size_t to = from; to < sizeof(text); to++) {
			auto_free char *part = xstrndup(text + from, to - from);
			auto_buf struct buf b = BUF_INIT;

			for (size_t d = 0; d < array_len(all); d++)
				cut(all[d], part, &b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(postgres),
	    cmocka_unit_test(mariadb),
	    cmocka_unit_test(sqlite),
	    cmocka_unit_test(cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
