-- SPDX-License-Identifier: MIT
-- One of every kind of table, column and index.
PRAGMA page_size = 512;
PRAGMA encoding = 'UTF-16be';
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA application_id = 1413829460;
PRAGMA user_version = 20240131;

CREATE TABLE counted (
	id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT NOT NULL DEFAULT 'it''s',
	made TEXT DEFAULT CURRENT_TIMESTAMP, n NUMERIC CHECK (n <> 13));
INSERT INTO counted (v, made, n) VALUES ('a', '2024-01-01', 1), ('b', NULL, '2'), ('c', '', 2.5);
-- a counter ahead of its rows, and one without a row
DELETE FROM counted WHERE id = 3;
CREATE TABLE emptied (id INTEGER PRIMARY KEY AUTOINCREMENT);
INSERT INTO emptied VALUES (9000000000000000000);
DELETE FROM emptied;

CREATE TABLE untyped (a, b, c);
INSERT INTO untyped VALUES
	(NULL, '', x''), (1, 1.0, '1'), (-9223372036854775808, 9223372036854775807, 1e308),
	(0.1, -0.0, 9e999), ('nul' || char(0) || 'inside', x'00ff27', 'é€😀'), (1, 1.0, '1');
-- rows whose hidden number says more than their place
INSERT INTO untyped (rowid, a) VALUES (500, 'far'), (-5, 'below');
CREATE TABLE rowid_named (_rowid_ TEXT, oid TEXT, rowid TEXT);
INSERT INTO rowid_named VALUES ('a', 'b', 'c');

CREATE TABLE pairs (
	a TEXT COLLATE NOCASE, b INTEGER, v BLOB, PRIMARY KEY (a, b DESC)) WITHOUT ROWID;
INSERT INTO pairs VALUES ('K', 1, x'01'), ('k', 2, x'02');
INSERT INTO pairs VALUES ('l', 0, zeroblob(3000)), ('m', 0, NULL);
CREATE TABLE strict (
	id INTEGER PRIMARY KEY, i INT, r REAL, t TEXT, b BLOB, x ANY) STRICT;
INSERT INTO strict VALUES (1, 2, 3, 'four', x'05', 6), (2, NULL, NULL, NULL, NULL, 'any');
CREATE TABLE strict_pairs (k TEXT PRIMARY KEY, v ANY) STRICT, WITHOUT ROWID;
INSERT INTO strict_pairs VALUES ('000123', '000123'), ('n', 123);

CREATE TABLE made (
	a INTEGER, b TEXT, doc TEXT,
	sum INTEGER GENERATED ALWAYS AS (a + length(b)) VIRTUAL,
	kept TEXT AS (b || '/' || a) STORED UNIQUE,
	city TEXT AS (json_extract(doc, '$.city')));
INSERT INTO made (a, b, doc) VALUES (1, 'x', '{"city": "Zürich"}'), (2, 'yy', NULL), (NULL, NULL, '{}');
CREATE INDEX made_city ON made (city) WHERE city IS NOT NULL;
CREATE INDEX made_expr ON made (lower(b), a % 10 DESC, json_extract(doc, '$.city'));
CREATE UNIQUE INDEX counted_part ON counted (v COLLATE NOCASE) WHERE n > 0;
CREATE INDEX untyped_all ON untyped (c COLLATE RTRIM, b DESC, a);

CREATE VIRTUAL TABLE words USING fts5 (title, body, tokenize = 'porter unicode61', prefix = '2 3');
INSERT INTO words VALUES ('The quick', 'brown foxes jumped'), ('over', 'the "lazy" dög');
DELETE FROM words WHERE title = 'over';
INSERT INTO words (words) VALUES ('optimize');
CREATE TABLE article (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE article_words USING fts5 (body, content = 'article', content_rowid = 'id');
INSERT INTO article VALUES (1, 'one text'), (2, 'another text');
INSERT INTO article_words (article_words) VALUES ('rebuild');
CREATE VIRTUAL TABLE bare_words USING fts5 (body, content = '', detail = none);
INSERT INTO bare_words (rowid, body) VALUES (7, 'nothing is kept of this');
CREATE VIRTUAL TABLE old_words USING fts4 (body, tokenize = simple);
INSERT INTO old_words VALUES ('older words'), ('more of them');

CREATE TABLE large (id INTEGER PRIMARY KEY, v);
INSERT INTO large VALUES
	(1, zeroblob(700000)), (2, replace(hex(zeroblob(150000)), '0', 'ab')), (3, NULL);
WITH RECURSIVE n (n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM n WHERE n < 900)
	INSERT INTO large SELECT n, printf('row %d of many', n) FROM n;
-- pages that are free now
DELETE FROM large WHERE id BETWEEN 300 AND 600;
ANALYZE;
