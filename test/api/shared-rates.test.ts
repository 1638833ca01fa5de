// Two gateways that count by one Redis. Where the machine has no redis-server, nothing here runs, and a line says so.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { present } from '../../src/core/errors.ts';
import { eventRate } from '../../src/http/rates.ts';
import { openSharedCounters, type SharedCounters } from '../../src/http/shared-counters.ts';
import { createAccount, createKey } from '../support/account.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';
import { post } from '../support/post.ts';
import { hasRedis, type RedisServer, startRedis } from '../support/redis.ts';

const PER_KEY = 8;
const EVENTS = 4;
/** Costs two points. */
const QUERY = '{ account { id } }';

const isThere = hasRedis();
if (!isThere) process.stderr.write('There is no redis-server: shared rates are not tested.\n');

let redis: RedisServer;
let counters: SharedCounters[] = [];
let gateways: TestGateway[] = [];
let key = '';
let accounts = 0;
const outages: Error[] = [];

async function startCounting(beside?: TestGateway): Promise<TestGateway> {
  const shared = openSharedCounters(redis.url, (error) => outages.push(error));
  counters.push(shared);
  const gateway = await startTestGateway({
    ...(beside === undefined ? {} : { beside }),
    app: { takeEvents: eventRate({ perAccount: EVENTS }, shared.counterOf) },
    http: { pointRates: { perKey: PER_KEY, perAccount: 1_000 } },
    server: { sharedCounterOf: shared.counterOf },
  });
  gateways.push(gateway);
  return gateway;
}

function ask(gateway: TestGateway | undefined, secret = key): Promise<Response> {
  const origin = originOf(present(gateway, 'a gateway'));
  return post(origin, '/graphql', { body: { query: QUERY }, key: secret });
}

function register(gateway: TestGateway | undefined, count: number): Promise<Response> {
  const event = (index: number): object => ({
    specversion: '1.0',
    type: 'com.billing-gateway.workflow-run',
    source: 'test',
    id: `e${index}`,
    subject: 'WORKFLOW/w',
    time: '2026-03-10T11:00:00Z',
  });
  const body = Array.from({ length: count }, (_, index) => event(index));
  return post(originOf(present(gateway, 'a gateway')), '/v1/events', { body, key });
}

const statusesOf = async (asked: readonly Promise<Response>[]): Promise<readonly number[]> =>
  (await Promise.all(asked)).map(({ status }) => status);

(isThere ? describe : describe.skip)('two gateways on one Redis', () => {
  beforeAll(async () => {
    redis = await startRedis();
    await startCounting(await startCounting());
  });

  afterAll(async () => {
    for (const gateway of gateways.reverse()) await gateway.close();
    for (const shared of counters) shared.close();
    await redis.stop();
    [gateways, counters] = [[], []];
  });

  beforeEach(async () => {
    outages.length = 0;
    accounts += 1;
    const maker = await startTestGateway({ beside: present(gateways[0], 'a gateway') });
    const accountId = await createAccount(maker, { name: `Shared ${accounts}` });
    ({ secret: key } = await createKey(maker, accountId, ['READ_USAGE', 'INGEST']));
    await maker.close();
  });

  it('count the points of a key together', async () => {
    const [first, second] = gateways;
    expect(await statusesOf([ask(first), ask(second), ask(first), ask(second)])).toEqual([
      200, 200, 200, 200,
    ]);
    expect(await statusesOf([ask(first), ask(second)])).toEqual([429, 429]);
  });

  it('count the points of refused documents together', async () => {
    const [first, second] = gateways;
    const ill = (gateway: TestGateway | undefined): Promise<Response> =>
      post(originOf(present(gateway, 'a gateway')), '/graphql', { body: { query: '{ no }' }, key });
    expect(await statusesOf([ill(first)])).toEqual([400]);
    expect(await statusesOf([ill(first), ill(second), ask(second)])).toEqual([429, 429, 429]);
  });

  it('count what calls bring to an account together', async () => {
    const [first, second] = gateways;
    expect((await register(first, 3)).status).toBe(200);
    expect((await register(second, 2)).status).toBe(429);
    expect((await register(second, 1)).status).toBe(200);
  });

  it('count the wrong keys of an address together', async () => {
    const [first, second] = gateways;
    const wrong = Array.from({ length: 10 }, (_, index) => `wrong-key-${index}`);
    const some = await statusesOf(wrong.map((secret) => ask(first, secret)));
    const others = await statusesOf(wrong.map((secret) => ask(second, secret)));
    const last = await statusesOf([ask(first, 'one-more'), ask(second, 'one-more')]);
    await redis.client.flushall();

    expect(new Set([...some, ...others])).toEqual(new Set([401]));
    expect(last).toEqual([429, 429]);
  });

  it('leave no counter for longer than a minute', async () => {
    await ask(gateways[0]);
    const names = await redis.client.keys('*');
    const left = await Promise.all(names.map((name) => redis.client.pttl(name)));

    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !name.startsWith('billing-gateway:'))).toEqual([]);
    expect(left.filter((ms) => ms <= 0 || ms > 60_000)).toEqual([]);
  });

  it('count by themselves while it does not answer, say so once each, and share again afterwards', async () => {
    // Of their own: a gateway that was slow in a test before has said so, and would be silent now.
    for (const shared of counters) shared.close();
    const [first, second] = [await startCounting(gateways[0]), await startCounting(gateways[0])];
    redis.hang();
    const hanging = await statusesOf([ask(first), ask(second), ask(first), ask(second)]);
    redis.goOn();
    const { url } = redis;
    await redis.stop();
    const away = await statusesOf([ask(first), ask(second)]);
    const said = outages.map(({ message }) => message);
    redis = await startRedis(Number(new URL(url).port));
    await eventually(async () => {
      await ask(first);
      await ask(second);
      const shared = await redis.client.keys('billing-gateway:points-of-account:*');
      expect(shared).toHaveLength(1);
      expect(Number(await redis.client.get(shared[0] ?? ''))).toBeGreaterThan(0);
    });

    expect([...hanging, ...away]).toEqual([200, 200, 200, 200, 200, 200]);
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(
      /^Redis cannot be used \(.+\); until it is back, this gateway counts by itself\.$/,
    );
  });
});
