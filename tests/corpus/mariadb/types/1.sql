-- SPDX-License-Identifier: MIT
-- One of every kind of column, index, option and engine.
SET sql_mode = '';
CREATE TABLE numbers (
	id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
	a tinyint, b smallint, c mediumint, d bigint unsigned,
	e decimal(30,10), f float, g double, h bit(9), i boolean,
	plus int AS (a + b) VIRTUAL,
	twice double AS (g * 2) STORED,
	KEY (plus), CHECK (a <> 13)
) AUTO_INCREMENT=5000 COMMENT='it''s "quoted", AUTO_INCREMENT=7 \\ and so';
INSERT INTO numbers VALUES
	(0, -1, 2, 3, 18446744073709551615, 0.1, 0.1, -0e0, b'101', 1, DEFAULT, DEFAULT),
	(DEFAULT, NULL, NULL, NULL, NULL, NULL, NULL, 1e300, NULL, NULL, DEFAULT, DEFAULT),
	(9, 1, 1, 1, 1, 12345678901234567890.0123456789, 16777217, 0.1, 511, 0, DEFAULT, DEFAULT);

CREATE TABLE texts (
	code char(4) NOT NULL COLLATE utf8mb4_general_ci,
	lang varchar(3) CHARACTER SET ascii NOT NULL DEFAULT 'en',
	body text, blobs longblob, fixed binary(4), var varbinary(9),
	kind enum('', 'a', 'B', 'é'), tags set('x', 'y', 'z'),
	doc json, u uuid DEFAULT (uuid()), ip inet6,
	secret int INVISIBLE DEFAULT 42,
	PRIMARY KEY (code, lang), UNIQUE KEY (body(10)), FULLTEXT KEY words (body)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
INSERT INTO texts (code, lang, body, blobs, fixed, var, kind, tags, doc, ip) VALUES
	('a', 'en', 'The quick brown fox', x'00ff00', 'ab', 'a\0', 'a', 'x,z', '{"k": [1]}', '::1'),
	('b', 'en', 'jumps over ''the'' lazy\ndog', NULL, NULL, '', '', '', NULL, NULL),
	('é', 'de', 'Größe\\ "weiß"', x'27', '\\''', '\\', 'none', 'y', '[]', '10.0.0.1');

CREATE TABLE times (
	id int AUTO_INCREMENT PRIMARY KEY,
	d date DEFAULT '0000-00-00', t time(3), dt datetime(6), y year,
	ts timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
	later datetime DEFAULT (current_timestamp() + INTERVAL 1 DAY)
);
INSERT INTO times (d, t, dt, y, ts) VALUES
	('0000-00-00', '-12:00:00.5', '2020-02-29 23:59:59.999999', 1999, '2001-10-28 00:30:00'),
	('2020-00-00', NULL, '0000-00-00', NULL, '2001-10-28 01:30:00');

CREATE TABLE places (
	id int PRIMARY KEY, p point NOT NULL, shape geometry, SPATIAL KEY (p)
);
INSERT INTO places VALUES (1, point(1, 2), NULL),
	(2, point(-1, 0.5), st_geomfromtext('POLYGON((0 0,0 1,1 1,0 0))'));

CREATE TABLE keyless (a int, b varchar(20), KEY (a));
INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL), (2, 'y ');

CREATE TABLE prefixed (path varchar(200) NOT NULL, v int, PRIMARY KEY (path(5)));
INSERT INTO prefixed VALUES ('/etc/passwd', 1), ('/usr', 2);

CREATE TABLE old_rows (id int AUTO_INCREMENT PRIMARY KEY, v varchar(9), FULLTEXT (v))
	ENGINE=MyISAM CHECKSUM=1;
INSERT INTO old_rows (v) VALUES ('one'), ('two');
CREATE TABLE aria_rows (id int AUTO_INCREMENT PRIMARY KEY, v text) ENGINE=Aria TRANSACTIONAL=1;
INSERT INTO aria_rows (v) VALUES ('one'), ('two'), ('three');
DELETE FROM aria_rows WHERE v = 'three';

CREATE TABLE parts (id int NOT NULL AUTO_INCREMENT, y int NOT NULL, v int, PRIMARY KEY (id, y))
	PARTITION BY RANGE (y) (
		PARTITION p0 VALUES LESS THAN (2000),
		PARTITION p1 VALUES LESS THAN (2010),
		PARTITION rest VALUES LESS THAN MAXVALUE);
INSERT INTO parts (y, v) VALUES (1990, 1), (2005, 2), (2020, 3);

CREATE TABLE `strange ``name`` é-1` (`a b` int PRIMARY KEY, `select` int, `t` int, `o` int) COMMENT='';
INSERT INTO `strange ``name`` é-1` VALUES (1, 2, 3, 4);
CREATE TABLE t (o int PRIMARY KEY, t int);
INSERT INTO t VALUES (1, 1), (2, 2);
CREATE TABLE o (t int AUTO_INCREMENT PRIMARY KEY);
CREATE TABLE packed (id int PRIMARY KEY, v varchar(100) COMPRESSED) ROW_FORMAT=COMPRESSED;
INSERT INTO packed VALUES (1, repeat('v', 100));
-- a counter ahead of its rows, and a rolled back one
INSERT INTO o VALUES (1), (2), (3);
DELETE FROM o WHERE t > 1;
BEGIN;
INSERT INTO o VALUES (), ();
ROLLBACK;

CREATE TABLE spread (id int, day date, v varchar(9), KEY down (v DESC), KEY unseen (id) IGNORED)
	PARTITION BY RANGE (year(day)) SUBPARTITION BY HASH (to_days(day)) SUBPARTITIONS 2 (
		PARTITION old VALUES LESS THAN (2000), PARTITION new VALUES LESS THAN MAXVALUE);
INSERT INTO spread VALUES (1, '1999-01-01', 'a'), (2, '2020-01-01', 'b'), (3, NULL, 'c');
CREATE TABLE listed (a int, b varchar(9)) PARTITION BY LIST COLUMNS (a, b) (
	PARTITION p0 VALUES IN ((1, 'x'), (NULL, NULL)), PARTITION p1 DEFAULT);
INSERT INTO listed VALUES (1, 'x'), (NULL, NULL), (7, 'y');
CREATE TABLE keyed (a int PRIMARY KEY, v int) PARTITION BY KEY (a) PARTITIONS 3;
INSERT INTO keyed VALUES (1, 1), (2, 2), (3, 3), (4, 4);
CREATE TABLE checked (id int, v int, UNIQUE KEY (v), CONSTRAINT both_set CHECK (id > v OR v IS NULL));
INSERT INTO checked VALUES (2, 1), (3, NULL), (4, NULL);
CREATE TABLE wide (id int PRIMARY KEY, a varchar(4000), b mediumtext, c json CHECK (json_valid(c))) CHARACTER SET latin1;
INSERT INTO wide VALUES (1, repeat('ä', 3000), repeat('0123456789', 20000), '{}');
