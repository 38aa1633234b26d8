# SPDX-License-Identifier: MIT
"""What a process learnt is not its child's: the child asks for itself. The
supervisor takes each process for an owner here."""
import os
import sqlite3
import sys

path = sys.argv[1]


def rows(name):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE IF NOT EXISTS t(name TEXT)")
    db.execute("INSERT INTO t VALUES (?)", (name,))
    db.commit()
    return [r[0] for r in db.execute("SELECT name FROM t")]


rows("parent")
pid = os.fork()
if pid == 0:
    os._exit(rows("child") != ["child"])
_, status = os.waitpid(pid, 0)
print("own" if status == 0 and rows("again") == ["parent", "again"] else "shared")
