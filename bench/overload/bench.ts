// Three times the load that the gateway can do, for a minute: how much of its best it still does, how soon it answers, whether
// probes are answered, and how soon all is normal again. The gateway under test is a process of its own, as `npm start` runs it,
// and so is the load generator.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { SystemClock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import {
  type BenchAccount,
  createAccount,
  createHardware,
  fillAccount,
  settle,
} from '../support/data-set.ts';
import { startBenchGateway } from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { median, note, printTable, quantile } from '../support/measure.ts';
import { questions } from '../views/questions.ts';
import type { Answer, Job, Sent, Template } from './job.ts';

const EVENTS = 100_000;
const OVERLOAD = 3;
const NORMAL = 0.5;
const PEAK_CALLERS = [8, 16, 32] as const;
const PROBE_EVERY_MS = 250;
const PROBE_WITHIN_MS = 1_000;
const AFTER_SECONDS = 30;

/** Compares the gateway under three times its load with itself at its best. */
export async function benchOverload({ quick }: { readonly quick: boolean }): Promise<void> {
  const bench = await startBenchGateway(new SystemClock());
  const children: ChildProcess[] = [];
  try {
    await createHardware(bench);
    const account = await createAccount(bench, 'overload');
    await fillAccount(bench, account, { events: EVENTS, nowMs: new SystemClock().nowMs() });
    await settle(bench);
    const { secret: key } = await bench.app.keys.create(bench.actor, {
      accountId: account.id,
      name: 'load',
      scopes: ['READ_USAGE', 'INGEST'],
    });
    const { origin } = await startGatewayProcess(bench.ownerUrl, children);
    const load = fork(new URL('load.ts', import.meta.url), {
      serialization: 'advanced',
    });
    children.push(load);
    const at = { load, origin, key, mix: mixOf(account) };
    await measure(at, quick);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await bench.close();
  }
}

interface Generator {
  readonly load: ChildProcess;
  readonly origin: string;
  readonly key: string;
  readonly mix: readonly Template[];
}

async function measure(at: Generator, quick: boolean): Promise<void> {
  const seconds = quick ? 20 : 60;
  await send(at, { seconds: 5, perSecond: null, atOnce: 8 });
  const peaks: number[] = [];
  for (const atOnce of PEAK_CALLERS) {
    const peakSeconds = quick ? 6 : 12;
    const sent = await send(at, { seconds: peakSeconds, perSecond: null, atOnce });
    peaks.push(answered(sent).length / peakSeconds);
    note(`${atOnce} callers: ${peaks.at(-1)?.toFixed(0)} a second; ${statuses(sent)}`);
  }
  const peak = Math.max(...peaks);
  const before = await send(at, { seconds: 10, perSecond: peak * NORMAL, atOnce: 0 });
  note(`half of it: ${statuses(before)}`);
  const probes = new Probes(at.origin);
  const over = await send(at, { seconds, perSecond: peak * OVERLOAD, atOnce: 0 });
  const probed = await probes.stop();
  note(`${OVERLOAD} times it: ${statuses(over)}`);
  const after = await send(at, { seconds: AFTER_SECONDS, perSecond: peak * NORMAL, atOnce: 0 });
  note(`half of it again: ${statuses(after)}`);
  print({ peak, seconds, before, over, after, probed });
}

