// Crossings that time alone causes, on one gateway with thousands of burning accounts: how long after its instant each is
// told, and what accounts cost that have nothing due. The gateway is a process of its own, as `npm start` runs it; this
// process hears of each alert when its transaction commits.

import type { ChildProcess } from 'node:child_process';
import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { ALERT_CHANNEL } from '../../src/alerts/alerts.store.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import { type BenchGateway, startBenchGateway } from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { note, printTable, quantile } from '../support/measure.ts';
import { processorMs } from '../support/processor.ts';
import type { Result } from '../support/results.ts';
import { type BurningAccount, makeBurning, makeTemplates } from './accounts.ts';

const LAG_AIM_MS = 1_000;
const CALM_MS = 3_000;
/** Accounts that cross nothing meanwhile do so this much later. */
const QUIET_MS = 300_000;
/** How late the last crossing may be told before the benchmark gives up. */
const PATIENCE_MS = 120_000;

interface Size {
  readonly accounts: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly idleSeconds: number;
  /** From the making of the accounts to the first crossing. */
  readonly leadSeconds: number;
}

const FULL: Size = {
  accounts: 10_000,
  perSecond: 100,
  seconds: 60,
  idleSeconds: 20,
  leadSeconds: 90,
};
const QUICK: Size = {
  accounts: 1_000,
  perSecond: 50,
  seconds: 10,
  idleSeconds: 5,
  leadSeconds: 20,
};

/** Measures how late crossings are told, and what burning accounts cost. */
export async function benchBurn(flags: {
  readonly quick: boolean;
  readonly perSecond?: number;
}): Promise<readonly Result[]> {
  const size = sizeOf(flags);
  const clock = new SystemClock();
  const bench = await startBenchGateway(clock, { countsStatements: true });
  const children: ChildProcess[] = [];
  const ear = new pg.Client({ connectionString: bench.ownerUrl });
  try {
    const templates = await makeTemplates(bench);
    const { pid } = await startGatewayProcess(bench.ownerUrl, children);
    const told = await hear(ear, clock);
    const load = new Load(bench, pid);
    note('nothing burns …');
    await pause(CALM_MS);
    const none = await load.during(() => pause(size.idleSeconds * 1_000));
    note(`${size.accounts} burning accounts …`);
    const firstMs = clock.nowMs() + size.leadSeconds * 1_000;
    const accounts = await makeBurning(bench, templates, crossingsOf(size, firstMs));
    note('nothing is due …');
    await pause(CALM_MS);
    const idle = await load.during(() => pause(size.idleSeconds * 1_000));
    invariant(clock.nowMs() < firstMs, 'the accounts were made in time');
    note(`${size.perSecond} crossings a second for ${size.seconds} s …`);
    await pause(firstMs - clock.nowMs());
    const crossing = accounts.slice(0, Math.floor(size.perSecond * size.seconds));
    const busy = await load.during(() => pause(size.seconds * 1_000));
    await hearsAll(told, crossing, clock);
    return print(size, { none, idle, busy, lags: await lagsOf(bench, crossing, told) });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await ear.end();
    await bench.close();
  }
}

function sizeOf({ quick, perSecond }: Parameters<typeof benchBurn>[0]): Size {
  const size = quick ? QUICK : FULL;
  const most = size.accounts / size.seconds;
  const wanted = perSecond ?? size.perSecond;
  invariant(wanted > 0 && wanted <= most, 'each account crosses once at most', { wanted, most });
  return { ...size, perSecond: wanted };
}

/** The first accounts cross at a steady rate, the others much later. */
function crossingsOf(size: Size, firstMs: number): readonly number[] {
  const crossing = Math.floor(size.perSecond * size.seconds);
  return Array.from({ length: size.accounts }, (_, index) =>
    index < crossing
      ? firstMs + Math.floor((index * 1_000) / size.perSecond)
      : firstMs + QUIET_MS + index,
  );
}

/** When each account's last alert was heard of, by account. */
type Told = ReadonlyMap<number, number>;

async function hear(ear: pg.Client, clock: SystemClock): Promise<Told> {
  const told = new Map<number, number>();
  ear.on('notification', ({ payload = '' }) => {
    told.set(Number(payload.split(':', 1)[0]), clock.nowMs());
  });
  await ear.connect();
  await ear.query(`listen ${ALERT_CHANNEL}`);
  return told;
}

async function hearsAll(
  told: Told,
  accounts: readonly BurningAccount[],
  clock: SystemClock,
): Promise<void> {
  const untilMs = clock.nowMs() + PATIENCE_MS;
  while (told.size < accounts.length && clock.nowMs() < untilMs) await pause(100);
}

/** What a stretch of time took, a second. */
interface Used {
  readonly cpuMs: number;
  readonly statements: number;
}

