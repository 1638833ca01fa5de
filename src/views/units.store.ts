// What views read of the sums by unit.

import { queryColumns, type Columns } from '../db/columnar.ts';
import { accountOf, answersByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { bigValue, int, intValue, text, textValue, valueOf } from '../db/decode.ts';
import { empty, sql, unnested } from '../db/sql.ts';
import { usageTypes } from '../rollups/kinds.ts';
import type { UnitSum } from './sums.ts';
import { askedSums, hasEdges, inMonthsOfEdges, type SumsQuestion } from './views.store.ts';

/** What of an account's events the sums by unit count, and by which zone's days its day tiers are. */
export interface UnitsFoldedUpTo {
  readonly accountId: number;
  readonly watermark: number;
  readonly change: number;
  readonly timeZone: string;
}

/** An account without events that have a unit is left out. */
export async function loadUnitsFoldedUpTo(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly UnitsFoldedUpTo[]> {
  const rows =
    await tx.query(sql`/* views.loadUnitsFoldedUpTo */ select account_id, watermark, change, time_zone
     from unit_rollup_state where account_id = any(${accountIds}::int[])`);
  return rows.map((row) => ({
    accountId: int(row, 'account_id'),
    watermark: int(row, 'watermark'),
    change: int(row, 'change'),
    timeZone: text(row, 'time_zone'),
  }));
}

/** A question about sums by unit, of all resources and models. Its watermark, tail and tier plan are those of the sums by unit. */
export interface UnitSumsQuestion extends SumsQuestion {
  readonly subjectIds: null;
  /** The sums by unit lack events that were voided by changes up to this one. */
  readonly change: number;
}

/**
 * The sums of events that have a unit, of each question, in the questions' order.
 *
 * The rollups and the edges count the events up to the watermark, without the voids up to their change. What a view counts
 * otherwise comes on top: the tail, as in all sums, and the voids between the view's change and that of the rollups.
 */
export async function loadUnitSums(
  tx: Tx,
  questions: readonly UnitSumsQuestion[],
): Promise<readonly (readonly UnitSum[])[]> {
  return answersByAccount(tx, questions, (asked) => unitSumsOf(tx, asked));
}

async function unitSumsOf(
  tx: Tx,
  questions: readonly UnitSumsQuestion[],
): Promise<readonly (readonly UnitSum[])[]> {
  const ofQuestion = accountOf(tx, questions, sql`question.account_id`);
  const inRange = sql`u.unit is not null and u.occurred_at >= question.edges[1]
         and u.occurred_at < question.edges[cardinality(question.edges)]`;
  const beyondRollups = sql`select question.q, width_bucket(u.occurred_at, question.edges) - 1, u.subject_id, u.type, u.unit`;
  const edges = hasEdges(questions)
    ? sql`union all
       select edge.q, edge.cell, u.subject_id, u.type, u.unit, edge.sign * u.quantity, edge.sign * u.credits_micro
       from edge join folded using (q) cross join lateral (
         select * from usage_event u where u.account_id = ${accountOf(tx, questions, sql`edge.account_id`)}
           and u.occurred_at >= edge.from_at and u.occurred_at < edge.to_at ${inMonthsOfEdges(questions)} offset 0) u
       where u.seq <= edge.watermark and (u.void_change is null or u.void_change > folded.change) and u.unit is not null`
    : empty;
  const columns = await queryColumns(tx, {
    name: 'views.loadUnitSums',
    columns: UNIT_SUM_COLUMNS,
    select: sql`with
     ${askedSums(questions)}
     folded as materialized (select * from ${unnested(
       questions.map(({ change }, q) => ({ q, change })),
       { q: ['int', ({ q }) => q], change: ['int8', ({ change }) => change] },
     )}),
     part as (
       select piece.q, piece.cell, r.subject_id, r.type, r.unit, piece.sign * r.quantity as quantity,
         piece.sign * r.credits_micro as credits_micro
       from piece cross join lateral (
           select * from usage_by_unit r where r.account_id = ${accountOf(tx, questions, sql`piece.account_id`)} and r.tier = piece.tier
             and r.bucket >= piece.from_bucket and r.bucket < piece.to_bucket offset 0) r
       ${edges}
       union all
       ${beyondRollups}, question.tail_sign * u.quantity, question.tail_sign * u.credits_micro
       from question join folded using (q) cross join lateral (
         select * from usage_event u where u.account_id = ${ofQuestion}
           and u.seq > question.tail_from and u.seq <= question.tail_to offset 0) u
       where ${inRange} and (u.void_change is null
         or u.void_change > case question.tail_sign when 1 then question.last_change else folded.change end)
       union all
       ${beyondRollups}, voided.sign * u.quantity, voided.sign * u.credits_micro
       from question join folded using (q) cross join lateral (
           -- A view of the present has no last change: it lacks whatever was voided.
           select least(folded.change, question.last_change) as from_change,
             greatest(folded.change, coalesce(question.last_change, ${LATEST_CHANGE}::int8)) as to_change,
             case when question.last_change < folded.change then 1 else -1 end as sign) voided
         cross join lateral (
           select * from usage_event u where u.account_id = ${ofQuestion}
             and u.void_change > voided.from_change and u.void_change <= voided.to_change offset 0) u
       where u.seq <= question.tail_from and ${inRange})
     select q, cell, subject_id, type, unit, sum(quantity)::int8::text as quantity,
       sum(credits_micro)::int8::text as credits_micro
     from part group by q, cell, subject_id, type, unit`,
  });
  return unitSumsFrom(columns, questions.length);
}

const LATEST_CHANGE = Number.MAX_SAFE_INTEGER;
const UNIT_SUM_COLUMNS = ['q', 'cell', 'subject_id', 'type', 'unit', 'quantity', 'credits_micro'];

function unitSumsFrom(columns: Columns, questions: number): readonly (readonly UnitSum[])[] {
  const q = columns.read('q', intValue);
  const cell = columns.read('cell', intValue);
  const subjectId = columns.read('subject_id', intValue);
  const type = columns.read('type', valueOf(usageTypes));
  const unit = columns.read('unit', textValue);
  const quantity = columns.read('quantity', bigValue);
  const creditsMicro = columns.read('credits_micro', bigValue);
  const answers: UnitSum[][] = Array.from({ length: questions }, () => []);
  for (let index = 0; index < columns.count; index += 1) {
    answers[q(index)]?.push({
      cell: cell(index),
      subjectId: subjectId(index),
      kind: null,
      type: type(index),
      hardwareId: 0,
      unit: unit(index),
      quantity: quantity(index),
      creditsMicro: creditsMicro(index),
      hostingMs: 0n,
      replicaMs: 0n,
    });
  }
  return answers;
}
