/* SPDX-License-Identifier: MIT */
/*
 * dialect/maria.h - how MariaDB's databases are kept, compared and brought
 * back; private to dialect/.
 *
 * The original is the database `testenv_original`: a copy of each table with
 * its rows, and in tables whose names begin with "testenv:" what is known of
 * the schema (the notes): every definition as SHOW CREATE tells it, and for
 * each table the statements that put its rows back.
 *
 * What may have changed is found from four sides, as none sees everything
 * (tried on 10.11 and 11.8):
 *
 *   rows        TABLE_STATISTICS.ROWS_CHANGED counts what goes through the
 *               handler: INSERT, REPLACE, LOAD DATA, UPDATE of several tables,
 *               triggers, events, what was rolled back. It does not see what
 *               foreign keys cascade: a child counts as changed if its parent
 *               was. It does not see MyISAM and Aria emptied as a whole: tables
 *               of other engines than InnoDB are compared by CHECKSUM TABLE.
 *               Nor does it see what was done under LOCK TABLES by a client
 *               that left without UNLOCK: after any LOCK TABLES, all tables
 *               count as changed, and their rows are compared with the
 *               original's. InnoDB's own count of modified rows sees all of
 *               it, but begins again at 0 when statistics are taken: where it
 *               grew, the table was changed; else it says nothing.
 *   tables      InnoDB's table ids: TRUNCATE, OPTIMIZE and partitions emptied
 *               or exchanged give new ones.
 *   definitions all SHOW CREATE texts are read and compared, every time. A
 *               column dropped and added again at once leaves no trace in any
 *               of these: any ALTER TABLE that is not ours, by the server's
 *               count of them, is answered by making the database anew.
 *   counters    AUTO_INCREMENT and the rows of sequences are compared always.
 *
 * FLUSH TABLE_STATISTICS would blind the first: it also takes away the count of
 * a table that only we write to (the canary), which is looked for. So would
 * userstat switched off for a while: on a server of its owner's, who may do
 * that, who set it last is part of what is compared; on a shared one, the
 * slots' users may not.
 */
#ifndef DIALECT_MARIA_H
#define DIALECT_MARIA_H

#include "base/buf.h"
#include "base/clock.h"
#include "dialect/clone_private.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct db;
struct error;

#define MARIA_ORIGINAL "testenv_original"
/* Begins the names of databases that are made to be looked at, and dropped. */
#define MARIA_LOOK "testenv_look_"

/* ---- rows of one or more statements (mariadb.c) ---- */

struct maria_row {
	unsigned set; /* which statement, from 0 */
	unsigned n;
	char **v; /* as text; NULL for NULL */
};
struct maria_answer {
	struct maria_row *rows;
	size_t n;
};
void maria_answer_free(struct maria_answer *a);
#define auto_maria_answer __attribute__((cleanup(maria_answer_free)))
int maria_ask(struct db *db, const char *sql, const struct deadline *deadline,
	      struct maria_answer *ret, struct error *err);

/* ---- definitions (maria_schema.c) ---- */

/* In the order in which they are made. */
enum maria_kind {
	MARIA_SEQUENCE,
	MARIA_TABLE,
	MARIA_ROUTINE,
	MARIA_VIEW,
	MARIA_TRIGGER,
	MARIA_EVENT
};

/* Owned strings; "" where there is none. */
struct maria_object {
	enum maria_kind kind;
	char *type; /* "TABLE", "PACKAGE BODY": what SHOW CREATE is asked for */
	char *name;
	char *on;  /* the table of a trigger */
	char *sql; /* a table's without AUTO_INCREMENT */
	char *mode, *client, *connection, *zone; /* it was made under */
	char *engine, *auto_increment;           /* of a table */
};
struct maria_schema {
	bool exists;
	char *options; /* "CHARACTER SET x COLLATE y COMMENT 'z'" */
	struct maria_object *v;
	size_t n;
};
void maria_schema_free(struct maria_schema *s);
#define auto_maria_schema __attribute__((cleanup(maria_schema_free)))

struct maria_object *maria_schema_add(struct maria_schema *s,
				      enum maria_kind kind);
