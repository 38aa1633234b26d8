# SPDX-License-Identifier: MIT
"""Load on a session: load.py owners|routed TOGETHER EACH | connections N

owners: so many processes at once take so many leases each, one after another;
every lease's file must hold the row just written and no other.
routed: so many at once start so many processes each, one after another, that
connect to DATABASE_URL (Postgres, --owner process); each must see its own row
and no other, on a second connection as well.
connections: so many are opened to DATABASE_URL and given up in every bad way.
Either way the session's process must be as small after it as before, with as
many descriptors.
"""

import json
import os
import random
import select
import socket
import sqlite3
import struct
import sys
import time
from urllib.parse import urlsplit


class Session:
    def __init__(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["TESTENV_SOCKET"])
        self.file = self.sock.makefile("rwb")
        self.ask(op="hello", version=1)

    def ask(self, **what):
        self.file.write(json.dumps(what).encode() + b"\n")
        self.file.flush()
        answer = json.loads(self.file.readline())
        if not answer["ok"]:
            raise SystemExit("%s: %s" % (what, answer["error"]))
        return answer

    def pid(self):
        cred = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return struct.unpack("3i", cred)[0]

    def close(self):
        self.file.close()
        self.sock.close()


def measure(pid):
    with open("/proc/%d/status" % pid) as f:
        rss = next(int(x.split()[1]) for x in f if x.startswith("VmRSS"))
    return len(os.listdir("/proc/%d/fd" % pid)), rss


def one_lease(session, me):
    lease = session.ask(op="lease", worker=me, timeout_ms=60000)
    env = dict(x.split("=", 1) for x in lease["env"])
    db = sqlite3.connect(env["DATABASE_URL"][len("sqlite:///"):])
    db.execute("insert into seen values (1, ?)", (me,))
    db.commit()
    rows = db.execute("select who from seen").fetchall()
    db.close()
    if rows != [(me,)]:
        raise SystemExit("%s saw %s" % (me, rows))
    return lease["lease"]


def leases(each):
    session = Session()
    for i in range(each):
        lease = one_lease(session, "%d.%d" % (os.getpid(), i))
        if i % 2:
            session.ask(op="release", lease=lease)
        else:  # the connection's end is the lease's
            session.close()
            session = Session()
    session.close()


def forked(together, fn, each):
    children = []
    for _ in range(together):
        pid = os.fork()
        if pid == 0:
            fn(each)
            os._exit(0)
        children.append(pid)
    codes = [os.waitpid(pid, 0)[1] for pid in children]
    if any(codes):
        raise SystemExit("of %d processes %d failed" %
                         (together, len([c for c in codes if c])))


def owners(together, each):
    forked(together, leases, each)


URL = urlsplit(os.environ["DATABASE_URL"])


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


START = message(b"", struct.pack("!i", 196608) +
                b"user\0%s\0database\0%s\0\0" %
                ((URL.username or "").encode(), URL.path[1:].encode()))
QUERY = message(b"Q", b"select repeat('x', 100000)\0")


def receive(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            raise SystemExit("the connection has ended")
        data += piece
    return data


def until_ready(s):
    """The columns of all rows up to ReadyForQuery; they have one each."""
    rows = []
    while True:
        kind, size = struct.unpack("!ci", receive(s, 5))
        body = receive(s, size - 4)
        if kind == b"E" or kind == b"R" and body != b"\0\0\0\0":
            raise SystemExit("refused: %s" % body)
        if kind == b"D":
            rows.append(body[6:].decode())
        if kind == b"Z":
            return rows


def log_in():
    s = socket.create_connection((URL.hostname, URL.port), 300)
    s.sendall(START)
    until_ready(s)
    return s


def ask(s, sql):
    s.sendall(message(b"Q", sql.encode() + b"\0"))
    return until_ready(s)


def one_owner():
    me = str(os.getpid())
    with log_in() as s, log_in() as again:
        ask(s, "insert into seen values (1, '%s')" % me)
        for rows in ask(s, "select who from seen"), ask(again, "select who "
                                                        "from seen"):
            if rows != [me]:
                raise SystemExit("%s saw %s" % (me, rows))


def processes(each):
    for _ in range(each):
        forked(1, lambda _: one_owner(), 0)


def routed(together, each):
    forked(together, processes, each)


def bad_connection(how):
    s = socket.create_connection((URL.hostname, URL.port), 30)
    if how % 2:  # a reset instead of an end
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
    if how >= 2:
        cut = random.randrange(1, len(START))
        s.sendall(START[:cut] if how < 4 else START)
    if how >= 6:  # in the middle of a packet, or of its answer
        select.select([s], [], [], 10)
        s.sendall(QUERY[:random.randrange(1, len(QUERY) + 1)])
    if how >= 8:
        s.shutdown(socket.SHUT_WR)
        select.select([s], [], [], 10)
    s.close()


def bad_connections(n):
    random.seed(os.getpid())
    for i in range(n):
        bad_connection(i % 10)


def connections(n):
    forked(8, bad_connections, n // 8)


def slots(session):
    """How many there are by now: each may have a descriptor."""
    return len(session.ask(op="status")["pool"]["slots"])


def settled(pid, fds):
    """What is measured once all is given back, or a minute later."""
    end = time.monotonic() + 60
    now = measure(pid)
    while now[0] > fds and time.monotonic() < end:
        select.select([], [], [], 0.05)
        now = measure(pid)
    return now


def main():
    what, counts = sys.argv[1], [int(x) for x in sys.argv[2:]]
    run = {"owners": owners, "routed": routed,
           "connections": connections}[what]
    session = Session()
    pid = session.pid()
    idle = measure(pid)[0]
    # what is allocated once is no leak
    run(*([400] if what == "connections" else [counts[0], 2]))
    before, made = settled(pid, idle), slots(session)
    began = time.monotonic()
    run(*counts)
    took = time.monotonic() - began
    made = max(slots(session) - made, 0)
    after = settled(pid, before[0] + made)
    print("%s %s in %.1f s: %d descriptors, then %d; %d kB, then %d" %
          (what, counts, took, before[0], after[0], before[1], after[1]))
    if after[0] > before[0] + made:
        raise SystemExit("descriptors are lost")
    if after[1] > before[1] + 2048:
        raise SystemExit("memory has grown")


main()
