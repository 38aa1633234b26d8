-- SPDX-License-Identifier: MIT
-- Names that nobody would choose, and a file that shrinks by itself.
PRAGMA auto_vacuum = FULL;
PRAGMA application_id = -1;
CREATE TABLE "strange ""name"" 'x' `y` [z] é😀" ("a b" INTEGER PRIMARY KEY, "select" TEXT, "" INT, "%41?#" INT);
INSERT INTO "strange ""name"" 'x' `y` [z] é😀" VALUES (1, 'a	b', 2, 3), (2, 'c
d', NULL, NULL);
CREATE TABLE "two
lines	and\back\\slash" ("x
y" TEXT DEFAULT 'it''s
two; lines', 'quoted' INT);
INSERT INTO "two
lines	and\back\\slash" DEFAULT VALUES;
CREATE INDEX "index
of; two" ON "two
lines	and\back\\slash" ("x
y" DESC);
CREATE TABLE "" ("" PRIMARY KEY) WITHOUT ROWID;
INSERT INTO "" VALUES ('');
CREATE TABLE "select" ("from" INT, "where" INT, "testenv_row" INT);
INSERT INTO "select" VALUES (1, 2, 3);
CREATE TABLE [table] (/* a comment; in it */ [order] INT -- and; another
	, `group` INT);
INSERT INTO [table] VALUES (1, 1);
CREATE TABLE "CREATE VIRTUAL TABLE" (x);
INSERT INTO "CREATE VIRTUAL TABLE" VALUES ('no such thing');
CREATE TABLE sqliteXstat1 (tbl, idx, stat);
INSERT INTO sqliteXstat1 VALUES ('not', 'the', 'planner''s');
CREATE TABLE "ÄÖÜ" (v); INSERT INTO "ÄÖÜ" VALUES (1);
CREATE TABLE "äöü" (v); INSERT INTO "äöü" VALUES (2);
CREATE VIEW "v;iew" AS SELECT "a b" AS ";" FROM "strange ""name"" 'x' `y` [z] é😀";
CREATE TRIGGER "tri""gger
" AFTER INSERT ON "select" BEGIN
	UPDATE "select" SET "where" = CASE WHEN 1 THEN 2 END; -- END;
	DELETE FROM "" WHERE "" = ';';
END;
INSERT INTO "select" VALUES (4, 5, 6);
CREATE VIRTUAL TABLE "find
'me'" USING fts5 ("the body");
INSERT INTO "find
'me'" VALUES ('words');
-- columns that came and went
CREATE TABLE wide (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19);
INSERT INTO wide (c0, c19) VALUES (1, 20);
CREATE TABLE moved (a INT, b INT, c INT DEFAULT 3);
INSERT INTO moved VALUES (1, 2, 3), (4, 5, 6);
ALTER TABLE moved DROP COLUMN b;
ALTER TABLE moved RENAME COLUMN c TO "c; d";
ALTER TABLE moved ADD COLUMN late TEXT DEFAULT 'la''te' COLLATE NOCASE;
ALTER TABLE moved RENAME TO "moved on";
INSERT INTO "moved on" (a) VALUES (7);
DROP TABLE IF EXISTS gone;
