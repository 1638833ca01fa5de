// A page of 100 of 1,000 workflows: over HTTP, beside the same page as one statement that is written by hand over the rollups and asked
// of PostgreSQL without anything between; with a tail that is not folded yet; and while events arrive.

import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Agent } from 'undici';
import type { Account } from '../../src/account/account.ts';
import { invariant } from '../../src/core/errors.ts';
import { planTiers, TIERS } from '../../src/rollups/tier-plan.ts';
import type { BenchAccount } from '../support/data-set.ts';
import type { BenchGateway } from '../support/gateway.ts';
import { inTurns, printTable, timed } from '../support/measure.ts';
import { ProcessorMeter } from '../support/processor.ts';
import type { Result } from '../support/results.ts';
import { askOverHttp } from './ask.ts';
import { askedRanges, rangeVariable, type AskedRange, viewOf } from './questions.ts';

const ROWS = 100;
/** Of one turn: a page takes less than what processor time is told in, and several events arrive meanwhile. */
const PAGES = 50;
/** Until the engine has compiled what a page needs. */
const WARM_UP_PAGES = 500;
const BARE_MOST = 1.5;
const BETWEEN_MOST = 1.3;
const TAIL = 1_000;
const ARRIVING_EVERY_MS = 20;

const DOCUMENT = `query ($accountId: ID!, $range: DateRangeInput!) {
  account(id: $accountId) { usage(range: $range) { workflows(first: ${ROWS}) {
    totalCount totals { runs } nodes {
      workflow { id externalId name kind status owner createdAt lastActiveOn } runs lastActiveOn } } } } }`;

// $1 account; $2 to $5 pieces of tiers; $6 to $8 edges; $9 and $10 the range.
const BARE = `
  with piece as (select * from unnest($2::int[], $3::int[], $4::int[], $5::int[]) p (tier, from_bucket, to_bucket, sign)),
  edge as (select * from unnest($6::timestamptz[], $7::timestamptz[], $8::int[]) e (from_at, to_at, sign)),
  state as materialized (select watermark from rollup_state where account_id = $1),
  part as (
    select subject_id, sign * quantity as runs from piece p join usage_by_resource r on r.account_id = $1 and r.tier = p.tier
      and r.bucket >= p.from_bucket and r.bucket < p.to_bucket and r.type = 'WORKFLOW_RUN' where p.tier <> ${TIERS.HOUR}
    union all
    select subject_id, sign * quantity from piece p join usage_by_resource_hour r on r.account_id = $1
      and r.hour >= p.from_bucket and r.hour < p.to_bucket and r.type = 'WORKFLOW_RUN' where p.tier = ${TIERS.HOUR}
    union all
    select subject_id, sign * quantity from edge cross join lateral (
      select * from usage_event u where u.account_id = $1 and u.occurred_at >= from_at and u.occurred_at < to_at offset 0) u
    where type = 'WORKFLOW_RUN' and voided_at is null and seq <= (select watermark from state)
    union all
    select subject_id, quantity from state cross join lateral (
      select * from usage_event u where u.account_id = $1 and u.seq > state.watermark offset 0) u
    where type = 'WORKFLOW_RUN' and voided_at is null and occurred_at >= $9 and occurred_at < $10),
  used as (select subject_id, sum(runs)::int8 as runs from part group by subject_id)
  select r.resource_id, r.external_id, r.name, r.kind, r.status, r.owner, r.created_at, r.last_event_at, coalesce(u.runs, 0) as runs,
    count(*) over () as total, sum(u.runs) over () as all_runs
  from resource r left join used u on u.subject_id = r.resource_id
  where r.account_id = $1 and r.kind = 'WORKFLOW' order by runs desc, r.resource_id limit ${ROWS}`;

export interface PageOf {
  readonly gateway: BenchGateway;
  readonly agent: Agent;
  readonly account: Account;
  readonly bench: BenchAccount;
  readonly nowMs: number;
  readonly rounds: number;
}

type Ask = () => Promise<unknown>;

/** Measures the page in turns. Its account has another tail afterwards. */
export async function comparePages(of: PageOf): Promise<readonly Result[]> {
  const { gateway, nowMs } = of;
  const pool = new pg.Pool({ connectionString: gateway.ownerUrl, max: 1 });
  const meter = await ProcessorMeter.open(gateway);
  try {
    // As the gateway's own connections: a page is too small for parallel workers.
    await pool.query('set max_parallel_workers_per_gather = 0; set jit = off');
    const [own, other] = askedRanges(nowMs);
    invariant(own !== undefined && other !== undefined, 'there are two zones');
    const results: Result[] = [];
    for (const range of [own, other]) {
      results.push(await besideBare({ ...of, range, pool, meter }));
    }
    results.push(...(await withTail({ ...of, range: own, meter })));
    return results;
  } finally {
    await pool.end();
  }
}

async function besideBare(
  of: PageOf & {
    readonly range: AskedRange;
    readonly pool: pg.Pool;
    readonly meter: ProcessorMeter;
  },
): Promise<Result> {
  const { range, pool, meter, rounds } = of;
  const ours = httpPage(of);
  const bare = (): Promise<pg.QueryResult<{ external_id: string; runs: string }>> =>
    pool.query({ name: 'bare page', text: BARE, values: bareValues(of) });
  const [answer, { rows }] = [await ours(), await bare()];
  const bareRows = rows.map((row) => [row.external_id, Number(row.runs)]);
  invariant(bareRows.length === ROWS, 'a page is full', { rows: bareRows.length });
  invariant(JSON.stringify(rowsOf(answer)) === JSON.stringify(bareRows), 'both give the same page');
  const [http, sql] = await turns({ 'over HTTP': ours, 'bare SQL': bare }, { meter, rounds });
  invariant(http !== undefined && sql !== undefined, 'both were measured');
  return {
    area: 'views',
    what: `a page of ${ROWS} of 1,000 workflows over HTTP, ${range.name}`,
    goal: { most: BARE_MOST, of: '× bare SQL over the rollups' },
    ...{ figure: http.ms, unit: 'ms', ratio: http.ms / sql.ms },
    processorMs: http.processorMs,
  };
}

