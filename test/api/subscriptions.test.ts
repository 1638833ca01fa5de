import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient as createSseClient } from 'graphql-sse';
import type { Client } from 'graphql-ws';
import WebSocket from 'ws';
import { AlertFeed, BEHIND_PER_LOOK_MAX } from '../../src/alerts/alert.feed.ts';
import { decodeId, encodeId } from '../../src/core/identity.ts';
import { createKey, moveClock } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  addThresholds,
  alarm,
  type Alarm,
  eventStream,
  initialised,
  liveClient,
  originOf,
  type RawSocket,
  rawSocket,
  type Stream,
  subscribe,
} from '../support/live.ts';
import {
  type CreditAlertsSubscription,
  CreditAlertsDocument,
  PastAlertsDocument,
  type Operation,
} from '@billing-gateway/client/operations';
import { post } from '../support/post.ts';
import { sql } from '../../src/db/sql.ts';

let gateway: TestGateway;
let origin = '';
const clients: Client[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  origin = originOf(gateway);
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
});

afterAll(async () => {
  await gateway.close();
});

function connect(key = gateway.operatorKey, at = origin): Client {
  const client = liveClient(at, key);
  clients.push(client);
  return client;
}

function sequences({ events }: Stream<CreditAlertsSubscription>): number[] {
  return events.map(({ creditAlerts }) => creditAlerts.sequence);
}

function upTo(last: number, from = 1): number[] {
  return Array.from({ length: last - from + 1 }, (_, index) => from + index);
}

/** The cursor of an alert of this sequence; of 0: before all. */
function cursorAt(sequence: number): string {
  return Buffer.from(JSON.stringify([null, sequence])).toString('base64url');
}

async function cursorOf(one: Alarm, sequence: number): Promise<string> {
  if (sequence === 0) return cursorAt(0);
  const { data } = await gateway.query(PastAlertsDocument, {
    accountId: one.accountId,
    last: 1,
    before: cursorAt(sequence + 1),
  });
  return data.account?.alerts.edges[0]?.cursor ?? '';
}

function sequencesOf({ messages }: RawSocket): number[] {
  return messages.flatMap(({ type, payload }) =>
    type === 'next'
      ? [(payload as { data: { creditAlerts: { sequence: number } } }).data.creditAlerts.sequence]
      : [],
  );
}

/** A subscription without a cursor begins at some instant: this raises alerts until it has begun. */
async function raiseUntilHeard(
  one: Alarm,
  stream: Stream<CreditAlertsSubscription>,
): Promise<void> {
  await until(async () => {
    if (stream.events.length === 0) await one.raise();
    return stream.events.length > 0;
  }, 'the first alert');
  await until(() => sequences(stream).at(-1) === one.raised, 'the last one raised');
}

const SLOW_LOOK_MS = 5_000;

/** How long it takes to hear of some alerts, each raised when the one before was heard. */
async function timeToHear(
  one: Alarm,
  stream: Stream<CreditAlertsSubscription>,
  times: number,
): Promise<number> {
  const began = performance.now();
  for (let time = 0; time < times; time += 1) {
    await one.raise();
    await until(() => sequences(stream).at(-1) === one.raised, 'the next alert');
  }
  return performance.now() - began;
}

/** Errors as both executors word them, without what only one of them knows. */
function places(errors: unknown): unknown {
  if (errors === undefined) return undefined;
  return (errors as { message: string; path?: unknown; extensions: { code: string } }[]).map(
    ({ message, path, extensions }) => ({ message, path, extensions }),
  );
}

const NESTED: Operation<
  { creditAlerts: Record<string, unknown> },
  { accountId: string; after: string }
> = {
  name: '',
  kind: 'subscription',
  text: `subscription ($accountId: ID, $after: String) {
  creditAlerts(accountId: $accountId, after: $after) {
    sequence account { alerts { totalCount } } resolves { sequence } threshold { id }
  }
}`,
};

async function raise(one: Alarm, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await one.raise();
}

