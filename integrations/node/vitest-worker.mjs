// SPDX-License-Identifier: MIT
// test.setupFiles: 'testenv/vitest-worker': before each test file
import { worker } from './testenv.js';

await worker();
