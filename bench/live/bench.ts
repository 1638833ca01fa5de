// Thousands of subscribers on one gateway, while alerts are raised on their accounts: from commit to delivery, and what a
// subscriber costs in memory. The gateway under test is a process of its own, as `npm start` runs it; alerts are raised by
// another gateway on the same database (this process), subscribers live in two more.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { SystemClock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import { encodeId } from '../../src/core/identity.ts';
import { type BenchGateway, startBenchGateway } from '../support/gateway.ts';
import { residentMb, startGatewayProcess } from '../support/gateway-process.ts';
import { note, printTable, quantile } from '../support/measure.ts';
import type { Result } from '../support/results.ts';
import type { Answer, Ask, Delivery, Subscriber } from './job.ts';

const ALERTS_PER_SECOND = 100;
const RAISING_AT_ONCE = 8;
const LOAD_PROCESSES = 2;
const SETTLE_MS = 3_000;
const DELAY_AIM_MS = 100;
const KB_AIM = 20;
const RSS_AIM_MB = 400;

interface Size {
  readonly accounts: number;
  readonly subscribers: number;
  readonly seconds: number;
}

const FULL: Size = { accounts: 1_000, subscribers: 5_000, seconds: 20 };
const QUICK: Size = { accounts: 100, subscribers: 500, seconds: 5 };

export async function benchLive(flags: { readonly quick: boolean }): Promise<readonly Result[]> {
  const size = flags.quick ? QUICK : FULL;
  const clock = new SystemClock();
  const bench = await startBenchGateway(clock);
  const children: ChildProcess[] = [];
  try {
    note(`${size.accounts} accounts …`);
    const accounts = await makeAccounts(bench, size.accounts);
    const gateway = await startGatewayProcess(bench.ownerUrl, children);
    const idleMb = await residentMb(gateway.pid);
    note(`${size.subscribers} subscribers …`);
    const loads = await subscribeAll(size, accounts, { origin: gateway.origin, children });
    await pause(SETTLE_MS);
    const subscribedMb = await residentMb(gateway.pid);
    note(`${ALERTS_PER_SECOND} alerts a second for ${size.seconds} s …`);
    const raised = await raiseAlerts(bench, accounts, { clock, seconds: size.seconds });
    await pause(SETTLE_MS);
    const busyMb = await residentMb(gateway.pid);
    const deliveries = await reports(loads);
    return print(size, { ...raised, deliveries, idleMb, subscribedMb, busyMb });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await bench.close();
  }
}

/** Accounts with ten credits, no thresholds and a key, whose time stands still. */
async function makeAccounts(bench: BenchGateway, count: number): Promise<readonly Subscriber[]> {
  const { app, actor } = bench;
  const made: Subscriber[] = [];
  const waiting = Array.from({ length: count }, (_, index) => index);
  const work = async (): Promise<void> => {
    for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
      const { accountId } = await app.creditAccounts.create(actor, {
        name: `account ${index}`,
        usageThresholds: [],
        hoursToStop: [],
        lowCredit: '0',
        testClock: Date.UTC(2026, 2, 1),
      });
      const id = encodeId('Account', accountId, accountId);
      await app.credits.allocate(actor, {
        accountId: id,
        amount: '10',
        unit: 'CREDITS',
        source: 'TOP_UP',
        idempotencyKey: '1',
      });
      const { secret } = await app.keys.create(actor, {
        accountId: id,
        name: 'live',
        scopes: ['READ_USAGE'],
      });
      made.push({ accountId: id, key: secret });
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return made;
}

async function subscribeAll(
  { subscribers }: Size,
  accounts: readonly Subscriber[],
  at: { readonly origin: string; readonly children: ChildProcess[] },
): Promise<readonly ChildProcess[]> {
  const all = Array.from({ length: subscribers }, (_, index) => accounts[index % accounts.length]);
  const loads = Array.from({ length: LOAD_PROCESSES }, () =>
    fork(new URL('load.ts', import.meta.url), {
      execArgv: ['--import', 'tsx'],
      serialization: 'advanced',
    }),
  );
  at.children.push(...loads);
  await Promise.all(
    loads.map(async (load, index) => {
      const subscribers = all.filter(
        (one, place): one is Subscriber => one !== undefined && place % LOAD_PROCESSES === index,
      );
      const subscribe = { origin: at.origin, subscribers };
      const answer = await ask(load, { subscribe });
      invariant(answer === 'subscribed', 'all subscribe', { answer });
    }),
  );
  return loads;
}

async function ask(load: ChildProcess, question: Ask): Promise<Answer> {
  const answered = once(load, 'message') as Promise<[Answer]>;
  load.send(question);
  const [answer] = await answered;
  return answer;
}

/** What was raised: when each was committed, by account and sequence, and how many a second. */
interface Raised {
  readonly committed: ReadonlyMap<string, number>;
  readonly perSecond: number;
}

/** Raises alerts on each account in turn, at a steady rate or as fast as the machine allows. */
async function raiseAlerts(
  { app, actor }: BenchGateway,
  accounts: readonly Subscriber[],
  { clock, seconds }: { readonly clock: SystemClock; readonly seconds: number },
): Promise<Raised> {
  const committed = new Map<string, number>();
  const beganMs = performance.now();
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < seconds * ALERTS_PER_SECOND) {
      const index = next;
      next += 1;
      const dueMs = beganMs + (index * 1_000) / ALERTS_PER_SECOND;
      if (dueMs > performance.now()) await pause(dueMs - performance.now());
      const accountId = accounts[index % accounts.length]?.accountId ?? '';
      const sequence = 1 + Math.floor(index / accounts.length);
      const lowCredit = sequence % 2 === 1 ? '10' : '0';
      await app.creditAccounts.setPolicy(actor, { accountId, lowCredit });
      committed.set(`${accountId} ${sequence}`, clock.nowMs());
    }
  };
  await Promise.all(Array.from({ length: RAISING_AT_ONCE }, work));
  return { committed, perSecond: (committed.size * 1_000) / (performance.now() - beganMs) };
}

