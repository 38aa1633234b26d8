# SPDX-License-Identifier: MIT
"""pytest fixtures for databases from testenv.

Under `testenv exec` or `up` (TESTENV_SOCKET is set) this is a client of that
session. Where there is none and --testenv-db or --testenv-args (or the ini
options of those names, with underscores) say which, one is started for the run
and is gone after it. With xdist each worker process has leases of its own.

    testenv         the connection: testenv.lease() for whatever else is wanted
    testenv_worker  this worker's lease, for the whole run (scope session)
    testenv_url     its URL
    testenv_reset   a test with it begins with that database as the template is;
                    called, it resets it again
    testenv_module  a fresh database for each module
    testenv_db      a fresh database for each test
    testenv_savepoint  testenv_savepoint(connection) gives a connection (DB-API)
                    of which nothing stays when the test is over; see Savepoint
    testenv_scratch an empty directory for each test, which a child process finds
                    as its own in TESTENV_SCRATCH

A lease has .url, .env (its variables), .slot, .id, .scratch, .reset() and
.release(); as long as its fixture lives, its variables are in os.environ. It
ends with the connection, and that ends with the process, however that ends.
"""
import contextlib
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

PROTOCOL = 1
LEASE_S = 120  # to wait for a free database; ini: testenv_timeout
ANSWER_S = 60  # for all else, and on top of a lease's own limit
START_S = 900  # a first start may pull an image
LINE_BYTES = 1 << 20
# What holds a session open: `exec` ends it with its command, which ends when
# our end of the pipe is closed, by us or by the kernel.
HOLD = (
    'printf "%s\\n" "$TESTENV_SOCKET" "$TESTENV_SESSION" "$TESTENV_BACKEND" '
    '"$TESTENV_FALLBACK_REASON"; exec cat >/dev/null'
)


class TestenvError(Exception):
    """What testenv answered: .kind is for programs, .hint may be None."""

    __test__ = False

    def __init__(self, kind, text, hint=None):
        super().__init__(f"testenv: {text}" + (f"\nhint: {hint}" if hint else ""))
        self.kind, self.text, self.hint = kind, text, hint


class Lease:
    """One database, ours until release() or the end of this process."""

    def __init__(self, connection, reply):
        self._connection = connection
        self.id = reply["lease"]
        self.slot = reply.get("slot")
        self.env = dict(entry.split("=", 1) for entry in reply.get("env", []))
        self.url = self.env.get("DATABASE_URL")
        scratch = self.env.get("TESTENV_SCRATCH")
        self.scratch = pathlib.Path(scratch) if scratch else None

    def reset(self):
        """Back to the template's state; connections to it are cut."""
        self._connection.call("reset", lease=self.id)

    def release(self):
        """Gives it back. A second time, or after the session's end: nothing."""
        if self.id is not None:
            lease, self.id = self.id, None
            self._connection.release(lease)


class Savepoint:
    """A DB-API connection inside one transaction, undone by undo().

    What it does not have itself it takes from the connection it was made of.
    commit(), rollback() and close() end at a savepoint and not at the
    transaction, so that code under test may call them; another connection sees
    nothing of it. No database work but two statements a test. It cannot hold
    what ends the transaction behind its back (COMMIT as text, executescript()
    of sqlite3, DDL in MariaDB): undo() then raises 'refused', and a reset of
    the database is the way.
    """

    def __init__(self, connection):
        self._connection, self._undone = connection, False
        if _needs_begin(connection):
            self._run("BEGIN")
        self._run("SAVEPOINT testenv")

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.rollback() if kind else self.commit()

    def _run(self, sql):
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
        finally:
            cursor.close()

    def commit(self):
        self._run("RELEASE SAVEPOINT testenv")
        self._run("SAVEPOINT testenv")

    def rollback(self):
        self._run("ROLLBACK TO SAVEPOINT testenv")

    close = rollback

    def undo(self):
        """Ends the transaction and takes all back. The connection stays open."""
        if self._undone:
            return
        self._undone = True
        try:
            self._run("ROLLBACK TO SAVEPOINT testenv")
        except Exception as e:
            with contextlib.suppress(Exception):
                self._connection.rollback()
            raise TestenvError(
                "refused",
                f"the savepoint is gone: {e}",
                "something ended the transaction, what came before it stays: "
                "reset the database instead",
            ) from e
        self._run("ROLLBACK")
        self._connection.rollback()  # for what the driver itself remembers


