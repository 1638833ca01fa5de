// Compares the rollups with the rows that they are made of. One statement recomputes every bucket of an account in SQL,
// independently of the folding, joins the result with what is stored, and returns only what differs.

import { archivedFigures, archivedHours, hasArchives } from '../archives/archives.store.ts';
import { dayOf, dayStartMs } from '../core/calendar.ts';
import type { Tx } from '../db/database.ts';
import { big, bool, int, ms, oneOf, type Row, text } from '../db/decode.ts';
import { raw, sql, type Sql, unnested } from '../db/sql.ts';
import type { Range } from '../core/range.ts';
import { hasHours } from './hours.store.ts';
import { usageTypes, type UsageType } from './kinds.ts';
import { quartersPastHour, TIERS } from './tier-plan.ts';

/** The figures of one rollup row. */
export interface RollupFigures {
  readonly events: bigint;
  readonly quantity: bigint;
  readonly creditsMicro: bigint;
  readonly hostingMs: bigint;
  readonly replicaMs: bigint;
}

/** A bucket whose stored figures differ from those of the raw rows. */
export interface RollupDifference {
  readonly accountId: number;
  readonly table: RollupTable | 'usage_by_unit';
  readonly tier: number;
  /** Null: all of the tier, whose parts are archived. */
  readonly bucket: number | null;
  /** The kind in usage_by_account, with the unit in usage_by_unit, else the id of the resource or model. */
  readonly dimension: string;
  /** Null: all but hosting. */
  readonly type: UsageType | null;
  readonly hardwareId: number;
  readonly stored: RollupFigures;
  readonly raw: RollupFigures;
}

export const rollupTables = {
  usage_by_account: 'usage_by_account',
  usage_by_resource: 'usage_by_resource',
  usage_by_resource_hour: 'usage_by_resource_hour',
} as const;
export type RollupTable = keyof typeof rollupTables;

/** An account that has rollups. */
export interface FoldedAccount {
  readonly accountId: number;
  /** The zone whose days the day tiers hold. */
  readonly timeZone: string;
  /** Whether its resources have hours; quarter hours of an earlier release otherwise, which are not checked. */
  readonly hasHours: boolean;
}

/** The accounts that have rollups. @param accountIds only these; null: all */
export async function listFoldedAccounts(
  tx: Tx,
  accountIds: readonly number[] | null,
): Promise<readonly FoldedAccount[]> {
  const isAsked = accountIds === null ? sql`true` : sql`account_id = any(${accountIds}::int[])`;
  const rows =
    await tx.query(sql`/* check.listFoldedAccounts */ select account_id, time_zone, ${hasHours(sql`rollup_state`)} as has_hours
     from rollup_state where ${isAsked} order by account_id`);
  return rows.map((row) => ({
    accountId: int(row, 'account_id'),
    timeZone: text(row, 'time_zone'),
    hasHours: bool(row, 'has_hours'),
  }));
}

/** From the first to the last instant that an account's rollups can contain; null when nothing was recorded. */
export async function loadSpan(tx: Tx, accountId: number): Promise<Range | null> {
  const rows =
    await tx.query(sql`/* check.loadSpan */ select min(at) as first, max(at) as last from (
       select occurred_at as at from usage_event where account_id = ${accountId}
       union all select to_timestamp(3600.0 * unnest(array[lower(hours), upper(hours)])) from ${archivedHours(sql`${accountId}`)} archived
       union all select from_at from hosting_segment where account_id = ${accountId} and folded
       union all select to_at from hosting_segment where account_id = ${accountId} and folded) instants`);
  const [row] = rows;
  if (row === undefined || row['first'] === null) return null;
  return { fromMs: ms(row, 'first'), toMs: ms(row, 'last') };
}

interface Checked {
  readonly dimension: Sql;
  /** Tier and bucket of a fact. */
  readonly tiers: Sql;
  /** The stored rows, in the same form. */
  readonly kept: Sql;
}

const DAY_TIERS = sql`(2, day), (3, day >> 3), (4, day >> 6)`;

function checked(table: RollupTable, { timeZone }: FoldedAccount): Checked {
  switch (table) {
    case 'usage_by_account': {
      const tiers = sql`(0, quarter), (1, quarter / 8), ${DAY_TIERS}`;
      return { dimension: sql`kind::text`, tiers, kept: sql`select * from usage_by_account` };
    }
    case 'usage_by_resource': {
      const kept = sql`select * from usage_by_resource where tier >= 2`;
      return { dimension: sql`subject_id::text`, tiers: DAY_TIERS, kept };
    }
    case 'usage_by_resource_hour': {
      const past = quartersPastHour(timeZone);
      const tiers = sql`(${TIERS.HOUR}::int, (quarter - ${past}::int) >> 2)`;
      const kept = sql`select account_id, ${TIERS.HOUR}::int as tier, hour as bucket, subject_id, type, 0 as hardware_id,
         events, quantity, credits_micro, 0 as hosting_ms, 0 as replica_ms from usage_by_resource_hour`;
      return { dimension: sql`subject_id::text`, tiers, kept };
    }
  }
}

