// What the hashes that chain the ledger cost recording: the share of the gateway's own processor time that goes into them, by samples of
// its stack. So it does not depend on how busy the machine is. The database's time is not counted: the share of all work is less.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type Profiler, Session } from 'node:inspector/promises';
import { SystemClock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import { chained } from '../../src/settlement/ledger-hash.service.ts';
import type { Answer, Job } from '../ingest/job.ts';
import { createAccount, createHardware, type BenchAccount } from '../support/data-set.ts';
import { OPERATOR_KEY, startBenchGateway, type BenchGateway } from '../support/gateway.ts';
import { median, note, printTable } from '../support/measure.ts';
import type { Result } from '../support/results.ts';

const AIM_PERCENT = 3;
const SAMPLE_EVERY_MICROSECONDS = 200;
const ROUNDS = 5;
/** The function all of the hashing happens in, as the stack names it. */
const HASHING = chained.name;

const loads = {
  'batches of 1,000, one at a time': { perRequest: 1_000, inFlight: 1, events: 40_000 },
  'batches of 1,000, four at a time': { perRequest: 1_000, inFlight: 4, events: 40_000 },
  'one by one, 64 connections': { perRequest: 1, inFlight: 64, events: 4_000 },
} as const;

/** Measures the share in turns. */
export async function benchLedgerChain({
  quick,
}: {
  readonly quick: boolean;
}): Promise<readonly Result[]> {
  const gateway = await startBenchGateway(new SystemClock());
  const generator = fork(new URL('../ingest/load.ts', import.meta.url));
  const session = new Session();
  session.connect();
  try {
    await createHardware(gateway);
    const account = await createAccount(gateway, 'ledger-chain');
    await gateway.app.credits.allocate(gateway.actor, {
      ...{ accountId: account.id, amount: '1000000', unit: 'CREDITS', source: 'TOP_UP' },
      idempotencyKey: '1',
    });
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_MICROSECONDS });
    const shares = new Map<string, number[]>();
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [name, load] of Object.entries(loads)) {
        const events = quick ? load.events / 4 : load.events;
        await session.post('Profiler.start');
        await record({ gateway, generator, account }, { ...load, events });
        const { profile } = await session.post('Profiler.stop');
        const percent = sharePercent(profile);
        note(`${name}: ${percent.toFixed(2)} %`);
        // The first round warms up.
        if (round > 0) shares.set(name, [...(shares.get(name) ?? []), percent]);
      }
    }
    // One short turn may have no sample of it; all of them have, if the stack names it.
    invariant(
      [...shares.values()].flat().some((percent) => percent > 0),
      'some time is the hashing',
      { HASHING },
    );
    return print(shares);
  } finally {
    session.disconnect();
    generator.kill();
    await gateway.close();
  }
}

async function record(
  by: {
    readonly gateway: BenchGateway;
    readonly generator: ChildProcess;
    readonly account: BenchAccount;
  },
  load: Pick<Job, 'perRequest' | 'inFlight' | 'events'>,
): Promise<void> {
  const answered = once(by.generator, 'message') as Promise<[Answer]>;
  by.generator.send({
    ...load,
    ...{ door: 'charged', times: 'live', account: by.account },
    ...{ origin: by.gateway.origin, key: OPERATOR_KEY, databaseUrl: by.gateway.ownerUrl },
  } satisfies Job);
  const [answer] = await answered;
  if ('error' in answer) throw new Error(`The load generator failed: ${answer.error}`);
}

/** Of the time that the process was not idle, what was spent in the hashing and all that it calls, in percent. */
function sharePercent({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): number {
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((one) => [one, id])),
  );
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName]));
  const isHashing = (id: number | undefined): boolean =>
    id !== undefined && (names.get(id) === HASHING || isHashing(parents.get(id)));
  let [hashing, busy] = [0, 0];
  samples.forEach((id, index) => {
    const took = timeDeltas[index] ?? 0;
    if (names.get(id) === '(idle)') return;
    busy += took;
    if (isHashing(id)) hashing += took;
  });
  return (100 * hashing) / busy;
}

function print(shares: ReadonlyMap<string, readonly number[]>): readonly Result[] {
  printTable(
    `Share of the gateway's processor time that the hashes of the ledger take, in percent (aim: ≤ ${AIM_PERCENT})`,
    ['', 'median', 'least', 'most'],
    [...shares].map(([name, values]) => [
      name,
      median(values),
      Math.min(...values),
      Math.max(...values),
    ]),
  );
  return [...shares].map(([name, values]) => ({
    area: 'ledger-chain',
    what: `${name}: share of the gateway’s processor time`,
    goal: { most: AIM_PERCENT, of: '%' },
    figure: median(values),
    unit: '%',
    ratio: null,
    processorMs: null,
  }));
}