def _needs_begin(connection):
    """Drivers begin a transaction by themselves, unless they are told not to."""
    if hasattr(connection, "in_transaction"):  # sqlite3: only before INSERT …
        return not connection.in_transaction
    get = getattr(connection, "get_autocommit", None)
    return (get() if get else getattr(connection, "autocommit", False)) is True


class Connection:
    """A session's socket. Threads may share it; a forked child may not."""

    def __init__(self, path, worker):
        self.worker = worker
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        self._pending, self._last = b"", 0
        try:
            self._socket.settimeout(ANSWER_S)
            self._socket.connect(path)
        except OSError as e:
            self.close()
            raise TestenvError(
                "no-session",
                f"nobody answers at TESTENV_SOCKET '{path}': {e.strerror or e}",
                "the session that set it has ended",
            ) from e
        # a child that we fork must not keep our leases when we are gone
        os.register_at_fork(after_in_child=self.close)
        self.call("hello", version=PROTOCOL)

    def close(self):
        self._socket.close()

    def lease(self, timeout=LEASE_S):
        """A fresh database; TestenvError 'busy' if none is free in time."""
        return Lease(
            self,
            self.call(
                "lease",
                wait=timeout,
                worker=self.worker,
                timeout_ms=int(timeout * 1000),
            ),
        )

    def release(self, lease):
        # with the connection the lease has ended already
        with contextlib.suppress(TestenvError):
            self.call("release", lease=lease)

    def call(self, op, wait=0, **members):
        with self._lock:
            self._last += 1
            request = {"id": self._last, "op": op, **members}
            try:
                reply = self._exchange(request, time.monotonic() + ANSWER_S + wait)
            except (OSError, ValueError) as e:
                # an answer that comes too late must not answer the next
                self.close()
                why = "no answer" if isinstance(e, TimeoutError) else e
                raise TestenvError(
                    "no-session", f"the session was lost during '{op}': {why}"
                ) from e
        if reply.get("ok") is not True:
            error = reply.get("error") or {}
            raise TestenvError(
                error.get("kind", "protocol"),
                error.get("text", f"'{op}' failed"),
                error.get("hint"),
            )
        return reply

    def _exchange(self, request, deadline):
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            reply = json.loads(self._line(deadline))
            if not isinstance(reply, dict):
                raise ValueError("the answer is no object")
            if "event" not in reply and reply.get("id") == request["id"]:
                return reply

    def _line(self, deadline):
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            some = self._socket.recv(65536)
            if not some:
                raise OSError("it closed the connection")
            self._pending += some
            if len(self._pending) > LINE_BYTES:
                raise ValueError("the answer is too long")
        line, self._pending = self._pending.split(b"\n", 1)
        return line


