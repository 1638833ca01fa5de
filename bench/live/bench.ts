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
import { note, printTable, quantile } from '../support/measure.ts';
import { ProcessorMeter, processorMs } from '../support/processor.ts';
import type { Result } from '../support/results.ts';
import type { Answer, Ask, Delivery, PlainJob, Subscriber } from './job.ts';

const RAISING_AT_ONCE = 8;
const LOAD_PROCESSES = 2;
const SETTLE_MS = 3_000;
const QUIET_MS = 10_000;
/** What a process opens besides sockets. */
const OTHER_FILES = 500;
const AIMS = { delayMs: 100, subscriberKb: 20 } as const;

interface Size {
  readonly accounts: number;
  /** How many subscribers there are when memory is looked at: the last is how many there are in all. */
  readonly stages: readonly number[];
  readonly alertsPerSecond: number;
  readonly seconds: number;
}

const FULL: Size = {
  ...{ accounts: 1_000, stages: [1_000, 5_000, 20_000], alertsPerSecond: 200, seconds: 20 },
};
const QUICK: Size = {
  ...{ accounts: 200, stages: [1_000, 5_000], alertsPerSecond: 40, seconds: 5 },
};

function subscribersOf({ stages }: Size): number {
  return stages.at(-1) ?? 0;
}

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
      MAX_CONNECTIONS: String(2 * subscribersOf(size)),
    });
    const measuring = { size, sockets, children, owner: bench.owner };
    const ours = await measure(gateway, measuring, () =>
      raiseAlerts(bench, accounts, { clock, size }),
    );
    gateway.child.kill('SIGKILL');
    const plain = await startPlain(size, ours.message, children);
    const peer = await measure(plain, measuring, () => {
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
  size: Size,
  accounts: readonly Subscriber[],
): Promise<readonly Subscriber[]> {
  const subscribers = subscribersOf(size);
  const limits = await readFile('/proc/self/limits', 'utf8');
  const filesMax = Number(/^Max open files +\d+ +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  const count = Math.min(subscribers, filesMax - OTHER_FILES);
  const at = (index: number): Subscriber =>
    present(accounts[index % accounts.length], 'an account');
  return Array.from({ length: count }, (_, index) => ({
    ...at(index),
    operations: index >= 2 * count - subscribers ? 2 : 1,
  }));
}

interface Measured {
  readonly alerts: Alerts | null;
  readonly deliveries: readonly Delivery[];
  /** The last message that was delivered. */
  readonly message: string;
  readonly idleMb: number;
  /** With the subscribers of each stage. */
  readonly stagesMb: readonly number[];
  readonly busyMb: number;
  /** While nothing is delivered. */
  readonly quiet: Taken;
  readonly busy: Taken;
  readonly deliveryMicroseconds: number;
}

interface Measuring {
  readonly size: Size;
  readonly sockets: readonly Subscriber[];
  readonly children: ChildProcess[];
  readonly owner: BenchGateway['owner'];
}

/** Subscribes all to a server, lets it deliver, and tells what that took of it. */
async function measure(
  { origin, pid }: Pick<GatewayProcess, 'origin' | 'pid'>,
  { size, sockets, children, owner }: Measuring,
  deliver: () => Promise<Alerts | null>,
): Promise<Measured> {
  const idleMb = await residentMb(pid);
  const loads = Array.from({ length: LOAD_PROCESSES }, () => forked('load.ts', children));
  const stagesMb: number[] = [];
  for (const [index, stage] of size.stages.entries()) {
    note(`${stage} subscribers …`);
    await subscribeAll(sockets.slice(size.stages[index - 1] ?? 0, stage), { origin, loads });
    await pause(SETTLE_MS);
    stagesMb.push(await residentMb(pid));
  }
  const of = { server: pid, clients: loads.map(pidOf), owner };
  const { taken: quiet } = await during(of, () => pause(QUIET_MS));
  note(`${size.alertsPerSecond} alerts a second for ${size.seconds} s …`);
  const { taken: busy, result: alerts } = await during(of, deliver);
  // What is still under way is told to have been delivered, however late.
  await pause(SETTLE_MS);
  const busyMb = await residentMb(pid);
  const { deliveries, message } = await reports(loads);
  for (const load of loads) load.kill('SIGKILL');
  const takenMs = busy.server - (quiet.server * busy.passedMs) / quiet.passedMs;
  return {
    ...{ alerts, deliveries, message, idleMb, stagesMb, busyMb, quiet, busy },
    deliveryMicroseconds: (takenMs * 1_000) / deliveries.length,
  };
}

/** Processor time that passed in each process, in milliseconds. */
interface Taken {
  readonly passedMs: number;
  /** The server under test. */
  readonly server: number;
  readonly clients: number;
  /** This process, where alerts are raised. */
  readonly raising: number;
  readonly postgres: number;
}

async function during<T>(
  of: {
    readonly server: number;
    readonly clients: readonly number[];
    readonly owner: BenchGateway['owner'];
  },
  work: () => Promise<T>,
): Promise<{ readonly taken: Taken; readonly result: T }> {
  const read = async (): Promise<readonly [number, number]> => {
    const clients = await Promise.all(of.clients.map(processorMs));
    return [await processorMs(of.server), clients.reduce((sum, one) => sum + one, 0)];
  };
  const meter = await ProcessorMeter.open({ owner: of.owner });
  const [server, clients] = await read();
  const beganMs = performance.now();
  const result = await meter.during('all', async () => ({ units: 1, result: await work() }));
  const passedMs = performance.now() - beganMs;
  const [serverAfter, clientsAfter] = await read();
  const { gateway = Number.NaN, postgres = Number.NaN } = meter.perUnit('all') ?? {};
  const taken = {
    ...{ passedMs, raising: gateway, postgres },
    ...{ server: serverAfter - server, clients: clientsAfter - clients },
  };
  return { taken, result };
}

function pidOf(child: ChildProcess): number {
  return present(child.pid, 'it has a process');
}

/** A plain server, which sends a message to as many as each alert goes to, as often as alerts are raised, once it is told `go`. */
async function startPlain(
  size: Size,
  message: string,
  children: ChildProcess[],
): Promise<{ readonly child: ChildProcess; readonly origin: string; readonly pid: number }> {
  const { accounts, alertsPerSecond, seconds } = size;
  note('a plain server …');
  const child = forked('plain.ts', children);
  const listening = once(child, 'message') as Promise<[string]>;
  child.send({
    message,
    receivers: subscribersOf(size) / accounts,
    perSecond: alertsPerSecond,
    seconds,
  } satisfies PlainJob);
  const [origin] = await listening;
  return { child, origin, pid: pidOf(child) };
}

/** Accounts with ten credits, no thresholds, one alert and a key, whose time stands still. */
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
      await app.creditAccounts.setPolicy(actor, { accountId: id, lowCredit: '10' });
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
  { origin, loads }: { readonly origin: string; readonly loads: readonly ChildProcess[] },
): Promise<void> {
  await Promise.all(
    loads.map(async (load, index) => {
      const subscribers = sockets.filter((_, place) => place % LOAD_PROCESSES === index);
      const answer = await ask(load, { subscribe: { origin, subscribers } });
      invariant(answer === 'subscribed', 'all subscribe', { answer });
    }),
  );
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
      // The first one was raised when the account was made.
      const sequence = 2 + Math.floor(index / accounts.length);
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
  const subscribers = subscribersOf(size);
  const expected = (committed.size * subscribers) / size.accounts;
  const at = (share: number): number => quantile(delays, share);
  const rows = [
    ['alerts a second', perSecond, `${size.alertsPerSecond}`, ''],
    ['deliveries', ours.deliveries.length, `${expected}`, peer.deliveries.length],
    ['commit to delivery, p50 ms', at(0.5), '', ''],
    ['commit to delivery, p99 ms', at(0.99), `< ${AIMS.delayMs}`, ''],
    ['commit to delivery, longest ms', at(1), '', ''],
    ...takenRows(size, ours, peer),
  ];
  const title = `${subscribers} subscribers of ${size.accounts} accounts, on ${sockets} sockets`;
  printTable(title, ['', 'measured', 'aim', 'plain ws'], rows);
  const load = `${subscribers} subscribers, ${size.alertsPerSecond} alerts a second`;
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
      what: `${load}: memory of one more subscriber`,
      goal: { most: AIMS.subscriberKb, of: 'KB' },
      figure: kbEach(size, ours),
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

/** What either server and what is around it took. */
function takenRows(size: Size, ours: Measured, peer: Measured): (string | number)[][] {
  return [
    ['processor µs a delivery', ours.deliveryMicroseconds, '', peer.deliveryMicroseconds],
    ['processor ms/s without alerts', each(ours.quiet).server, '', each(peer.quiet).server],
    ...(['server', 'clients', 'raising', 'postgres'] as const).map((name) => [
      `processor ms/s with alerts: ${name}`,
      each(ours.busy)[name],
      '',
      each(peer.busy)[name],
    ]),
    ['RSS before subscribers, MB', ours.idleMb, '', peer.idleMb],
    ...size.stages.map((stage, index) => [
      `RSS with ${stage} subscribers, MB`,
      ours.stagesMb[index] ?? Number.NaN,
      '',
      peer.stagesMb[index] ?? Number.NaN,
    ]),
    ['RSS after the alerts, MB', ours.busyMb, '', peer.busyMb],
    [
      'memory of one more subscriber, KB',
      kbEach(size, ours),
      `≤ ${AIMS.subscriberKb}`,
      kbEach(size, peer),
    ],
  ];
}

/** From the first stage to the last. Up to the first a process grows by what it does for the first time, however few subscribe. */
function kbEach({ stages }: Size, { stagesMb }: Measured): number {
  const grown = (of: readonly number[]): number => (of.at(-1) ?? 0) - (of[0] ?? 0);
  return (grown(stagesMb) * 1024) / grown(stages);
}

/** Of a second. */
function each(taken: Taken): Taken {
  const seconds = taken.passedMs / 1_000;
  return {
    ...{ passedMs: 1_000, server: taken.server / seconds, clients: taken.clients / seconds },
    ...{ raising: taken.raising / seconds, postgres: taken.postgres / seconds },
  };
}
