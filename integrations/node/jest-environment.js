// SPDX-License-Identifier: MIT
// testEnvironment: 'testenv/jest-environment': jest's own for Node, in which the
// variables are those of the worker's lease. It runs outside of the test files'
// sandboxes, so that a worker keeps its lease from file to file; and
// require('testenv') inside leads to it.
'use strict';
const testenv = require('./testenv.js');

// jest's is found from the project, wherever this file is
function node(rootDir) {
  return require(require.resolve('jest-environment-node', {
    paths: [rootDir, require.main?.path ?? rootDir],
  })).TestEnvironment;
}

module.exports = class {
  constructor(config, context) {
    const Node = node(config.projectConfig.rootDir);
    return new (class extends Node {
      async setup() {
        await super.setup();
        const { env } = await testenv.worker();
        Object.assign(this.global.process.env, env);
        this.global[Symbol.for('dev.testenv')] = testenv;
      }
    })(config, context);
  }
};
