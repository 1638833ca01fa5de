// Thousands of subscribers on one gateway, while alerts are raised on their accounts: from commit to delivery, what a delivery
// takes of the processor, and what a subscriber takes in memory. The gateway under test is a process of its own, as `npm start`
// runs it; alerts are raised by another gateway on the same database (this process), subscribers live in two more. Its peer is
// a plain `ws` server that sends the same bytes to as many.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { SystemClock } from '../../src/core/clock.ts';
import { invariant, present } from '../../src/core/errors.ts';
import { encodeId } from '../../src/core/identity.ts';
import { type BenchGateway, startBenchGateway } from '../support/gateway.ts';
import {
  type GatewayProcess,
  residentMb,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import { note, printTable, quantile, timed } from '../support/measure.ts';
import { processorMs } from '../support/processor.ts';
import type { Result } from '../support/results.ts';
import type { Answer, Ask, Delivery, PlainJob, Subscriber } from './job.ts';

const RAISING_AT_ONCE = 8;
const LOAD_PROCESSES = 2;
const SETTLE_MS = 3_000;
/** What a process opens besides sockets. */
const OTHER_FILES = 500;
const AIMS = { delayMs: 100, subscriberKb: 20 } as const;

interface Size {
  readonly accounts: number;
  readonly subscribers: number;
  readonly alertsPerSecond: number;
  readonly seconds: number;
}

const FULL: Size = { accounts: 1_000, subscribers: 20_000, alertsPerSecond: 200, seconds: 20 };
const QUICK: Size = { accounts: 100, subscribers: 1_000, alertsPerSecond: 100, seconds: 5 };

export async function benchLive(flags: { readonly quick: boolean }): Promise<readonly Result[]> {
  const size = flags.quick ? QUICK : FULL;
  const clock = new SystemClock();
  const bench = await startBenchGateway(clock);
  const children: ChildProcess[] = [];
  try {
    note(`${size.accounts} accounts …`);
    const accounts = await makeAccounts(bench, size.accounts);
    const sockets = await socketsOf(size, accounts);
    const gateway = await startGatewayProcess(bench.ownerUrl, children, {
      MAX_CONNECTIONS: String(2 * size.subscribers),
    });
    const ours = await measure(gateway, { size, sockets, children }, () =>
      raiseAlerts(bench, accounts, { clock, size }),
    );
    gateway.child.kill('SIGKILL');
    const plain = await startPlain(size, ours.message, children);
    const peer = await measure(plain, { size, sockets, children }, () => {
      plain.child.send('go');
      return once(plain.child, 'message').then(() => null);
    });
    return print(size, { sockets: sockets.length, ours, peer });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await bench.close();
  }
}

/**
 * The sockets of the subscribers, each of the next account. Where the machine does not let a process open as many, some
 * carry a second subscription.
 */
async function socketsOf(
  { subscribers }: Size,
  accounts: readonly Subscriber[],
): Promise<readonly Subscriber[]> {
  const limits = await readFile('/proc/self/limits', 'utf8');
  const filesMax = Number(/^Max open files +\d+ +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  const count = Math.min(subscribers, filesMax - OTHER_FILES);
  const at = (index: number): Subscriber =>
    present(accounts[index % accounts.length], 'an account');
  return Array.from({ length: count }, (_, index) => ({
    ...at(index),
    operations: index < subscribers - count ? 2 : 1,
  }));
}

interface Measured {
  readonly alerts: Alerts | null;
  readonly deliveries: readonly Delivery[];
  /** The last message that was delivered. */
  readonly message: string;
  readonly idleMb: number;
  readonly subscribedMb: number;
  readonly busyMb: number;
  /** Processor time a second, while nothing is delivered. */
  readonly quietMsPerSecond: number;
  readonly deliveryMicroseconds: number;
}

/** Subscribes all to a server, lets it deliver, and tells what that took of it. */
async function measure(
  server: Pick<GatewayProcess, 'origin' | 'pid'>,
  {
    size,
    sockets,
    children,
  }: {
    readonly size: Size;
    readonly sockets: readonly Subscriber[];
    readonly children: ChildProcess[];
  },
  deliver: () => Promise<Alerts | null>,
): Promise<Measured> {
  const { origin, pid } = server;
  const idleMb = await residentMb(pid);
  note(`${size.subscribers} subscribers on ${sockets.length} sockets …`);
  const loads = await subscribeAll(sockets, { origin, children });
  await pause(SETTLE_MS);
  const quiet = await during(pid, () => pause(SETTLE_MS));
  const subscribedMb = await residentMb(pid);
  note(`${size.alertsPerSecond} alerts a second for ${size.seconds} s …`);
  let alerts: Alerts | null = null;
  const busy = await during(pid, async () => {
    alerts = await deliver();
    await pause(SETTLE_MS);
  });
  const busyMb = await residentMb(pid);
  const { deliveries, message } = await reports(loads);
  for (const load of loads) load.kill('SIGKILL');
  const quietMsPerSecond = (quiet.processorMs * 1_000) / quiet.passedMs;
  const takenMs = busy.processorMs - (quietMsPerSecond * busy.passedMs) / 1_000;
  return {
    alerts,
    deliveries,
    message,
    idleMb,
    subscribedMb,
    busyMb,
    quietMsPerSecond,
    deliveryMicroseconds: (takenMs * 1_000) / deliveries.length,
  };
}

async function during(
  pid: number,
  work: () => Promise<unknown>,
): Promise<{ readonly processorMs: number; readonly passedMs: number }> {
  const before = await processorMs(pid);
  const passedMs = await timed(work);
  return { processorMs: (await processorMs(pid)) - before, passedMs };
}

/** A plain server, which sends a message to as many as each alert goes to, as often as alerts are raised, once it is told `go`. */
async function startPlain(
  { subscribers, accounts, alertsPerSecond, seconds }: Size,
  message: string,
  children: ChildProcess[],
): Promise<{ readonly child: ChildProcess; readonly origin: string; readonly pid: number }> {
  note('a plain server …');
  const child = forked('plain.ts', children);
  const listening = once(child, 'message') as Promise<[string]>;
  child.send({
    message,
    receivers: subscribers / accounts,
    perSecond: alertsPerSecond,
    seconds,
  } satisfies PlainJob);
  const [origin] = await listening;
  return { child, origin, pid: present(child.pid, 'the plain server has a process') };
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
      made.push({ accountId: id, key: secret, operations: 1 });
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return made;
}

async function subscribeAll(
  sockets: readonly Subscriber[],
  { origin, children }: { readonly origin: string; readonly children: ChildProcess[] },
): Promise<readonly ChildProcess[]> {
  const loads = Array.from({ length: LOAD_PROCESSES }, () => forked('load.ts', children));
  await Promise.all(
    loads.map(async (load, index) => {
      const subscribers = sockets.filter((_, place) => place % LOAD_PROCESSES === index);
      const answer = await ask(load, { subscribe: { origin, subscribers } });
      invariant(answer === 'subscribed', 'all subscribe', { answer });
    }),
  );
  return loads;
}

function forked(file: string, children: ChildProcess[]): ChildProcess {
  const child = fork(new URL(file, import.meta.url), {
    serialization: 'advanced',
  });
  children.push(child);
  return child;
}

async function ask(load: ChildProcess, question: Ask): Promise<Answer> {
  const answered = once(load, 'message') as Promise<[Answer]>;
  load.send(question);
  const [answer] = await answered;
  return answer;
}

/** The alerts that were raised: when each was committed, by account and sequence, and how many a second. */
interface Alerts {
  readonly committed: ReadonlyMap<string, number>;
  readonly perSecond: number;
}

/** Raises alerts on each account in turn, at a steady rate or as fast as the machine allows. */
async function raiseAlerts(
  { app, actor }: BenchGateway,
  accounts: readonly Subscriber[],
  { clock, size }: { readonly clock: SystemClock; readonly size: Size },
): Promise<Alerts> {
  const committed = new Map<string, number>();
  const beganMs = performance.now();
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < size.seconds * size.alertsPerSecond) {
      const index = next;
      next += 1;
      const dueMs = beganMs + (index * 1_000) / size.alertsPerSecond;
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

async function reports(
  loads: readonly ChildProcess[],
): Promise<Pick<Measured, 'deliveries' | 'message'>> {
  const deliveries: Delivery[] = [];
  let message = '';
  for (const load of loads) {
    const answer = await ask(load, 'report');
    invariant(typeof answer === 'object' && 'deliveries' in answer, 'a report', { answer });
    invariant(answer.closed === 0, 'no socket was closed', { closed: answer.closed });
    for (const delivery of answer.deliveries) deliveries.push(delivery);
    message = answer.message;
  }
  return { deliveries, message };
}

interface Results {
  readonly sockets: number;
  readonly ours: Measured;
  readonly peer: Measured;
}

function print(size: Size, { sockets, ours, peer }: Results): readonly Result[] {
  const { committed, perSecond } = present(ours.alerts, 'alerts were raised');
  // A notice may overtake the answer of the call that raised it.
  const delays = ours.deliveries.map(([accountId, sequence, atMs]) =>
    Math.max(0, atMs - (committed.get(`${accountId} ${sequence}`) ?? Number.NaN)),
  );
  const expected = (committed.size * size.subscribers) / size.accounts;
  const at = (share: number): number => quantile(delays, share);
  const kbEach = ({ subscribedMb, idleMb }: Measured): number =>
    ((subscribedMb - idleMb) * 1024) / size.subscribers;
  printTable(
    `${size.subscribers} subscribers of ${size.accounts} accounts, on ${sockets} sockets`,
    ['', 'measured', 'aim', 'plain ws'],
    [
      ['alerts a second', perSecond, `${size.alertsPerSecond}`, ''],
      ['deliveries', ours.deliveries.length, `${expected}`, peer.deliveries.length],
      ['commit to delivery, p50 ms', at(0.5), '', ''],
      ['commit to delivery, p99 ms', at(0.99), `< ${AIMS.delayMs}`, ''],
      ['commit to delivery, longest ms', at(1), '', ''],
      ['processor µs a delivery', ours.deliveryMicroseconds, '', peer.deliveryMicroseconds],
      ['processor ms/s without alerts', ours.quietMsPerSecond, '', peer.quietMsPerSecond],
      ['RSS before subscribers, MB', ours.idleMb, '', peer.idleMb],
      ['RSS with subscribers, MB', ours.subscribedMb, '', peer.subscribedMb],
      ['RSS after the alerts, MB', ours.busyMb, '', peer.busyMb],
      ['memory of a subscriber, KB', kbEach(ours), `≤ ${AIMS.subscriberKb}`, kbEach(peer)],
    ],
  );
  const load = `${size.subscribers} subscribers, ${size.alertsPerSecond} alerts a second`;
  const result = { area: 'live', ratio: null, processorMs: null };
  return [
    {
      ...result,
      what: `${load}: commit to delivery, p99`,
      goal: { most: AIMS.delayMs, of: 'ms' },
      figure: at(0.99),
      unit: 'ms',
    },
    {
      ...result,
      what: `${load}: memory of a subscriber`,
      goal: { most: AIMS.subscriberKb, of: 'KB' },
      figure: kbEach(ours),
      unit: 'KB',
    },
    {
      ...result,
      what: `${load}: a delivery, beside a plain ws server's`,
      goal: null,
      figure: ours.deliveryMicroseconds,
      unit: 'µs',
      ratio: ours.deliveryMicroseconds / peer.deliveryMicroseconds,
      processorMs: { gateway: ours.deliveryMicroseconds / 1_000 },
    },
  ];
}
