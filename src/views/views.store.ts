// Everything that views read: sums from the rollups, the raw edges and the tail that is not folded yet, and hosting
// segments. Each function answers any number of questions, about any number of accounts, with one statement.

import { firstArchivedUse } from '../archives/archives.store.ts';
import { queryColumns, type Columns } from '../db/columnar.ts';
import { accountOf, answersByAccount, rowsByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { empty, raw, sql, type Sql, unnested } from '../db/sql.ts';
import { at, bigValue, int, intValue, ms, orNull, valueOf } from '../db/decode.ts';
import type { Written } from '../core/cursor.ts';
import type { Range } from '../core/range.ts';
import { fromColumns, selectList, type Shape } from '../db/shape.ts';
import { SEGMENT } from '../hosting/hosting.store.ts';
import { type TierPlan, TIERS } from '../rollups/tier-plan.ts';
import { FOLDED_SEGMENT_MAX } from '../rollups/rollups.store.ts';
import { subjectKinds, usageTypes } from '../rollups/kinds.ts';
import { INGEST_AHEAD_MAX_SECONDS } from '../recording/event.ts';
import type { Grain, Sum, ViewSegment } from './sums.ts';

/** The events `(fromSeq, toSeq]` that the rollups lack (1), or that they contain although they came later (-1). */
export interface Tail {
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly sign: 1 | -1;
}

/** One question about sums: those of each cell between neighbouring instants. */
export interface SumsQuestion {
  readonly accountId: number;
  readonly watermark: number;
  readonly tail: Tail;
  /** Later events and voids do not count; null: everything counts. */
  readonly written: Written | null;
  readonly edgesMs: readonly number[];
  readonly tierPlan: TierPlan;
  /** Only these resources and models; null: all. Needs the grain `resource`. */
  readonly subjectIds: readonly number[] | null;
}

interface GrainColumns {
  readonly table: Sql;
  readonly dimension: Sql;
  readonly eventDimension: Sql;
}

const grainColumns: Readonly<Record<Grain, GrainColumns>> = {
  account: {
    table: sql`usage_by_account`,
    dimension: sql`0 as subject_id, r.kind::text`,
    eventDimension: sql`0, u.kind::text`,
  },
  resource: {
    table: sql`usage_by_resource`,
    dimension: sql`r.subject_id, null::text as kind`,
    eventDimension: sql`u.subject_id, null::text`,
  },
};

// Each `offset 0` keeps the planner from joining the other way round: it would read an account's rollups or events
// of the whole range instead of a few buckets, or of the few events beyond the watermark. Both ends of the tail are given, since
// the planner takes a range with one open end for a third of all events.

/**
 * The sums of each question, in the questions' order. They include the hosting of folded segments only; the rest comes from
 * the segments.
 */
export async function loadSums(
  tx: Tx,
  grain: Grain,
  questions: readonly SumsQuestion[],
): Promise<readonly (readonly Sum[])[]> {
  return answersByAccount(tx, questions, (asked) => sumsOf(tx, grain, asked));
}

async function sumsOf(
  tx: Tx,
  grain: Grain,
  questions: readonly SumsQuestion[],
): Promise<readonly (readonly Sum[])[]> {
  const { table, dimension, eventDimension } = grainColumns[grain];
  const ofPiece = accountOf(tx, questions, sql`piece.account_id`);
  const ofSubjects = questions.some((question) => question.subjectIds !== null);
  const isOfThem = (of: string): Sql =>
    sql`u.type <> 'HOSTING' ${ofSubjects ? sql`and u.subject_id = any(${raw(of)}.subjects)` : empty}`;
  const inRange = sql`u.occurred_at >= question.edges[1] and u.occurred_at < question.edges[cardinality(question.edges)]
         and ${isOfThem('question')}`;
  const beyondRollups = (sign: Sql): Sql =>
    sql`select question.q, width_bucket(u.occurred_at, question.edges) - 1, ${eventDimension}, u.type, 0,
         ${sign} * u.quantity, ${sign} * u.credits_micro, 0, 0`;
  const tail = hasTail(questions)
    ? sql`union all
       ${beyondRollups(sql`question.tail_sign`)}
       from question cross join lateral (
         select * from usage_event u where u.account_id = ${accountOf(tx, questions, sql`question.account_id`)}
           and u.seq > question.tail_from and u.seq <= question.tail_to offset 0) u
       where u.voided_at is null and ${inRange}`
    : empty;
  // Events that were voided since a view was first computed still count in it, and are in no rollup.
  const voidedSince = questions.some(({ written }) => written !== null)
    ? sql`union all
       ${beyondRollups(sql`1`)}
       from question cross join lateral (
         select * from usage_event u where u.account_id = ${accountOf(tx, questions, sql`question.account_id`)}
           and u.void_change > question.last_change offset 0) u
       where u.seq <= question.last_seq and ${inRange}`
    : empty;
  const columns = await queryColumns(tx, {
    name: `views.loadSums.${grain}`,
    columns: SUM_COLUMNS,
    select: sql`with
     ${askedSums(questions)}
     part as (
       select piece.q, piece.cell, ${dimension}, r.type, r.hardware_id, piece.sign * r.quantity as quantity,
         piece.sign * r.credits_micro as credits_micro, piece.sign * r.hosting_ms as hosting_ms, piece.sign * r.replica_ms as replica_ms
       from piece ${ofSubjects ? sql`cross join lateral unnest(piece.subjects) s(subject_id)` : empty}
         cross join lateral (
           select * from ${table} r where r.account_id = ${ofPiece} and r.tier = piece.tier
             and r.bucket >= piece.from_bucket and r.bucket < piece.to_bucket
             ${ofSubjects ? sql`and r.subject_id = s.subject_id` : empty} offset 0) r
       where piece.tier <> ${TIERS.HOUR}
       ${grain === 'resource' ? hoursOfPieces(ofSubjects, ofPiece) : empty}
       ${eventsOfEdges(tx, questions, eventDimension, isOfThem('edge'))}
       ${tail}
       ${voidedSince})
     select q, cell, subject_id, kind, type, hardware_id, sum(quantity)::int8::text as quantity,
       sum(credits_micro)::int8::text as credits_micro, sum(hosting_ms)::int8::text as hosting_ms,
       sum(replica_ms)::int8::text as replica_ms
     from part group by q, cell, subject_id, kind, type, hardware_id`,
  });
  return sumsFrom(columns, questions.length);
}

// Under the day, resources have hours in a table of their own. Its key leads with the time, so it is looked up by each hour in which
// resources are asked for.
function hoursOfPieces(ofSubjects: boolean, ofPiece: Sql): Sql {
  const [hours, isOfPiece] = ofSubjects
    ? [
        sql`cross join lateral generate_series(piece.from_bucket, piece.to_bucket - 1) b(hour)`,
        sql`r.hour = b.hour and r.subject_id = any(piece.subjects)`,
      ]
    : [empty, sql`r.hour >= piece.from_bucket and r.hour < piece.to_bucket`];
  return sql`union all
       select piece.q, piece.cell, r.subject_id, null::text, r.type, 0, piece.sign * r.quantity, piece.sign * r.credits_micro, 0, 0
       from piece ${hours} cross join lateral (
         select * from usage_by_resource_hour r where r.account_id = ${ofPiece} and ${isOfPiece} offset 0) r
       where piece.tier = ${TIERS.HOUR}`;
}

/** The raw events of the cut edges, as parts of the sums; nothing when there is no edge. */
function eventsOfEdges(
  tx: Tx,
  questions: readonly SumsQuestion[],
  dimension: Sql,
  isOfThem: Sql,
): Sql {
  if (!hasEdges(questions)) return empty;
  return sql`union all
       select edge.q, edge.cell, ${dimension}, u.type, 0, edge.sign * u.quantity, edge.sign * u.credits_micro, 0, 0
       from edge cross join lateral (
         select * from usage_event u where u.account_id = ${accountOf(tx, questions, sql`edge.account_id`)}
           and u.occurred_at >= edge.from_at and u.occurred_at < edge.to_at ${inMonthsOfEdges(questions)} offset 0) u
       where u.seq <= edge.watermark and u.voided_at is null and ${isOfThem}`;
}

const SUM_COLUMNS = [
  'q',
  'cell',
  'subject_id',
  'kind',
  'type',
  'hardware_id',
  'quantity',
  'credits_micro',
  'hosting_ms',
  'replica_ms',
];
const kindOrNull = orNull(valueOf(subjectKinds));

function sumsFrom(columns: Columns, questions: number): readonly (readonly Sum[])[] {
  const q = columns.read('q', intValue);
  const cell = columns.read('cell', intValue);
  const subjectId = columns.read('subject_id', intValue);
  const kind = columns.read('kind', kindOrNull);
  const type = columns.read('type', valueOf(usageTypes));
  const hardwareId = columns.read('hardware_id', intValue);
  const quantity = columns.read('quantity', bigValue);
  const creditsMicro = columns.read('credits_micro', bigValue);
  const hostingMs = columns.read('hosting_ms', bigValue);
  const replicaMs = columns.read('replica_ms', bigValue);
  const answers: Sum[][] = Array.from({ length: questions }, () => []);
  for (let index = 0; index < columns.count; index += 1) {
    answers[q(index)]?.push({
      cell: cell(index),
      subjectId: subjectId(index),
      kind: kind(index),
      type: type(index),
      hardwareId: hardwareId(index),
      quantity: quantity(index),
      creditsMicro: creditsMicro(index),
      hostingMs: hostingMs(index),
      replicaMs: replicaMs(index),
    });
  }
  return answers;
}

/** Whether any question has cut edges. Reading none would still look into every month of events. */
export function hasEdges(questions: readonly SumsQuestion[]): boolean {
  return questions.some(({ tierPlan }) => tierPlan.rawEventSpans.length > 0);
}

/** Whether any question has events beyond the watermark, or before it that are too many. */
export function hasTail(questions: readonly SumsQuestion[]): boolean {
  return questions.some(({ tail }) => tail.toSeq > tail.fromSeq);
}

/** A condition that leaves out the months that ended before any event `u` of the cut edges can have been recorded. */
export function inMonthsOfEdges(questions: readonly SumsQuestion[]): Sql {
  const fromMs = questions.flatMap(({ tierPlan }) =>
    tierPlan.rawEventSpans.map((span) => span.fromMs),
  );
  return sql`and u.recorded_at >= ${at(Math.min(...fromMs) - INGEST_AHEAD_MAX_SECONDS * 1_000)}`;
}

/** The questions as tables: each question, its tier buckets, and its cut edges. */
export function askedSums(questions: readonly SumsQuestion[]): Sql {
  const tierSpans = questions.flatMap(({ tierPlan }, q) =>
    tierPlan.tierSpans.map((span) => ({ q, ...span })),
  );
  const rawSpans = questions.flatMap(({ tierPlan }, q) =>
    tierPlan.rawEventSpans.map((span) => ({ q, ...span })),
  );
  return sql`
     question as materialized (
       select q, account_id, watermark, tail_from, tail_to, tail_sign, last_seq, last_change,
         edges::timestamptz[] as edges, subjects::int[] as subjects
       from ${unnested(
         questions.map((question, q) => ({ q, ...question })),
         {
           q: ['int', ({ q }) => q],
           account_id: ['int', (question) => question.accountId],
           watermark: ['int8', (question) => question.watermark],
           tail_from: ['int8', ({ tail }) => tail.fromSeq],
           tail_to: ['int8', ({ tail }) => tail.toSeq],
           tail_sign: ['int', ({ tail }) => tail.sign],
           last_seq: ['int8', ({ written }) => written?.lastSeq ?? null],
           last_change: ['int8', ({ written }) => written?.lastChange ?? null],
           edges: [
             'text',
             ({ edgesMs }) => `{${edgesMs.map((edge) => at(edge).toISOString()).join()}}`,
           ],
           subjects: ['text', ({ subjectIds }) => `{${(subjectIds ?? []).join()}}`],
         },
       )}),
     piece as materialized (
       select k.*, question.account_id, question.subjects
       from ${unnested(tierSpans, {
         q: ['int', ({ q }) => q],
         cell: ['int', ({ cell }) => cell],
         tier: ['smallint', ({ tier }) => tier],
         from_bucket: ['int', ({ fromBucket }) => fromBucket],
         to_bucket: ['int', ({ toBucket }) => toBucket],
         sign: ['int', ({ sign }) => sign],
       })} join question using (q)),
     edge as materialized (
       select k.*, question.account_id, question.subjects, question.watermark
       from ${unnested(rawSpans, {
         q: ['int', ({ q }) => q],
         cell: ['int', ({ cell }) => cell],
         from_at: ['timestamptz', ({ fromMs }) => at(fromMs)],
         to_at: ['timestamptz', ({ toMs }) => at(toMs)],
         sign: ['int', ({ sign }) => sign],
       })} join question using (q)),`;
}

/** A range of one account's time. */
export interface AccountRange extends Range {
  readonly accountId: number;
}

export const VIEW_SEGMENT: Shape<ViewSegment> = {
  ...SEGMENT,
  kind: ['s.kind', valueOf(subjectKinds)],
};

/** A range whose segments to read: of some resources, or (null) of all. */
export interface SegmentsOf extends AccountRange {
  readonly resourceIds: readonly number[] | null;
}

/** Segments that are not in the rollups (running, long, or just closed) and overlap the ranges. */
export async function loadUnfoldedSegments(
  tx: Tx,
  ranges: readonly SegmentsOf[],
): Promise<readonly ViewSegment[]> {
  return selectSegments(
    tx,
    'views.loadUnfoldedSegments',
    ranges,
    sql`not s.folded and s.from_at < x.to_at and (s.to_at is null or s.to_at > x.from_at)`,
  );
}

/** Folded segments that overlap the cut edges of day buckets. */
export async function loadFoldedSegments(
  tx: Tx,
  edges: readonly SegmentsOf[],
): Promise<readonly ViewSegment[]> {
  return selectSegments(
    tx,
    'views.loadFoldedSegments',
    edges,
    sql`s.folded and s.from_at < x.to_at and s.from_at > x.from_at - ${FOLDED_SEGMENT_MAX} and s.to_at > x.from_at`,
  );
}

/** All segments, folded or not, that overlap the ranges. */
export async function loadSegments(
  tx: Tx,
  ranges: readonly SegmentsOf[],
): Promise<readonly ViewSegment[]> {
  return selectSegments(
    tx,
    'views.loadSegments',
    ranges,
    sql`s.from_at < x.to_at and (s.to_at is null or s.to_at > x.from_at)`,
  );
}

// A segment may overlap several ranges and is returned once.
async function selectSegments(
  tx: Tx,
  name: string,
  ranges: readonly SegmentsOf[],
  condition: Sql,
): Promise<readonly ViewSegment[]> {
  return rowsByAccount(tx, ranges, (asked) => segmentsTogether(tx, name, asked, condition));
}

async function segmentsTogether(
  tx: Tx,
  name: string,
  ranges: readonly SegmentsOf[],
  condition: Sql,
): Promise<readonly ViewSegment[]> {
  const columns = await queryColumns(tx, {
    name,
    columns: Object.keys(VIEW_SEGMENT),
    select: sql`select ${ranges.length > 1 ? sql`distinct` : empty} ${selectList(VIEW_SEGMENT)}
     from ${unnested(
       ranges,
       {
         account_id: ['int', (range) => range.accountId],
         from_at: ['timestamptz', (range) => at(range.fromMs)],
         to_at: ['timestamptz', (range) => at(range.toMs)],
         resource_ids: [
           'text',
           ({ resourceIds }) => (resourceIds === null ? null : `{${resourceIds.join()}}`),
         ],
       },
       { as: 'x' },
     )}
       join hosting_segment s on s.account_id = ${accountOf(tx, ranges, sql`x.account_id`)} and s.voided_at is null and ${condition}
         and (x.resource_ids is null or s.resource_id = any(x.resource_ids::int[]))`,
  });
  return fromColumns(VIEW_SEGMENT, columns);
}

/**
 * When the first event of each account happened, by account id. It is a workflow run or what cost credits: hosting and what is
 * voided do not count.
 */
export async function loadFirstEvents(
  tx: Tx,
  accountIds: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const rows = await rowsByAccount(tx, accountIds, (ids) => {
    const account = accountOf(tx, ids, sql`a.account_id`);
    return tx.query(sql`/* views.loadFirstEvents */ select a.account_id, first.occurred_at
     from account a cross join lateral (
       select least(
         (select occurred_at from usage_event u
          where u.account_id = ${account} and u.voided_at is null and u.type <> 'HOSTING'
          order by u.occurred_at limit 1),
         ${firstArchivedUse(account)}) as occurred_at) first
     where a.account_id = any(${ids}::int[]) and first.occurred_at is not null`);
  });
  return new Map(rows.map((row) => [int(row, 'account_id'), ms(row, 'occurred_at')]));
}

/** When each account first hosted something, by account id. */
export async function loadFirstHosting(
  tx: Tx,
  accountIds: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  // An index for the folded and one for the others: each gives its first at once.
  const rows = await rowsByAccount(tx, accountIds, (ids) => {
    const account = accountOf(tx, ids, sql`a.account_id`);
    return tx.query(sql`/* views.loadFirstHosting */ select a.account_id, s.from_at
     from account a cross join lateral (
       select min(from_at) as from_at from (
         (select from_at from hosting_segment
          where account_id = ${account} and folded and voided_at is null order by from_at limit 1)
         union all
         (select from_at from hosting_segment
          where account_id = ${account} and not folded and voided_at is null order by from_at limit 1)) first) s
     where a.account_id = any(${ids}::int[]) and s.from_at is not null`);
  });
  return new Map(rows.map((row) => [int(row, 'account_id'), ms(row, 'from_at')]));
}
