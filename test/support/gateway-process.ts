// A gateway in a process of its own, as `npm start` runs it, so that it can be killed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface GatewayProcess {
  readonly origin: string;
  /** Ends it without a chance to say so. */
  kill: () => Promise<void>;
}

/** @param databaseUrl a database that is migrated or may be */
export async function startGatewayProcess(
  databaseUrl: string,
  operatorKey: string,
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, ['scripts/start.mjs'], {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      DATABASE_POOL_SIZE: '5',
      PORT: '0',
      SEED_DEMO: 'false',
      LOG_LEVEL: 'silent',
      BOOTSTRAP_OPERATOR_KEY: operatorKey,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let said = '';
  const origin = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const address = /Listening on (http:\S+)/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once('exit', () => {
      reject(new Error(`the gateway ended: ${said}`));
    });
  });
  return {
    origin,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
