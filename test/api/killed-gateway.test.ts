// Credits that run out within seconds of real time, on gateways that are processes of their own with the real clock: once
// undisturbed, and once with the gateway killed between two crossings and started again when several more were due.

import { afterEach, describe, expect, it } from '@jest/globals';
import { SystemClock } from '../../src/core/clock.ts';
import {
  alertsOf,
  allocate,
  ask,
  createAccount,
  createHardware,
  deploy,
  register,
} from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { asOwner, OPERATOR_KEY, startTestGateway } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import type { RegisterAnyInput } from '@billing-gateway/client/operations';

// 6, 12 and 18 credits a second: 36,000 micro-credits in each millisecond, so no figure is rounded.
const HARDWARE = { six: '21600', twelve: '43200', eighteen: '64800' };
/** Deployments begin a moment ago, so that all of them begin at the same instant. */
const BEGUN_BEFORE_MS = 300;
const STOPPED_MESSAGE =
  "You've used all your available credits. Please add more credits to your account to continue.";

const clock = new SystemClock();
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Deployments that burn, and since when. */
interface Burning {
  readonly accountId: string;
  readonly fromMs: number;
}

async function deployAll(gateway: GatewayProcess): Promise<Burning> {
  for (const [name, rate] of Object.entries(HARDWARE)) await createHardware(gateway, name, rate);
  const accountId = await createAccount(gateway, {
    lowCredit: '50',
    negativeLimit: '-25',
    hoursToStop: [],
  });
  await allocate(gateway, accountId, '300');
  const names = Object.keys(HARDWARE);
  const ids = await register(
    gateway,
    accountId,
    ...names.map((name): RegisterAnyInput => ({ kind: 'GUARDRAIL', externalId: name, name })),
  );
  // A rate must be in force when hosting begins.
  const madeMs = clock.nowMs();
  await until(() => clock.nowMs() > madeMs + 2 * BEGUN_BEFORE_MS, 'the rates are in force');
  const fromMs = clock.nowMs() - BEGUN_BEFORE_MS;
  const at = new Date(fromMs).toISOString();
  for (const [index, name] of names.entries()) {
    await deploy(gateway, ids[index] ?? '', name, { at });
  }
  return { accountId, fromMs };
}

async function untilStopped(gateway: GatewayProcess, accountId: string): Promise<void> {
  const isStopped = async (): Promise<boolean> =>
    (await alertsOf(gateway, accountId)).some(({ kind }) => kind === 'NEGATIVE_LIMIT_REACHED');
  await until(isStopped, 'the negative limit is told');
}

/** All that a user sees in the end; instants count from the deployment. */
async function outcomeOf(
  gateway: GatewayProcess,
  { accountId, fromMs }: Burning,
  databaseUrl: string,
): Promise<unknown> {
  const after = (instant: string): number => Date.parse(instant) - fromMs;
  const alerts = await alertsOf(gateway, accountId);
  const { account } = await ask<{
    account: {
      credits: unknown;
      ledger: { nodes: { kind: string; amount: string; balance: string; bookedAt: string }[] };
    };
  }>(
    gateway,
    `query ($id: ID) { account(id: $id) { credits { used remaining state burnRatePerHour }
      ledger(first: 10) { nodes { kind amount balance bookedAt charges { nodes { credits resource { name } } } } } } }`,
    { id: accountId },
  );
  const hosting = await asOwner(
    databaseUrl,
    `select r.name, r.status, r.failure_message, count(*)::int as segments,
       min(extract(epoch from s.from_at) * 1000)::float8 as from_ms, max(extract(epoch from s.to_at) * 1000)::float8 as to_ms
     from resource r join hosting_segment s using (account_id, resource_id) where s.voided_at is null
     group by r.name, r.status, r.failure_message order by max(s.rate_micro_per_hour)`,
  );
  return {
    alerts: alerts.map((alert) => [
      alert.sequence,
      alert.kind,
      after(alert.crossedAt),
      alert.remaining,
      alert.percentUsed,
      alert.stopped.map(({ name }) => name),
    ]),
    credits: account.credits,
    // The allocation came before, at an instant of its own.
    ledger: account.ledger.nodes.slice(1).map((entry) => ({
      ...entry,
      bookedAt: after(entry.bookedAt),
    })),
    hosting: hosting.map((row) => [
      row['name'],
      row['status'],
      row['failure_message'],
      row['segments'],
      Number(row['from_ms']) - fromMs,
      Number(row['to_ms']) - fromMs,
    ]),
  };
}

