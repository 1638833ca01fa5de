// What gateways and their database look like at one moment of a steady load.

import type { asOwner } from '../support/databases.ts';
import type { Mass } from './mass.ts';
import type { Place } from './world.ts';

/** A moment. Lists have a number for each gateway. */
export interface Sample {
  readonly minute: number;
  readonly rssMb: readonly number[];
  readonly heapMb: readonly number[];
  readonly loopP99Ms: readonly number[];
  readonly connections: number;
  /** Transactions that have waited for their client for over ten seconds. */
  readonly idleInTransaction: number;
  /** Events that are not folded yet. */
  readonly tail: number;
  readonly deadRows: number;
  /** Of the whole database. */
  readonly mbPerMillion: number;
  readonly batchP99Ms: number;
}

export async function sampleOf({
  minute,
  places,
  ask,
  mass,
}: {
  readonly minute: number;
  readonly places: readonly Place[];
  readonly ask: (text: string) => ReturnType<typeof asOwner>;
  readonly mass: Mass;
}): Promise<Sample> {
  const metrics = await Promise.all(places.map(readMetrics));
  const [row = {}] = await ask(
    `select (select count(*)::int from pg_stat_activity where datname = current_database()) as connections,
       (select count(*)::int from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'
          and state_change < now() - interval '10 seconds') as idle,
       (select coalesce(sum(a.last_seq - coalesce(r.watermark, 0)), 0)::int from account a left join rollup_state r using (account_id)) as tail,
       (select coalesce(sum(n_dead_tup), 0)::int from pg_stat_user_tables) as dead,
       pg_database_size(current_database())::float8 as bytes`,
  );
  const of = (name: string, factor: number): readonly number[] =>
    metrics.map((all) => (all.get(name) ?? 0) * factor);
  return {
    minute,
    rssMb: of('process_resident_memory_bytes', 1e-6),
    heapMb: of('nodejs_heap_size_used_bytes', 1e-6),
    loopP99Ms: of('nodejs_eventloop_lag_p99_seconds', 1e3),
    connections: Number(row['connections']),
    idleInTransaction: Number(row['idle']),
    tail: Number(row['tail']),
    deadRows: Number(row['dead']),
    mbPerMillion: Number(row['bytes']) / Math.max(1, mass.accepted),
    batchP99Ms: mass.batchP99Ms,
  };
}

/** Under load a whole heap is collected at least once in it. */
const COLLECTED_WITHIN_MINUTES = 2;

/**
 * The lowest sample of every two minutes. What is no longer used counts as used until the engine collects it, which it puts off for
 * as long as there is memory: so only the lowest ones say what is kept.
 */
export function lowest(
  samples: readonly Sample[],
  of: (sample: Sample) => number,
): readonly Sample[] {
  const found = new Map<number, Sample>();
  for (const sample of samples) {
    const stretch = Math.floor(sample.minute / COLLECTED_WITHIN_MINUTES);
    const known = found.get(stretch);
    if (known === undefined || of(sample) < of(known)) found.set(stretch, sample);
  }
  return [...found.values()];
}

/** The slope of a line through the samples, by least squares; null: there are too few. */
export function slopePerMinute(
  samples: readonly Sample[],
  of: (sample: Sample) => number,
): number | null {
  if (samples.length < 3) return null;
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const minutes = samples.map(({ minute }) => minute);
  const values = samples.map(of);
  const [meanMinute, meanValue] = [mean(minutes), mean(values)];
  const products = minutes.map(
    (minute, i) => (minute - meanMinute) * ((values[i] ?? 0) - meanValue),
  );
  const squares = minutes.map((minute) => (minute - meanMinute) ** 2);
  return mean(products) / mean(squares);
}

async function readMetrics({ origin }: Place): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const lines = text.split('\n').map((line) => /^(\w+) (\S+)$/.exec(line));
  return new Map(
    lines.flatMap((line) => (line === null ? [] : [[line[1] ?? '', Number(line[2])]])),
  );
}