class Load {
  constructor(
    private readonly bench: BenchGateway,
    private readonly pid: number,
  ) {}

  async during(work: () => Promise<unknown>): Promise<Used> {
    const before = await this.soFar();
    const beganMs = performance.now();
    await work();
    const seconds = (performance.now() - beganMs) / 1_000;
    const after = await this.soFar();
    return {
      cpuMs: (after.cpuMs - before.cpuMs) / seconds,
      statements: (after.statements - before.statements) / seconds,
    };
  }

  // This process has services of its own, but they are at rest by then.
  private async soFar(): Promise<Used> {
    const { rows } = await this.bench.owner.query<{ calls: string }>(
      `select coalesce(sum(calls), 0) as calls from pg_stat_statements
       where userid = 'billing_gateway'::regrole`,
    );
    return { cpuMs: await processorMs(this.pid), statements: Number(rows[0]?.calls) };
  }
}

interface Lags {
  /** From the instant to what the alert's row says of when it was written. */
  readonly toRecordMs: readonly number[];
  /** From the instant to when this process heard of the commit. */
  readonly toCommitMs: readonly number[];
}

/** @throws InvariantError unless each account was told of its crossing once, and of its exact instant */
async function lagsOf(
  { owner }: BenchGateway,
  accounts: readonly BurningAccount[],
  told: Told,
): Promise<Lags> {
  const { rows } = await owner.query<{
    account_id: number;
    kinds: readonly string[];
    crossed_at: Date;
    raised_at: Date;
  }>(
    `select account_id, array_agg(kind::text) as kinds, min(crossed_at) as crossed_at, min(raised_at) as raised_at
     from alert where account_id = any($1::int[]) and crossed_at >= $2 group by account_id`,
    [accounts.map(({ accountId }) => accountId), new Date(accounts[0]?.crossesAtMs ?? 0)],
  );
  const alerts = new Map(rows.map((row) => [row.account_id, row]));
  const lags = accounts.map(({ accountId, crossesAtMs, template }) => {
    const alert = alerts.get(accountId);
    invariant(alert?.kinds.join() === template.alert, 'each crossing is told once', {
      accountId,
      kinds: alert?.kinds.join() ?? 'none',
    });
    invariant(alert.crossed_at.getTime() === crossesAtMs, 'the instant is exact', { accountId });
    return {
      toRecordMs: alert.raised_at.getTime() - crossesAtMs,
      toCommitMs: (told.get(accountId) ?? Number.NaN) - crossesAtMs,
    };
  });
  return {
    toRecordMs: lags.map(({ toRecordMs }) => toRecordMs),
    toCommitMs: lags.map(({ toCommitMs }) => toCommitMs),
  };
}

function print(
  size: Size,
  measured: {
    readonly none: Used;
    readonly idle: Used;
    readonly busy: Used;
    readonly lags: Lags;
  },
): readonly Result[] {
  const { none, idle, busy, lags } = measured;
  const crossings = lags.toCommitMs.length;
  const load = os.loadavg().map((value) => value.toFixed(1));
  printTable(
    `${size.accounts} burning accounts, ${crossings} crossings in ${size.seconds} s; load of the machine ${load.join(', ')}`,
    ['', 'measured', 'aim'],
    [
      ['instant to record, p50 ms', quantile(lags.toRecordMs, 0.5), ''],
      ['instant to record, p99 ms', quantile(lags.toRecordMs, 0.99), ''],
      ['instant to record, longest ms', quantile(lags.toRecordMs, 1), ''],
      ['instant to commit, p50 ms', quantile(lags.toCommitMs, 0.5), ''],
      ['instant to commit, p99 ms', quantile(lags.toCommitMs, 0.99), `≤ ${LAG_AIM_MS}`],
      ['instant to commit, longest ms', quantile(lags.toCommitMs, 1), ''],
    ],
  );
  printTable(
    'What the gateway takes, a second',
    ['', 'processor ms', 'statements'],
    [
      ['no account burns', none.cpuMs, none.statements],
      [`${size.accounts} burn, nothing is due`, idle.cpuMs, idle.statements],
      [`${size.perSecond} crossings a second`, busy.cpuMs, busy.statements],
      [
        'one crossing',
        (busy.cpuMs - idle.cpuMs) / size.perSecond,
        (busy.statements - idle.statements) / size.perSecond,
      ],
    ],
  );
  return [
    {
      area: 'burn',
      what: `${size.perSecond} crossings a second among ${size.accounts} accounts: instant to commit, p99`,
      goal: { most: LAG_AIM_MS, of: 'ms' },
      figure: quantile(lags.toCommitMs, 0.99),
      unit: 'ms',
      ratio: null,
      processorMs: { gateway: (busy.cpuMs - idle.cpuMs) / size.perSecond },
    },
  ];
}
