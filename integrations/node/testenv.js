// SPDX-License-Identifier: MIT
// Databases from testenv for Node's test runners; no dependencies.
//
//   worker()        this worker's lease: taken at the first call, its variables
//                   then in process.env; what the runners' helpers call
//   lease(options)  one more, a fresh database: {timeout: milliseconds}
//   reset(lease)    back to the template's state (without: the worker's)
//   release(lease)  gives it back (without: the worker's)
//   savepoint(run)  one transaction in which a test runs, and which undo() takes
//                   back: see below
//   setup(args)     starts a session where none runs (TESTENV_SOCKET): `exec`
//                   with these options, else those of "testenv" in package.json;
//                   resolves to a function that ends it
//
// A lease has id, slot, url, env and scratch. It ends with its connection, and
// that with the process (or the worker thread), however that ends. A failure is
// a TestenvError: its kind is for programs.
'use strict';

const { spawn } = require('node:child_process');
const { readFileSync } = require('node:fs');
const net = require('node:net');
const { StringDecoder } = require('node:string_decoder');

const PROTOCOL = 1;
const LEASE_MS = 120000; // to wait for a free database
const ANSWER_MS = 60000; // for all else, and on top of a lease's own limit
const LINE_CHARS = 1 << 20;
// What holds a session open: `exec` ends it with its command, which ends when
// our end of the pipe is closed, by us or by the kernel.
const HOLD = `printf '%s\\n' "$TESTENV_SOCKET" "$TESTENV_SESSION"; exec cat >/dev/null`;

class TestenvError extends Error {
  constructor(kind, text, hint) {
    super(`testenv: ${text}${hint ? `\nhint: ${hint}` : ''}`);
    this.name = 'TestenvError';
    Object.assign(this, { kind, text, hint });
  }
}

// What a transaction's statements become inside another one.
const NESTED = [
  [/^\s*(begin|start\s+transaction)\b/i, ['SAVEPOINT testenv_inner']],
  [/^\s*(commit|end)\b/i, ['RELEASE SAVEPOINT testenv_inner']],
  [
    /^\s*(rollback|abort)(\s+(work|transaction))?\s*;?\s*$/i,
    ['ROLLBACK TO SAVEPOINT testenv_inner', 'RELEASE SAVEPOINT testenv_inner'],
  ],
];

// run(sql, ...rest) is how one connection runs a statement, a promise or not:
// (sql, values) => client.query(sql, values). Resolves to {run, undo}: `run` is
// for the code under test, whose BEGIN, COMMIT and ROLLBACK become those of a
// savepoint; undo() takes all back and leaves the connection as it was. What
// ends the transaction in another way (DDL in MariaDB) cannot be held: undo()
// then rejects, and reset() is the way.
async function savepoint(run) {
  await run('BEGIN');
  await run('SAVEPOINT testenv');
  let undone;
  return {
    async run(sql, ...rest) {
      const nested = NESTED.find(([pattern]) => pattern.test(sql));
      if (!nested) return run(sql, ...rest);
      let result;
      for (const statement of nested[1]) result = await run(statement);
      return result;
    },
    undo() {
      undone ??= (async () => {
        try {
          await run('ROLLBACK TO SAVEPOINT testenv');
        } catch (e) {
          throw new it.TestenvError(
            'refused',
            `the savepoint is gone: ${e.message}`,
            'something ended the transaction, what came before it stays: reset the database instead',
          );
        } finally {
          await Promise.resolve(run('ROLLBACK')).catch(() => {});
        }
      })();
      return undone;
    },
  };
}

class Connection {
  constructor(path) {
    this.waiting = new Map();
    this.last = 0;
    this.pending = '';
    this.decoder = new StringDecoder('utf8');
    this.socket = net.connect(path);
    this.socket.on('data', (data) => this.receive(data));
    this.socket.on('error', (e) => this.lose(e.message));
    this.socket.on('close', () => this.lose('it closed the connection'));
    // an idle connection keeps no process from ending
    this.socket.unref();
  }

  call(op, members = {}, wait = 0) {
    return new Promise((resolve, reject) => {
      if (this.lost) {
        reject(this.failure(op));
        return;
      }
      const id = ++this.last;
      // an answer that comes too late must not find its lease still held
      const timer = setTimeout(() => this.lose('no answer'), ANSWER_MS + wait);
      this.waiting.set(id, { op, resolve, reject, timer });
      this.socket.ref();
      this.socket.write(`${JSON.stringify({ id, op, ...members })}\n`);
    });
  }

  failure(op) {
    return new TestenvError('no-session', `the session was lost during '${op}': ${this.lost}`);
  }

  receive(data) {
    const lines = (this.pending + this.decoder.write(data)).split('\n');
    this.pending = lines.pop();
    if (this.pending.length > LINE_CHARS) this.lose('the answer is too long');
    for (const line of lines) {
      if (this.lost) return;
      try {
        this.answer(JSON.parse(line));
      } catch (e) {
        this.lose(e.message);
      }
    }
  }

