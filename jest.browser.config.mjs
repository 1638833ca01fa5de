import config from './jest.config.mjs';

export default { ...config, testMatch: ['<rootDir>/test/browser/**/*.test.ts'] };
