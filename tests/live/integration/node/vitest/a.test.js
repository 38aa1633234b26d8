// SPDX-License-Identifier: MIT
import * as testenv from 'testenv';
import { test } from 'vitest';
import { rounds } from '../common.js';

test('rounds', () => rounds(testenv, process.env.VITEST_POOL_ID));
