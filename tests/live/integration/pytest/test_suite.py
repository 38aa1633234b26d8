# SPDX-License-Identifier: MIT
"""A suite that uses every fixture; what a test leaves behind in its database,
the next must not see."""
import os
import pathlib
import sqlite3
import subprocess

import pytest


def query(url, sql):
    with sqlite3.connect(url.removeprefix("sqlite:///")) as db:
        return db.execute(sql).fetchall()


@pytest.mark.parametrize("n", range(6))
def test_each_begins_anew(testenv_db, n):
    assert os.environ["DATABASE_URL"] == testenv_db.url
    assert os.environ["TESTENV_LEASE"] == testenv_db.id
    assert query(testenv_db.url, "select * from t") == []
    query(testenv_db.url, f"insert into t values ({n})")
    testenv_db.reset()
    assert query(testenv_db.url, "select * from t") == []
    query(testenv_db.url, f"insert into t values ({n})")


def test_worker(testenv_url, testenv_worker):
    label = os.environ.get("PYTEST_XDIST_WORKER", "master")
    assert testenv_worker.env["TESTENV_WORKER"] == label
    assert os.environ["TESTENV_WORKER"] == label
    assert testenv_url == testenv_worker.url
    query(testenv_url, "insert into t values (1)")


@pytest.mark.parametrize("n", range(3))
def test_reset(testenv_url, testenv_reset, n):
    assert query(testenv_url, "select * from t") == []
    query(testenv_url, f"insert into t values ({n})")
    testenv_reset()
    assert query(testenv_url, "select * from t") == []
    query(testenv_url, f"insert into t values ({n})")


@pytest.mark.parametrize("n", range(2))
def test_scratch(testenv_worker, testenv_scratch, n):
    assert list(testenv_scratch.iterdir()) == []
    assert testenv_scratch.parent == testenv_worker.scratch
    subprocess.run('echo x > "$TESTENV_SCRATCH/file"', shell=True, check=True)
    assert (testenv_scratch / "file").read_text() == "x\n"
    with open(pathlib.Path(os.environ["SEEN"]) / "scratches", "a") as f:
        print(testenv_scratch, file=f)


def test_module_1(testenv_module):
    query(testenv_module.url, "insert into t values (1)")


@pytest.mark.parametrize("n", range(2))
def test_two_at_once(testenv_url, testenv_db, n):
    assert testenv_url != testenv_db.url
