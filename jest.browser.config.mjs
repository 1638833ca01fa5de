import process from 'node:process';
import config from './jest.config.mjs';

const isOff = process.env['BROWSER_TESTS'] === 'off';
if (isOff) process.stderr.write('BROWSER_TESTS=off: the browser tests are left out.\n');

export default {
  ...config,
  testMatch: ['<rootDir>/test/browser/**/*.test.ts'],
  testPathIgnorePatterns: isOff ? ['/'] : [],
  passWithNoTests: isOff,
  globalSetup: '<rootDir>/test/support/browser-setup.ts',
};