class Session:
    """A session of our own, held open by a pipe."""

    def __init__(self, args, cwd):
        command = [os.environ.get("TESTENV_BIN", "testenv"), "exec", *args]
        with tempfile.TemporaryFile() as err:
            try:
                self._process = subprocess.Popen(
                    [*command, "--", "sh", "-c", HOLD],
                    cwd=cwd,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=err,
                    # a Ctrl-C is ours; the session ends after the fixtures
                    start_new_session=True,
                )
            except OSError as e:
                raise pytest.UsageError(
                    f"testenv: cannot run '{command[0]}': {e.strerror}\n"
                    "hint: put testenv into PATH, or its path into TESTENV_BIN"
                ) from e
            os.register_at_fork(after_in_child=self._process.stdin.close)
            watch = threading.Timer(START_S, self._process.terminate)
            watch.start()
            # bytes of a path need not be UTF-8
            lines = [os.fsdecode(self._process.stdout.readline()) for _ in range(4)]
            watch.cancel()
            if not lines[3]:
                self.end()
                err.seek(0)
                said = err.read().decode(errors="replace").strip()
                raise pytest.UsageError(
                    f"{said or 'testenv: no answer'}\n"
                    f"(this was: {shlex.join(command)})"
                )
        self.socket, self.id, self.backend, self.reason = (x[:-1] for x in lines)

    def end(self):
        self._process.stdin.close()
        try:
            self._process.wait(ANSWER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its watchdog cleans up
            self._process.wait()
        self._process.stdout.close()


def pytest_addoption(parser):
    group = parser.getgroup("testenv", "databases from testenv")
    for name, metavar, text in (
        ("db", "DB", "where no session runs, start one with 'exec --db DB'"),
        ("args", "ARGS", "more options of 'testenv exec' for that session"),
    ):
        group.addoption(f"--testenv-{name}", metavar=metavar, help=text)
        parser.addini(f"testenv_{name}", text)
    parser.addini(
        "testenv_timeout", "seconds a lease may wait (120)", default=str(LEASE_S)
    )
    parser.addini(
        "testenv_optional",
        "skip what needs a database where there is no session (false: an error)",
        type="bool",
        default=False,
    )


def _wished(config):
    """Options of the session to start, or None."""

    def said(name):
        value = config.getoption(f"testenv_{name}")
        return config.getini(f"testenv_{name}") if value is None else value

    db, args = said("db"), said("args")
    if not db and not args:
        return None
    return (["--db", db] if db else []) + shlex.split(args or "")


def pytest_configure(config):
    config.testenv_session = None
    # the workers of xdist find what their controller started
    if hasattr(config, "workerinput") or os.environ.get("TESTENV_SOCKET"):
        return
    if config.option.collectonly or _wished(config) is None:
        return
    session = config.testenv_session = Session(_wished(config), config.rootpath)
    config.testenv_undo = contextlib.ExitStack()
    config.testenv_undo.callback(session.end)
    config.testenv_undo.enter_context(
        _exported({"TESTENV_SOCKET": session.socket, "TESTENV_SESSION": session.id})
    )


def pytest_unconfigure(config):
    if getattr(config, "testenv_session", None):
        config.testenv_session = None
        config.testenv_undo.close()


def pytest_report_header(config):
    session = config.testenv_session
    if not session:
        return None
    why = f" ({session.reason})" if session.reason else ""
    return f"testenv: session {session.id}, backend {session.backend}{why}"


@contextlib.contextmanager
def _exported(env):
    before = {name: os.environ.get(name) for name in env}
    os.environ.update(env)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _leased(connection, config):
    lease = connection.lease(float(config.getini("testenv_timeout")))
    try:
        with _exported(lease.env):
            yield lease
    finally:
        lease.release()


@pytest.fixture(scope="session")
def testenv(request):
    path = os.environ.get("TESTENV_SOCKET")
    if not path:
        text = (
            "testenv: no session: run pytest under 'testenv exec', "
            "or say with --testenv-db which to start"
        )
        if request.config.getini("testenv_optional"):
            pytest.skip(text)
        pytest.fail(text, pytrace=False)
    worker = getattr(request.config, "workerinput", {}).get("workerid", "master")
    connection = Connection(path, worker)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def testenv_worker(testenv, pytestconfig):
    with _leased(testenv, pytestconfig) as lease:
        yield lease


@pytest.fixture(scope="session")
def testenv_url(testenv_worker):
    return testenv_worker.url


@pytest.fixture
def testenv_reset(testenv_worker):
    testenv_worker.reset()
    return testenv_worker.reset


@pytest.fixture(scope="module")
def testenv_module(testenv, pytestconfig):
    with _leased(testenv, pytestconfig) as lease:
        yield lease


@pytest.fixture
def testenv_db(testenv, pytestconfig):
    with _leased(testenv, pytestconfig) as lease:
        yield lease


@pytest.fixture
def testenv_savepoint():
    with contextlib.ExitStack() as undo:

        def wrap(connection):
            savepoint = Savepoint(connection)
            undo.callback(savepoint.undo)
            return savepoint

        yield wrap


@pytest.fixture
def testenv_scratch(testenv_worker):
    path = tempfile.mkdtemp(prefix="test-", dir=testenv_worker.scratch)
    with _exported({"TESTENV_SCRATCH": path}):
        yield pathlib.Path(path)
    shutil.rmtree(path, ignore_errors=True)
