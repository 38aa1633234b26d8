// SPDX-License-Identifier: MIT
'use strict';
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const { appendFileSync } = require('node:fs');

exports.query = (url, sql) =>
  execFileSync('sqlite3', [url.replace(/^sqlite:\/\/\//, ''), sql], { encoding: 'utf8' }).trim();

// What every test file of every runner does, with the variables it sees: its
// worker's database begins as the template, whoever had it before; and others
// at the same time write into theirs. Five rounds, the runner's label with each.
exports.rounds = async (testenv, label) => {
  const { env } = process;
  const url = env.DATABASE_URL;
  const mine = await testenv.worker();
  assert.strictEqual(mine.url, url);
  assert.strictEqual(env.TESTENV_LEASE, mine.env.TESTENV_LEASE);
  assert.strictEqual(env.TESTENV_WORKER, label);
  appendFileSync(`${env.SEEN}/workers`, `${label} ${process.pid} ${url}\n`);
  for (let n = 0; n < 5; n++) {
    await testenv.reset();
    assert.strictEqual(exports.query(url, 'select count(*) from t'), '0');
    exports.query(url, `insert into t values (${n})`);
    await new Promise((done) => { setTimeout(done, 20); });
    assert.strictEqual(exports.query(url, 'select * from t'), String(n));
  }
  const other = await testenv.lease();
  assert.notStrictEqual(other.url, url);
  assert.strictEqual(exports.query(other.url, 'select count(*) from t'), '0');
  await testenv.release(other);
};
