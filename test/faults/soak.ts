// npm run soak -- [--minutes M] [--share S]: gateways under a steady load without faults, while their memory, event loops and connections
// are watched. Afterwards everything is checked as after a round of faults. Status 0: nothing was violated and memory stood.

import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { program } from 'commander';
import { asOwner } from '../support/databases.ts';
import { Chance } from './chance.ts';
import { History } from './history.ts';
import { Mass } from './mass.ts';
import { positive } from './options.ts';
import { Rig } from './rig.ts';
import { Violations } from './violations.ts';
import { lowest, type Sample, sampleOf, slopePerMinute } from './samples.ts';

const SAMPLE_EVERY_MS = 10_000;
/** What caches and pools grow to in it is no leak. */
const WARM_UP_MINUTES = 5;
const HEAP_MB_A_MINUTE_MAX = 1;
const POOL_SIZE = 5;
const MEASURED_MS = 20_000;

interface Options {
  readonly minutes: number;
  readonly share: number;
}

program
  .name('soak')
  .description(
    'Runs gateways under a steady load, and watches their memory, event loops and connections.',
  )
  .option('--minutes <number>', 'how long, the first five minutes included', positive, 30)
  .option('--share <number>', 'of the events a second that the machine can take', positive, 0.7)
  .action(async (options: Options) => {
    process.exitCode = (await run(options)) ? 0 : 1;
  });

await program.parseAsync();

async function run({ minutes, share }: Options): Promise<boolean> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-soak-'));
  await fs.chmod(folder, 0o755);
  const violations = new Violations(say);
  const history = await History.open(path.join(folder, 'history.jsonl'));
  const rig = await Rig.open({
    ...{ folder, history, violations, chance: new Chance('soak'), faults: [], say },
    env: { DATABASE_POOL_SIZE: String(POOL_SIZE) },
    roundMs: minutes * 60_000,
  });
  const ending = new AbortController();
  try {
    const mass = await Mass.open(rig.world);
    const most = await mass.measure(MEASURED_MS);
    say(
      `The gateways take ${Math.round(most)} events a second in batches; ${Math.round(share * most)} are sent.`,
    );
    const sending = mass.send(share * most, ending.signal);
    const reading = mass.readBy(ending.signal);
    const watching = watch(rig, mass, ending.signal);
    // What is checked after the round is to be looked at in peace.
    setTimeout(() => {
      ending.abort();
    }, minutes * 60_000).unref();
    await rig.round();
    ending.abort();
    await Promise.all([sending, reading]);
    const samples = await watching;
    say(`${mass.accepted} events were accepted, ${mass.read} views read, ${mass.unread} not.`);
    await mass.check(rig.world.databaseUrl, violations);
    judge(samples, violations);
  } finally {
    ending.abort();
    await rig.close();
    await history.close();
  }
  await fs.rm(folder, { recursive: true });
  return violations.found.length === 0;
}

/** Looks at everything now and then. */
async function watch(rig: Rig, mass: Mass, ending: AbortSignal): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const startMs = performance.now();
  say(
    'minute  RSS MB  heap MB  loop p99 ms  connections  idle in transaction  tail  dead rows  MB/1e6 events  batch p99 ms',
  );
  while (!ending.aborted) {
    const minute = (performance.now() - startMs) / 60_000;
    const ask = (text: string): ReturnType<typeof asOwner> => asOwner(rig.world.databaseUrl, text);
    const sample = await sampleOf({ minute, places: rig.world.places, ask, mass });
    samples.push(sample);
    if (samples.length % 6 === 1) say(lineOf(sample));
    await delay(SAMPLE_EVERY_MS, undefined, { signal: ending }).catch(() => undefined);
  }
  return samples;
}

function lineOf(sample: Sample): string {
  const { minute, rssMb, heapMb, loopP99Ms, connections, idleInTransaction, tail, deadRows } =
    sample;
  const of = (numbers: readonly number[]): string => numbers.map((one) => one.toFixed(0)).join(' ');
  return [
    minute.toFixed(1),
    ...[of(rssMb), of(heapMb), of(loopP99Ms)],
    ...[connections, idleInTransaction, tail, deadRows],
    ...[sample.mbPerMillion.toFixed(0), sample.batchP99Ms.toFixed(0)],
  ].join('  ');
}

function judge(samples: readonly Sample[], violations: Violations): void {
  const later = samples.filter(({ minute }) => minute >= WARM_UP_MINUTES);
  for (const index of [0, 1]) {
    const heapMb = (sample: Sample): number => sample.heapMb[index] ?? 0;
    const rssMb = (sample: Sample): number => sample.rssMb[index] ?? 0;
    const heap = slopePerMinute(lowest(later, heapMb), heapMb);
    const rss = slopePerMinute(later, rssMb);
    if (heap === null || rss === null) {
      say(`gateway ${index}: memory is not judged, since it ran for too few minutes`);
      continue;
    }
    const most = Math.max(...samples.map(rssMb));
    say(
      `gateway ${index}, after ${WARM_UP_MINUTES} minutes: heap that is kept ${heap.toFixed(2)}, RSS ${rss.toFixed(2)} MB a minute; RSS at most ${most.toFixed(0)} MB`,
    );
    if (heap > HEAP_MB_A_MINUTE_MAX)
      violations.add('memory stands', `gateway ${index}: ${heap.toFixed(2)} MB a minute`);
  }
  const idle = Math.max(...samples.map(({ idleInTransaction }) => idleInTransaction));
  if (idle > 0) violations.add('no transaction is left open', `${idle} for over ten seconds`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
