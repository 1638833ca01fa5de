// The same work on a small database and on a large one, in turns: whether what is asked and recorded costs more where more is stored.
// Both have one account of 1e5 events, which is measured in both; the large one's largest account is measured too.

import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Agent } from 'undici';
import type { Account } from '../../src/account/account.ts';
import { ManualClock, SystemClock } from '../../src/core/clock.ts';
import { unitStartMs } from '../../src/core/calendar.ts';
import { invariant } from '../../src/core/errors.ts';
import { DAY_MS } from '../../src/core/range.ts';
import { startBenchGateway } from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { median, note, timed } from '../support/measure.ts';
import type { Result } from '../support/results.ts';
import { printPlans } from '../views/plans.ts';
import type { Life } from './life.ts';
import { type Both, PROBE_EVENTS, type Sized } from './sized.ts';
import { compareStatements, printTables } from './tables.ts';
import { compareViews } from './views.ts';
import { makeWorld, type World } from './world.ts';
import { compareDue, compareIngest } from './writes.ts';

const SMALL: World = { accounts: 100, events: 10_000 };
const LARGE_ACCOUNTS = 10_000;
const STARTS = 3;
const FILLED = 'filled.json';
const FULL = { events: 10_000_000, viewRounds: 11, ingestRounds: 5 };
const QUICK = { events: 100_000, viewRounds: 5, ingestRounds: 2 };

export interface SizeFlags {
  readonly quick: boolean;
  readonly plans: boolean;
  /** Of the large database. */
  readonly events?: number;
  /** Where both databases are kept, to be measured again. */
  readonly data?: string;
}

/** Fills both databases, and measures them in turns. */
export async function benchSize(flags: SizeFlags): Promise<readonly Result[]> {
  const length = flags.quick ? QUICK : FULL;
  const { events = length.events } = flags;
  const accounts = Math.min(LARGE_ACCOUNTS, Math.ceil(events / 100));
  // A day before the month: what ends with it can then be settled, as nothing is settled ahead of the database's clock.
  const startsMs = unitStartMs('UTC', 'MONTH', new SystemClock().nowMs()) - DAY_MS;
  const agent = new Agent({ keepAliveTimeout: 60_000 });
  const sized: Sized[] = [];
  const children: ChildProcess[] = [];
  try {
    const filled = (name: Sized['name'], world: World): Promise<Sized> =>
      openOrFill(name, world, { nowMs: startsMs, data: flags.data });
    sized.push(await filled('small', SMALL));
    sized.push(await filled('large', { accounts, events }));
    const [small, large] = sized;
    invariant(small !== undefined && large !== undefined, 'there are two');
    const nowMs = large.clock.nowMs();
    for (const { gateway } of sized) await gateway.owner.query('select pg_stat_statements_reset()');
    const asking = { agent, nowMs, rounds: length.viewRounds };
    const results = [...(await compareViews({ small, large }, asking))];
    const load = fork(new URL('../ingest/load.ts', import.meta.url));
    children.push(load);
    results.push(...(await compareIngest({ small, large }, { load, rounds: length.ingestRounds })));
    if (flags.plans) await printPlans(large.gateway, large.largest, nowMs);
    results.push(...(await compareDue({ small, large }, nowMs + 2 * DAY_MS)));
    await compareStatements({ small, large });
    results.push(await compareStarts({ small, large }, children));
    return results;
  } finally {
    await agent.close();
    for (const child of children) child.kill('SIGKILL');
    for (const { gateway } of sized) await gateway.close();
  }
}

/** What is kept beside a database that was filled: when it is now in it, and its accounts, the one of both databases first. */
interface Filled {
  readonly nowMs: number;
  readonly accounts: readonly Life[];
}

/** Opens a database that an earlier run filled and kept, or fills one. */
async function openOrFill(
  name: Sized['name'],
  world: World,
  { nowMs, data }: { readonly nowMs: number; readonly data: string | undefined },
): Promise<Sized> {
  const dataDir = data === undefined ? undefined : path.resolve(data, name);
  const kept = dataDir === undefined ? null : await readKept(dataDir);
  const clock = new ManualClock(kept?.nowMs ?? nowMs);
  const gateway = await startBenchGateway(clock, { countsStatements: true, dataDir });
  try {
    const filled = kept ?? (await fill({ name, gateway, clock }, world));
    if (kept === null && dataDir !== undefined) {
      await writeFile(path.join(dataDir, FILLED), JSON.stringify(filled));
    }
    const [probe, largest] = filled.accounts;
    invariant(probe !== undefined && largest !== undefined, 'there are accounts');
    const read = (accountId: number): Promise<Account> =>
      gateway.database.inSnapshot({ accountId }, (tx) => gateway.app.accounts.get(tx, accountId));
    return {
      ...{ name, gateway, clock, largestEvents: largest.events },
      probe: await read(probe.accountId),
      largest: await read(largest.accountId),
    };
  } catch (error) {
    await gateway.close();
    throw error;
  }
}

async function readKept(dataDir: string): Promise<Filled | null> {
  const file = path.join(dataDir, FILLED);
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Filled) : null;
}

async function fill(
  { name, gateway, clock }: Pick<Sized, 'name' | 'gateway' | 'clock'>,
  world: World,
): Promise<Filled> {
  const { app, actor, owner } = gateway;
  const nowMs = clock.nowMs();
  // Filling writes in minutes what is otherwise written in a year: fewer checkpoints meanwhile.
  await owner.query(`alter system set max_wal_size = '8GB'`);
  await owner.query('select pg_reload_conf()');
  let accounts: Awaited<ReturnType<typeof makeWorld>> = [];
  const tookMs = await timed(async () => {
    accounts = await makeWorld({ app, actor, owner, clock }, world, {
      nowMs,
      probeEvents: PROBE_EVENTS,
    });
  });
  note(
    `${name}: ${world.events} events of ${world.accounts} accounts in ${Math.round(tookMs / 1_000)} s`,
  );
  await owner.query('alter system reset max_wal_size');
  await owner.query('select pg_reload_conf()');
  await owner.query('analyze');
  // Before the vacuum: what it would have to do is told too.
  await printTables(name, owner);
  await owner.query('vacuum');
  await owner.query('checkpoint');
  return { nowMs, accounts: accounts.slice(0, 2) };
}

/** From the start of a process to where it listens, on either database, in turns. */
async function compareStarts({ small, large }: Both, children: ChildProcess[]): Promise<Result> {
  const took = { small: [] as number[], large: [] as number[] };
  for (let round = 0; round < STARTS; round += 1) {
    for (const { name, gateway } of [small, large]) {
      took[name].push(
        await timed(async () => {
          const { child } = await startGatewayProcess(gateway.ownerUrl, children);
          child.kill('SIGKILL');
        }),
      );
    }
  }
  return {
    area: 'size',
    what: 'start of a gateway until it listens, large beside small',
    goal: { most: 1.3, of: '× small' },
    figure: median(took.large),
    unit: 'ms',
    ratio: median(took.large) / median(took.small),
    processorMs: null,
  };
}
