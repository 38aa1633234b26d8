# SPDX-License-Identifier: MIT
"""As program.c."""
import os
import sqlite3
import sys

path, mode, name = sys.argv[1:]
# what a careful program does first
os.makedirs(os.path.dirname(path), exist_ok=True)
os.stat(os.path.dirname(path))
try:
    db = sqlite3.connect(path, isolation_level=None)
    print(db.execute(f"PRAGMA journal_mode={mode}").fetchone()[0], end=" ")
except sqlite3.Error as e:
    sys.exit(str(e))
db.execute("CREATE TABLE IF NOT EXISTS t(name TEXT)")
db.execute("BEGIN")
db.execute("INSERT INTO t VALUES (?)", (name,))
print("".join(s for s in ("-wal", "-shm", "-journal") if os.path.exists(path + s)), end=" ")
db.execute("COMMIT")
for row in db.execute("SELECT name FROM t"):
    print(row[0], end=" ")
db.execute("VACUUM")
print()
assert os.path.realpath(path).endswith("/needs-libtestenv-route.so/db/app.sqlite")
assert ".." not in os.path.realpath(path)
assert os.path.getsize(path) > 0
db.close()
