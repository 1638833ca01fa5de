// A gateway of the check's own as a child process, on a database of its own, asked through the public API.

import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 20_000;
const LOG_KEPT_CHARACTERS = 4_000;

export interface ChildResult {
  readonly status: number | null;
  readonly output: string;
}

export class Gateway {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    readonly key: string,
  ) {}

  /** Starts it on an empty folder. @throws Error with the end of its log when it does not come up */
  static async start(folder: string): Promise<Gateway> {
    const key = `traces-${randomBytes(24).toString('hex')}`;
    const child = spawn(process.execPath, ['scripts/start.mjs'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PORT: '0',
        HOST: '127.0.0.1',
        DATABASE_URL: '',
        DATA_DIR: join(folder, 'database'),
        SEED_DEMO: 'false',
        BOOTSTRAP_OPERATOR_KEY: key,
        LOG_LEVEL: 'warn',
      },
    });
    return new Gateway(child, `${await addressOf(child)}/graphql`, key);
  }

  /** The answer's `data`. @throws Error with the gateway's own message when there are errors */
  async ask(query: string, variables: object): Promise<unknown> {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.key}` },
      body: JSON.stringify({ query, variables }),
    });
    const body: unknown = await response.json();
    const errors = get(body, 'errors');
    if (errors !== undefined) throw new Error(`${query}\n${JSON.stringify(errors)}`);
    return get(body, 'data');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** Runs a TypeScript file of the project to its end. */
export async function runScript(file: string, args: readonly string[]): Promise<ChildResult> {
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  await once(child, 'close');
  return { status: child.exitCode, output };
}

/** The value under a path of keys and indexes, undefined when there is none. */
export function get(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = Object.entries(found).find(([name]) => name === key)?.[1];
  }
  return found;
}

/** The list under a path. @throws Error when there is none */
export function list(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = get(value, ...path);
  if (!Array.isArray(found)) throw new Error(`No list ${path.join('.')} in the answer.`);
  return found;
}

/** The text or number under a path, as text. @throws Error when there is none */
export function text(value: unknown, ...path: readonly string[]): string {
  const found = get(value, ...path);
  if (typeof found === 'string' || typeof found === 'number') return found.toString();
  throw new Error(`No value ${path.join('.')} in the answer.`);
}

async function addressOf(child: ChildProcess): Promise<string> {
  let log = '';
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => {
      clearTimeout(timer);
      child.kill('SIGTERM');
      reject(new Error(`The gateway ${what}. The end of its log:\n${log}`));
    };
    const timer = setTimeout(() => {
      fail(`did not listen within ${START_DEADLINE_MS} ms`);
    }, START_DEADLINE_MS);
    const read = (chunk: Buffer): void => {
      log = (log + chunk.toString()).slice(-LOG_KEPT_CHARACTERS);
      const address = /Listening on (http:\/\/[^\s/]+)/.exec(log)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (status) => {
      fail(`ended with status ${String(status)}`);
    });
  });
}
