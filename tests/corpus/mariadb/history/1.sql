-- SPDX-License-Identifier: MIT
-- Rows that were, tables that number their rows by a sequence, and a function
-- that names its own database by way of a view.
CREATE TABLE prices (id int PRIMARY KEY, price int) WITH SYSTEM VERSIONING;
INSERT INTO prices VALUES (1, 10), (2, 20), (3, 30);
UPDATE prices SET price = 11 WHERE id = 1;
DELETE FROM prices WHERE id = 3;
CREATE TABLE named (
	id int PRIMARY KEY, v varchar(20), seen int WITHOUT SYSTEM VERSIONING,
	begun timestamp(6) GENERATED ALWAYS AS ROW START,
	ended timestamp(6) GENERATED ALWAYS AS ROW END,
	PERIOD FOR SYSTEM_TIME (begun, ended)
) WITH SYSTEM VERSIONING;
INSERT INTO named (id, v) VALUES (1, 'a'), (2, 'b');
UPDATE named SET v = 'c' WHERE id = 2;
CREATE TABLE rooms (
	room int, guest varchar(20), since date, until date,
	PERIOD FOR stay (since, until), UNIQUE (room, stay WITHOUT OVERLAPS));
INSERT INTO rooms VALUES (1, 'ann', '2020-01-01', '2020-02-01'), (1, 'bob', '2020-02-01', '2020-03-01');
CREATE SEQUENCE ticket START WITH 7;
CREATE TABLE tickets (id bigint NOT NULL DEFAULT (NEXTVAL(ticket)) PRIMARY KEY, v int);
INSERT INTO tickets (v) VALUES (1), (2);
CREATE FUNCTION double_of(x int) RETURNS int DETERMINISTIC RETURN x * 2;
CREATE VIEW doubled AS SELECT id, double_of(v) AS v FROM tickets;
CREATE TABLE logs (id int AUTO_INCREMENT PRIMARY KEY, v int);
CREATE TRIGGER prices_au AFTER UPDATE ON prices FOR EACH ROW INSERT INTO logs (v) VALUES (NEW.price);
CREATE TABLE kept (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING
	PARTITION BY SYSTEM_TIME (PARTITION was HISTORY, PARTITION now CURRENT);
INSERT INTO kept VALUES (1, 1), (2, 2);
UPDATE kept SET v = 3 WHERE id = 1;
