# SPDX-License-Identifier: MIT
"""A supervisor for the integrations' tests: the socket of a session, its leases
SQLite files, and every fault on demand.

    fake_supervisor.py DIR [MODE]

listens on DIR/sock, with three databases, and writes to DIR/log a line for each
lease, reset and release, and for each lease whose connection ended. MODE is what
it does to a lease: busy, plain (an error of a word), garbage, close, silent,
late (an event and another's answer come first), long; or old: refuses hello.
"""
import asyncio
import json
import os
import shutil
import sqlite3
import sys

DATABASES = 3


class Fake:
    def __init__(self, folder, mode):
        self.folder, self.mode = folder, mode
        self.free = list(range(DATABASES))
        self.changed = asyncio.Condition()
        self.last = 0

    def note(self, *words):
        with open(os.path.join(self.folder, "log"), "a") as log:
            print(*words, file=log)

    def path(self, slot):
        return os.path.join(self.folder, f"{slot}.sqlite")

    def fresh(self, slot):
        if os.path.exists(self.path(slot)):
            os.unlink(self.path(slot))
        with sqlite3.connect(self.path(slot)) as db:
            db.execute("create table t (x)")

    async def serve(self, reader, writer):
        leases, tasks = {}, []
        try:
            while line := await reader.readline():
                request = json.loads(line)
                # what waits does not hold up what comes later
                tasks.append(
                    asyncio.create_task(self.reply(request, leases, writer))
                )
        except ConnectionError:
            pass
        for task in tasks:
            task.cancel()
        for lease in list(leases):
            self.note("closed", lease)
            await self.give_back(leases, lease)
        writer.close()

    async def reply(self, request, leases, writer):
        reply = await self.answer(request, leases, writer)
        if reply is None:
            writer.close()
            return
        reply["id"] = request.get("id")
        writer.write(json.dumps(reply).encode() + b"\n")

    def scratch(self, lease):
        return os.path.join(self.folder, "scratch", lease)

    async def give_back(self, leases, lease):
        shutil.rmtree(self.scratch(lease))
        async with self.changed:
            self.free.append(leases.pop(lease))
            self.changed.notify_all()

    async def answer(self, request, leases, writer):
        op = request["op"]
        if op == "hello":
            if self.mode == "old":
                return error("protocol", "version 1 is not spoken here")
            return {"ok": True, "session": "fake"}
        if op == "lease":
            return await self.lease(request, leases, writer)
        lease = request["lease"]
        if lease not in leases:
            return error("usage", f"there is no lease '{lease}'")
        self.note(op, lease)
        if op == "release":
            await self.give_back(leases, lease)
        else:
            self.fresh(leases[lease])
        return {"ok": True}

    async def lease(self, request, leases, writer):
        if self.mode == "busy":
            return error("busy", "all 3 databases are in use", "wait a little")
        if self.mode == "plain":
            return {"ok": False}
        if self.mode == "garbage":
            writer.write(b"no object\n")
        if self.mode == "long":
            writer.write(b"x" * (3 << 20))
        if self.mode == "close":
            return None
        if self.mode == "late":
            writer.write(b'{"event":"step"}\n{"id":-1,"ok":false}\n')
        if self.mode in ("garbage", "long", "silent"):
            await asyncio.sleep(3600)
        async with self.changed:
            limit = request.get("timeout_ms", 10000) / 1000
            try:
                await asyncio.wait_for(
                    self.changed.wait_for(lambda: self.free), limit
                )
            except asyncio.TimeoutError:
                return error("busy", "no database became free")
            slot = self.free.pop(0)
        self.last += 1
        name = f"L{self.last}"
        leases[name] = slot
        self.fresh(slot)
        os.makedirs(self.scratch(name))
        self.note("lease", name, request.get("worker", ""))
        env = {
            "DATABASE_URL": f"sqlite:///{self.path(slot)}",
            "TESTENV_LEASE": name,
            "TESTENV_SCRATCH": self.scratch(name),
            "TESTENV_WORKER": request.get("worker", ""),
        }
        return {
            "ok": True,
            "lease": name,
            "slot": slot,
            "env": [f"{k}={v}" for k, v in env.items()],
        }


def error(kind, text, hint=None):
    told = {"kind": kind, "text": text}
    if hint:
        told["hint"] = hint
    return {"ok": False, "error": told}


async def main(folder, mode=""):
    fake = Fake(folder, mode)
    server = await asyncio.start_unix_server(
        fake.serve, os.path.join(folder, "sock"), limit=1 << 20
    )
    async with server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