async function withTail(
  of: PageOf & { readonly range: AskedRange; readonly meter: ProcessorMeter },
): Promise<readonly Result[]> {
  const { meter, rounds } = of;
  const ours = httpPage(of);
  const [quiet] = await turns({ quiet: ours }, { meter, rounds });
  await record(of, TAIL, 0);
  const [tail] = await turns({ tail: ours }, { meter, rounds });
  let isOver = false;
  const arrive = async (): Promise<void> => {
    for (let event = TAIL; !isOver; event += 1) {
      await record(of, 1, event);
      await pause(ARRIVING_EVERY_MS);
    }
  };
  const arriving = arrive();
  const [meanwhile] = await turns({ arriving: ours }, { meter, rounds }).finally(() => {
    isOver = true;
  });
  await arriving;
  const result = (what: string, took: Took | undefined): Result => ({
    area: 'views',
    what: `a page of ${ROWS} of 1,000 workflows over HTTP, ${what}`,
    goal: { most: BETWEEN_MOST, of: '× without' },
    ...{ figure: took?.ms ?? Number.NaN, unit: 'ms' },
    ratio: (took?.ms ?? Number.NaN) / (quiet?.ms ?? Number.NaN),
    processorMs: took?.processorMs ?? null,
  });
  return [
    result(`with a tail of ${TAIL} events`, tail),
    result('with that tail, while events arrive', meanwhile),
  ];
}

/** What a page takes. */
interface Took {
  readonly ms: number;
  readonly processorMs: Result['processorMs'];
}

/** What a page of each takes, in turns, in their order. */
async function turns(
  asks: Readonly<Record<string, Ask>>,
  { meter, rounds }: { readonly meter: ProcessorMeter; readonly rounds: number },
): Promise<readonly Took[]> {
  const contenders = Object.entries(asks).map(([name, ask]) => ({
    name,
    measure: () =>
      meter.during(name, async () => {
        const tookMs = await timed(async () => {
          for (let page = 0; page < PAGES; page += 1) await ask();
        });
        return { units: PAGES, result: tookMs / PAGES };
      }),
  }));
  for (const ask of Object.values(asks)) {
    for (let page = 0; page < WARM_UP_PAGES; page += 1) await ask();
  }
  const took = await inTurns(contenders, rounds);
  printTable(
    'A page of workflows, ms',
    ['', 'ms', 'gateway’s processor', 'PostgreSQL’s processor'],
    [...took].map(([name, ms]) => {
      const { gateway = Number.NaN, postgres = Number.NaN } = meter.perUnit(name) ?? {};
      return [name, ms, gateway, postgres];
    }),
  );
  return [...took].map(([name, ms]) => ({ ms, processorMs: meter.perUnit(name) }));
}

function httpPage({ gateway, agent, bench, range }: PageOf & { readonly range: AskedRange }) {
  const variables = { accountId: bench.id, range: rangeVariable(range) };
  const body = JSON.stringify({ query: DOCUMENT, variables });
  return (): Promise<string> => askOverHttp(gateway, agent, body);
}

function bareValues({ account, range, nowMs }: PageOf & { readonly range: AskedRange }): unknown[] {
  const { fromMs, toMs } = viewOf(account, range, nowMs).range;
  const tiers = { timeZone: account.timeZone, underDay: 'HOURS' } as const;
  const { tierSpans, rawEventSpans } = planTiers([fromMs, toMs], tiers);
  return [
    account.accountId,
    tierSpans.map(({ tier }) => tier),
    tierSpans.map(({ fromBucket }) => fromBucket),
    tierSpans.map(({ toBucket }) => toBucket),
    tierSpans.map(({ sign }) => sign),
    rawEventSpans.map((span) => new Date(span.fromMs)),
    rawEventSpans.map((span) => new Date(span.toMs)),
    rawEventSpans.map(({ sign }) => sign),
    new Date(fromMs),
    new Date(toMs),
  ];
}

/** The names and runs of an answer's rows. */
function rowsOf(answer: string): readonly (readonly [string, number])[] {
  const { data } = JSON.parse(answer) as {
    data: {
      account: {
        usage: { workflows: { nodes: { workflow: { externalId: string }; runs: number }[] } };
      };
    };
  };
  return data.account.usage.workflows.nodes.map(({ workflow, runs }) => [
    workflow.externalId,
    runs,
  ]);
}

/** Records runs of the last minutes. @param first the number of the first, by which they are told apart */
async function record(
  { gateway, bench, nowMs }: PageOf,
  events: number,
  first: number,
): Promise<void> {
  const reports = Array.from({ length: events }, (_, index) => ({
    as: 'event' as const,
    fields: {
      ...{ source: 'tail', eventId: `tail-${first + index}`, type: 'WORKFLOW_RUN' },
      ...{ resourceKind: 'WORKFLOW', resourceExternalId: `workflow-${(first + index) % 1_000}` },
      occurredAt: nowMs - (index % 600) * 1_000,
    },
  }));
  const named = { accountId: bench.id, path: ['events'] } as const;
  const { accepted } = await gateway.app.ingest.record(gateway.actor, named, reports);
  invariant(accepted === events, 'all are recorded', { accepted });
}
