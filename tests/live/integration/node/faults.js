// SPDX-License-Identifier: MIT
// node faults.js KIND TEXT [HINT]: what a lease fails with.
'use strict';
const assert = require('node:assert');
const testenv = require('testenv');

const [kind, text, hint] = process.argv.slice(2);
assert.rejects(testenv.lease({ timeout: 200 }), (e) => {
  assert.ok(e instanceof testenv.TestenvError && e instanceof Error);
  assert.strictEqual(e.kind, kind);
  assert.match(e.text, new RegExp(`^${text}$`));
  assert.strictEqual(e.hint, hint);
  assert.strictEqual(e.message, `testenv: ${e.text}${hint ? `\nhint: ${hint}` : ''}`);
  return true;
});
