import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from 'graphql-ws';
import { BalanceFeed } from '../../src/alerts/balance.feed.ts';
import type { Balance } from '../../src/credits/balance.service.ts';
import {
  allocate,
  createAccount,
  createHardware,
  deployGuardrail,
  moveClock,
  NO_THRESHOLDS,
  numberOf,
  undeploy,
} from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { itOnOneServer } from '../support/left-out.ts';
import { alarm, liveClient, originOf, type Stream, subscribe } from '../support/live.ts';
import {
  type CreateAccountInput,
  CreateThresholdDocument,
  CreditBalanceDocument,
  type CreditBalanceSubscription,
} from '@billing-gateway/client/operations';

const SECOND = 1_000;

let gateway: TestGateway;
let client: Client;
let accounts = 0;

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '3600');
});

beforeEach(() => {
  client = liveClient(originOf(gateway), gateway.operatorKey);
});

afterEach(async () => {
  await client.dispose();
});

afterAll(async () => {
  await gateway.close();
});

/** An account by the real time with 1,000 credits, and a guardrail that burns one a second. */
async function burning(
  input: Partial<CreateAccountInput> = {},
): Promise<{ accountId: string; id: string }> {
  accounts += 1;
  const accountId = await createAccount(gateway, {
    name: `burning ${accounts}`,
    ...NO_THRESHOLDS,
    ...input,
  });
  await allocate(gateway, accountId, '1000');
  const id = await deployGuardrail(gateway, accountId, 'gpu');
  return { accountId, id };
}

function balances({ events }: Stream<CreditBalanceSubscription>): [number, string, string][] {
  return events.map(({ creditBalance: { asOf, remaining, state } }) => [
    Date.parse(asOf),
    remaining,
    state,
  ]);
}

async function watch(
  accountId: string,
  everySeconds?: number,
): Promise<Stream<CreditBalanceSubscription>> {
  const stream = subscribe(client, CreditBalanceDocument, {
    accountId,
    ...(everySeconds === undefined ? {} : { everySeconds }),
  });
  await until(() => stream.events.length + stream.errors.length > 0, 'the balance of now');
  return stream;
}

describe('creditBalance', () => {
  it('ticks at exact instants, each watcher by its own measure, without a statement', async () => {
    const { accountId } = await burning();
    const began = gateway.clock.nowMs();
    const five = await watch(accountId);
    const two = await watch(accountId, 2);
    const statements: string[] = [];
    const stop = gateway.database.onStatement((sql) => statements.push(sql));
    for (let second = 1; second <= 10; second += 1) {
      gateway.clock.moveBy(SECOND);
      const [ofFive, ofTwo] = [1 + Math.floor(second / 5), 1 + Math.floor(second / 2)];
      await until(() => five.events.length === ofFive && two.events.length === ofTwo, 'the ticks');
    }
    stop();
    const at = (second: number): [number, string, string] => [
      began + second * SECOND,
      String(1000 - second),
      'OK',
    ];

    expect(balances(five)).toEqual([0, 5, 10].map(at));
    expect(balances(two)).toEqual([0, 2, 4, 6, 8, 10].map(at));
    // But for the one look a second whether anything was written.
    expect(statements.filter((sql) => !/alerts.loadVersions|access\./.test(sql))).toEqual([]);
  });

  it('tells at once what was written, and each change once', async () => {
    const { accountId, id } = await burning();
    const began = gateway.clock.nowMs();
    const stream = await watch(accountId, 3_600);
    await allocate(gateway, accountId, '500');
    await until(() => stream.events.length === 2, 'the grant');
    gateway.clock.moveBy(10 * SECOND);
    await undeploy(gateway, id);
    await until(() => stream.events.length === 3, 'the end of the burning');
    gateway.clock.moveBy(3_600 * SECOND);
    await allocate(gateway, accountId, '1');
    await until(() => stream.events.length === 4, 'the second grant');

    expect(balances(stream)).toEqual([
      [began, '1000', 'OK'],
      [began, '1500', 'OK'],
      [began + 10 * SECOND, '1490', 'OK'],
      [began + 3_610 * SECOND, '1491', 'OK'],
    ]);
    expect(stream.events.map(({ creditBalance }) => creditBalance.burnRatePerHour)).toEqual([
      '3600',
      '3600',
      '0',
      '0',
    ]);
  });

  it('tells what time brings about at its own instant, long before the next tick', async () => {
    const { accountId } = await burning({ lowCredit: '400', negativeLimit: '-5' });
    const began = gateway.clock.nowMs();
    const stream = await watch(accountId, 3_600);
    for (const [second, count] of [
      [601, 2],
      [1_001, 3],
      [1_100, 4],
    ] as const) {
      gateway.clock.moveTo(began + second * SECOND);
      await until(() => stream.events.length === count, `the change before second ${second}`);
    }

    expect(balances(stream)).toEqual([
      [began, '1000', 'OK'],
      [began + 600 * SECOND, '400', 'LOW'],
      [began + 1_000 * SECOND, '0', 'EXHAUSTED'],
      [began + 1_005 * SECOND, '-5', 'STOPPED'],
    ]);
    expect(stream.events.at(-1)?.creditBalance).toMatchObject({
      burnRatePerHour: '0',
      stopsAt: null,
    });
  });

  it('of a test account moves only with its clock', async () => {
    const account = await alarm(gateway, 'balance of a test account');
    const stream = await watch(account.accountId, 1);
    gateway.clock.moveBy(60 * SECOND);
    await account.raise();
    await until(() => stream.events.length === 2, 'another state');
    await moveClock(gateway, account.accountId, '2026-03-02T00:00:00.000Z');
    await account.raise();
    await until(() => stream.events.length === 3, 'the state before');

    const [first, second] = [Date.parse('2026-03-01'), Date.parse('2026-03-02')];
    expect(balances(stream)).toEqual([
      [first, '10', 'OK'],
      [first, '10', 'LOW'],
      [second, '10', 'OK'],
    ]);
  });

  it.each([0, 3_601, -1])('refuses to tick every %d seconds', async (everySeconds) => {
    const account = await alarm(gateway, `every ${everySeconds}`);
    const stream = await watch(account.accountId, everySeconds);

    expect(stream.errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', path: ['everySeconds'] } },
    ]);
  });

  // On distributed tables each account is asked about apart.
  itOnOneServer('looks once a second for all accounts together', async () => {
    const streams = [];
    for (let index = 0; index < 20; index += 1) {
      const account = await alarm(gateway, `together ${index}`);
      streams.push(await watch(account.accountId));
    }
    const statements: string[] = [];
    const stop = gateway.database.onStatement((sql) => statements.push(sql));
    const looks = (): number =>
      statements.filter((sql) => sql.includes('alerts.loadVersions')).length;
    const began = performance.now();
    await until(() => looks() >= 3, 'three looks');
    const tookMs = performance.now() - began;
    stop();

    expect(streams.flatMap(({ errors }) => errors)).toEqual([]);
    expect(tookMs).toBeGreaterThan(1_500);
  });
});

