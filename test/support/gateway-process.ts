// A gateway in a process of its own, as `npm start` runs it, so that it can be killed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { answerOf, type Query, textOf } from './gateway.ts';
import { post } from './post.ts';

export interface GatewayProcess {
  readonly origin: string;
  readonly query: Query;
  /** Its status once it has ended; null while it runs. */
  readonly status: () => number | null;
  /** Whether it was ended by a signal. */
  readonly isKilled: () => boolean;
  /** What it wrote to standard error. */
  readonly complaints: () => string;
  /** Ends it without a chance to say so. */
  kill: () => Promise<void>;
  /** Asks it to end. @returns its status */
  stop: () => Promise<number | null>;
  signal: (name: 'SIGUSR2' | 'SIGSTOP' | 'SIGCONT') => void;
}

/**
 * @param databaseUrl a database that is migrated or may be; null: its own, in the DATA_DIR of `env`
 * @param env variables besides
 * @param run.script what starts it
 * @param run.cwd the folder of the release, when it is another one
 */
export async function startGatewayProcess(
  databaseUrl: string | null,
  operatorKey: string,
  env: Readonly<Record<string, string>> = {},
  {
    script = 'scripts/start.mjs',
    cwd = '.',
  }: { readonly script?: string; readonly cwd?: string } = {},
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [script], {
    cwd,
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl ?? '',
      DATABASE_POOL_SIZE: '5',
      PORT: '0',
      SEED_DEMO: 'false',
      DEFAULT_LOW_CREDIT: '0',
      DEFAULT_NEGATIVE_LIMIT: '0',
      LOG_LEVEL: 'silent',
      BOOTSTRAP_OPERATOR_KEY: operatorKey,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  let said = '';
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const origin = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const address = /Listening on (http:\S+)/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once('exit', () => {
      reject(new Error(`the gateway ended: ${said}${complaints}`));
    });
  });
  return {
    origin,
    query: async (
      document: { readonly text: string } | string,
      variables: unknown = {},
      key: string | null = operatorKey,
    ) => {
      const body = { query: textOf(document), variables };
      const response = await post(origin, '/graphql', { body, key });
      return { status: response.status, ...answerOf(await response.json()) };
    },
    status: () => child.exitCode,
    isKilled: () => child.signalCode !== null,
    complaints: () => complaints,
    signal: (name) => {
      child.kill(name);
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await ended;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      return child.exitCode;
    },
  };
}