describe('creditAlerts', () => {
  it('tells what was raised after the cursor, and goes on live', async () => {
    const account = await alarm(gateway, 'replay and live');
    await raise(account, 5);
    const listed = await gateway.query(PastAlertsDocument, {
      accountId: account.accountId,
      first: 2,
    });
    const after = listed.data.account?.alerts.pageInfo.endCursor ?? '';

    const stream = subscribe(connect(), CreditAlertsDocument, {
      accountId: account.accountId,
      after,
    });
    await until(() => stream.events.length >= 3, 'the replay');
    await raise(account, 3);
    await until(() => stream.events.length >= 6, 'the live ones');

    expect(sequences(stream)).toEqual(upTo(8, 3));
    expect(stream.errors).toEqual([]);
    expect(stream.events[0]?.creditAlerts).toMatchObject({
      kind: 'LOW_CREDITS',
      remaining: '10',
      crossedAt: '2026-03-01T00:00:00.000Z',
    });
  });

  it('begins with what comes, when no cursor is given', async () => {
    const account = await alarm(gateway, 'live only');
    await raise(account, 2);
    const stream = subscribe(connect(), CreditAlertsDocument, { accountId: account.accountId });
    const marker = subscribe(connect(), CreditAlertsDocument, {
      accountId: account.accountId,
      after: await cursorOf(account, 2),
    });
    await raise(account, 1);
    await until(() => marker.events.length >= 1, 'the third at the one who resumed');
    // It may have begun after the third: then the fourth is its first.
    await raise(account, 1);
    await until(() => sequences(stream).includes(4), 'the fourth');

    expect([[3, 4], [4]]).toContainEqual(sequences(stream));
    expect(sequences(marker).slice(0, 1)).toEqual([3]);
  });

  it('tells only the kinds that were asked for, and resumes between them', async () => {
    const account = await alarm(gateway, 'kinds');
    await raise(account, 6);
    const variables = { accountId: account.accountId, kinds: ['RESOLVED' as const] };
    const stream = subscribe(connect(), CreditAlertsDocument, {
      ...variables,
      after: await cursorOf(account, 0),
    });
    await until(() => stream.events.length >= 3, 'those of the past');
    const cursor = stream.events[1]?.creditAlerts.cursor ?? '';
    const resumed = subscribe(connect(), CreditAlertsDocument, { ...variables, after: cursor });
    await raise(account, 2);
    await until(() => stream.events.length >= 4 && resumed.events.length >= 2, 'the live one');

    expect(sequences(stream)).toEqual([2, 4, 6, 8]);
    expect(sequences(resumed)).toEqual([6, 8]);
  });

  it('reads a long past page by page, while more is raised', async () => {
    const account = await alarm(gateway, 'long past');
    await addThresholds(gateway, account, 30);
    await moveClock(gateway, account.accountId, '2028-03-01T00:00:00.000Z');
    const raised = 30 + 24 * 30;
    const stream = subscribe(connect(), CreditAlertsDocument, {
      accountId: account.accountId,
      after: await cursorOf(account, 0),
    });
    await moveClock(gateway, account.accountId, '2028-04-01T00:00:00.000Z');
    await until(() => stream.events.length >= raised + 30, 'all of them');

    expect(sequences(stream)).toEqual(upTo(raised + 30));
  });

  it('finds what no notice told of', async () => {
    const account = await alarm(gateway, 'unnoticed');
    const stream = subscribe(connect(), CreditAlertsDocument, { accountId: account.accountId });
    await raiseUntilHeard(account, stream);
    const next = account.raised + 1;
    const number = decodeId(account.accountId)?.accountId;
    await asOwner(
      gateway.databaseUrl,
      sql`update credit_state set last_alert_sequence = ${next} where account_id = ${number}`,
    );
    await asOwner(
      gateway.databaseUrl,
      sql`insert into alert select account_id, ${next}, kind, rule_id, crossed_at, raised_at, remaining_micro, percent_used,
         runs_remaining, measured_micro, message, stopped_resource_ids, resolves from alert where account_id = ${number} and sequence = 1`,
    );
    // Who begins now is past it, before the gateway has read it for those who were there.
    const late = subscribe(connect(), CreditAlertsDocument, { accountId: account.accountId });
    await until(() => sequences(stream).includes(next), 'the one written past the gateway');
    await until(async () => {
      if (late.events.length === 0) await account.raise();
      return late.events.length > 0;
    }, 'an alert after it');
    const heard = sequences(stream);

    expect(heard).toEqual(upTo(heard.at(-1) ?? 0, heard[0]));
    expect(sequences(late)[0]).toBeGreaterThan(next);
  });

  it('hears of alerts at once, not at the next slow look', async () => {
    const account = await alarm(gateway, 'at once');
    const stream = subscribe(connect(), CreditAlertsDocument, { accountId: account.accountId });
    await raiseUntilHeard(account, stream);

    expect(await timeToHear(account, stream, 4)).toBeLessThan(SLOW_LOOK_MS);
  });

  it('goes on when the connection that listens was broken', async () => {
    const account = await alarm(gateway, 'deaf');
    const stream = subscribe(connect(), CreditAlertsDocument, { accountId: account.accountId });
    await raiseUntilHeard(account, stream);
    const killed = await asOwner(
      gateway.databaseUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'billing-gateway listener'`,
    );
    await raise(account, 5);
    await until(() => sequences(stream).at(-1) === account.raised, 'those raised meanwhile');
    await until(async () => {
      const listening = await asOwner(
        gateway.databaseUrl,
        `select from pg_stat_activity where datname = current_database() and application_name = 'billing-gateway listener'
           and query like 'listen%' and state = 'idle'`,
      );
      return listening.length > 0;
    }, 'another connection that listens');

    expect(await timeToHear(account, stream, 4)).toBeLessThan(SLOW_LOOK_MS);
    expect(killed.length).toBeGreaterThan(0);
    expect(sequences(stream)).toEqual(upTo(account.raised, sequences(stream)[0]));
  });

  it('resolves the fields that need the database in a state as of the event', async () => {
    const account = await alarm(gateway, 'nested');
    const stream = subscribe(connect(), NESTED, {
      accountId: account.accountId,
      after: await cursorOf(account, 0),
    });
    await raise(account, 1);
    await until(() => stream.events.length >= 1, 'the first');
    await raise(account, 1);
    await until(() => stream.events.length >= 2, 'the second');

    expect(stream.events.map(({ creditAlerts }) => creditAlerts)).toEqual([
      { sequence: 1, account: { alerts: { totalCount: 1 } }, resolves: null, threshold: null },
      {
        sequence: 2,
        account: { alerts: { totalCount: 2 } },
        resolves: { sequence: 1 },
        threshold: null,
      },
    ]);
  });

  it('asks nothing of the database for the common fields', async () => {
    const account = await alarm(gateway, 'statements');
    const streams = upTo(5).map(() =>
      subscribe(connect(), CreditAlertsDocument, { accountId: account.accountId }),
    );
    for (const stream of streams) await raiseUntilHeard(account, stream);
    const statements: string[] = [];
    const stop = gateway.database.onStatement((sql) => statements.push(sql));
    await raise(account, 1);
    await until(
      () => streams.every((stream) => sequences(stream).at(-1) === account.raised),
      'all five',
    );
    stop();
    const isWrite = (sql: string): boolean => /alerts\.(insertAlerts|notify)/.test(sql);
    const reads = statements.filter((sql) => sql.includes('alerts.') && !isWrite(sql));

    expect(reads.length).toBeGreaterThan(0);
    expect(reads.every((sql) => sql.includes('alerts.loadAlertsAfter'))).toBe(true);
    expect(reads.length).toBeLessThanOrEqual(2);
  });
});

describe('who may subscribe', () => {
  it('is not told whether another account exists', async () => {
    const [mine, other] = [await alarm(gateway, 'mine'), await alarm(gateway, 'other')];
    const { secret } = await createKey(gateway, mine.accountId, ['READ_USAGE']);
    const unknown = encodeId('Account', 999_999, 999_999);
    const told = [];
    for (const accountId of [other.accountId, unknown]) {
      const stream = subscribe(connect(secret), CreditAlertsDocument, { accountId });
      await until(() => stream.end !== null, 'the refusal');
      told.push(JSON.stringify(stream.errors).replaceAll(accountId, 'ID'));
    }
    const own = subscribe(connect(secret), CreditAlertsDocument, {
      after: await cursorOf(mine, 0),
    });
    await raise(mine, 1);
    await raise(other, 1);
    await until(() => own.events.length >= 1, 'the own one');

    expect(told[0]).toContain('NOT_FOUND');
    expect(told[0]).toBe(told[1]);
    expect(own.events).toHaveLength(1);
  });

  it('refuses a key without the scope, and a cursor that the account has not reached', async () => {
    const account = await alarm(gateway, 'scopes');
    const { secret } = await createKey(gateway, account.accountId, ['INGEST']);
    const forbidden = subscribe(connect(secret), CreditAlertsDocument, {});
    const beyond = subscribe(connect(), CreditAlertsDocument, {
      accountId: account.accountId,
      after: cursorAt(7),
    });
    const nonsense = subscribe(connect(), CreditAlertsDocument, {
      accountId: account.accountId,
      after: 'nonsense',
    });
    await until(
      () => [forbidden, beyond, nonsense].every(({ end }) => end !== null),
      'the refusals',
    );

    expect(forbidden.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    expect(beyond.errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', path: ['after'] } },
    ]);
    expect(nonsense.errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', path: ['after'] } },
    ]);
  });
});

describe('the protocol of sockets', () => {
  it('closes as graphql-transport-ws says', async () => {
    const wrongKey = await rawSocket(origin);
    wrongKey.send({ type: 'connection_init', payload: { authorization: 'Bearer wrong' } });
    const noKey = await rawSocket(origin);
    noKey.send({ type: 'connection_init' });
    const early = await rawSocket(origin);
    early.send({ type: 'subscribe', id: '1', payload: { query: '{ hardwareProfiles { id } }' } });
    const silent = await rawSocket(origin);
    const twice = await initialised(origin, gateway.operatorKey);
    twice.send({ type: 'connection_init' });
    const garbled = await initialised(origin, gateway.operatorKey);
    garbled.socket.send('no JSON');
    const sockets = [wrongKey, noKey, early, silent, twice, garbled];
    await until(() => sockets.every(({ closed }) => closed !== null), 'all closings');

    expect(sockets.map(({ closed }) => closed?.code)).toEqual([4403, 4403, 4401, 4408, 4429, 4400]);
  });

  it('takes the key from the header too', async () => {
    const raw = await rawSocket(origin, { authorization: `Bearer ${gateway.operatorKey}` });
    raw.send({ type: 'connection_init' });
    await until(() => raw.messages.length > 0, 'the ack');

    expect(raw.messages).toEqual([{ type: 'connection_ack' }]);
    raw.socket.close();
  });

  it('carries twenty operations at a time', async () => {
    const account = await alarm(gateway, 'twenty');
    const raw = await initialised(origin, gateway.operatorKey);
    const payload = {
      query: CreditAlertsDocument.text,
      variables: { accountId: account.accountId, after: await cursorOf(account, 0) },
    };
    for (const id of upTo(21)) raw.send({ type: 'subscribe', id: String(id), payload });
    await until(() => raw.messages.some(({ type }) => type === 'error'), 'the refusal');
    await raise(account, 1);
    await until(() => raw.messages.filter(({ type }) => type === 'next').length >= 20, 'the alert');
    raw.send({ type: 'complete', id: '1' });
    raw.send({ type: 'subscribe', id: '22', payload });
    await until(() => raw.messages.filter(({ type }) => type === 'next').length >= 21, 'the 22nd');

    const errors = raw.messages.filter(({ type }) => type === 'error');
    expect(errors).toMatchObject([
      { id: '21', payload: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
    ]);
    expect(raw.closed).toBeNull();
    raw.socket.close();
  });

  it('takes frames of up to 64 KiB', async () => {
    const raw = await initialised(origin, gateway.operatorKey);
    const padded = (length: number): string => {
      const message = {
        type: 'subscribe',
        id: 'x',
        payload: { query: '{ hardwareProfiles { id } }' },
      };
      return JSON.stringify(message).padEnd(length);
    };
    raw.socket.send(padded(64 * 1024));
    await until(() => raw.messages.some(({ type }) => type === 'complete'), 'its answer');
    raw.socket.send(padded(64 * 1024 + 1));
    await until(() => raw.closed !== null, 'the closing');

    expect(raw.closed?.code).toBe(1009);
  });

  it('is refused an operation that it does not hold, as by HTTP', async () => {
    const raw = await initialised(origin, gateway.operatorKey);
    const payload = { query: '{ __typename }', operationName: 'Other' };
    raw.send({ type: 'subscribe', id: '1', payload });
    await until(() => raw.messages.some(({ type }) => type === 'error'), 'the refusal');
    const streamed = await post(origin, '/graphql/stream', {
      body: { query: 'query A { __typename } query B { __typename }' },
      key: gateway.operatorKey,
    });

    const told = raw.messages.find(({ type }) => type === 'error')?.payload;
    expect(told).toMatchObject([
      {
        message: expect.stringContaining('no operation named "Other"'),
        extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
      },
    ]);
    expect(await streamed.text()).toContain('operationName must say which one is meant');
    raw.socket.close();
  });

  it('parses within the limits of HTTP', async () => {
    const raw = await initialised(origin, gateway.operatorKey);
    const query = `{ ${'a '.repeat(2_001)}}`;
    raw.send({ type: 'subscribe', id: '1', payload: { query } });
    await until(() => raw.messages.some(({ type }) => type === 'error'), 'the refusal');
    const http = await gateway.query(query);

    const told = raw.messages.find(({ type }) => type === 'error')?.payload;
    expect(http.errors?.[0]?.message).toContain('2000 tokens');
    expect(told).toMatchObject([{ message: http.errors?.[0]?.message }]);
    raw.socket.close();
  });
});

describe('a key that ends', () => {
  let beside: TestGateway;

  beforeAll(async () => {
    beside = await startTestGateway({ beside: gateway });
  });

  afterAll(async () => {
    await beside.close();
  });

  it('ends its subscriptions within five seconds, revoked on another gateway', async () => {
    const account = await alarm(gateway, 'revoked');
    const [key, other] = [
      await createKey(gateway, account.accountId, ['READ_USAGE']),
      await createKey(gateway, account.accountId, ['READ_USAGE']),
    ];
    const revoked = await initialised(origin, key.secret);
    const stays = await initialised(origin, other.secret);
    const events = await eventStream(origin, key.secret, CreditAlertsDocument, {});
    const began = performance.now();
    await beside.query('mutation ($id: ID!) { revokeApiKey(id: $id) { id } }', { id: key.id });
    await until(() => revoked.closed !== null && events.isOver, 'both ends');
    const tookMs = performance.now() - began;

    expect(revoked.closed?.code).toBe(4403);
    expect(events.received()).toMatchObject([
      { event: 'next', data: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } },
      { event: 'complete' },
    ]);
    expect(stays.closed).toBeNull();
    expect(tookMs).toBeLessThan(5_000);
    stays.socket.close();
  });

  it('ends them when it expires', async () => {
    const account = await alarm(gateway, 'expired');
    const expiresAt = new Date(gateway.clock.nowMs() + 60_000).toISOString();
    const { secret } = await createKey(gateway, account.accountId, ['READ_USAGE'], {
      expiresAt,
    });
    const raw = await initialised(origin, secret);
    gateway.clock.moveBy(60_000);
    await until(() => raw.closed !== null, 'the end');

    expect(raw.closed?.code).toBe(4403);
  });
});

describe('a client that does not read', () => {
  it('is dropped, resumes by its cursor, and holds nobody up', async () => {
    const account = await alarm(gateway, 'slow');
    await addThresholds(gateway, account, 90);
    const query = `subscription ($id: ID!, $after: String) { creditAlerts(accountId: $id, after: $after) {
      sequence cursor ${upTo(25)
        .map((index) => `m${index}: message`)
        .join(' ')} } }`;
    const variables = { id: account.accountId, after: await cursorOf(account, 90) };
    const slow = await initialised(origin, gateway.operatorKey);
    slow.send({ type: 'subscribe', id: '1', payload: { query, variables } });
    const good = subscribe(connect(), CreditAlertsDocument, {
      accountId: account.accountId,
      after: await cursorOf(account, 90),
    });
    await moveClock(gateway, account.accountId, '2026-04-01T00:00:00.000Z');
    await until(() => slow.messages.length > 90 && good.events.length === 90, 'the first ones');
    slow.socket.pause();
    let [raised, month] = [180, 0];
    const isDropped = (): boolean =>
      [...gateway.server.websocketServer.clients].some(
        ({ readyState }) => readyState === WebSocket.CLOSING,
      );
    while (!isDropped() && month < 240) {
      month += 12;
      const to = new Date(Date.UTC(2026, 3 + month, 1)).toISOString();
      await moveClock(gateway, account.accountId, to);
      raised += 12 * 90;
      await until(() => good.events.length === raised - 90, 'the one who reads');
    }
    slow.socket.resume();
    await until(() => slow.closed !== null, 'the closing');
    const seen = sequencesOf(slow);
    const resumed = subscribe(connect(), CreditAlertsDocument, {
      accountId: account.accountId,
      after: cursorAt(seen.at(-1) ?? 0),
    });
    await until(() => sequences(resumed).at(-1) === raised, 'the rest');

    expect(slow.closed?.code).toBe(4450);
    expect(sequences(good)).toEqual(upTo(raised, 91));
    expect([...seen, ...sequences(resumed)]).toEqual(upTo(raised, 91));
  });
});

describe('the end of a gateway', () => {
  it('tells sockets to go on elsewhere, and ends event streams without completing them', async () => {
    const account = await alarm(gateway, 'shutdown');
    const ending = await startTestGateway({ beside: gateway });
    const raw = await initialised(originOf(ending), gateway.operatorKey);
    const events = await eventStream(originOf(ending), gateway.operatorKey, CreditAlertsDocument, {
      accountId: account.accountId,
    });
    await ending.close();
    await until(() => raw.closed !== null && events.isOver, 'both ends');

    expect(raw.closed?.code).toBe(1001);
    expect(events.received()).toEqual([]);
  });
});

describe('event streams', () => {
  it('resume and go on live, and need a key', async () => {
    const account = await alarm(gateway, 'sse');
    await raise(account, 3);
    const events = await eventStream(origin, gateway.operatorKey, CreditAlertsDocument, {
      accountId: account.accountId,
      after: await cursorOf(account, 1),
    });
    await until(() => events.received().length >= 2, 'the replay');
    await raise(account, 2);
    await until(() => events.received().length >= 4, 'the live ones');
    events.stop();
    const denied = await post(origin, '/graphql/stream', {
      body: { query: '{ hardwareProfiles { id } }' },
    });

    expect(events.received().map(({ data }) => data?.data?.creditAlerts?.sequence)).toEqual([
      2, 3, 4, 5,
    ]);
    expect(denied.status).toBe(401);
  });

  it('work with the client of the library', async () => {
    const account = await alarm(gateway, 'sse client');
    const client = createSseClient({
      url: `${origin}/graphql/stream`,
      headers: { authorization: `Bearer ${gateway.operatorKey}` },
    });
    const seen: number[] = [];
    const iterator = client.iterate<CreditAlertsSubscription>({
      query: CreditAlertsDocument.text,
      variables: { accountId: account.accountId, after: await cursorOf(account, 0) },
    });
    await raise(account, 3);
    for await (const { data } of iterator) {
      seen.push(data?.creditAlerts.sequence ?? -1);
      if (seen.length === 3) break;
    }
    client.dispose();

    expect(seen).toEqual([1, 2, 3]);
  });
});

describe('the two executors', () => {
  const documents: readonly (readonly [string, Record<string, unknown>])[] = [
    [
      '{ account(id: "$ID") { alerts(first: 1, kinds: [RESOLVED, LOW_CREDITS]) { nodes { id kind remaining } } } }',
      {},
    ],
    [
      '{ account(id: "$ID") { alerts(last: 1) { nodes { sequence } } allocations { nodes { amount unit } } } }',
      {},
    ],
    [
      'query ($after: String, $first: Int, $kinds: [AlertKind!]) { account(id: "$ID") { alerts(first: $first, after: $after, kinds: $kinds) { totalCount nodes { sequence } } } }',
      {},
    ],
    [
      'query ($first: Int = 1) { account(id: "$ID") { alerts(first: $first) { nodes { sequence } } } }',
      {},
    ],
    [
      'query ($first: Int = 1) { account(id: "$ID") { alerts(first: $first) { nodes { sequence } } } }',
      { first: null },
    ],
    ['{ account(id: "$ID") { alerts(first: 1, kinds: [NONE]) { totalCount } } }', {}],
    ['{ account(id: "$ID") { alerts(first: "1") { totalCount } } }', {}],
    [
      'query ($first: Int) { account(id: "$ID") { alerts(first: $first) { totalCount } } }',
      { first: 'x' },
    ],
    [
      '{ account(id: "$ID") { usage(range: { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00+01:00" }) { range { from to } } } }',
      {},
    ],
    [
      'query ($to: DateTime) { account(id: "$ID") { usage(range: { from: "2026-01-01T00:00:00Z", to: $to }) { range { from to } } } }',
      {},
    ],
    ['{ account(id: "$ID") { usage(range: { from: "yesterday" }) { range { from } } } }', {}],
    [
      'mutation ($low: Credits) { setCreditPolicy(input: { accountId: "$ID", lowCredit: $low }) { creditPolicy { lowCredit negativeLimit } } }',
      {},
    ],
    [
      'mutation { setCreditPolicy(input: { accountId: "$ID", lowCredit: "1.50" }) { creditPolicy { lowCredit } } }',
      {},
    ],
    [
      'mutation { setCreditPolicy(input: { accountId: "$ID", lowCredit: "1.1234567" }) { creditPolicy { lowCredit } } }',
      {},
    ],
    [
      'mutation ($low: Credits!) { setCreditPolicy(input: { accountId: "$ID", lowCredit: $low }) { creditPolicy { lowCredit } } }',
      { low: 1.5 },
    ],
    [
      'query ($is: Boolean!) { account(id: "$ID") { ... on Node { __typename id } name @include(if: $is) } }',
      { is: false },
    ],
    ['{ node(id: "$ID") { ... on Account { thresholds { measure value armed } } } }', {}],
    ['{ account(id: "nothing") { id } }', {}],
  ];

  it.each(documents)('coerce and answer alike: %s', async (query, variables) => {
    const account = await alarm(gateway, `alike ${query}${JSON.stringify(variables)}`);
    await raise(account, 3);
    const document = query.replace('$ID', account.accountId);
    const http = await gateway.query(document, variables);
    const client = connect();
    const answer = await new Promise<unknown>((resolve) => {
      client.subscribe(
        { query: document, variables },
        {
          next: resolve,
          error: (errors) => {
            resolve({ errors });
          },
          complete: () => undefined,
        },
      );
    });
    const { data = null, errors } = answer as { data?: unknown; errors?: unknown };

    expect({ data, errors: places(errors) }).toEqual({
      data: (http.data as unknown) ?? null,
      errors: places(http.errors),
    });
  });

  it('leave subscriptions to the routes that serve them', async () => {
    const { errors } = await gateway.query('subscription { creditAlerts { id } }');

    expect(errors).toMatchObject([
      {
        message: expect.stringContaining('/graphql/stream'),
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ]);
  });
});

// The feed alone: what it asks of the database when thousands come back at once.
describe('many subscribers that are behind', () => {
  it('are read for a hundred at a time, and get everything in order', async () => {
    const account = await alarm(gateway, 'many behind');
    await account.raise();
    await account.raise();
    const feed = new AlertFeed(gateway.database, (error) => {
      throw error;
    });
    const statements: string[] = [];
    const stop = gateway.database.onStatement((sql) => statements.push(sql));
    const { accountId } = decodeId(account.accountId) ?? { accountId: 0 };

    const told = await Promise.all(
      Array.from({ length: 2 * BEHIND_PER_LOOK_MAX + 1 }, async () => {
        const request = { accountId, after: 0, kinds: null, onSlow: () => undefined };
        const sequences: number[] = [];
        for await (const alert of (await feed.subscribe(request)) ?? []) {
          sequences.push(alert.sequence);
          if (sequences.length === 2) break;
        }
        return sequences;
      }),
    );
    stop();
    feed.stop();

    expect(told).toEqual(told.map(() => [1, 2]));
    const looks = statements.filter((sql) => sql.includes('alerts.loadAlertsAfter'));
    expect(looks.length).toBeGreaterThanOrEqual(3);
  });
});
