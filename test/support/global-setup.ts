import { execFileSync } from 'node:child_process';
import { isDistributedRun, startServer } from './databases.ts';

const COMPILE = `
  const { isFresh } = await import('./scripts/dist.mjs');
  if (!(await isFresh())) await import('./scripts/build.mjs');
`;

// One server for the run, one migrated database; each gateway under test works on a clone of it.
export default async function globalSetup(): Promise<void> {
  // Gateways in processes of their own start in a third of the time when dist/ is of the sources as they are.
  execFileSync(process.execPath, ['--input-type=module', '--eval', COMPILE], { stdio: 'inherit' });
  globalThis.stopTestServer = await startServer();
  const leftOut = isDistributedRun()
    ? 'TEST_DATABASE_URL names a coordinator of Citus: tests of what distributed tables cannot do are left out.'
    : 'TEST_DATABASE_URL names no coordinator of Citus with workers: tests of distributed tables are left out.';
  process.stderr.write(`${leftOut}\n`);
}

declare global {
  var stopTestServer: () => Promise<void>;
}
