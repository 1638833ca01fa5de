// A gateway in a process of its own, as `npm start` runs it, and what it takes of the machine.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { invariant } from '../../src/core/errors.ts';
import { OPERATOR_KEY } from './gateway.ts';

export interface GatewayProcess {
  readonly child: ChildProcess;
  /** "http://127.0.0.1:41234". */
  readonly origin: string;
  readonly pid: number;
}

/** Starts a gateway on a database; the caller kills it. @param settings further variables of its environment */
export async function startGatewayProcess(
  databaseUrl: string,
  children: ChildProcess[],
  settings: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, ['scripts/start.mjs'], {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      PORT: '0',
      // One key sends all the load.
      RATE_POINTS_PER_KEY: '999999999',
      RATE_POINTS_PER_ACCOUNT: '999999999',
      SEED_DEMO: 'false',
      LOG_LEVEL: 'error',
      BOOTSTRAP_OPERATOR_KEY: OPERATOR_KEY,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const { pid } = child;
  invariant(pid !== undefined, 'the gateway has a process');
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
  return { child, origin, pid };
}

/** What a process has in memory, in MB. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
