// SPDX-License-Identifier: MIT
// Without a runner, as a module: all calls, in threads, too; nothing is
// released at the end, and the process ends by itself.
import assert from 'node:assert';
import { Worker, isMainThread } from 'node:worker_threads';
import { lease, release, reset, worker } from 'testenv';

if (isMainThread) {
  const mine = await worker();
  assert.strictEqual(await worker(), mine);
  assert.strictEqual(process.env.DATABASE_URL, mine.url);
  const [a, b] = await Promise.all([lease(), lease()]);
  assert.strictEqual(new Set([a.url, b.url, mine.url]).size, 3);
  await assert.rejects(lease({ timeout: 100 }), { kind: 'busy', text: 'no database became free' });
  const late = lease(); // waits, and holds up nothing
  await reset(b);
  await release(a);
  await release(a);
  assert.strictEqual((await late).url, a.url);
  await release(await late);
  await assert.rejects(reset(a), { kind: 'usage', text: `there is no lease '${a.id}'` });
  // the lease of a thread ends with it
  for (let n = 0; n < 3; n++)
    await new Promise((done) => { new Worker(new URL(import.meta.url)).on('exit', done); });
  await release();
  assert.notStrictEqual((await worker()).id, mine.id);
} else {
  await worker();
  process.exit(0);
}