function statuses(sent: readonly Sent[]): string {
  const counts = new Map<string, number>();
  for (const { name, status } of sent) {
    const key = `${name} ${status}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => `${key}: ${count}`).join(', ');
}

function answered(sent: readonly Sent[]): readonly Sent[] {
  return sent.filter(({ status }) => status === 200);
}

async function send(
  { load, origin, key, mix }: Generator,
  rate: Pick<Job, 'seconds' | 'perSecond' | 'atOnce'>,
): Promise<readonly Sent[]> {
  const occurredAt = new Date(new SystemClock().nowMs() - 60_000).toISOString();
  const answer = once(load, 'message') as Promise<[Answer]>;
  load.send({ origin, key, mix, occurredAt, ...rate } satisfies Job);
  const [done] = await answer;
  invariant('sent' in done, 'the load generator works', { done });
  return done.sent;
}

/** Polls both probes as an orchestrator does, each poll on a connection of its own. */
class Probes {
  readonly tookMs: Record<'live' | 'ready', number[]> = { live: [], ready: [] };
  private isStopped = false;
  private readonly polling: Promise<unknown>;

  constructor(origin: string) {
    this.polling = Promise.all([this.poll(origin, 'live'), this.poll(origin, 'ready')]);
  }

  async stop(): Promise<Probes['tookMs']> {
    this.isStopped = true;
    await this.polling;
    return this.tookMs;
  }

  private async poll(origin: string, probe: 'live' | 'ready'): Promise<void> {
    while (!this.isStopped) {
      const beganMs = performance.now();
      const response = await fetch(`${origin}/health/${probe}`, {
        headers: { connection: 'close' },
      }).catch(() => null);
      const isAnswered = response?.status === 200;
      this.tookMs[probe].push(isAnswered ? performance.now() - beganMs : Number.POSITIVE_INFINITY);
      await pause(PROBE_EVERY_MS);
    }
  }
}

interface Results {
  readonly peak: number;
  readonly seconds: number;
  readonly before: readonly Sent[];
  readonly over: readonly Sent[];
  readonly after: readonly Sent[];
  readonly probed: Probes['tookMs'];
}

function print({ peak, seconds, before, over, after, probed }: Results): void {
  const inTime = answered(over).filter(({ atMs }) => atMs <= seconds * 1_000);
  const took = answered(over).map(({ tookMs }) => tookMs);
  const refused = over.filter(({ status }) => status === 503).map(({ tookMs }) => tookMs);
  const polls = [...probed.live, ...probed.ready];
  printTable(
    `${OVERLOAD} times the load that it can do, for ${seconds} s`,
    ['', 'measured', 'aim'],
    [
      ['its best, answers a second', peak, ''],
      ['answers a second under the load, of its best', inTime.length / seconds / peak, '≥ 0.8'],
      ['share of what was refused', refused.length / over.length, ''],
      ['neither answered nor refused', over.length - took.length - refused.length, '0'],
      ['an answer, p50 ms', quantile(took, 0.5), ''],
      ['an answer, p99 ms', quantile(took, 0.99), ''],
      ['a refusal, p50 ms', quantile(refused, 0.5), ''],
      ['a probe, longest ms', quantile(polls, 1), `< ${PROBE_WITHIN_MS}`],
      ['seconds until all is normal again', secondsToNormal(before, after), '< 30'],
    ],
  );
  printTable(
    'What was answered, by kind',
    ['', 'share', 'p50 ms'],
    [...new Set(over.map(({ name }) => name))].map((name) => {
      const all = over.filter((one) => one.name === name);
      const good = answered(all);
      return [name, good.length / all.length, median(good.map(({ tookMs }) => tookMs))];
    }),
  );
}

// The first second from which on everything is answered, the median within twice what it was before.
function secondsToNormal(before: readonly Sent[], after: readonly Sent[]): number {
  const usualMs = quantile(
    before.map(({ tookMs }) => tookMs),
    0.5,
  );
  let normalFrom = 0;
  for (let second = 0; second < AFTER_SECONDS; second += 1) {
    const within = after.filter(({ atMs }) => Math.floor(atMs / 1_000) === second);
    const isNormal =
      answered(within).length === within.length &&
      quantile(
        within.map(({ tookMs }) => tookMs),
        0.5,
      ) <=
        2 * usualMs;
    if (!isNormal) normalFrom = second + 1;
  }
  return normalFrom;
}

function mixOf({ id }: BenchAccount): readonly Template[] {
  const variables = { accountId: id, range: { preset: 'LAST_90_DAYS' } };
  const view = (name: string, query: string, share: number): Template => ({
    name,
    path: '/graphql',
    type: 'application/json',
    body: JSON.stringify({ query, variables }),
    share,
  });
  const documentOf = (name: string): string =>
    questions.find((question) => question.name === name)?.document ?? '';
  return [
    {
      name: 'event',
      path: `/v1/events?accountId=${id}`,
      type: 'application/cloudevents+json',
      body: JSON.stringify({
        specversion: '1.0',
        type: 'com.billing-gateway.workflow-run',
        source: 'bench',
        id: '$id',
        subject: 'WORKFLOW/workflow-7',
        time: '$now',
      }),
      share: 40,
    },
    view('balance (< 100 points)', BALANCE, 25),
    view('overview (> 100)', documentOf('overview'), 15),
    view('guardrails tab (> 100)', documentOf('guardrails'), 15),
    view('tab with trends (> 1,000)', WIDE, 5),
  ];
}

const BALANCE = `query ($accountId: ID!) {
  account(id: $accountId) { name credits { remaining state exhaustsAt stopsAt } } }`;

const WIDE = `query ($accountId: ID!, $range: DateRangeInput!) {
  account(id: $accountId) { usage(range: $range) { guardrails(first: 25) { nodes {
    credits resource { id name } trend(granularity: DAY) { buckets { from credits } } } } } } }`;
