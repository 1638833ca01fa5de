// Recording into an account of 1e5 events and folding it, and settling every account at the end of a cycle, in both databases.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Job } from '../ingest/job.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { median, note, timed } from '../support/measure.ts';
import { ProcessorMeter } from '../support/processor.ts';
import type { Result } from '../support/results.ts';
import { apiId, type Both, type Sized } from './sized.ts';

const AIM = 1.3;
const POLLS = 200;

const LOADS = [
  { name: 'batches of 1,000, one at a time', perRequest: 1_000, inFlight: 1, events: 20_000 },
  { name: 'one by one, 64 connections', perRequest: 1, inFlight: 64, events: 4_000 },
] as const;

/** Recording through HTTP and then folding, in turns. Nothing folds meanwhile. */
export async function compareIngest(
  { small, large }: Both,
  { load, rounds }: { readonly load: ChildProcess; readonly rounds: number },
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const one of LOADS) {
    const taken = { small: await Taken.of(small), large: await Taken.of(large) };
    // The first round warms up.
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of ['small', 'large'] as const) {
        await taken[name].turn(load, one);
        if (round === 0) taken[name].forget();
      }
    }
    for (const [what, key, unit] of [
      [`recording, ${one.name}`, 'recording', 'ms an event'],
      [`folding what came in ${one.name}`, 'folding', 'ms an event'],
    ] as const) {
      const [figure, beside] = [taken.large.msAnEvent(key), taken.small.msAnEvent(key)];
      results.push({
        ...{ area: 'size', what, unit, figure, ratio: figure / beside },
        goal: { most: AIM, of: '× small' },
        processorMs: taken.large.meter.perUnit(key),
      });
    }
  }
  return results;
}

/** What turns on one of the databases took. */
class Taken {
  private readonly ms = { recording: [] as number[], folding: [] as number[] };

  private constructor(
    private readonly sized: Sized,
    readonly meter: ProcessorMeter,
  ) {}

  static async of(sized: Sized): Promise<Taken> {
    return new Taken(sized, await ProcessorMeter.open(sized.gateway));
  }

  async turn(load: ChildProcess, of: (typeof LOADS)[number]): Promise<void> {
    const { gateway, probe, clock } = this.sized;
    const job: Job = {
      ...{ door: 'cloudevents', times: 'live', origin: gateway.origin, key: OPERATOR_KEY },
      ...{ databaseUrl: gateway.ownerUrl, nowMs: clock.nowMs() },
      account: { id: apiId(probe), accountId: probe.accountId },
      ...{ perRequest: of.perRequest, inFlight: of.inFlight, events: of.events },
    };
    const record = async (): Promise<void> => {
      const answered = once(load, 'message') as Promise<[Answer]>;
      load.send(job);
      const [answer] = await answered;
      if ('error' in answer) throw new Error(`The load generator failed: ${answer.error}`);
      this.ms.recording.push(1_000 / answer.done.eventsPerSecond);
    };
    await this.meter.during('recording', async () => {
      await record();
      return { units: of.events, result: null };
    });
    const foldedMs = await this.meter.during('folding', async () => ({
      units: of.events,
      result: await timed(() => gateway.app.folding.foldAll()),
    }));
    this.ms.folding.push(foldedMs / of.events);
  }

  msAnEvent(key: 'recording' | 'folding'): number {
    return median(this.ms[key]);
  }

  forget(): void {
    this.ms.recording.length = 0;
    this.ms.folding.length = 0;
    this.meter.forget();
  }
}

/** A poll that finds nothing due, and settling all accounts at the end of a cycle. */
export async function compareDue(both: Both, untilMs: number): Promise<readonly Result[]> {
  const polls = { small: await pollMs(both.small), large: await pollMs(both.large) };
  const settled = {
    small: await settle(both.small, untilMs),
    large: await settle(both.large, untilMs),
  };
  const goal = { most: AIM, of: '× small' };
  return [
    {
      ...{ area: 'size', what: 'a poll of what is due, when nothing is', goal, unit: 'ms' },
      ...{ figure: polls.large, ratio: polls.large / polls.small, processorMs: null },
    },
    {
      ...{ area: 'size', what: 'settling every account at the end of a cycle, an account', goal },
      ...{ unit: 'ms', figure: settled.large.ms, ratio: settled.large.ms / settled.small.ms },
      processorMs: settled.large.processor,
    },
  ];
}

async function pollMs({ gateway }: Sized): Promise<number> {
  const took: number[] = [];
  for (let poll = 0; poll < POLLS; poll += 1) {
    took.push(await timed(() => gateway.app.due.settleDue()));
  }
  return median(took);
}

async function settle(
  { name, gateway, clock }: Sized,
  untilMs: number,
): Promise<{ readonly ms: number; readonly processor: ReturnType<ProcessorMeter['perUnit']> }> {
  const { rows } = await gateway.owner.query<{ count: string }>('select count(*) from account');
  const accounts = Number(rows[0]?.count);
  const meter = await ProcessorMeter.open(gateway);
  clock.moveTo(untilMs);
  const tookMs = await meter.during('settle', async () => ({
    units: accounts,
    result: await timed(() => gateway.app.due.settleDue()),
  }));
  note(`${name}: ${accounts} accounts settled in ${Math.round(tookMs)} ms`);
  return { ms: tookMs / accounts, processor: meter.perUnit('settle') };
}
