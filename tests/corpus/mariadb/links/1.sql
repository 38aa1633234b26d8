-- SPDX-License-Identifier: MIT
-- Foreign keys in chains and cycles, triggers, routines, views, sequences.
CREATE SEQUENCE numbers START WITH 100 INCREMENT BY 5 CACHE 10;
CREATE SEQUENCE plain NOCACHE;
SELECT NEXTVAL(numbers);
CREATE TABLE nodes (
	id int AUTO_INCREMENT PRIMARY KEY, parent int, name varchar(60) UNIQUE,
	FOREIGN KEY (parent) REFERENCES nodes (id) ON DELETE CASCADE);
INSERT INTO nodes (parent, name) VALUES (NULL, 'root'), (1, 'a'), (1, 'b'), (2, 'aa'), (4, 'aaa');
CREATE TABLE leaves (
	id int AUTO_INCREMENT PRIMARY KEY, node int NOT NULL, v int,
	CONSTRAINT leaf_of FOREIGN KEY (node) REFERENCES nodes (id) ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO leaves (node, v) SELECT id, id * 10 FROM nodes;
CREATE TABLE notes (
	leaf int PRIMARY KEY, maybe int, text varchar(50),
	FOREIGN KEY (leaf) REFERENCES leaves (id) ON DELETE CASCADE,
	FOREIGN KEY (maybe) REFERENCES nodes (id) ON DELETE SET NULL ON UPDATE CASCADE);
INSERT INTO notes SELECT id, node, concat('note ', id) FROM leaves;
CREATE TABLE hen (id int PRIMARY KEY, egg int);
CREATE TABLE egg (id int PRIMARY KEY, hen int, FOREIGN KEY (hen) REFERENCES hen (id) ON DELETE CASCADE);
INSERT INTO hen VALUES (1, 1), (2, 2);
INSERT INTO egg VALUES (1, 1), (2, 2);
ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg (id) ON DELETE CASCADE;
CREATE TABLE audit (id int AUTO_INCREMENT PRIMARY KEY, what varchar(99), n int DEFAULT 0);
INSERT INTO audit (what) VALUES ('begin');
CREATE TABLE totals (k varchar(9) PRIMARY KEY, n int NOT NULL DEFAULT 0);
INSERT INTO totals VALUES ('nodes', 5);
DELIMITER //
CREATE TRIGGER nodes_ai AFTER INSERT ON nodes FOR EACH ROW
BEGIN
	INSERT INTO audit (what) VALUES (concat('node ', NEW.id));
	UPDATE totals SET n = n + 1 WHERE k = 'nodes';
END//
CREATE TRIGGER nodes_ai2 AFTER INSERT ON nodes FOR EACH ROW PRECEDES nodes_ai
	INSERT INTO audit (what) VALUES ('first')//
CREATE TRIGGER nodes_bd BEFORE DELETE ON nodes FOR EACH ROW
BEGIN
	IF OLD.name = 'root' THEN
		SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the root stays';
	END IF;
END//
CREATE TRIGGER totals_bi BEFORE INSERT ON totals FOR EACH ROW
	SET NEW.n = NEW.n + 1000//
CREATE FUNCTION weight(x int) RETURNS int DETERMINISTIC
BEGIN
	DECLARE r int DEFAULT 0;
	SELECT count(*) INTO r FROM leaves WHERE node = x;
	RETURN r * 2;
END//
CREATE AGGREGATE FUNCTION times(x int) RETURNS bigint
BEGIN
	DECLARE r bigint DEFAULT 1;
	DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN r;
	LOOP
		FETCH GROUP NEXT ROW;
		SET r = r * x;
	END LOOP;
END//
CREATE PROCEDURE grow(IN n int)
	COMMENT 'adds nodes; it''s used by tests'
BEGIN
	WHILE n > 0 DO
		INSERT INTO nodes (parent, name) VALUES (1, concat('grown', n, '-', uuid()));
		SET n = n - 1;
	END WHILE;
END//
CREATE EVENT sweep ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00'
	ON COMPLETION PRESERVE DISABLE COMMENT 'nightly' DO
	DELETE FROM audit WHERE id < 0//
DELIMITER ;
-- a stands on z, which stands on a function
CREATE VIEW z_leaves AS SELECT n.name, l.v, 2 * l.v AS w FROM nodes n JOIN leaves l ON l.node = n.id;
CREATE SQL SECURITY INVOKER VIEW a_sums AS SELECT name, sum(w) AS w FROM z_leaves GROUP BY name;
CREATE VIEW checked AS SELECT * FROM hen WHERE id < 10 WITH CASCADED CHECK OPTION;
CREATE ALGORITHM=TEMPTABLE VIEW product AS SELECT node, times(v) AS v FROM leaves GROUP BY node;