async function reports(loads: readonly ChildProcess[]): Promise<readonly Delivery[]> {
  const deliveries: Delivery[] = [];
  for (const load of loads) {
    const answer = await ask(load, 'report');
    invariant(typeof answer === 'object' && 'deliveries' in answer, 'a report', { answer });
    invariant(answer.closed === 0, 'no socket was closed', { closed: answer.closed });
    for (const delivery of answer.deliveries) deliveries.push(delivery);
  }
  return deliveries;
}

interface Results extends Raised {
  readonly deliveries: readonly Delivery[];
  readonly idleMb: number;
  readonly subscribedMb: number;
  readonly busyMb: number;
}

function print(size: Size, results: Results): readonly Result[] {
  const { committed, perSecond, deliveries, idleMb, subscribedMb, busyMb } = results;
  // A notice may overtake the answer of the call that raised it.
  const delays = deliveries.map(([accountId, sequence, atMs]) =>
    Math.max(0, atMs - (committed.get(`${accountId} ${sequence}`) ?? Number.NaN)),
  );
  const expected = (committed.size * size.subscribers) / size.accounts;
  const at = (share: number): number => quantile(delays, share);
  const kbEach = ((subscribedMb - idleMb) * 1024) / size.subscribers;
  printTable(
    `${size.subscribers} subscribers on ${size.accounts} accounts`,
    ['', 'measured', 'aim'],
    [
      ['alerts a second', perSecond, `${ALERTS_PER_SECOND}`],
      ['deliveries', deliveries.length, `${expected}`],
      ['commit to delivery, p50 ms', at(0.5), ''],
      ['commit to delivery, p99 ms', at(0.99), `< ${DELAY_AIM_MS}`],
      ['commit to delivery, longest ms', at(1), ''],
      ['RSS before subscribers, MB', idleMb, ''],
      ['RSS with subscribers, MB', subscribedMb, ''],
      ['RSS after the alerts, MB', busyMb, `< ${RSS_AIM_MB}`],
      ['memory of a subscriber, KB', kbEach, ''],
    ],
  );
  const result = { area: 'live', ratio: null, processorMs: null };
  const load = `${size.subscribers} subscribers, ${ALERTS_PER_SECOND} alerts a second`;
  return [
    {
      ...result,
      what: `${load}: commit to delivery, p99`,
      goal: { most: DELAY_AIM_MS, of: 'ms' },
      figure: at(0.99),
      unit: 'ms',
    },
    {
      ...result,
      what: `${load}: memory of a subscriber`,
      goal: { most: KB_AIM, of: 'KB' },
      figure: kbEach,
      unit: 'KB',
    },
  ];
}