const COUNTED = ['events', 'quantity', 'credits_micro'] as const;
const FIGURES = [...COUNTED, 'hosting_ms', 'replica_ms'] as const;

/** A local day with its start. */
interface LocalDay {
  readonly day: number;
  readonly fromMs: number;
}

// The contribution of each folded event, and of each local day of each folded segment, to the rollups.
function recorded(accountId: number, days: readonly LocalDay[]): Sql {
  const dayStartsMs = days.map(({ fromMs }) => fromMs);
  return sql`
     day as (select day, from_ms, lead(from_ms) over (order by day) as to_ms
       from ${unnested(days, { day: ['int', ({ day }) => day], from_ms: ['int8', ({ fromMs }) => fromMs] })}),
     event as (
       select *, (extract(epoch from occurred_at) * 1000)::int8 as at_ms from usage_event
       where account_id = ${accountId} and voided_at is null and type <> 'HOSTING'
         and seq <= (select watermark from rollup_state where account_id = ${accountId})),
     segment as (
       select r.kind, s.resource_id, s.hardware_id, s.replicas, s.replicas::numeric * s.rate_micro_per_hour as per_hour,
         (extract(epoch from s.from_at) * 1000)::int8 as from_ms, (extract(epoch from s.to_at) * 1000)::int8 as to_ms
       from hosting_segment s join resource r using (account_id, resource_id)
       where s.account_id = ${accountId} and s.folded and s.voided_at is null),
     hosted as (
       select s.*, d.day, greatest(s.from_ms, d.from_ms) as a, least(s.to_ms, d.to_ms) as b
       from segment s join day d on d.from_ms < s.to_ms and d.to_ms > s.from_ms),
     fact as (
       select (at_ms / 900000)::int as quarter, width_bucket(at_ms, ${dayStartsMs}::int8[]) - 1 + ${days[0]?.day ?? 0}::int as day, kind, type,
         subject_id, 0 as hardware_id, 1 as events, quantity, credits_micro::numeric, 0::int8 as hosting_ms, 0::int8 as replica_ms
       from event
       union all
       select null, day, kind, 'HOSTING', resource_id, hardware_id, 0, 0,
         div(per_hour * (b - from_ms), 3600000) - div(per_hour * (a - from_ms), 3600000), b - a, (b - a) * replicas
       from hosted where a < b),
     ${archivedQuarters(accountId, days)}`;
}

/** Part of a `with`: the quarter hours in which archived events happened, with their days. */
export function archivedQuarters(accountId: number, days: readonly LocalDay[]): Sql {
  return sql`archived as (
       select quarter, width_bucket(quarter * 900000::int8, ${days.map(({ fromMs }) => fromMs)}::int8[]) - 1
         + ${days[0]?.day ?? 0}::int as day
       from ${archivedHours(sql`${accountId}`)} used
         cross join lateral generate_series(lower(hours) * 4, upper(hours) * 4 - 1) quarter)`;
}

/**
 * The buckets of one table whose figures differ from those of the folded events and segments.
 * In buckets that may have archived events, the stored figures may be higher.
 * @param span as `loadSpan` returns it
 * @param limit the most differences to return
 */
