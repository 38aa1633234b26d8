// SPDX-License-Identifier: MIT
const testenv = require('testenv');
const { rounds } = require('../common.js');

it('rounds', () => rounds(testenv, process.env.MOCHA_WORKER_ID ?? 'master'));
