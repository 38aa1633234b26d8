# SPDX-License-Identifier: MIT
"""A suite that has never heard of testenv.

The tests of one process share its database, as pytest's tests do: what is
compared is the process. Each module-wide connection is opened anew, so that
the address is asked more than once.
"""

import os
import socket
import time
from urllib.parse import urlsplit

import pytest

ME = "%s process %d" % (socket.gethostname()[:20], os.getpid())


def connect():
    url = os.environ["DATABASE_URL"]
    if url.startswith("postgres"):
        import psycopg2

        return psycopg2.connect(url)
    if url.startswith("sqlite"):
        import sqlite3

        return sqlite3.connect(url[len("sqlite:///"):])
    import pymysql

    u = urlsplit(url)
    return pymysql.connect(host=u.hostname, port=u.port, user=u.username,
                           password=u.password, database=u.path[1:])


@pytest.fixture(scope="module", autouse=True)
def my_row():
    db = connect()
    db.cursor().execute("insert into seen values (1, '%s')" % ME)
    db.commit()
    db.close()


@pytest.mark.parametrize("n", range(12))
def test_only_my_row(n):
    db = connect()
    try:
        c = db.cursor()
        c.execute("select who from seen")
        rows = [r[0] for r in c.fetchall()]
        assert rows == [ME], "%s saw %s" % (ME, rows)
        # so that no worker does all of the work
        time.sleep(0.02)
    finally:
        db.close()
