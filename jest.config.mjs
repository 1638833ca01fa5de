import os from 'node:os';

export default {
  testEnvironment: 'node',
  // Those in test/browser need a browser, and a command of their own.
  testMatch: ['<rootDir>/test/{pure,db,api}/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  // The client's sources, not what was built of them: no test meets a stale one.
  moduleNameMapper: {
    '^@billing-gateway/client$': '<rootDir>/packages/client/src/index.ts',
    '^@billing-gateway/client/(.*)$': '<rootDir>/packages/client/src/$1.ts',
  },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Far beyond what any test takes: no verdict hangs on how busy the machine is.
  testTimeout: 300_000,
  // Tests wait for the database half of their time: two side by side pay even on two cores.
  maxWorkers: Math.max(2, os.availableParallelism() - 1),
  // The modules of each file stay in its worker's memory. With gigabytes of them a file takes three times as long.
  workerIdleMemoryLimit: '700MB',
};
