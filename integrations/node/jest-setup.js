// SPDX-License-Identifier: MIT
// globalSetup: 'testenv/jest-setup', with globalTeardown: 'testenv/jest-teardown'
'use strict';
const { setup } = require('./testenv.js');

module.exports = async () => {
  globalThis[Symbol.for('dev.testenv.end')] = await setup();
};
