// A gateway with more to do than it can refuses at once, whichever way a call comes, and probes are still answered. How
// long work waits is told by the test.

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Snapshot } from '../../src/db/database.ts';
import { createAccount } from '../support/account.ts';
import { eventually, until } from '../support/eventually.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { initialised, originOf } from '../support/live.ts';
import { post } from '../support/post.ts';

const CHEAP = '{ account { id } }';
const WIDE = `query ($id: ID) { account(id: $id) { usage {
  workflows(first: 100) { nodes { trend(granularity: WEEK) { buckets { runs: from } } } } } } }`;
const REFUSAL = {
  errors: [
    {
      message: 'The gateway has more to do than it can at this moment; please try again.',
      extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 1 },
    },
  ],
};
const FULL_MS = 500;
const HIGH_MS = 470;
const SOME_MS = 300;

let gateway: TestGateway;
let accountId = '';
let waitMs = 0;

beforeAll(async () => {
  gateway = await startTestGateway({
    server: { overload: { connectionWaitMs: () => waitMs, loopDelayMs: () => 0 } },
  });
  accountId = await createAccount(gateway, { name: 'Acme' });
});

afterEach(() => {
  waitMs = 0;
});

afterAll(() => gateway.close());

async function send(
  path: string,
  body: unknown,
  key = gateway.operatorKey,
): Promise<{ status: number; retryAfter: string | null; body: unknown }> {
  const response = await post(originOf(gateway), path, { body, key });
  const text = await response.text();
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: text.startsWith('{') ? JSON.parse(text) : text,
  };
}

const graphql = (query: string): ReturnType<typeof send> =>
  send('/graphql', { query, variables: { id: accountId } });

const event = (): ReturnType<typeof send> => send(`/v1/events?accountId=${accountId}`, []);

const mutation = (): ReturnType<typeof send> =>
  graphql('mutation ($id: ID) { recordUsage(accountId: $id, events: []) { accepted } }');

const refused = { status: 503, retryAfter: '1', body: REFUSAL };

describe('under pressure', () => {
  it('wide queries are refused, and the others are answered', async () => {
    waitMs = SOME_MS;

    expect(await graphql(WIDE)).toEqual(refused);
    expect(await graphql(CHEAP)).toMatchObject({ status: 200 });
    expect(await mutation()).toMatchObject({ status: 200 });
    expect(await event()).toMatchObject({ status: 200 });
  });

  it('cheap queries are refused next, and writes are still taken', async () => {
    waitMs = HIGH_MS;

    expect(await graphql(CHEAP)).toEqual(refused);
    expect(await mutation()).toMatchObject({ status: 200 });
    expect(await event()).toMatchObject({ status: 200 });
  });

  it('everything is refused in the end, before its key is checked; and taken again afterwards', async () => {
    waitMs = FULL_MS;

    expect(await mutation()).toEqual(refused);
    expect(await event()).toEqual(refused);
    expect(await send('/graphql', 'x'.repeat(1_000_000), 'wrong')).toEqual(refused);
    waitMs = 0;
    expect(await graphql(WIDE)).toMatchObject({ status: 200 });
  });

  it('operations by SSE and WebSocket are refused too, and their sockets stay open', async () => {
    const socket = await initialised(originOf(gateway), gateway.operatorKey);
    waitMs = HIGH_MS;
    const stream = await send('/graphql/stream', { query: CHEAP });
    socket.send({ type: 'subscribe', id: 'one', payload: { query: CHEAP } });
    await until(() => socket.messages.some(({ type }) => type === 'error'), 'a refusal');
    waitMs = 0;
    socket.send({ type: 'subscribe', id: 'two', payload: { query: '{ __typename }' } });
    await until(() => socket.messages.some(({ type }) => type === 'complete'), 'an answer');
    socket.socket.close();

    expect(stream).toEqual(refused);
    expect(socket.messages.find(({ type }) => type === 'error')).toEqual({
      type: 'error',
      id: 'one',
      payload: REFUSAL.errors,
    });
  });

  it('probes are answered, and the metrics tell of it', async () => {
    waitMs = FULL_MS;
    const at = originOf(gateway);
    const before = await shed(at);
    await graphql(CHEAP);
    const [live, ready] = await Promise.all([
      fetch(`${at}/health/live`),
      fetch(`${at}/health/ready`),
    ]);

    expect([live.status, ready.status]).toEqual([200, 200]);
    expect(await shed(at)).toBe(before + 1);
    expect(await metrics(at)).toContain('gateway_pressure{signal="connections"} 1\n');
  });
});

async function metrics(at: string): Promise<string> {
  return (await fetch(`${at}/metrics`)).text();
}

async function shed(at: string): Promise<number> {
  return Number(
    /^requests_shed_total\{reason="connections"\} (\d+)$/m.exec(await metrics(at))?.[1],
  );
}

describe('the pool', () => {
  it('says how long one more would wait, and the ready probe does not wait for it', async () => {
    const { database } = gateway;
    expect(database.expectedWaitMs).toBe(0);
    const held: Snapshot[] = [];
    while (held.length < database.poolSize)
      held.push(await database.openSnapshot({ accountId: 1 }));
    const oneMore = database.openSnapshot({ accountId: 1 });
    await until(() => database.expectedWaitMs > 5, 'a wait');
    const ready = await fetch(`${originOf(gateway)}/health/ready`);
    for (const snapshot of held) await snapshot.close();
    await (await oneMore).close();

    expect(ready.status).toBe(200);
    expect(database.expectedWaitMs).toBe(0);
  });
});

describe('the ready probe', () => {
  const probes = (): Promise<readonly Record<string, unknown>[]> =>
    asOwner(
      gateway.databaseUrl,
      `select pid from pg_stat_activity
       where datname = current_database() and application_name = 'billing-gateway health'`,
    );

  it('keeps one connection for all who ask, and another one when that broke', async () => {
    const ask = async (): Promise<number> =>
      (await fetch(`${originOf(gateway)}/health/ready`)).status;
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([200, 200, 200]);
    const [before, ...others] = await probes();
    expect(others).toEqual([]);

    await asOwner(gateway.databaseUrl, `select pg_terminate_backend(${String(before?.['pid'])})`);
    await eventually(async () => {
      expect(await ask()).toBe(200);
      expect(await probes()).toHaveLength(1);
      expect(await probes()).not.toEqual([before]);
    });
  });
});
