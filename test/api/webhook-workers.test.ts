// Webhooks as running gateways send them: by graphile-worker, in real time.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startJobs } from '../../src/db/job-runner.ts';
import { CLAIM_MS, SLOW_MAX } from '../../src/partners/delivery.service.ts';
import { until } from '../support/eventually.ts';
import {
  asOwner,
  startTestGateway,
  type TestGateway,
  WEBHOOK_SECRET_KEY,
} from '../support/gateway.ts';
import { dueTimes, runDueJobs } from '../support/jobs.ts';
import { Receiver, type Reply } from '../support/receiver.ts';
import { AccountOfHooks } from '../support/webhook-account.ts';

let gateway: TestGateway;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  // Jobs are due by the database's clock.
  gateway = await startTestGateway({
    now: new Date(performance.timeOrigin + performance.now()).toISOString(),
  });
});

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await asOwner(gateway.databaseUrl, 'delete from graphile_worker._private_jobs');
});

afterAll(async () => {
  await gateway.close();
});

async function aReceiver(otherwise: Reply = 204): Promise<Receiver> {
  const receiver = await Receiver.listen();
  receiver.otherwise = otherwise;
  open.push(receiver);
  return receiver;
}

/** Runs the gateway's jobs as a gateway in production does. */
async function work(concurrency: number): Promise<void> {
  const jobs = await startJobs({
    url: gateway.databaseUrl,
    tasks: gateway.app.tasks,
    concurrency,
    onError: (error) => {
      throw error;
    },
    timing: { heartbeatMs: 200, silentAfterMs: 1_000, pollMs: 200, stopWithinMs: 500 },
  });
  open.push({ close: () => jobs.stop() });
}

describe('a receiver that is well', () => {
  it('hears at once though eight others hang, drip, reset, fail or refuse', async () => {
    const sockets: net.Socket[] = [];
    const tarpit = net.createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => tarpit.listen(0, '127.0.0.1', resolve));
    open.push({
      close: () => {
        tarpit.close();
        for (const socket of sockets) socket.destroy();
        return Promise.resolve();
      },
    });
    const replies: Reply[] = [
      () => undefined,
      () => undefined,
      (response) => {
        const drip = setInterval(() => response.socket?.write('H'), 100);
        response.socket?.on('close', () => {
          clearInterval(drip);
        });
      },
      (response) => response.writeHead(200).write('endless'),
      (response) => response.socket?.resetAndDestroy(),
      500,
      { status: 301, headers: { location: 'http://127.0.0.1:1/' } },
    ];
    const poison = await Promise.all(replies.map((reply) => aReceiver(reply)));
    const urls = [
      ...poison.map((receiver) => receiver.url()),
      `http://127.0.0.1:${(tarpit.address() as AddressInfo).port}/`,
    ];
    const good = await Promise.all(Array.from({ length: 10 }, () => aReceiver()));
    const account = await AccountOfHooks.open(gateway);
    // The bad ones first, so that nothing but the slots that are left serves the good ones.
    for (const url of urls) await account.endpoint(url, ['DEPLOYMENT_STARTED']);
    for (const receiver of good) await account.endpoint(receiver.url(), ['DEPLOYMENT_STARTED']);

    await account.deploy(1);
    const begunMs = performance.now();
    await work(10);
    await until(() => good.every(({ received }) => received.length === 1), 'the good ones hear');
    const tookMs = performance.now() - begunMs;

    // A hanging one is waited for 15 s: none of them was waited for.
    expect(tookMs).toBeLessThan(10_000);
    expect(poison.every(({ received }) => received.length >= 1)).toBe(true);
  });
});

describe('endpoints that were slow or failed', () => {
  it('share a part of the slots, and wait for one another', async () => {
    const account = await AccountOfHooks.open(gateway);
    const slowOrFailing = await Promise.all(
      Array.from({ length: SLOW_MAX + 2 }, () => aReceiver(500)),
    );
    for (const receiver of slowOrFailing)
      await account.endpoint(receiver.url(), ['DEPLOYMENT_STARTED']);
    await account.deploy(1);
    await runDueJobs(gateway);
    const held: (() => void)[] = [];
    for (const receiver of slowOrFailing) {
      receiver.otherwise = (response) => {
        held.push(() => response.writeHead(200).end());
      };
    }
    gateway.clock.moveBy(6_000);

    const jobs = await takeJobs();
    const turns = jobs.map(async (payload) => {
      await gateway.app.tasks.find(({ name }) => name === 'webhooks.send')?.run(payload);
    });
    await until(() => held.length === SLOW_MAX, 'the slots are taken');
    await until(async () => (await dueTimes(gateway)).length === 2, 'the others are put off');
    const putOff = (await dueTimes(gateway)).map((dueMs) => dueMs - gateway.clock.nowMs());
    for (const release of held) release();
    await Promise.all(turns);
    for (const receiver of slowOrFailing) receiver.otherwise = 204;
    gateway.clock.moveBy(1_000);
    await runDueJobs(gateway);

    expect(jobs).toHaveLength(SLOW_MAX + 2);
    expect(held).toHaveLength(SLOW_MAX);
    expect(putOff).toEqual([1_000, 1_000]);
    expect(slowOrFailing.map(({ received }) => received.length)).toEqual(
      slowOrFailing.map(() => 2),
    );
    expect(await dueTimes(gateway)).toEqual([]);
  });

  async function takeJobs(): Promise<readonly unknown[]> {
    const rows = await asOwner(
      gateway.databaseUrl,
      'delete from graphile_worker._private_jobs returning payload',
    );
    return rows.map((row) => row['payload']);
  }
});

describe('a gateway that is killed while it sends', () => {
  it('has its message sent again by another, under the same id', async () => {
    const receiver = await aReceiver(() => undefined);
    const account = await AccountOfHooks.open(gateway);
    await account.endpoint(receiver.url());
    await account.raise();
    const victim = startGateway();
    await until(() => receiver.received.length === 1, 'the message comes');

    victim.kill('SIGKILL');
    await once(victim, 'exit');
    receiver.otherwise = 204;
    gateway.clock.moveBy(CLAIM_MS + 60_000);
    await work(2);
    await until(() => receiver.received.length === 2, 'the message comes again');
    await until(async () => (await account.delivery()).status === 'DELIVERED', 'it is delivered');

    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids[1]).toBe(ids[0]);
    expect(await account.delivery()).toMatchObject({ attempts: 1 });
  });

  /** A whole gateway on the same database, in a process of its own. */
  function startGateway(): ChildProcess {
    const child = spawn(process.execPath, ['scripts/start.mjs'], {
      env: {
        ...process.env,
        DATABASE_URL: gateway.databaseUrl,
        PORT: '0',
        SEED_DEMO: 'false',
        WEBHOOK_ALLOW_LOOPBACK: 'true',
        WEBHOOK_SECRET_KEY: WEBHOOK_SECRET_KEY.toString('base64'),
        NODE_OPTIONS: '',
      },
      stdio: 'ignore',
    });
    open.push({
      close: () => {
        child.kill('SIGKILL');
        return Promise.resolve();
      },
    });
    return child;
  }
});
