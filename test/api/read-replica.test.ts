// Reads at a streaming standby: they are never older than the caller's own last write, and go on whatever becomes of the standby.
// Replay is held where a test needs a standby that lacks what was written.

import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createGateway } from '@billing-gateway/client';
import { CreateThresholdDocument, ThresholdsDocument } from '@billing-gateway/client/operations';
import type { Response } from 'supertest';
import type { Snapshot } from '../../src/db/database.ts';
import { LAG_MAX_MS, type Replica } from '../../src/db/replica.ts';
import { sql } from '../../src/db/sql.ts';
import { createAccount, createKey, NO_THRESHOLDS } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { initialised, originOf } from '../support/live.ts';
import { type Replicated, startReplicated } from '../support/replica.ts';

let server: Replicated;
let one: TestGateway;
/** Another gateway on the same database and standby, which knows nothing of the first one's callers. */
let other: TestGateway;
let accountId = '';
/** What was added to the time that has passed for the gateways. */
let laterMs = 0;
let made = 0;

beforeAll(async () => {
  server = await startReplicated();
  const options = {
    databaseUrl: server.url,
    replica: { url: server.replicaUrl, passedMs: (): number => performance.now() + laterMs },
  };
  one = await startTestGateway(options);
  other = await startTestGateway(options);
  accountId = await createAccount(one, { name: 'replicated', ...NO_THRESHOLDS });
  await bothUse();
});

afterEach(async () => {
  laterMs = 0;
  await server.release();
  await bothUse();
});

afterAll(async () => {
  await one.close();
  await other.close();
  await server.close();
});

function replicaOf({ database }: TestGateway): Replica {
  if (database.replica === null) throw new Error('no replica');
  return database.replica;
}

/** Waits until both gateways use the standby, and it has everything that their callers wrote. */
async function bothUse(): Promise<void> {
  for (const gateway of [one, other]) {
    const replica = replicaOf(gateway);
    const position = await replica.position();
    await until(async () => {
      await replica.look();
      // A position may lie behind the last thing that there is to replay.
      if (!replica.covers(position)) await asOwner(server.url, 'select pg_current_xact_id()');
      return replica.covers(position);
    }, 'the standby is used');
  }
}

/** A key that has written nothing. */
async function newKey(): Promise<string> {
  const { secret } = await createKey(one, accountId, ['READ_USAGE', 'MANAGE', 'INGEST']);
  await server.release();
  await bothUse();
  return secret;
}

async function post(
  gateway: TestGateway,
  key: string,
  query: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return gateway.http
    .post('/graphql')
    .set({ ...headers, authorization: `Bearer ${key}` })
    .send({ query });
}

const THRESHOLDS = '{ account { thresholds { value } } }';
interface Thresholds {
  readonly data: {
    readonly account: { readonly thresholds: readonly { readonly value: string }[] };
  };
}

async function thresholds(
  gateway: TestGateway,
  key: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  return valuesOf(await post(gateway, key, THRESHOLDS, headers));
}

function valuesOf(answer: Response): readonly string[] {
  const { data } = answer.body as Thresholds;
  return data.account.thresholds.map(({ value }) => value);
}

/** Writes something that `thresholds` shows. */
function writing(): { readonly value: string; readonly query: string } {
  made += 1;
  const value = String(made);
  return {
    value,
    query: `mutation { createThreshold(input: { measure: CREDITS_REMAINING, value: "${value}" }) { id } }`,
  };
}

/** Who answered what could be read at the standby since it was asked last. */
function answeredBy(gateway: TestGateway): { readonly replica: number; readonly database: number } {
  const { reads } = replicaOf(gateway);
  const counted = { ...reads };
  Object.assign(reads, { replica: 0, database: 0 });
  return counted;
}

