// What a view as of an earlier instant needs besides the present rows: hosting that was recorded, ended or voided since,
// and when resources had last been used.

import { queryColumns } from '../db/columnar.ts';
import { accountOf, answersByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { fromColumns, selectList } from '../db/shape.ts';
import { sql, type Sql, raw, unnested } from '../db/sql.ts';
import { at, boolValue, int, intValue, msOrNull } from '../db/decode.ts';
import type { AsOf, Written } from '../core/cursor.ts';
import { lastArchivedUse } from '../archives/archives.store.ts';
import { FOLDED_SEGMENT_MAX, lastFoldedEvent } from '../rollups/rollups.store.ts';
import { type AccountRange, VIEW_SEGMENT } from './views.store.ts';
import type { ViewSegment } from './sums.ts';

/** A range of an account's time, as of an earlier instant. */
export interface RangeAsOf extends AccountRange {
  readonly asOf: AsOf;
}

/** A segment that was different, or absent, as of the earlier instant. */
export interface ChangedSegment {
  readonly segment: ViewSegment;
  /** Whether the rollups count it now. */
  readonly isFolded: boolean;
}

/**
 * For each range the segments that overlap it and are folded although they ended or were recorded later, and those that
 * were voided since.
 */
export async function loadChangedSegments(
  tx: Tx,
  ranges: readonly RangeAsOf[],
): Promise<readonly (readonly ChangedSegment[])[]> {
  return answersByAccount(tx, ranges, (asked) => changedSegments(tx, asked));
}

async function changedSegments(
  tx: Tx,
  ranges: readonly RangeAsOf[],
): Promise<readonly (readonly ChangedSegment[])[]> {
  const ofRange = accountOf(tx, ranges, sql`x.account_id`);
  const overlaps = sql`s.account_id = ${ofRange} and s.from_at < x.to_at and s.to_at > x.from_at`;
  const segment = selectList(VIEW_SEGMENT);
  const columns = await queryColumns(tx, {
    name: 'views.loadChangedSegments',
    columns: [...Object.keys(VIEW_SEGMENT), 'q', 'is_folded'],
    with: sql`x as materialized (
      select * from ${unnested(
        ranges.map((range, q) => ({ q, ...range })),
        {
          q: ['int', ({ q }) => q],
          account_id: ['int', (range) => range.accountId],
          from_at: ['timestamptz', (range) => at(range.fromMs)],
          to_at: ['timestamptz', (range) => at(range.toMs)],
          now_at: ['timestamptz', ({ asOf }) => at(asOf.nowMs)],
          last_seq: ['int8', ({ asOf }) => asOf.lastSeq],
          last_change: ['int8', ({ asOf }) => asOf.lastChange],
        },
      )})`,
    select: sql`select ${segment}, x.q, true as is_folded from x join hosting_segment s on ${overlaps}
        and s.folded and s.voided_at is null and s.from_at > x.now_at - ${FOLDED_SEGMENT_MAX} and s.to_at > x.now_at
        and (s.event_seq is null or s.event_seq <= x.last_seq)
      union all
      select ${segment}, x.q, true from x join hosting_segment s on ${overlaps}
        and s.folded and s.voided_at is null and s.event_seq > x.last_seq
      union all
      select ${segment}, x.q, false from x
        join usage_event e on e.account_id = ${ofRange} and e.void_change > x.last_change and e.seq <= x.last_seq
          and e.type = 'HOSTING'
        join hosting_segment s on ${overlaps} and s.event_seq = e.seq`,
  });
  const q = columns.read('q', intValue);
  const isFolded = columns.read('is_folded', boolValue);
  const answers: ChangedSegment[][] = ranges.map(() => []);
  fromColumns(VIEW_SEGMENT, columns).forEach((one, index) => {
    answers[q(index)]?.push({ segment: one, isFolded: isFolded(index) });
  });
  return answers;
}

/** An account, and up to where it had been written. */
export interface AccountAsOf {
  readonly accountId: number;
  readonly written: Written;
}

/**
 * For each account the resources whose rows may not show when they had last been used, because of events that are not folded,
 * came later, or were voided since; with the instant of the latest event, null when there was none.
 */
export async function loadLastEvents(
  tx: Tx,
  accounts: readonly AccountAsOf[],
): Promise<readonly ReadonlyMap<number, number | null>[]> {
  return answersByAccount(tx, accounts, (asked) => lastEventsOf(tx, asked));
}

async function lastEventsOf(
  tx: Tx,
  accounts: readonly AccountAsOf[],
): Promise<readonly ReadonlyMap<number, number | null>[]> {
  const account = accountOf(tx, accounts, sql`x.account_id`);
  const touched = (beyond: string): Sql => sql`
    select x.q, u.subject_id, max(u.occurred_at) filter (
      where u.seq <= x.last_seq and (u.voided_at is null or u.void_change > x.last_change)) as last_at
    from x cross join lateral (
      select * from usage_event u where u.account_id = ${account} and ${raw(beyond)} offset 0) u
    where u.type <> 'HOSTING' and u.kind <> 'MODEL' group by x.q, u.subject_id`;
  // Where nothing was voided and all that is folded counts, the row says when the latest of the others happened.
  const earlier = lastFoldedEvent({
    account,
    state: sql`x`,
    subjectId: sql`touched.subject_id`,
    seq: sql`x.folded_seq`,
  });
  const rows = await tx.query(sql`/* views.loadLastEvents */ with
     x as materialized (
       select x.*, least(x.last_seq, coalesce(s.watermark, 0)) as folded_seq, a.last_seq as newest_seq,
         x.last_seq >= coalesce(s.watermark, 0) as has_all_folded, s.quarters_from
       from ${unnested(
         accounts.map((account, q) => ({ q, ...account })),
         {
           q: ['int', ({ q }) => q],
           account_id: ['int', ({ accountId }) => accountId],
           last_seq: ['int8', ({ written }) => written.lastSeq],
           last_change: ['int8', ({ written }) => written.lastChange],
         },
         { as: 'x' },
       )}
         join account a on a.account_id = ${account} left join rollup_state s on s.account_id = ${account}),
     touched as materialized (
       select q, subject_id, max(last_at) as last_at, bool_or(was_voided) as was_voided from (
         select *, false as was_voided from (${touched('u.seq > x.folded_seq and u.seq <= x.newest_seq')}) newer
         union all select *, true from (${touched('u.void_change > x.last_change')}) voided) t
       group by q, subject_id)
     select touched.q, touched.subject_id, greatest(touched.last_at, case
         when x.has_all_folded and not touched.was_voided then r.last_event_at
         else greatest((select earlier.at from (${earlier}) earlier),
           ${lastArchivedUse(account, 'r.resource_id')}) end) as last_at
     from touched join x using (q)
       join resource r on r.account_id = ${account} and r.resource_id = touched.subject_id`);
  const answers = accounts.map(() => new Map<number, number | null>());
  for (const row of rows) {
    answers[int(row, 'q')]?.set(int(row, 'subject_id'), msOrNull(row, 'last_at'));
  }
  return answers;
}
