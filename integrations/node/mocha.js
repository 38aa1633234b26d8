// SPDX-License-Identifier: MIT
// mocha --require testenv/mocha, with --parallel or without
'use strict';
const testenv = require('./testenv.js');
let end;

exports.mochaGlobalSetup = async () => {
  end = await testenv.setup();
};
exports.mochaGlobalTeardown = async () => {
  await end?.();
};
exports.mochaHooks = {
  async beforeAll() {
    await testenv.worker();
  },
};
