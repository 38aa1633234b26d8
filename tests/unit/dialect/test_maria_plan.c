/* SPDX-License-Identifier: MIT */
/* What is decided from what was counted: which tables are put back, and when
 * that is not enough. */
#include "unit/cm.h"

#include "base/alloc.h"
#include "dialect/maria.h"

#include <stdlib.h>
#include <string.h>

/* a <- b <- c <-> d by cascades, and e alone. */
static struct maria_table tables[] = {
    {.name = (char[]){"a"}, .auto_increment = (char[]){"5"}},
    {.name = (char[]){"b"}, .auto_increment = (char[]){""}},
    {.name = (char[]){"c"}, .auto_increment = (char[]){""}},
    {.name = (char[]){"d"}, .auto_increment = (char[]){""}},
    {.name = (char[]){"e"}, .auto_increment = (char[]){""}},
};
static struct maria_cascade cascades[] = {{0, 1}, {1, 2}, {2, 3}, {3, 2}};

struct scene {
	struct maria_notes notes;
	struct maria_schema schema;
	struct maria_evidence before, now;
	struct maria_plan plan;
};

static void replace(char **at, const char *by)
{
	free(*at);
	*at = xstrdup(by);
}

static void add_table(struct maria_schema *s, const char *name,
		      const char *counter)
{
	struct maria_object *o = maria_schema_add(s, MARIA_TABLE);

	replace(&o->type, "TABLE");
	replace(&o->name, name);
	replace(&o->auto_increment, counter);
}

static void count(struct maria_evidence *e, const char *name,
		  const char *changed, const char *ids, long long modified)
{
	e->v = xreallocarray(e->v, e->n + 1, sizeof(*e->v));
	e->v[e->n++] = (struct maria_count){xstrdup(name), xstrdup(changed),
					    xstrdup(ids), modified};
}

/* Nothing has changed. */
static void set_scene(struct scene *s)
{
	struct maria_schema *schemas[] = {&s->notes.schema, &s->schema};

	memset(s, 0, sizeof(*s));
	s->notes.tables = tables;
	s->notes.n_tables = array_len(tables);
	s->notes.cascades = cascades;
	s->notes.n_cascades = array_len(cascades);
	for (size_t i = 0; i < array_len(schemas); i++) {
		schemas[i]->exists = true;
		schemas[i]->options = xstrdup("CHARACTER SET x");
		for (size_t k = 0; k < array_len(tables); k++)
			add_table(schemas[i], tables[k].name,
				  tables[k].auto_increment);
	}
	s->before.canary = xstrdup("3");
	s->now.canary = xstrdup("3");
	count(&s->before, "a", "7", "100", 4);
	count(&s->now, "a", "7", "100", 4);
}

static void clear_scene(struct scene *s)
{
	maria_plan_free(&s->plan);
	maria_evidence_free(&s->before);
	maria_evidence_free(&s->now);
	maria_schema_free(&s->schema);
	maria_schema_free(&s->notes.schema);
}

/* "abc": the tables whose rows are put back; "A": whose counter is set. */
static void expect(struct scene *s, enum clone_way way, const char *deeds,
		   const char *why)
{
	char got[16] = "";
	size_t n = 0;

	maria_plan_make(&s->notes, &s->before, &s->now, &s->schema, &s->plan);
	assert_string_equal(clone_way_name(s->plan.way), clone_way_name(way));
	for (size_t i = 0; i < array_len(tables); i++) {
		if (s->plan.deeds[i] & MARIA_ROWS)
			got[n++] = (char)('a' + i);
		if (s->plan.deeds[i] & MARIA_COUNTER)
			got[n++] = (char)('A' + i);
	}
	assert_string_equal(got, deeds);
	assert_string_equal(s->plan.why ? s->plan.why : "", why);
	clear_scene(s);
}

static void nothing_changed(void **state)
{
	struct scene s;

	(void)state;
	set_scene(&s);
	expect(&s, CLONE_UNCHANGED, "", "");
	/* InnoDB took statistics and began to count anew */
	set_scene(&s);
	s.now.v[0].modified = 0;
	expect(&s, CLONE_UNCHANGED, "", "");
}

static void rows_changed(void **state)
{
	struct scene s;

	(void)state;
	set_scene(&s);
	count(&s.now, "e", "1", "", 0);
	expect(&s, CLONE_TOUCHED, "e", "");
	/* cascades are followed to their end, through the cycle */
	set_scene(&s);
	replace(&s.now.v[0].changed, "8");
	expect(&s, CLONE_TOUCHED, "abcd", "");
	set_scene(&s);
	count(&s.now, "d", "2", "", 0);
	expect(&s, CLONE_TOUCHED, "cd", "");
	/* another table under the same name */
	set_scene(&s);
	replace(&s.now.v[0].ids, "101");
	expect(&s, CLONE_TOUCHED, "abcd", "");
	/* not counted by the server, but by InnoDB */
	set_scene(&s);
	s.now.v[0].modified = 5;
	expect(&s, CLONE_TOUCHED, "abcd", "");
	/* counts that vanished are a change */
	set_scene(&s);
	replace(&s.now.v[0].changed, "");
	expect(&s, CLONE_TOUCHED, "abcd", "");
	/* under LOCK TABLES nothing is sure */
	set_scene(&s);
	s.now.locks = 1;
	expect(&s, CLONE_TOUCHED, "abcde", "");
}