// Of 300 credits, at 0.036 a millisecond. Half are used after 150 / 0.036 = 4,166.7 ms, so in the 4,167th 150.012 are;
// 210 after 5,833.3, 240 after 6,666.7, 250 (50 left) after 6,944.4, 270 after 7,500, 300 after 8,333.3 and 325 after
// 9,027.8. The millisecond in which a level is reached is charged in full: 9,028 x 0.036 = 325.008.
const EXPECTED = {
  alerts: [
    [1, 'CREDIT_THRESHOLD', 4_167, '149.988', 50.004, []],
    [2, 'CREDIT_THRESHOLD', 5_834, '89.976', 70.008, []],
    [3, 'CREDIT_THRESHOLD', 6_667, '59.988', 80.004, []],
    [4, 'LOW_CREDITS', 6_945, '49.98', 83.34, []],
    [5, 'CREDIT_THRESHOLD', 7_500, '30', 90, []],
    [6, 'CREDITS_EXHAUSTED', 8_334, '-0.024', 100.008, []],
    [7, 'NEGATIVE_LIMIT_REACHED', 9_028, '-25.008', 108.336, ['six', 'twelve', 'eighteen']],
  ],
  credits: { used: '325.008', remaining: '-25.008', state: 'STOPPED', burnRatePerHour: '0' },
  ledger: [
    {
      kind: 'USAGE',
      amount: '-325.008',
      balance: '-25.008',
      bookedAt: 9_028,
      charges: {
        nodes: [
          { credits: '-54.168', resource: { name: 'six' } },
          { credits: '-108.336', resource: { name: 'twelve' } },
          { credits: '-162.504', resource: { name: 'eighteen' } },
        ],
      },
    },
  ],
  hosting: [
    ['six', 'UNDEPLOYED', STOPPED_MESSAGE, 1, 0, 9_028],
    ['twelve', 'UNDEPLOYED', STOPPED_MESSAGE, 1, 0, 9_028],
    ['eighteen', 'UNDEPLOYED', STOPPED_MESSAGE, 1, 0, 9_028],
  ],
};

/** A database of its own, and the first gateway on it. */
async function aGateway(): Promise<{ databaseUrl: string; gateway: GatewayProcess }> {
  const beside = await startTestGateway();
  stops.push(() => beside.close());
  const { databaseUrl } = beside;
  return { databaseUrl, gateway: await start(databaseUrl) };
}

async function start(databaseUrl: string): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess(databaseUrl, OPERATOR_KEY);
  stops.push(gateway.kill);
  return gateway;
}

async function undisturbed(): Promise<unknown> {
  const { databaseUrl, gateway } = await aGateway();
  const burning = await deployAll(gateway);
  await untilStopped(gateway, burning.accountId);
  return outcomeOf(gateway, burning, databaseUrl);
}

/** @returns what came of it, and how many alerts were told late, by the second gateway */
async function killed(): Promise<{ outcome: unknown; toldBefore: number; toldAfter: number }> {
  const { databaseUrl, gateway } = await aGateway();
  const burning = await deployAll(gateway);
  const isTold = async (): Promise<boolean> =>
    (await alertsOf(gateway, burning.accountId)).length > 0;
  await until(isTold, 'the first crossing is told');
  await gateway.kill();
  // Past the fifth crossing.
  await until(() => clock.nowMs() > burning.fromMs + 7_500, 'several crossings are due');
  const restartedMs = clock.nowMs();
  const second = await start(databaseUrl);
  await untilStopped(second, burning.accountId);
  const alerts = await alertsOf(second, burning.accountId);
  const toldAfter = alerts.filter(({ raisedAt }) => Date.parse(raisedAt) >= restartedMs).length;
  return {
    outcome: await outcomeOf(second, burning, databaseUrl),
    toldBefore: alerts.length - toldAfter,
    toldAfter,
  };
}

describe('credits that run out while nobody is there', () => {
  it('bring about the same at the same instants as under the eyes of a gateway', async () => {
    const [seen, unseen] = await Promise.all([undisturbed(), killed()]);

    expect(seen).toEqual(EXPECTED);
    expect(unseen.outcome).toEqual(EXPECTED);
    // It was killed in the middle indeed: at least those of 80 %, 50 credits and 90 % fell due without a gateway.
    expect(unseen.toldBefore).toBeGreaterThanOrEqual(1);
    expect(unseen.toldAfter).toBeGreaterThanOrEqual(3);
  });
});
