// SPDX-License-Identifier: MIT
// A test's transactions inside one that is undone, over a sqlite3 child.
'use strict';
const assert = require('node:assert');
const { spawn } = require('node:child_process');
const testenv = require('testenv');

const path = process.env.DATABASE_URL.replace(/^sqlite:\/\//, '');
// errors in their place in the output
const child = spawn('sh', ['-c', 'exec sqlite3 "$0" 2>&1', path], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
let out = '';
let wake = () => {};
child.stdout.on('data', (d) => ((out += d), wake()));

// one after the other, and an error is a rejection
async function run(sql) {
  out = '';
  child.stdin.write(`${sql};\n.print DONE\n`);
  while (!out.endsWith('DONE\n')) await new Promise((r) => (wake = r));
  if (/error/i.test(out)) throw new Error(out.slice(0, -5).trim());
  return out.slice(0, -5).trim();
}

(async () => {
  for (let i = 0; i < 3; i++) {
    const held = await testenv.savepoint(run);
    await held.run('INSERT INTO t VALUES (7)');
    await held.run('BEGIN');
    await held.run('INSERT INTO t VALUES (8)');
    await held.run('ROLLBACK');
    await held.run('begin transaction');
    await held.run('INSERT INTO t VALUES (9)');
    await held.run('Commit;');
    assert.equal(await held.run('SELECT count(*) FROM t'), '4');
    await held.undo();
    await held.undo();
    assert.equal(await run('SELECT count(*) FROM t'), '2');
  }
  const lost = await testenv.savepoint(run);
  await run('COMMIT');
  await assert.rejects(lost.undo(), (e) => e.kind === 'refused' && /the savepoint is gone/.test(e.text));
  child.stdin.end();
})();