const struct maria_object *maria_schema_find(const struct maria_schema *s,
					     enum maria_kind kind,
					     const char *name);
/* The settings under which everything here works, whatever the server's. */
int maria_session(struct db *db, const struct deadline *deadline,
		  struct error *err);
/* Chooses the database on db, if it exists. Names only: no definitions yet.
 * `plain`: by one who may not read the server's own tables; what he may not see
 * of the database is left out, and its comment is no option. */
int maria_schema_list(struct db *db, const char *database, bool plain,
		      const struct deadline *deadline, struct maria_schema *ret,
		      struct error *err);
/* Fills in the definitions of all that was listed. */
int maria_schema_define(struct db *db, struct maria_schema *s,
			const struct deadline *deadline, struct error *err);
/* Adds a line to ret (unless NULL) for each difference; AUTO_INCREMENT is not
 * looked at. True when equal. */
bool maria_schema_equal(const struct maria_schema *want,
			const struct maria_schema *have, struct buf *ret);

/* ---- texts; pure (maria_text.c) ---- */

/* Cuts " AUTO_INCREMENT=n" out of what SHOW CREATE TABLE says. */
void maria_cut_auto_increment(char *sql);
/* Puts it back; adds the whole text to b. */
void maria_put_create(struct buf *b, const char *sql,
		      const char *auto_increment);
/* Does the SQL name the database: as an identifier before a dot, or, with
 * `strings`, anywhere in a string, from which a statement could be made? */
bool maria_names_database(const char *sql, const char *database, bool strings);
bool maria_is_ascii(const char *s);

/* ---- what is known of the original (maria_notes.c) ---- */

struct maria_table {
	char *name;
	bool sequence;
	bool checked;         /* not InnoDB: compared by its checksum */
	char *auto_increment; /* "" */
	char *sum;            /* CHECKSUM TABLE of the original */
	/* statements, for the chosen database: empty what differs, fill what is
	 * missing; and fill an empty table */
	char *empty, *put, *fill;
};
/* Rows of the child may go with those of the parent. */
struct maria_cascade {
	size_t parent, child; /* of tables */
};
struct maria_notes {
	char *database;      /* that was kept */
	bool plain;          /* that is the original itself (dialect/copy.h) */
	char *only_in_place; /* why no other name; "" */
	char *no_rebuild;    /* why definitions cannot be replayed; "" */
	struct maria_schema schema;
	struct maria_table *tables;
	size_t n_tables;
	struct maria_cascade *cascades;
	size_t n_cascades;
};
void maria_notes_free(struct maria_notes *n);
/* The database whose rows are the original's. Borrowed. */
const char *maria_notes_original(const struct maria_notes *n);
int maria_notes_save(struct db *db, const struct maria_notes *n,
		     const struct deadline *deadline, struct error *err);
int maria_notes_load(struct db *db, struct maria_notes *ret,
		     const struct deadline *deadline, struct error *err);
/* n_tables when it is not there. */
size_t maria_notes_table(const struct maria_notes *n, const char *name);

/* ---- keeping (maria_keep.c, maria_columns.c) ---- */

int maria_keep(struct db *admin, const char *database,
	       const struct deadline *deadline, char **ret_why,
	       struct error *err);
/* Why its definitions cannot be made in a database of another name, or be
 * replayed at all; "" when they can. The caller frees. */
char *maria_names_itself(const struct maria_notes *n);
char *maria_foreign_text(const struct maria_notes *n);
/* Writes each table's statements; *ret_why as clone_keep. */
int maria_columns(struct db *db, struct maria_notes *n,
		  const struct deadline *deadline, char **ret_why,
		  struct error *err);

/* ---- what has changed (maria_evidence.c, maria_plan.c) ---- */

/* Counts of one table: any change of the texts is a change of the table. */
struct maria_count {
	char *name, *changed, *ids;
	long long modified;
};
struct maria_evidence {
	char *surroundings; /* "" where the server is shared */
	char *original;     /* who wrote to it */
	char *canary;
	long long alters; /* by others than us */
	long long locks;  /* LOCK TABLES so far */
	struct maria_count *v;
	size_t n;
};
void maria_evidence_free(struct maria_evidence *e);
#define auto_maria_evidence __attribute__((cleanup(maria_evidence_free)))

