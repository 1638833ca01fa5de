import { execFileSync } from 'node:child_process';
import { startServer } from './databases.ts';

const COMPILE = `
  const { isFresh } = await import('./scripts/dist.mjs');
  if (!(await isFresh())) await import('./scripts/build.mjs');
`;

// One server for the run, one migrated database; each gateway under test works on a clone of it.
export default async function globalSetup(): Promise<void> {
  // Gateways in processes of their own start in a third of the time when dist/ is of the sources as they are.
  execFileSync(process.execPath, ['--input-type=module', '--eval', COMPILE], { stdio: 'inherit' });
  globalThis.stopTestServer = await startServer();
}

declare global {
  var stopTestServer: () => Promise<void>;
}