// The feed alone, so that the test says when it looks and ticks.
describe('what time brought about', () => {
  let feed: BalanceFeed;

  beforeEach(() => {
    feed = new BalanceFeed(gateway.database, gateway.clock, (error) => {
      throw error;
    });
  });

  afterEach(() => {
    feed.stop();
  });

  async function follow(
    accountId: string,
    { everySeconds = 3_600, withForecast = true } = {},
  ): Promise<Balance[]> {
    const told: Balance[] = [];
    const request = { everyMs: everySeconds * SECOND, withForecast };
    const stream = await feed.subscribe(numberOf(accountId), request);
    if (stream === null) throw new Error('no such account');
    void (async () => {
      for await (const balance of stream) told.push(balance);
    })();
    await until(() => told.length === 1, 'the balance of now');
    return told;
  }

  const states = (told: readonly Balance[]): unknown => told.map(({ position }) => position.state);

  it('is told when a settlement has written it before the feed came to it', async () => {
    const { accountId } = await burning();
    const told = await follow(accountId);
    gateway.clock.moveBy(1_000 * SECOND);
    await gateway.app.due.settleDue();
    feed.nudge(numberOf(accountId));
    await until(() => told.length > 1, 'the stop');
    feed.tick();

    expect(states(told)).toEqual(['OK', 'STOPPED']);
  });

  it('is told of a forecast that has changed to those alone who ask for it', async () => {
    const { accountId } = await burning();
    const asking = await follow(accountId);
    const others = await follow(accountId, { withForecast: false });
    // Tomorrow's credits change nothing of today's balance.
    await allocate(gateway, accountId, '1', {
      effectiveAt: new Date(gateway.clock.nowMs() + 100 * SECOND).toISOString(),
    });
    feed.nudge(numberOf(accountId));
    await until(() => asking.length > 1, 'the later end');
    await allocate(gateway, accountId, '1');
    feed.nudge(numberOf(accountId));
    await until(() => others.length > 1, 'the credits of now');

    expect(asking.map(({ position }) => position.credits.balanceMicro)).toHaveLength(3);
    expect(others).toHaveLength(2);
  });

  it('is told to those who are there when another comes at that moment', async () => {
    const { accountId } = await burning();
    const told = await follow(accountId);
    gateway.clock.moveBy(1_000 * SECOND);
    const another = await follow(accountId);
    await until(() => told.length > 1, 'the stop');
    feed.tick();

    expect(states(told)).toEqual(['OK', 'STOPPED']);
    expect(states(another)).toEqual(['STOPPED']);
  });

  it('is told at each tick, though the account is written to just before the feed comes to it', async () => {
    const { accountId } = await burning();
    const began = gateway.clock.nowMs();
    const told = await follow(accountId, { everySeconds: 1 });
    for (const second of [1, 2]) {
      gateway.clock.moveTo(began + second * SECOND + 50);
      // It changes nothing that is shown.
      await gateway.query(CreateThresholdDocument, {
        input: { accountId, measure: 'CREDITS_REMAINING', value: '-100' },
      });
      feed.nudge(numberOf(accountId));
      await until(() => told.length > second, `tick ${second}`);
      feed.tick();
    }

    expect(told.map(({ position }) => position.atMs - began)).toEqual([0, 1_000, 2_000]);
  });
});
