// What folding costs in processor time of PostgreSQL, by how events come: in order of time, at random over 90 days, live,
// and a few for each of many accounts; and how far folding is behind while two cores record as much as they can.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { SystemClock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import { createAccount, createHardware, type BenchAccount } from '../support/data-set.ts';
import { OPERATOR_KEY, startBenchGateway, type BenchGateway } from '../support/gateway.ts';
import { note } from '../support/measure.ts';
import { ProcessorMeter } from '../support/processor.ts';
import type { Result } from '../support/results.ts';
import type { Answer, Job } from '../ingest/job.ts';

const LIVE_BATCH = 20_000;
const SMALL_BATCH = 1_000;
const EVENTS_OF_EACH = 3;
const TABLES = ['usage_by_account', 'usage_by_resource', 'usage_by_resource_hour'];
/** While recording, the tail is looked at so often. */
const LOOK_EVERY_MS = 250;
/** Of the tail while one account records all it can: that of 20,000 costs a view 4 ms. */
const TAIL_MAX = 20_000;
const FOLDED_WITHIN_MS = 180_000;
const MICROS_PER_MS = 1_000;

/** When the events of an account happened: evenly over a time, in order or at random. */
interface Times {
  readonly overMs: number;
  readonly isRandom: boolean;
}

const OVER_90_DAYS_MS = 90 * 86_400_000;
const LAST_MINUTES_MS = 300_000;

interface Sizes {
  readonly events: number;
  readonly liveBatches: number;
  readonly smallBatches: number;
  readonly accounts: number;
  readonly recorded: number;
}

const QUICK: Sizes = {
  events: 200_000,
  liveBatches: 3,
  smallBatches: 20,
  accounts: 3_000,
  recorded: 60_000,
};
const WHOLE: Sizes = {
  events: 300_000,
  liveBatches: 10,
  smallBatches: 60,
  accounts: 10_000,
  recorded: 300_000,
};

/** Measures folding against its goals. */
export async function benchFolding({
  quick,
}: {
  readonly quick: boolean;
}): Promise<readonly Result[]> {
  const sizes = quick ? QUICK : WHOLE;
  const gateway = await startBenchGateway(new SystemClock());
  const generator = fork(new URL('../ingest/load.ts', import.meta.url));
  try {
    await createHardware(gateway);
    const meter = await ProcessorMeter.open({ owner: gateway.owner });
    const folding = await new FoldingBench(gateway, meter, sizes).run();
    return [...folding, ...(await underIngest(gateway, generator, sizes.recorded))];
  } finally {
    generator.kill();
    await gateway.close();
  }
}

class FoldingBench {
  constructor(
    private readonly gateway: BenchGateway,
    private readonly meter: ProcessorMeter,
    private readonly sizes: Sizes,
  ) {}

  async run(): Promise<readonly Result[]> {
    const { liveBatches, smallBatches, accounts } = this.sizes;
    const overDays = { overMs: OVER_90_DAYS_MS };
    return [
      ...(await this.imported('in order of time over 90 days', 22, {
        ...overDays,
        isRandom: false,
      })),
      ...(await this.imported('at random over 90 days', 45, { ...overDays, isRandom: true })),
      await this.live(`live, ${LIVE_BATCH} at a time`, 6, { of: LIVE_BATCH, batches: liveBatches }),
      await this.live(`live, ${SMALL_BATCH} at a time`, null, {
        of: SMALL_BATCH,
        batches: smallBatches,
      }),
      await this.manyAccounts(accounts),
    ];
  }

  /** Everything is there before it is folded. */
  private async imported(what: string, most: number, times: Times): Promise<readonly Result[]> {
    const { events } = this.sizes;
    const account = await createAccount(this.gateway, what);
    await this.insert(account, events, times);
    await this.gateway.owner.query('analyze');
    const bytesBefore = await this.rollupBytes();
    await this.fold(what, events);
    const figure = ((await this.rollupBytes()) - bytesBefore) / events;
    const bytes = { area: 'folding', what, goal: null, figure, unit: 'bytes an event' };
    return [this.result(what, { most, of: 'µs' }), { ...bytes, ratio: null, processorMs: null }];
  }

  /** Events of the last minutes, folded batch after batch. */
  private async live(
    what: string,
    most: number | null,
    { of, batches }: { readonly of: number; readonly batches: number },
  ): Promise<Result> {
    const account = await createAccount(this.gateway, what);
    for (let batch = 0; batch < batches; batch += 1) {
      await this.insert(account, of, { overMs: LAST_MINUTES_MS, isRandom: false });
      await this.fold(what, of);
    }
    return this.result(what, most === null ? null : { most, of: 'µs' });
  }

  private async manyAccounts(accounts: number): Promise<Result> {
    const what = `${accounts} accounts with ${EVENTS_OF_EACH} events each`;
    const { accountId } = await createAccount(this.gateway, 'small');
    const { owner } = this.gateway;
    const { rows } = await owner.query<{ names: string }>(
      `select string_agg(column_name, ', ') as names from information_schema.columns
       where table_name = 'account' and column_name not in ('account_id', 'external_id', 'time_zone', 'last_seq')`,
    );
    await owner.query(insertAccounts(rows[0]?.names ?? ''), [accountId, accounts]);
    await owner.query('analyze');
    await this.fold(what, accounts);
    const processorMs = this.meter.perUnit(what);
    const figure = processorMs?.postgres ?? Number.NaN;
    const goal = { most: 0.1, of: 'ms' };
    return { area: 'folding', what, goal, figure, unit: 'ms an account', ratio: null, processorMs };
  }

  private result(what: string, goal: Result['goal']): Result {
    const processorMs = this.meter.perUnit(what);
    const figure = (processorMs?.postgres ?? Number.NaN) * MICROS_PER_MS;
    return { area: 'folding', what, goal, figure, unit: 'µs an event', ratio: null, processorMs };
  }

