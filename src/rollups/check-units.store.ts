// Compares the sums by unit with the events that they are made of, as check.store.ts does with all other rollups.

import type { Range } from '../core/range.ts';
import type { Tx } from '../db/database.ts';
import { int, oneOf, text } from '../db/decode.ts';
import { sql } from '../db/sql.ts';
import { archivedQuarters, counted, localDays, type RollupDifference } from './check.store.ts';
import { usageTypes } from './kinds.ts';

const TIERS_OF_EVENTS = sql`(0, quarter), (1, quarter / 8), (2, day), (3, day >> 3), (4, day >> 6)`;

/**
 * The buckets whose figures differ from those of the folded events; none for an account that has no units. In buckets that may have
 * archived events, the stored figures may be higher.
 * @param span as `loadSpan` returns it
 * @param limit the most differences to return
 */
export async function loadUnitDifferences(
  tx: Tx,
  accountId: number,
  { span, limit }: { readonly span: Range; readonly limit: number },
): Promise<readonly RollupDifference[]> {
  const [state] =
    await tx.query(sql`/* check.unitState */ select watermark, change, time_zone from unit_rollup_state
     where account_id = ${accountId}`);
  if (state === undefined) return [];
  const days = localDays(text(state, 'time_zone'), span);
  const rows = await tx.query(sql`/* check.loadUnitDifferences */ with
     event as (
       select *, (extract(epoch from occurred_at) * 1000)::int8 as at_ms from usage_event
       where account_id = ${accountId} and unit is not null and seq <= ${int(state, 'watermark')}
         and (void_change is null or void_change > ${int(state, 'change')})),
     fact as (
       select *, at_ms / 900000 as quarter,
         width_bucket(at_ms, ${days.map(({ fromMs }) => fromMs)}::int8[]) - 1 + ${days[0]?.day ?? 0}::int as day
       from event),
     ${archivedQuarters(accountId, days)},
     of_archived as (
       select distinct t.* from archived cross join lateral (values ${TIERS_OF_EVENTS}) t(tier, bucket)),
     raw as (
       select t.tier, t.bucket::int as bucket, subject_id, type, unit, count(*) as events, sum(quantity) as quantity,
         sum(credits_micro) as credits_micro
       from fact cross join lateral (values ${TIERS_OF_EVENTS}) t(tier, bucket)
       group by 1, 2, 3, 4, 5),
     kept as (
       select tier, bucket, subject_id, type, unit, events, quantity, credits_micro from usage_by_unit
       where account_id = ${accountId}),
     both_of_them as (
       select tier, bucket, subject_id || ' ' || unit as dimension, type,
         coalesce(kept.events, 0) as kept_events, coalesce(raw.events, 0) as raw_events,
         coalesce(kept.quantity, 0) as kept_quantity, coalesce(raw.quantity, 0) as raw_quantity,
         coalesce(kept.credits_micro, 0) as kept_credits_micro, coalesce(raw.credits_micro, 0) as raw_credits_micro
       from raw full join kept using (tier, bucket, subject_id, type, unit))
     select tier, bucket, dimension, type, kept_events::text, raw_events::text, kept_quantity::text, raw_quantity::text,
       kept_credits_micro::text, raw_credits_micro::text
     from both_of_them
     where case when (tier, bucket) in (select tier, bucket from of_archived)
       then kept_events < raw_events or kept_quantity < raw_quantity or kept_credits_micro < raw_credits_micro
       else (kept_events, kept_quantity, kept_credits_micro) is distinct from (raw_events, raw_quantity, raw_credits_micro) end
     order by tier, bucket, dimension limit ${limit}`);
  return rows.map((row) => ({
    accountId,
    table: 'usage_by_unit',
    tier: int(row, 'tier'),
    bucket: int(row, 'bucket'),
    dimension: text(row, 'dimension'),
    type: oneOf(row, 'type', usageTypes),
    hardwareId: 0,
    stored: counted(row, 'kept'),
    raw: counted(row, 'raw'),
  }));
}