static void counter_moved(void **state)
{
	struct scene s;

	(void)state;
	set_scene(&s);
	replace(&s.schema.v[0].auto_increment, "9");
	expect(&s, CLONE_TOUCHED, "A", "");
}

static void definitions_changed(void **state)
{
	struct scene s;

	(void)state;
	set_scene(&s);
	replace(&s.schema.v[2].sql, "CREATE TABLE c (x int)");
	expect(&s, CLONE_REBUILT, "", "definitions were changed");
	set_scene(&s);
	s.schema.exists = false;
	expect(&s, CLONE_REBUILT, "", "definitions were changed");
	set_scene(&s);
	s.now.alters = 1;
	expect(&s, CLONE_REBUILT, "", "a table was altered");
	set_scene(&s);
	replace(&s.now.canary, "");
	expect(&s, CLONE_REBUILT, "", "the counts of changed rows were reset");
	set_scene(&s);
	replace(&s.now.canary, "4");
	expect(&s, CLONE_REBUILT, "", "the counts of changed rows were reset");
	/* a table more is dropped */
	set_scene(&s);
	add_table(&s.schema, "more", "");
	expect(&s, CLONE_TOUCHED, "", "");
	/* any other object more is not */
	set_scene(&s);
	replace(&maria_schema_add(&s.schema, MARIA_ROUTINE)->name, "more");
	expect(&s, CLONE_REBUILT, "", "definitions were changed");
}

static void trigger(struct maria_schema *s, const char *name)
{
	replace(&maria_schema_add(s, MARIA_TRIGGER)->name, name);
}

static void order_of_triggers(void **state)
{
	struct scene s;

	(void)state;
	set_scene(&s);
	trigger(&s.notes.schema, "first");
	trigger(&s.notes.schema, "second");
	trigger(&s.schema, "second");
	trigger(&s.schema, "first");
	expect(&s, CLONE_REBUILT, "", "definitions were changed");
}

static void differences_are_named(void **state)
{
	auto_buf struct buf said = BUF_INIT;
	struct scene s;

	(void)state;
	set_scene(&s);
	replace(&s.schema.v[0].sql, "other");
	replace(&s.schema.v[1].name, "z");
	replace(&s.schema.options, "CHARACTER SET y");
	assert_false(maria_schema_equal(&s.notes.schema, &s.schema, &said));
	assert_string_equal(said.s, "database's options differ\n"
				    "table 'a' differs\n"
				    "table 'b' is missing\n"
				    "table 'z' is not in the template\n");
	clear_scene(&s);
}

static void cut(const char *from, const char *to, const char *number)
{
	auto_free char *s = xstrdup(from);
	auto_buf struct buf back = BUF_INIT;

	maria_cut_auto_increment(s);
	assert_string_equal(s, to);
	maria_put_create(&back, s, number);
	assert_string_equal(back.s, from);
}

static void auto_increment_in_texts(void **state)
{
	(void)state;
	cut("CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB AUTO_INCREMENT=17 "
	    "DEFAULT CHARSET=latin1 COMMENT='x AUTO_INCREMENT=3'",
	    "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB DEFAULT "
	    "CHARSET=latin1 COMMENT='x AUTO_INCREMENT=3'",
	    "17");
	cut("CREATE TABLE `t` (\n  `a` int COMMENT 'AUTO_INCREMENT=3'\n) "
	    "ENGINE=Aria\n PARTITION BY HASH (`a`)",
	    "CREATE TABLE `t` (\n  `a` int COMMENT 'AUTO_INCREMENT=3'\n) "
	    "ENGINE=Aria\n PARTITION BY HASH (`a`)",
	    "");
	cut("CREATE SEQUENCE `s` start with 1",
	    "CREATE SEQUENCE `s` start "
	    "with 1",
	    "");
}

static void own_name_in_texts(void **state)
{
	static const struct {
		const char *sql;
		bool strings, names;
	} cases[] = {
	    {"SELECT * FROM app.t", false, true},
	    {"SELECT * FROM `app`.`t`", false, true},
	    {"SELECT * FROM APP . t", false, true},
	    {"SELECT * FROM app/**/.t", false, true},
	    {"SELECT app FROM t", false, false},
	    {"SELECT myapp.x, app_x.y, `the app`.z, app$.q", false, true},
	    {"SELECT myapp.x, app_x.y, app$.q, éapp.x", false, false},
	    {"SELECT 'app.t'", false, false},
	    {"SELECT 'app.t'", true, true},
	    {"SELECT \"it\\\"s app\"", true, true},
	    {"SELECT 'an apple', 'it''s'", true, false},
	    {"SELECT 'unterminated app", true, true},
	    {"", true, false},
	};

	(void)state;
	for (size_t i = 0; i < array_len(cases); i++)
		if (maria_names_database(cases[i].sql, "app",
					 cases[i].strings) != cases[i].names)
			fail_msg("%s", cases[i].sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_changed),
	    cmocka_unit_test(rows_changed),
	    cmocka_unit_test(counter_moved),
	    cmocka_unit_test(definitions_changed),
	    cmocka_unit_test(order_of_triggers),
	    cmocka_unit_test(differences_are_named),
	    cmocka_unit_test(auto_increment_in_texts),
	    cmocka_unit_test(own_name_in_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
