-- Thirty tables with rows that depend on each other, and names that clash.
DO $$ BEGIN
  FOR i IN 1..30 LOOP
    EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, name text NOT NULL UNIQUE, v int,'
      ' before int REFERENCES t%s, made timestamptz DEFAULT now())', i, greatest(i - 1, 1));
    EXECUTE format('CREATE INDEX ON t%s (v, name)', i);
    EXECUTE format('INSERT INTO t%s (name, v, before) SELECT ''n'' || g, g %% 10, g'
      ' FROM generate_series(1, 200) AS g', i);
  END LOOP;
END $$;
CREATE TABLE rows (id int, kind text, name text, def text);
INSERT INTO rows VALUES (1, E'a\tb', E'c\nd', 'e\f');
CREATE TABLE testenv_row (testenv_row int);
INSERT INTO testenv_row VALUES (1), (1), (NULL);
CREATE VIEW totals AS SELECT v, count(*) FROM t1 JOIN t2 USING (v) GROUP BY v;
ANALYZE;