export async function loadDifferences(
  tx: Tx,
  table: RollupTable,
  { account, span, limit }: { account: FoldedAccount; span: Range; limit: number },
): Promise<readonly RollupDifference[]> {
  if (table === 'usage_by_resource_hour' && !account.hasHours) return [];
  const { dimension, tiers, kept } = checked(table, account);
  const each = (figure: (name: string) => string): Sql => raw(FIGURES.map(figure).join(', '));
  const days = localDays(account.timeZone, span);
  const rows = await tx.query(sql`/* check.loadDifferences.${raw(table)} */ with
     ${recorded(account.accountId, days)},
     raw as (
       select t.tier, t.bucket::int as bucket, ${dimension} as dimension, type, hardware_id, ${each((name) => `sum(${name}) as ${name}`)}
       from fact cross join lateral (values ${tiers}) t(tier, bucket)
       where t.bucket is not null group by 1, 2, 3, 4, 5),
     kept as (
       select tier, bucket, ${dimension} as dimension, type, hardware_id, ${each((name) => name)}
       from (${kept}) stored where account_id = ${account.accountId}),
     of_archived as (select distinct t.* from archived cross join lateral (values ${tiers}) t(tier, bucket))
     select tier, bucket, dimension, type, hardware_id,
       ${each((name) => `coalesce(kept.${name}, 0)::text as kept_${name}, coalesce(raw.${name}, 0)::text as raw_${name}`)}
     from raw full join kept using (tier, bucket, dimension, type, hardware_id)
     where case when type <> 'HOSTING' and (tier, bucket) in (select tier, bucket from of_archived)
       then ${raw(COUNTED.map((name) => `coalesce(kept.${name}, 0) < coalesce(raw.${name}, 0)`).join(' or '))}
       else (${each((name) => `coalesce(kept.${name}, 0)`)}) is distinct from (${each((name) => `coalesce(raw.${name}, 0)`)}) end
     order by tier, bucket, dimension limit ${limit}`);
  return rows.map((row) => ({
    accountId: account.accountId,
    table,
    tier: int(row, 'tier'),
    bucket: int(row, 'bucket'),
    dimension: text(row, 'dimension'),
    type: oneOf(row, 'type', usageTypes),
    hardwareId: int(row, 'hardware_id'),
    stored: figures(row, 'kept'),
    raw: figures(row, 'raw'),
  }));
}

function figures(row: Row, of: 'kept' | 'raw'): RollupFigures {
  return {
    ...counted(row, of),
    hostingMs: big(row, `${of}_hosting_ms`),
    replicaMs: big(row, `${of}_replica_ms`),
  };
}

/** The figures of events alone. */
export function counted(row: Row, of: 'kept' | 'raw'): RollupFigures {
  return {
    events: big(row, `${of}_events`),
    quantity: big(row, `${of}_quantity`),
    creditsMicro: big(row, `${of}_credits_micro`),
    hostingMs: 0n,
    replicaMs: 0n,
  };
}

const TIERS_OF: Readonly<Record<RollupTable, readonly number[]>> = {
  usage_by_account: [0, 1, 2, 3, 4],
  usage_by_resource: [2, 3, 4],
  usage_by_resource_hour: [TIERS.HOUR],
};

/**
 * The tiers of one table whose events over all time are not those that are there and those that are archived, of an account that has
 * archives: what buckets with archived events cannot be compared by.
 */
export async function loadTotalDifferences(
  tx: Tx,
  table: RollupTable,
  account: FoldedAccount,
): Promise<readonly RollupDifference[]> {
  if (table === 'usage_by_resource_hour' && !account.hasHours) return [];
  const { accountId } = account;
  const each = (figure: (name: string) => string): Sql => raw(COUNTED.map(figure).join(', '));
  const rows = await tx.query(sql`/* check.loadTotals.${raw(table)} */ with
     raw as (
       select coalesce(sum(events), 0) as events, coalesce(sum(quantity), 0) as quantity, coalesce(sum(credits_micro), 0) as credits_micro
       from (
         select 1 as events, quantity, credits_micro from usage_event
         where account_id = ${accountId} and voided_at is null and type <> 'HOSTING'
           and seq <= (select watermark from rollup_state where account_id = ${accountId})
         union all
         select events, quantity, credits_micro from ${archivedFigures(sql`${accountId}`)} archived) counted),
     kept as (
       select tier, ${each((name) => `sum(${name}) as ${name}`)} from (${checked(table, account).kept}) stored
       where account_id = ${accountId} and type <> 'HOSTING' group by tier)
     select tier, ${each((name) => `coalesce(kept.${name}, 0)::text as kept_${name}, raw.${name}::text as raw_${name}`)}
     from unnest(${TIERS_OF[table]}::int[]) t(tier) cross join raw left join kept using (tier)
     where ${hasArchives(sql`${accountId}`)}
       and (${each((name) => `coalesce(kept.${name}, 0)`)}) is distinct from (${each((name) => `raw.${name}`)})
     order by tier`);
  return rows.map((row) => ({
    accountId,
    table,
    tier: int(row, 'tier'),
    bucket: null,
    dimension: 'all',
    type: null,
    hardwareId: 0,
    stored: counted(row, 'kept'),
    raw: counted(row, 'raw'),
  }));
}

/** Every local day of a span and the one after it, with its start. */
export function localDays(timeZone: string, span: Range): readonly LocalDay[] {
  const lastDay = dayOf(timeZone, span.toMs) + 1;
  const days: LocalDay[] = [];
  for (let day = dayOf(timeZone, span.fromMs); day <= lastDay; day += 1) {
    days.push({ day, fromMs: dayStartMs(timeZone, day) });
  }
  return days;
}
