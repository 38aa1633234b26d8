#!/bin/sh
# SPDX-License-Identifier: MIT
# `testenv diff`: how a database differs from its template, on files and on
# Postgres; and that --verify finds nothing to say.
# shellcheck disable=SC2016 # for the inner shells
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
trap 'testenv down --all >/dev/null 2>&1; rm -rf "$tmp"' EXIT
command -v sqlite3 >/dev/null || skip 'no sqlite3'

mkdir mig
echo 'CREATE TABLE t (id int PRIMARY KEY, v int DEFAULT 1);
INSERT INTO t (id) VALUES (1), (2);' >mig/1.sql

cat >sqlite-test <<'END'
#!/bin/sh
set -e
sql() { sqlite3 "${DATABASE_URL#sqlite:///}" "$1"; }
"$TESTENV_BIN" diff
sql 'INSERT INTO t VALUES (3, 3); CREATE INDEX i ON t (v); PRAGMA user_version = 5'
END
cat >postgres-test <<'END'
#!/bin/sh
set -e
psql -qAtc 'SELECT 1' >/dev/null
"$TESTENV_BIN" diff
"$TESTENV_BIN" diff "$DATABASE_URL"
psql -qc 'INSERT INTO t VALUES (3, 3); ALTER TABLE t ALTER v SET DEFAULT 2; UPDATE t SET v = 9;
	CREATE TABLE n ()'
END
cat >and_then <<'END'
#!/bin/sh
"$@" || exit 99
"$TESTENV_BIN" diff
code=$?
"$TESTENV_BIN" diff --json >json
"$TESTENV_BIN" reset && "$TESTENV_BIN" diff || exit 98
exit $code
END
chmod +x sqlite-test postgres-test and_then

run 1 testenv exec --db sqlite --migrations mig --verify --owner command -- ./and_then ./sqlite-test
out_is 'CHANGE   WHAT     NAME          TEMPLATE  NOW
added    index    i             -         there
changed  rows     t             2 rows    3 rows
changed  setting  user_version  0         5'
grep -q '"more"' json && fail 'there is no more'
grep -q '"template":	2,' json || fail "no count in $(cat json)"

run 17 testenv diff
run 17 testenv diff nosuch.1
run 2 testenv exec --db sqlite --migrations mig --owner command -- "$TESTENV_BIN" diff db.x
run 0 testenv up --db sqlite --migrations mig --workers 1
run 0 testenv diff
out_is ''
run 0 testenv diff db.0
run 2 testenv diff db.999999
err_is 'testenv: there is no such slot'
run 19 testenv diff sqlite:////etc/passwd
err_has '^testenv: the URL leads to no database of session'
run 19 testenv reset postgresql://somebody:secret@127.0.0.1:1/x
err_has '^testenv: the URL leads to no database of session'
! grep -q secret err || fail 'a password is shown'
run 0 testenv down

# a connection that is open meanwhile sees what was brought back; one whose
# transaction does not end keeps the old file, and nobody else does
cat >open <<'END'
#!/bin/sh
f=${DATABASE_URL#sqlite:///}
sqlite3 "$f" 'INSERT INTO t VALUES (3, 3)' ".shell $TESTENV_BIN reset" \
	'SELECT count(*) FROM t' 'INSERT INTO t VALUES (4, 4)'
sqlite3 "$f" 'SELECT max(id) FROM t'
sqlite3 "$f" 'BEGIN IMMEDIATE' 'INSERT INTO t VALUES (5, 5)' ".shell $TESTENV_BIN reset" \
	".shell sqlite3 '$f' 'SELECT count(*) FROM t'" 'SELECT max(id) FROM t'
END
chmod +x open
run 0 testenv exec --db sqlite --migrations mig --owner command -- ./open
out_is '2
4
2
5'

if command -v psql >out && docker version >out 2>&1; then
	run 1 testenv exec --db postgres --migrations mig --verify --require container \
		-- ./and_then ./postgres-test
	out_is 'CHANGE   WHAT    NAME        TEMPLATE           NOW
changed  column  public.t.v  integer default 1  integer default 2
added    rows    public.n    -                  0 rows
changed  rows    public.t    2 rows             3 rows
added    table   public.n    -                  there'
fi
finish
