// SPDX-License-Identifier: MIT
// A lease, a child that lives on, and the end.
'use strict';
const { spawn } = require('node:child_process');
const { writeFileSync } = require('node:fs');
const testenv = require('testenv');

exports.die = async () => {
  await testenv.worker();
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  writeFileSync(`${process.env.SEEN}/child`, String(child.pid));
  process.kill(process.pid, 'SIGKILL');
};
if (require.main === module) testenv.setup(process.argv.slice(2)).then(exports.die);
