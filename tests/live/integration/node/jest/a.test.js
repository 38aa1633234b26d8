// SPDX-License-Identifier: MIT
const testenv = require('testenv');
const { rounds } = require('../common.js');

test('rounds', () => rounds(testenv, process.env.JEST_WORKER_ID));
