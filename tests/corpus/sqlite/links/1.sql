-- SPDX-License-Identifier: MIT
-- Foreign keys, triggers that call each other, views that can be written to.
PRAGMA page_size = 65536;
PRAGMA encoding = 'UTF-16le';
PRAGMA journal_mode = WAL;
PRAGMA user_version = -7;
PRAGMA foreign_keys = ON;
PRAGMA recursive_triggers = ON;

CREATE TABLE nodes (
	id INTEGER PRIMARY KEY, parent INTEGER REFERENCES nodes ON DELETE CASCADE,
	name TEXT UNIQUE);
INSERT INTO nodes VALUES (1, NULL, 'root'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'aa'), (5, 4, 'aaa');
CREATE TABLE leaves (
	id INTEGER PRIMARY KEY AUTOINCREMENT, v INTEGER,
	node INTEGER NOT NULL DEFAULT 1
		REFERENCES nodes (id) ON DELETE SET DEFAULT ON UPDATE CASCADE);
INSERT INTO leaves (node, v) SELECT id, id * 10 FROM nodes;
CREATE TABLE hen (id INTEGER PRIMARY KEY, egg INTEGER NOT NULL
	REFERENCES egg DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE egg (id INTEGER PRIMARY KEY, hen INTEGER NOT NULL
	REFERENCES hen DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO hen VALUES (1, 1), (2, 2);
INSERT INTO egg VALUES (1, 1), (2, 2);
COMMIT;
CREATE TABLE places (country TEXT, town TEXT, PRIMARY KEY (country, town)) WITHOUT ROWID;
INSERT INTO places VALUES ('ch', 'Bern'), ('at', 'Wien');
CREATE TABLE visits (
	id INTEGER PRIMARY KEY, country TEXT, town TEXT,
	FOREIGN KEY (country, town) REFERENCES places ON DELETE SET NULL ON UPDATE CASCADE);
INSERT INTO visits (country, town) VALUES ('ch', 'Bern'), (NULL, 'nowhere');
PRAGMA foreign_keys = OFF;
-- what the keys do not allow, and a file may hold
CREATE TABLE lost (id INTEGER PRIMARY KEY, node REFERENCES nodes, none REFERENCES not_there (x));
INSERT INTO lost VALUES (1, 777, 'x');
PRAGMA foreign_keys = ON;

CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, n INT);
CREATE TABLE totals (k TEXT PRIMARY KEY, n INT NOT NULL);
INSERT INTO totals VALUES ('nodes', 5);
CREATE TRIGGER nodes_ai AFTER INSERT ON nodes
BEGIN
	INSERT INTO audit (what, n) VALUES ('node; ' || NEW.name, NEW.id);
	UPDATE totals SET n = CASE WHEN n < 0 THEN 0 ELSE n + 1 END WHERE k = 'nodes';
END;
CREATE TRIGGER nodes_bd BEFORE DELETE ON nodes WHEN OLD.name = 'root'
BEGIN
	SELECT RAISE(ABORT, 'the root stays; ''end''');
END;
-- one that fires itself
CREATE TRIGGER audit_ai AFTER INSERT ON audit WHEN NEW.n > 0
BEGIN
	INSERT INTO audit (what, n) VALUES ('again', NEW.n - 1);
END;
CREATE TRIGGER leaves_au AFTER UPDATE OF v ON leaves FOR EACH ROW
WHEN NEW.v IS NOT OLD.v
BEGIN
	INSERT OR REPLACE INTO totals VALUES ('leaves', (SELECT sum(v) FROM leaves));
END;
INSERT INTO nodes (id, parent, name) VALUES (6, 3, 'ba');

CREATE VIEW tree (name, depth, path) AS WITH RECURSIVE t (id, name, depth, path) AS (
	SELECT id, name, 0, name FROM nodes WHERE parent IS NULL
	UNION ALL SELECT n.id, n.name, t.depth + 1, t.path || '/' || n.name
	FROM nodes n JOIN t ON n.parent = t.id)
	SELECT name, depth, path FROM t;
CREATE VIEW sums AS SELECT depth, count(*) AS n, sum(depth) OVER (ORDER BY depth) AS w
	FROM tree GROUP BY depth;
CREATE VIEW broken AS SELECT * FROM not_there;
CREATE VIEW written AS SELECT n.id, n.name, l.v FROM nodes n LEFT JOIN leaves l ON l.node = n.id;
CREATE TRIGGER written_ii INSTEAD OF INSERT ON written
BEGIN
	INSERT INTO nodes (id, name, parent) VALUES (NEW.id, NEW.name, 1);
	INSERT INTO leaves (node, v) VALUES (NEW.id, NEW.v);
END;
CREATE TRIGGER written_id INSTEAD OF DELETE ON written
BEGIN
	DELETE FROM leaves WHERE node = OLD.id;
	DELETE FROM nodes WHERE id = OLD.id;
END;
CREATE TRIGGER written_iu INSTEAD OF UPDATE OF v ON written
BEGIN
	UPDATE leaves SET v = NEW.v WHERE node = OLD.id;
END;
INSERT INTO written VALUES (20, 'twenty', 200);
UPDATE written SET v = 201 WHERE id = 20;
CREATE TABLE copied AS SELECT * FROM tree;