  answer(reply) {
    const request = this.waiting.get(reply.id);
    if (!request || 'event' in reply) return;
    this.settle(reply.id);
    const e = reply.error ?? {};
    if (reply.ok === true) request.resolve(reply);
    else request.reject(new TestenvError(e.kind ?? 'protocol', e.text ?? `'${request.op}' failed`, e.hint));
  }

  settle(id) {
    clearTimeout(this.waiting.get(id).timer);
    this.waiting.delete(id);
    if (!this.waiting.size) this.socket.unref();
  }

  lose(why) {
    this.lost ??= why;
    this.socket.destroy();
    for (const [id, { op, reject }] of this.waiting) {
      this.settle(id);
      reject(this.failure(op));
    }
  }
}

function label() {
  const { JEST_WORKER_ID, VITEST_POOL_ID, MOCHA_WORKER_ID } = process.env;
  return VITEST_POOL_ID ?? JEST_WORKER_ID ?? MOCHA_WORKER_ID ?? 'master';
}

async function connect() {
  const path = process.env.TESTENV_SOCKET;
  if (!path)
    throw new TestenvError('no-session', 'no session: TESTENV_SOCKET is not set',
      "run this under 'testenv exec', or let the runner's global set-up start one");
  const connection = new Connection(path);
  await connection.call('hello', { version: PROTOCOL }).catch((e) => {
    if (e.kind === 'no-session')
      throw new TestenvError(e.kind, `nobody answers at TESTENV_SOCKET '${path}': ${connection.lost}`,
        'the session that set it has ended');
    throw e;
  });
  return connection;
}

// A promise that is made once, and again only after it failed.
function once(make) {
  let made;
  return {
    get: () => (made ??= make().catch((e) => { made = undefined; throw e; })),
    peek: () => made,
    forget: () => { made = undefined; },
  };
}

function create() {
  const connection = once(connect);

  async function lease({ timeout = LEASE_MS } = {}) {
    const it = await connection.get();
    const reply = await it.call('lease', { worker: label(), timeout_ms: timeout }, timeout);
    const env = Object.fromEntries((reply.env ?? []).map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at), entry.slice(at + 1)];
    }));
    return { id: reply.lease, slot: reply.slot, url: env.DATABASE_URL, env, scratch: env.TESTENV_SCRATCH };
  }

  const own = once(async () => {
    const mine = await lease();
    Object.assign(process.env, mine.env);
    return mine;
  });

  async function reset(which) {
    const { id } = which ?? await own.get();
    await (await connection.get()).call('reset', { lease: id });
  }

  async function release(which) {
    const given = which ?? await own.peek();
    if (!given || given.released) return;
    given.released = true;
    if (!which) own.forget();
    // with the connection the lease has ended already
    await (await connection.get()).call('release', { lease: given.id })
      .catch((e) => { if (e.kind !== 'no-session') throw e; });
  }

  return { TestenvError, lease, reset, release, setup, worker: own.get };
}

function project() {
  try {
    return JSON.parse(readFileSync('package.json', 'utf8')).testenv;
  } catch (e) {
    if (e.code === 'ENOENT') return undefined;
    throw e;
  }
}

// The first two lines of its output; undefined if it ended before.
function firstLines(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.on('error', reject);
    child.on('close', () => resolve(undefined));
    child.stdout.setEncoding('utf8').on('data', (some) => {
      text += some;
      const lines = text.split('\n');
      if (lines.length > 2) resolve(lines);
    });
  });
}

async function setup(args) {
  if (process.env.TESTENV_SOCKET) return async () => {};
  const bin = process.env.TESTENV_BIN ?? 'testenv';
  const all = ['exec', ...(args ?? project() ?? []), '--', 'sh', '-c', HOLD];
  // a group of its own: a Ctrl-C is the runner's, the session ends after it
  const child = spawn(bin, all, { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = new Promise((resolve) => { child.on('exit', resolve); });
  child.stdin.on('error', () => {});
  const lines = await firstLines(child).catch((e) => {
    throw new TestenvError('not-found', `cannot run '${bin}': ${e.message}`,
      'put testenv into PATH, or its path into TESTENV_BIN');
  });
  if (!lines)
    throw new TestenvError('no-session', `'${bin} exec' started no session`, 'it has said above why');
  [process.env.TESTENV_SOCKET, process.env.TESTENV_SESSION] = lines;
  for (const it of [child, child.stdin, child.stdout]) it.unref();
  return async () => {
    delete process.env.TESTENV_SOCKET;
    delete process.env.TESTENV_SESSION;
    child.ref();
    const late = setTimeout(() => child.kill('SIGKILL'), ANSWER_MS); // its watchdog cleans up
    child.stdin.end();
    await exit;
    clearTimeout(late);
  };
}

// One for all that load this file in a process: runners load test files, and
// what they require, more than once.
const it = (globalThis[Symbol.for('dev.testenv')] ??= create());
exports.TestenvError = it.TestenvError;
exports.worker = it.worker;
exports.lease = it.lease;
exports.reset = it.reset;
exports.savepoint = savepoint;
exports.release = it.release;
exports.setup = it.setup;