enum maria_deed {
	MARIA_ROWS = 1 << 0,    /* put its rows back */
	MARIA_COUNTER = 1 << 1, /* set its AUTO_INCREMENT */
};
struct maria_plan {
	enum clone_way way; /* UNCHANGED, TOUCHED or REBUILT */
	unsigned *deeds;    /* for each of the notes' tables */
	size_t *extra;      /* tables of the schema that are to be dropped */
	size_t n_extra;
	const char *why; /* of REBUILT */
};
void maria_plan_free(struct maria_plan *p);
#define auto_maria_plan __attribute__((cleanup(maria_plan_free)))

/* From before and now, with the definitions of now; pure. */
void maria_plan_make(const struct maria_notes *notes,
		     const struct maria_evidence *before,
		     const struct maria_evidence *now,
		     const struct maria_schema *schema, struct maria_plan *ret);
/* Marks a table, and whatever its rows cascade to. */
void maria_plan_touch(const struct maria_notes *notes, struct maria_plan *plan,
		      size_t table);

/* ---- one server (clone_mariadb.c) ---- */

/* What was noted of one database when it was clean. */
struct maria_base {
	char *name;
	bool valid;
	struct maria_evidence evidence;
	struct maria_base *next;
};
struct maria_clones {
	struct clones clones;
	char *database; /* the server is its owner's; NULL: shared */
	bool counting;  /* the server counts changed rows */
	bool fresh;     /* while it is opened: nobody has written a row yet */
	char *surroundings, *original; /* when it was opened */
	char *only_in_place;
	pthread_mutex_t mutex; /* guards what follows */
	struct maria_notes notes;
	bool loaded;
	struct maria_base *bases;
	unsigned canary_rows;
	/* held while ALTER TABLEs of ours run and while they are counted */
	pthread_mutex_t alter_mutex;
	long long own_alters;
};

/* `wide`: with the surroundings. */
int maria_evidence_read(struct maria_clones *c, struct db *db, const char *name,
			bool wide, const struct deadline *deadline,
			struct maria_evidence *ret, struct error *err);
/* Writes so many rows to the table that nobody else writes to: another number
 * each time, so that no count comes up twice. */
int maria_canary(struct db *db, unsigned rows, const struct deadline *deadline,
		 struct error *err);

/* ---- doing (maria_restore.c, maria_rebuild.c) ---- */

/* Tables not of InnoDB, and sequences, that differ are added to the plan. */
int maria_plan_compare(struct db *db, const struct maria_notes *notes,
		       const char *name, const struct deadline *deadline,
		       struct maria_plan *plan, struct error *err);
int maria_put_back(struct maria_clones *c, struct db *db,
		   const struct maria_plan *plan,
		   const struct maria_schema *schema,
		   const struct deadline *deadline, struct error *err);
/* The statements that make one object again. */
void maria_put_definition(const struct maria_object *o, struct buf *sql);
/* Drops it and makes it from the notes; without rows, unless with_rows. */
int maria_rebuild(struct db *db, const struct maria_notes *notes,
		  const char *name, bool with_rows,
		  const struct deadline *deadline, struct error *err);
/* The same in the empty database that is chosen. */
int maria_refill(struct db *db, const struct maria_notes *notes, bool with_rows,
		 const struct deadline *deadline, struct error *err);
/* Reads the original's checksums: into the notes, or to compare with them (1,
 * 0). Sequences have none. */
int maria_sums_take(struct db *db, struct maria_notes *notes,
		    const struct deadline *deadline, struct error *err);
int maria_sums_same(struct db *db, const struct maria_notes *notes,
		    const struct deadline *deadline, struct error *err);
/* 1, 0 as clones_compare; the first: definitions only. */
int maria_compare_schema(struct db *db, const struct maria_notes *notes,
			 const char *name, const struct deadline *deadline,
			 struct buf *ret_difference, struct error *err);
int maria_compare(struct db *db, const struct maria_notes *notes,
		  const char *name, const struct deadline *deadline,
		  struct buf *ret_difference, struct error *err);

#endif
