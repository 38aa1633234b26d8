// SPDX-License-Identifier: MIT
// test.globalSetup: 'testenv/vitest-setup'
import { setup } from './testenv.js';

export default () => setup();
