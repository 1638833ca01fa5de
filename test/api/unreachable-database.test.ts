import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { asOwner, serverUrl } from '../support/databases.ts';

const run = promisify(execFile);

/** How a gateway's start on this database ends. */
async function start(databaseUrl: string): Promise<{ code: number; stderr: string }> {
  const env = { ...process.env, DATABASE_URL: databaseUrl, PORT: '0', SEED_DEMO: 'false' };
  try {
    await run(process.execPath, ['scripts/start.mjs'], { env });
    throw new Error('it started');
  } catch (error) {
    return error as { code: number; stderr: string };
  }
}

/** The address of the tests' database server, with something wrong. */
function serverWith(change: (url: URL) => void): string {
  const url = new URL(serverUrl());
  change(url);
  return url.href;
}

// A server that trusts its own machine takes any password.
const trusts = await asOwner(
  serverWith((url) => (url.password = 'not-the-password')),
  'select',
).then(
  () => true,
  () => false,
);

async function expectRefusal(address: string, reason: string): Promise<void> {
  const { code, stderr } = await start(address);

  // The sources may not be compiled, which the start says first.
  expect(stderr.replace(/^dist\/ is missing.*\n/, '')).toMatch(
    new RegExp(`^The database of DATABASE_URL cannot be used: ${reason}\\.\\n$`),
  );
  expect(code).toBe(1);
  expect(stderr).not.toContain('not-the-password');
}

describe('a gateway whose database cannot be used', () => {
  it.each([
    [
      'that does not answer',
      // Nothing listens on the port of discard.
      () => serverWith((url) => (url.port = '9')),
      'connect ECONNREFUSED 127.0.0.1:9',
    ],
    [
      'whose host is unknown',
      () => serverWith((url) => (url.hostname = 'database.invalid')),
      'getaddrinfo \\w+ database.invalid',
    ],
    [
      'of another name',
      () => serverWith((url) => (url.pathname = '/not_there')),
      'database "not_there" does not exist',
    ],
  ])(
    '%s ends at the start with one sentence and status 1',
    async (_what, address, reason) => {
      await expectRefusal(address(), reason);
    },
    60_000,
  );

  (trusts ? it.skip : it)(
    'with another password ends at the start with one sentence and status 1',
    async () => {
      await expectRefusal(
        serverWith((url) => (url.password = 'not-the-password')),
        'password authentication failed for user "\\w+"',
      );
    },
    60_000,
  );
});
