// How sums by quarter hour and day become the rows of all tiers, for every table of rollups.

import { raw, sql, type Sql, unnested } from '../db/sql.ts';
import type { DayEdges } from './sums.ts';

/** What the rows of a table of rollups are by, within a bucket, account first, and what they add up. */
export interface Summed {
  readonly keys: Sql;
  readonly amounts: readonly string[];
}

/**
 * Parts of a `with` that make the set `tiers` (tier, bucket, keys, amounts) from the set `sums` (quarter, day, keys, amounts). That
 * has one row for what happened within a quarter hour. A row without a quarter counts in the day tiers only. Each tier is
 * summed from the one below, so that little is summed twice and fits into work_mem.
 */
export function allTiers(summed: Summed): Sql {
  const { keys, amounts } = summed;
  const widened = (bucket: Sql, narrower: Sql): Sql =>
    sql`select ${bucket} as bucket, ${keys}, ${added(amounts)} from ${narrower} group by ${bucket}, ${keys}`;
  return sql`
  quarters as (select quarter as bucket, ${keys}, ${raw(amounts.join(', '))} from sums where quarter is not null),
  days as materialized (${widened(sql`day`, sql`sums`)}),
  eight_days as materialized (${widened(sql`bucket >> 3`, sql`days`)}),
  tiers as materialized (
    select 0 as tier, * from quarters union all
    select 1, * from (${widened(sql`bucket >> 3`, sql`quarters`)}) two_hours union all
    select 2, * from days union all
    select 3, * from eight_days union all
    select 4, * from (${widened(sql`bucket >> 3`, sql`eight_days`)}) sixty_four_days)`;
}

/** The sums of amounts, under their own names. */
export function added(amounts: readonly string[]): Sql {
  return raw(amounts.map((amount) => `sum(${amount})::int8 as ${amount}`).join(', '));
}

/** What an upsert into a table `r` does where there is a row already. */
export function raised(amounts: readonly string[]): Sql {
  return raw(amounts.map((amount) => `${amount} = r.${amount} + excluded.${amount}`).join(', '));
}

/** The local days of zones as a table: zone, first_day, edges. */
export function dayEdgesTable(days: readonly DayEdges[]): Sql {
  return sql`select zone, first_day, edges::int[] as edges from ${unnested(days, {
    zone: ['text', ({ timeZone }) => timeZone],
    first_day: ['int', ({ firstDay }) => firstDay],
    edges: ['text', ({ edgeQuarters }) => `{${edgeQuarters.join()}}`],
  })}`;
}
