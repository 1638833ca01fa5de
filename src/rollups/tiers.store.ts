// How sums by quarter hour and day become the rows of all tiers, for every table of rollups.

import type { Insertion } from '../db/changes.ts';
import { ints, type Row } from '../db/decode.ts';
import { raw, sql, type Sql, unnested } from '../db/sql.ts';
import type { LocalDays } from './sums.ts';
import { quartersPastHour } from './tier-plan.ts';

/** What the rows of a table of rollups are by, within a bucket of an account, and what they add up. */
export interface Summed {
  readonly by: Sql;
  readonly amounts: readonly string[];
}

/** What the sums of several accounts are by. */
export function keysOf({ by }: Summed): Sql {
  return sql`account_id, ${by}`;
}

/** Adds a set of tiers to a table of rollups. */
export function tiersAdded(
  { by, amounts }: Summed,
  { into, from }: { readonly into: Sql; readonly from: Sql },
): Insertion {
  return {
    into: sql`${into} as r`,
    columns: sql`tier, bucket, ${by}, ${raw(amounts.join(', '))}`,
    from: sql`${from} order by account_id, tier, bucket, ${by}`,
    onConflict: sql`on conflict (account_id, tier, bucket, ${by}) do update set ${raised(amounts)}`,
  };
}

/**
 * Parts of a `with` that make the set `tiers` (tier, bucket, keys, amounts) from the set `sums` (quarter, day, keys, amounts). That
 * has one row for what happened within a quarter hour. A row without a quarter counts in the day tiers only. Each tier is
 * summed from the one below, so that little is summed twice and fits into work_mem.
 */
export function allTiers(summed: Summed): Sql {
  const { amounts } = summed;
  return sql`
  quarters as (select quarter as bucket, ${keysOf(summed)}, ${raw(amounts.join(', '))} from sums where quarter is not null),
  ${dayTiers(summed, { from: sql`sums`, into: 'day_tiers' })},
  tiers as materialized (
    select 0 as tier, * from quarters union all
    select 1, * from (${widened(summed, sql`bucket >> 3`, sql`quarters`)}) two_hours union all
    select * from day_tiers)`;
}

/** Parts of a `with` that make a set of the day tiers from a set (day, keys, amounts). */
export function dayTiers(
  summed: Summed,
  { from, into }: { readonly from: Sql; readonly into: string },
): Sql {
  const [tiers, days, eightDays] = [raw(into), raw(`${into}_1`), raw(`${into}_8`)];
  return sql`
  ${days} as materialized (${widened(summed, sql`day`, from)}),
  ${eightDays} as materialized (${widened(summed, sql`bucket >> 3`, days)}),
  ${tiers} as materialized (
    select 2 as tier, * from ${days} union all
    select 3, * from ${eightDays} union all
    select 4, * from (${widened(summed, sql`bucket >> 3`, eightDays)}) sixty_four_days)`;
}

function widened(summed: Summed, bucket: Sql, narrower: Sql): Sql {
  const keys = keysOf(summed);
  const { amounts } = summed;
  return sql`select ${bucket} as bucket, ${keys}, ${added(amounts)} from ${narrower} group by ${bucket}, ${keys}`;
}

/** The sums of amounts, under their own names. `bigint_sum` is ours: that of PostgreSQL makes a numeric of each. */
export function added(amounts: readonly string[]): Sql {
  return raw(amounts.map((amount) => `bigint_sum(${amount}) as ${amount}`).join(', '));
}

/** What an upsert into a table `r` does where there is a row already. */
export function raised(amounts: readonly string[]): Sql {
  return raw(amounts.map((amount) => `${amount} = r.${amount} + excluded.${amount}`).join(', '));
}

/** The local days of zones as a table: zone, past_hour (in quarter hours), days, edges. Which day has an event, `localDay` tells. */
export function localDaysTable(ofZones: readonly LocalDays[]): Sql {
  return sql`select zone, past_hour, days::int[] as days, edges::int[] as edges from ${unnested(
    ofZones,
    {
      zone: ['text', ({ timeZone }) => timeZone],
      past_hour: ['int', ({ timeZone }) => quartersPastHour(timeZone)],
      days: ['text', ({ days }) => `{${days.join()}}`],
      edges: ['text', ({ edgeQuarters }) => `{${edgeQuarters.join()}}`],
    },
  )}`;
}

/** The local day of an event `e` with its quarter hour, by a row `zone` of `localDaysTable` that has this day. */
export function localDay(): Sql {
  return sql`zone.days[width_bucket(e.quarter, zone.edges)]`;
}

/** The days, by UTC, of some instants: an array, null where there are none. */
export function utcDays(instant: Sql): Sql {
  return sql`array_agg(distinct floor(date_part('epoch', ${instant}) / 86400)::int)`;
}

/** What `utcDays` selected. */
export function utcDaysFrom(row: Row, column: string): readonly number[] {
  return row[column] === null ? [] : ints(row, column);
}