/** Ends what reads at the standby. */
async function endReads(): Promise<void> {
  await asOwner(
    server.replicaUrl,
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'billing-gateway'`,
  );
}

describe('a read', () => {
  it('is answered by the standby, as it was there', async () => {
    const [reader, writer] = [one.operatorKey, await newKey()];
    const byOperator = `{ account(id: "${accountId}") { thresholds { value } } }`;
    await server.hold();
    const { value, query } = writing();
    await post(one, writer, query);
    answeredBy(one);

    const read = async (): Promise<readonly string[]> =>
      valuesOf(await post(one, reader, byOperator));
    expect(await read()).not.toContain(value);
    expect(answeredBy(one)).toEqual({ replica: 1, database: 0 });
    await server.release();
    await until(async () => (await read()).includes(value), 'the replay');
  });

  it('includes what those wrote who manage its account', async () => {
    const [reader, writer] = [await newKey(), await newKey()];
    await server.hold();
    const { value, query } = writing();
    await post(one, writer, query);

    expect(await thresholds(one, reader)).toContain(value);
  });

  it('includes that an operator made its key', async () => {
    await server.hold();
    const { secret } = await createKey(one, accountId, ['READ_USAGE', 'MANAGE']);
    answeredBy(one);
    await thresholds(one, secret);

    expect(answeredBy(one)).toEqual({ replica: 0, database: 1 });
  });

  it('includes what its caller wrote at the same gateway', async () => {
    const key = await newKey();
    await server.hold();
    const { value, query } = writing();
    await post(one, key, query);
    answeredBy(one);

    expect(await thresholds(one, key)).toContain(value);
    expect(answeredBy(one)).toEqual({ replica: 0, database: 1 });
    await server.release();
    await bothUse();
    answeredBy(one);
    expect(await thresholds(one, key)).toContain(value);
    expect(answeredBy(one)).toEqual({ replica: 1, database: 0 });
  });

  it('includes what its caller wrote by WebSocket', async () => {
    const key = await newKey();
    await server.hold();
    const { value, query } = writing();
    const raw = await initialised(originOf(one), key);
    raw.send({ type: 'subscribe', id: '1', payload: { query } });
    await until(() => raw.messages.some(({ type }) => type === 'next'), 'the answer');
    raw.socket.terminate();

    expect(await thresholds(one, key)).toContain(value);
  });

  it('includes at another gateway what it names the position of, and is answered by the standby otherwise', async () => {
    const key = await newKey();
    await server.hold();
    const { value, query } = writing();
    const position = (await post(one, key, query)).get('x-read-after') ?? '';

    expect(position).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
    expect(await thresholds(other, key, { 'x-read-after': position })).toContain(value);
    expect(await thresholds(other, key)).not.toContain(value);
  });

  it('includes at any gateway what was recorded before by POST /v1/events', async () => {
    const key = await newKey();
    await post(
      one,
      key,
      'mutation { registerWorkflow(input: { externalId: "w", name: "w" }) { id } }',
    );
    await server.hold();
    const event = {
      specversion: '1.0',
      type: 'com.billing-gateway.workflow-run',
      source: 'test',
      id: 'one',
      subject: 'WORKFLOW/w',
      time: '2026-03-10T11:00:00Z',
      data: { quantity: 1 },
    };
    const recorded = await one.http
      .post('/v1/events')
      .set({ authorization: `Bearer ${key}`, 'content-type': 'application/cloudevents+json' })
      .send(JSON.stringify(event));
    expect(recorded.body).toMatchObject({ accepted: 1 });
    const query = '{ account { usageEvents { totalCount } } }';
    const sent = { 'x-read-after': recorded.get('x-read-after') ?? '' };

    expect((await post(other, key, query, sent)).body).toEqual(counted(1));
    expect((await post(other, key, query)).body).toEqual(counted(0));
  });

  it('that goes on from a cursor is answered by the database itself', async () => {
    const key = await newKey();
    const page = (after: string): string =>
      `query { account { ledger(first: 1${after}) { edges { cursor } } } }`;
    answeredBy(one);
    await post(one, key, page(''));
    await post(one, key, page(', after: null'));
    expect(answeredBy(one)).toEqual({ replica: 2, database: 0 });
    await post(one, key, page(', after: "WzEsMV0"'));

    expect(answeredBy(one)).toEqual({ replica: 0, database: 0 });
  });

  it('is refused when the position that it names is none', async () => {
    const answer = await post(one, await newKey(), THRESHOLDS, { 'x-read-after': '12' });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      errors: [
        {
          message:
            'The header x-read-after is "12"; it must be as a write was answered with it, such as 0/16B3748.',
          extensions: { code: 'BAD_USER_INPUT' },
        },
      ],
    });
  });
});

const counted = (totalCount: number): unknown => ({
  data: { account: { usageEvents: { totalCount } } },
  extensions: expect.anything() as unknown,
});

const LEDGER = '/v1/exports/ledger?from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z';

describe('an export', () => {
  it('is read at the standby, and includes what its caller wrote', async () => {
    const key = await newKey();
    const get = async (): Promise<string> =>
      (await one.http.get(LEDGER).set({ authorization: `Bearer ${key}`, accept: 'text/csv' })).text;
    answeredBy(one);
    await get();
    expect(answeredBy(one)).toEqual({ replica: 1, database: 0 });
    await server.hold();
    await post(one, key, writing().query);
    answeredBy(one);
    await get();

    expect(answeredBy(one)).toEqual({ replica: 0, database: 1 });
  });
});

describe('an export whose standby is lost before it is sent', () => {
  it('is read at the database itself', async () => {
    const key = await newKey();
    const { database } = one;
    const openLong = database.openLongSnapshot.bind(database);
    const opened = jest.spyOn(database, 'openLongSnapshot').mockImplementation(async (...args) => {
      const snapshot = await openLong(...args);
      if (snapshot.isLost !== undefined) await endReads();
      return snapshot;
    });
    const answer = await one.http
      .get(LEDGER)
      .set({ authorization: `Bearer ${key}`, accept: 'text/csv' });

    expect(answer.status).toBe(200);
    expect(opened).toHaveBeenCalledTimes(2);
    opened.mockRestore();
  });
});

describe('what writes, and what is live', () => {
  it('never touches the standby', async () => {
    const key = await newKey();
    answeredBy(one);
    await post(one, key, writing().query);
    await post(
      one,
      key,
      `mutation { createThreshold(input: { measure: CREDITS_REMAINING, value: "900" }) { id } }`,
    );
    const raw = await initialised(originOf(one), key);
    raw.send({
      type: 'subscribe',
      id: '1',
      payload: { query: 'subscription { creditBalance { remaining } }' },
    });
    await until(() => raw.messages.some(({ type }) => type === 'next'), 'the balance');
    raw.socket.terminate();

    expect(answeredBy(one)).toEqual({ replica: 0, database: 0 });
  });
});

describe('a standby', () => {
  const health = async (): Promise<unknown> =>
    (await one.http.get('/health/ready')).body as unknown;

  it('is not used while it is more than ten seconds behind', async () => {
    const key = await newKey();
    await server.hold();
    // It lacks this.
    await asOwner(server.url, 'create table behind (id int)');
    await replicaOf(one).look();
    expect(await health()).toEqual({ status: 'ready', replica: 'IN_USE' });
    laterMs = LAG_MAX_MS + 1;
    // A look that began before returns at once.
    await until(async () => {
      await replicaOf(one).look();
      return replicaOf(one).state === 'BEHIND';
    }, 'it is behind');
    answeredBy(one);
    await thresholds(one, key);

    expect(await health()).toEqual({ status: 'ready', replica: 'BEHIND' });
    expect(answeredBy(one)).toEqual({ replica: 0, database: 1 });
    expect((await one.http.get('/metrics')).text).toMatch(/^read_replica_in_use 0$/m);
    await asOwner(server.url, 'drop table behind');
  });

  it('may lose a read that it has begun: the database itself answers it', async () => {
    const key = await newKey();
    const before = await thresholds(one, key);
    for (let round = 0; round < 5; round += 1) {
      await endReads();
      const { body } = (await post(one, key, THRESHOLDS)) as { body: Thresholds };
      expect(body).toMatchObject({ data: { account: {} } });
      expect(body.data.account.thresholds).toHaveLength(before.length);
      await bothUse();
    }
  });

  it('is used further when a read is given up', async () => {
    const snapshot = await one.database.openSnapshot('operator', { after: null });
    await snapshot.tx.query(sql`select 1`);
    const reading = snapshot.tx.query(sql`select pg_sleep(4)`);
    setTimeout(() => {
      snapshot.cancel(new Error('given up'));
    }, 50);

    await expect(reading).rejects.toThrow('given up');
    expect(snapshot.isLost?.()).toBe(false);
    expect(replicaOf(one).state).toBe('IN_USE');
    await snapshot.close();
  });

  it('is not waited for while the database itself has connections', async () => {
    const open = (): Promise<Snapshot> => one.database.openSnapshot('operator', { after: null });
    const held: Snapshot[] = [];
    while (held.length < one.database.poolSize / 2) held.push(await open());
    const waiting = open();
    await new Promise((resolve) => setTimeout(resolve, 100));
    answeredBy(one);
    const further = await open();

    expect(answeredBy(one)).toEqual({ replica: 0, database: 1 });
    await Promise.all([...held, further].map((snapshot) => snapshot.close()));
    await (await waiting).close();
  });

  it('may end and come back: answers go on', async () => {
    const key = await newKey();
    const before = await thresholds(one, key);
    await server.stopReplica();
    expect(await thresholds(one, key)).toEqual(before);
    await replicaOf(one).look();
    expect(await health()).toEqual({ status: 'ready', replica: 'UNREACHABLE' });
    expect(await thresholds(one, key)).toEqual(before);

    await server.startReplica();
    await bothUse();
    answeredBy(one);
    expect(await thresholds(one, key)).toEqual(before);
    expect(answeredBy(one)).toEqual({ replica: 1, database: 0 });
  });
});

describe('the client', () => {
  it('reads at any gateway what it has written at another', async () => {
    const key = await newKey();
    await server.hold();
    // As behind a proxy: the write comes to one gateway, the read to the other.
    let gateway = one;
    const client = createGateway({
      url: originOf(one),
      key,
      fetch: (url, init) => fetch((url as string).replace(originOf(one), originOf(gateway)), init),
    });
    await client.request(CreateThresholdDocument, {
      input: { measure: 'CREDITS_REMAINING', value: '77' },
    });
    gateway = other;
    const { account } = await client.request(ThresholdsDocument, {});

    expect(account?.thresholds.map(({ value }) => value)).toContain('77');
    await client.close();
  });
});
