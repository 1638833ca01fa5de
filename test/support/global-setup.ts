import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startEmbedded } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { asOwner } from './gateway.ts';
import { migrations } from '../../ormconfig.ts';

export const TEMPLATE = 'gateway_template';

const COMPILE = `
  const { isFresh } = await import('./scripts/dist.mjs');
  if (!(await isFresh())) await import('./scripts/build.mjs');
`;

// One server for the run, one migrated template; each gateway under test works on a clone of it.
export default async function globalSetup(): Promise<void> {
  // Gateways in processes of their own start in a third of the time when dist/ is of the sources as they are.
  execFileSync(process.execPath, ['--input-type=module', '--eval', COMPILE], { stdio: 'inherit' });
  const dataDir = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-test-'));
  await fs.chmod(dataDir, 0o755);
  const server = await startEmbedded({ dataDir, databaseName: TEMPLATE, log: () => undefined });
  await migrate({ url: server.url, migrations });
  // No test asks what is left after the server's crash, and tests commit some ten thousand times.
  await asOwner(server.url, 'alter system set synchronous_commit = off');
  await asOwner(server.url, 'select pg_reload_conf()');
  process.env['TEST_DATABASE_URL'] = server.url;
  globalThis.stopTestServer = async () => {
    await server.stop();
    await fs.rm(dataDir, { recursive: true, force: true });
  };
}

declare global {
  var stopTestServer: () => Promise<void>;
}
