# SPDX-License-Identifier: MIT
"""Tests that commit, each inside a savepoint: the next sees nothing of it."""
import os

import pytest
from pytest_testenv import TestenvError

DIALECT = os.environ["TESTENV_DIALECT"]


def connect(autocommit=False):
    if DIALECT == "postgres":
        import psycopg2

        db = psycopg2.connect(os.environ["DATABASE_URL"])
        db.autocommit = autocommit
        return db
    if DIALECT == "mariadb":
        import pymysql

        return pymysql.connect(
            host=os.environ["MYSQL_HOST"],
            port=int(os.environ["MYSQL_TCP_PORT"]),
            user=os.environ["MYSQL_USER"],
            password=os.environ["MYSQL_PWD"],
            database=os.environ["MYSQL_DATABASE"],
            autocommit=autocommit,
        )
    import sqlite3

    path = os.environ["DATABASE_URL"].removeprefix("sqlite:///")
    return sqlite3.connect(path, isolation_level=None if autocommit else "")


def run(db, sql):
    cursor = db.cursor()
    cursor.execute(sql)
    rows = cursor.fetchall() if sql.startswith("SELECT") else None
    cursor.close()
    return rows


def count(db):
    return int(run(db, "SELECT count(*) FROM t")[0][0])


@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize("n", range(3))
def test_commits(testenv_savepoint, autocommit, n):
    outer = connect(autocommit)
    db = testenv_savepoint(outer)
    assert count(db) == 2
    run(db, "INSERT INTO t VALUES (7)")
    db.commit()
    run(db, "INSERT INTO t VALUES (8)")
    db.rollback()
    assert count(db) == 3
    with pytest.raises(ZeroDivisionError), db:
        run(db, "DELETE FROM t")
        raise ZeroDivisionError
    with db:
        run(db, "INSERT INTO t VALUES (9)")
    db.close()
    assert count(db) == 4
    assert count(connect()) == 2  # nobody else sees it


def test_a_failed_statement(testenv_savepoint):
    db = testenv_savepoint(connect())
    with pytest.raises(Exception):
        run(db, "INSERT INTO t VALUES (1)")  # there is one
    db.rollback()
    assert count(db) == 2


def test_ended_in_the_middle_of_a_failure(testenv_savepoint):
    db = testenv_savepoint(connect())
    with pytest.raises(Exception):
        run(db, "SELECT nothing FROM nowhere")


def test_two_connections(testenv_savepoint):
    testenv_savepoint(connect())
    assert count(testenv_savepoint(connect())) == 2


def test_what_it_cannot_hold(testenv_reset):
    from pytest_testenv import Savepoint

    outer = connect()
    db = Savepoint(outer)
    run(db, "INSERT INTO t VALUES (7)")
    run(db, "COMMIT")
    with pytest.raises(TestenvError) as e:
        db.undo()
    assert e.value.kind == "refused"
    assert "the savepoint is gone" in e.value.text
    outer.close()
    assert count(connect()) == 3
    testenv_reset()
    assert count(connect()) == 2
