import os from 'node:os';

export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Far beyond what any test takes: no verdict hangs on how busy the machine is.
  testTimeout: 300_000,
  // Tests wait for the database half of their time: two side by side pay even on two cores.
  maxWorkers: Math.max(2, os.availableParallelism() - 1),
};
