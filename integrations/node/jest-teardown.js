// SPDX-License-Identifier: MIT
'use strict';

module.exports = async () => {
  await globalThis[Symbol.for('dev.testenv.end')]?.();
};
