-- Who may do what: roles, grants, owners, row security, settings of the
-- database. Roles belong to the server; the script may run on one that has them.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader') THEN
    CREATE ROLE reader NOLOGIN;
    CREATE ROLE "Wri""ter" LOGIN CONNECTION LIMIT 3;
    CREATE ROLE auditor NOINHERIT BYPASSRLS;
    GRANT reader TO "Wri""ter" WITH ADMIN OPTION;
  END IF;
END $$;
CREATE SCHEMA books AUTHORIZATION reader;
CREATE TABLE books.entry (id serial PRIMARY KEY, tenant text NOT NULL, amount numeric(12, 2));
ALTER TABLE books.entry OWNER TO "Wri""ter";
INSERT INTO books.entry (tenant, amount) SELECT 't' || n % 3, n / 7.0 FROM generate_series(1, 90) AS n;
ALTER TABLE books.entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE books.entry FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON books.entry AS PERMISSIVE FOR SELECT TO reader
  USING (tenant = current_setting('app.tenant', true));
CREATE POLICY no_big ON books.entry AS RESTRICTIVE USING (amount < 1000) WITH CHECK (amount < 100);
GRANT USAGE ON SCHEMA books TO reader, auditor;
GRANT SELECT (id, tenant), UPDATE (amount) ON books.entry TO reader WITH GRANT OPTION;
GRANT ALL ON SEQUENCE books.entry_id_seq TO auditor;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO "Wri""ter";
CREATE FUNCTION books.secret() RETURNS int LANGUAGE sql AS 'SELECT 42';
REVOKE EXECUTE ON FUNCTION books.secret() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION books.secret() TO auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE "Wri""ter" IN SCHEMA books GRANT SELECT ON TABLES TO auditor;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO reader;
CREATE TYPE books.kind AS ENUM ('in', 'out');
REVOKE USAGE ON TYPE books.kind FROM PUBLIC;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere OPTIONS (host 'a b', "odd" 'x');
CREATE USER MAPPING FOR reader SERVER far OPTIONS (pass 'word');
CREATE FOREIGN TABLE books.remote (a int) SERVER far OPTIONS (t 'x');
GRANT USAGE ON FOREIGN SERVER far TO reader;
SELECT lo_create(777003);
GRANT SELECT ON LARGE OBJECT 777003 TO reader;
DO $$ DECLARE db text := quote_ident(current_database()); BEGIN
  EXECUTE 'ALTER DATABASE ' || db || ' SET search_path = books, "Odd", public';
  EXECUTE 'ALTER DATABASE ' || db || $s$ SET app.tenant = 't1, with '' and "'$s$;
  EXECUTE 'ALTER DATABASE ' || db || ' SET datestyle = ''German''';
  EXECUTE 'ALTER DATABASE ' || db || ' SET default_transaction_isolation = ''serializable''';
  EXECUTE 'ALTER ROLE reader IN DATABASE ' || db || ' SET work_mem = ''5MB''';
  EXECUTE 'ALTER DATABASE ' || db || ' CONNECTION LIMIT 50';
  EXECUTE 'REVOKE CONNECT, TEMPORARY ON DATABASE ' || db || ' FROM PUBLIC';
  EXECUTE 'GRANT CONNECT ON DATABASE ' || db || ' TO reader WITH GRANT OPTION';
  EXECUTE 'COMMENT ON DATABASE ' || db || ' IS ''the books; it''''s ours''';
END $$;
