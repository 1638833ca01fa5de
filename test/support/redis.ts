// A Redis of its own for a test, where the machine has one.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';

const COMMAND = 'redis-server';

/** Whether the machine has a Redis. */
export function hasRedis(): boolean {
  return spawnSync(COMMAND, ['--version']).status === 0;
}

export interface RedisServer {
  readonly url: string;
  readonly client: Redis;
  /** It still takes connections and answers nothing, until it goes on. */
  hang(): void;
  goOn(): void;
  stop(): Promise<void>;
}

/** Starts a Redis that keeps nothing on disk, and waits until it answers. */
export async function startRedis(port?: number): Promise<RedisServer> {
  const at = port ?? (await freePort());
  const child = spawn(COMMAND, ['--port', String(at), '--save', '', '--bind', '127.0.0.1'], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  const url = `redis://127.0.0.1:${at}`;
  const client = new Redis(url, { retryStrategy: () => 50 });
  client.on('error', () => undefined);
  await eventually(() => client.ping());
  return {
    url,
    client,
    hang: () => child.kill('SIGSTOP'),
    goOn: () => child.kill('SIGCONT'),
    stop: async () => {
      client.disconnect();
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