  private async insert({ accountId }: BenchAccount, events: number, times: Times): Promise<void> {
    const { overMs, isRandom } = times;
    await this.gateway.owner.query(INSERT_EVENTS, [accountId, events, overMs, isRandom]);
  }

  /** Folds everything, and notes what it takes by a name. */
  private async fold(name: string, units: number): Promise<void> {
    await this.meter.during(name, async () => {
      await this.gateway.app.folding.foldAll();
      return { units, result: null };
    });
    const { rows } = await this.gateway.owner.query<{ behind: string }>(
      `select coalesce(sum(a.last_seq - coalesce(s.watermark, 0)), 0) as behind
       from account a left join rollup_state s using (account_id)`,
    );
    invariant(rows[0]?.behind === '0', 'everything is folded', { ...rows[0] });
  }

  private async rollupBytes(): Promise<number> {
    const { rows } = await this.gateway.owner.query<{ bytes: string }>(
      'select sum(pg_total_relation_size(name::regclass)) as bytes from unnest($1::text[]) name',
      [TABLES],
    );
    return Number(rows[0]?.bytes);
  }
}

/** Copies of an account ($1), so many ($2), of four zones, each with a workflow that ran in the last days. */
function insertAccounts(columns: string): string {
  return `with named as (
      insert into account_directory (external_id) select 'small-' || i from generate_series(1, $2::int) i returning *),
    copied as (
      insert into account (account_id, external_id, time_zone, last_seq, ${columns})
      select named.account_id, named.external_id,
        (array['Asia/Kolkata', 'America/New_York', 'Europe/Berlin', 'UTC'])[1 + named.account_id % 4], ${EVENTS_OF_EACH}, ${columns}
      from account a cross join named where a.account_id = $1 returning *),
    states as (
      insert into rollup_state (account_id, time_zone, fold_at) select account_id, time_zone, now() from copied),
    resources as (
      insert into resource (account_id, resource_id, kind, external_id, name, created_at)
      select account_id, 1, 'WORKFLOW', 'w', 'W', now() from copied)
    insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro, occurred_at, recorded_at)
    select account_id, seq, 's', 'e' || seq, 'WORKFLOW_RUN', 'WORKFLOW', 1, 1, 0, now() - seq * interval '7 hours', now()
    from copied cross join generate_series(1, ${EVENTS_OF_EACH}) seq`;
}

// Neighbouring events belong to resources far apart, as in live traffic. A share that jumps about evenly stands for chance.
const INSERT_EVENTS = `
  with subjects as (
    select array_agg(resource_id order by resource_id) as ids, array_agg(kind order by resource_id) as kinds
    from resource where account_id = $1),
  numbered as (
    update account set last_seq = last_seq + $2 where account_id = $1 returning last_seq - $2 as before)
  insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro,
    occurred_at, recorded_at)
  select $1, before + i, 'platform', 'event-' || before + i,
    case when kind = 'WORKFLOW' then 'WORKFLOW_RUN' else 'PROCESSING' end::usage_type,
    kind, id, 1 + i % 5, case when kind = 'WORKFLOW' then 0 else 1000 + i % 977 end, occurred_at, now()
  from (
    select i, before, subjects.ids[1 + (i * 7919) % cardinality(ids)] as id, subjects.kinds[1 + (i * 7919) % cardinality(ids)] as kind,
      date_trunc('milliseconds', now() - interval '1 millisecond' * ($3::float8 * case when $4
        then (i * 0.618033988749895) - floor(i * 0.618033988749895) else 1 - i::float8 / $2 end)) as occurred_at
    from generate_series(1, $2::int8) i cross join subjects cross join numbered) e`;

/** Records as much as two cores can, beside the folding loop: how far folding was behind. */
async function underIngest(
  gateway: BenchGateway,
  generator: ChildProcess,
  events: number,
): Promise<readonly Result[]> {
  const account = await createAccount(gateway, 'ingest');
  gateway.app.folding.start();
  const tails: number[] = [];
  const tail = async (): Promise<number> => {
    const { rows } = await gateway.owner.query<{ tail: string }>(
      'select last_seq - coalesce(watermark, 0) as tail from account left join rollup_state using (account_id) where account_id = $1',
      [account.accountId],
    );
    return Number(rows[0]?.tail);
  };
  const looking = new AbortController();
  const look = async (): Promise<void> => {
    while (!looking.signal.aborted) {
      tails.push(await tail());
      await delay(LOOK_EVERY_MS);
    }
  };
  const looked = look();
  const answer = once(generator, 'message');
  generator.send({
    door: 'graphql',
    origin: gateway.origin,
    key: OPERATOR_KEY,
    databaseUrl: gateway.ownerUrl,
    account,
    events,
    perRequest: 1_000,
    inFlight: 4,
    times: 'live',
  } satisfies Job);
  const messages: readonly unknown[] = await answer;
  looking.abort();
  await looked;
  const told = messages[0] as Answer;
  if ('error' in told) throw new Error(`The load generator failed: ${told.error}`);
  const beginMs = performance.now();
  while ((await tail()) >= 1_000) {
    invariant(performance.now() - beginMs < FOLDED_WITHIN_MS, 'folding catches up');
    await delay(50);
  }
  note(
    `recorded ${Math.round(told.done.eventsPerSecond)} events a second; folded ${Math.round(performance.now() - beginMs)} ms after the last`,
  );
  const what = 'most events not folded, recording batches of 1,000, four at a time';
  const figure = Math.max(...tails);
  const goal = { most: TAIL_MAX };
  return [{ area: 'folding', what, goal, figure, unit: 'events', ratio: null, processorMs: null }];
}
