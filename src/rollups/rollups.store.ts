// The rollups: sums of events and of short hosting segments by time bucket, once for the account and once for each
// resource. Events are folded a moment after their commit, up to a watermark on their sequence. Views add the events
// beyond it. Folding never locks the account, so recording events does not wait for it. It locks the rollup state and the
// resources whose last event it updates: a void, or a lifecycle call on one of them, waits for the current chunk.

import { Column, Entity, PrimaryColumn } from 'typeorm';
import { DAY_MS } from '../core/range.ts';
import { dayOf } from '../core/calendar.ts';
import type { Tx } from '../db/database.ts';
import { bigintColumn, sequenceColumn } from '../db/columns.ts';
import { at, int, ms, oneOf, text } from '../db/decode.ts';
import { raw, sql, type Sql, unnested } from '../db/sql.ts';
import type { HostingSegment } from '../hosting/charge.ts';
import { SEGMENT_LIST, segmentFromRow } from '../hosting/hosting.store.ts';
import { resourceKinds, type ResourceKind } from '../resources/resource.ts';
import { dayEdges, daySums, type Sum } from './sums.ts';
import { QUARTER_HOUR_MS } from './tier-plan.ts';
import { added, allTiers, raised, type Summed } from './tiers.store.ts';
import { ACCOUNTS_BEHIND } from './units.store.ts';

@Entity('rollup_state')
export class RollupStateRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @Column({ name: 'watermark', ...sequenceColumn }) watermark!: number;
  @Column({ name: 'time_zone', type: 'text' }) timeZone!: string;
}

abstract class RollupRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'tier', type: 'smallint' }) tier!: number;
  @PrimaryColumn({ name: 'bucket', type: 'int' }) bucket!: number;
  @PrimaryColumn({ name: 'type', type: 'text' }) type!: string;
  @PrimaryColumn({ name: 'hardware_id', type: 'int' }) hardwareId!: number;
  @Column({ name: 'events', ...bigintColumn }) events!: bigint;
  @Column({ name: 'quantity', ...bigintColumn }) quantity!: bigint;
  @Column({ name: 'credits_micro', ...bigintColumn }) creditsMicro!: bigint;
  @Column({ name: 'hosting_ms', ...bigintColumn }) hostingMs!: bigint;
  @Column({ name: 'replica_ms', ...bigintColumn }) replicaMs!: bigint;
}

@Entity('usage_by_account')
export class UsageByAccountRow extends RollupRow {
  @PrimaryColumn({ name: 'kind', type: 'text' }) kind!: string;
}

@Entity('usage_by_resource')
export class UsageByResourceRow extends RollupRow {
  @PrimaryColumn({ name: 'subject_id', type: 'int' }) subjectId!: number;
}

export const EVENTS_PER_FOLD = 20_000;
export const SEGMENTS_PER_FOLD = 2_000;
const REBUILD_WITHIN_MS = 600_000;
/** Closed segments up to this long are folded. Longer and running ones are few, and views read them one by one. */
export const FOLDED_SEGMENT_MAX_MS = DAY_MS;
/** The same in SQL. */
export const FOLDED_SEGMENT_MAX = raw(`interval '${FOLDED_SEGMENT_MAX_MS} milliseconds'`);

interface RollupState {
  readonly watermark: number;
  readonly timeZone: string;
}

/** Accounts that have events beyond their watermark, closed short segments not folded, day tiers of another zone, or units that are behind. */
export async function accountsToFold(tx: Tx): Promise<readonly number[]> {
  const rows = await tx.query(sql`/* rollups.accountsToFold */
     select account_id from account a left join rollup_state s using (account_id)
       where a.last_seq > coalesce(s.watermark, 0) or s.time_zone <> a.time_zone
     union
     select account_id from hosting_segment
       where not folded and voided_at is null and to_at <= from_at + ${FOLDED_SEGMENT_MAX}
     union
     ${ACCOUNTS_BEHIND}`);
  return rows.map((row) => int(row, 'account_id'));
}

/**
 * Folds the next chunk of an account's events and segments.
 * @returns whether there is more to do; false also when another gateway folds the account
 */
export async function foldOnce(
  tx: Tx,
  accountId: number,
  eventsMax: number = EVENTS_PER_FOLD,
): Promise<boolean> {
  await startState(tx, accountId);
  const state = await lockState(tx, accountId, 'skip locked');
  if (state === null) return false;
  const account = await tx.query(
    sql`/* rollups.account */ select last_seq, time_zone from account where account_id = ${accountId}`,
  );
  const timeZone = text(account[0] ?? {}, 'time_zone');
  if (timeZone !== state.timeZone) await rebuildDays(tx, accountId, timeZone);
  const target = Math.min(int(account[0] ?? {}, 'last_seq'), state.watermark + eventsMax);
  if (target > state.watermark) {
    await foldEvents(tx, accountId, { fromSeq: state.watermark, toSeq: target, timeZone });
  }
  const segments = await foldSegments(tx, accountId, timeZone);
  return target - state.watermark === eventsMax || segments === SEGMENTS_PER_FOLD;
}

/** An event as it counts in the rollups. */
export interface CountedEvent {
  readonly accountId: number;
  readonly seq: number;
  readonly type: string;
  readonly kind: ResourceKind | 'MODEL';
  readonly subjectId: number;
  readonly quantity: number | bigint;
  readonly creditsMicro: bigint;
  readonly occurredAtMs: number;
}

/** Takes a voided event out of the rollups, if it is folded. Called under the account's lock. */
export async function removeFromRollups(tx: Tx, event: CountedEvent): Promise<void> {
  // Without a row to lock, the account's first folding could run meanwhile and count the event that is being voided.
  await startState(tx, event.accountId);
  const state = await lockState(tx, event.accountId);
  if (state === null || event.seq > state.watermark) return;
  await addSums(tx, event.accountId, [
    {
      quarter: Math.floor(event.occurredAtMs / QUARTER_HOUR_MS),
      day: dayOf(state.timeZone, event.occurredAtMs),
      kind: event.kind,
      type: event.type,
      subjectId: event.subjectId,
      hardwareId: 0,
      events: -1,
      quantity: -BigInt(event.quantity),
      creditsMicro: -event.creditsMicro,
      hostingMs: 0,
      replicaMs: 0,
    },
  ]);
  await repairLastEvent(tx, event);
}

/** Takes voided or shortened segments out of the rollups, if they are folded. Called under the account's lock. */
export async function removeSegmentsFromRollups(
  tx: Tx,
  accountId: number,
  segments: readonly (HostingSegment & { readonly folded: boolean })[],
): Promise<void> {
  const folded = segments.filter((segment) => segment.folded);
  const state = folded.length === 0 ? null : await lockState(tx, accountId);
  if (state === null) return;
  const kinds = await kindsOf(tx, accountId, folded);
  await addSums(tx, accountId, daySums(folded, { timeZone: state.timeZone, kinds, sign: -1 }));
}

async function startState(tx: Tx, accountId: number): Promise<void> {
  await tx.query(sql`/* rollups.start */ insert into rollup_state (account_id, time_zone)
     select account_id, time_zone from account where account_id = ${accountId} on conflict do nothing`);
}

async function lockState(
  tx: Tx,
  accountId: number,
  wait: 'skip locked' | '' = '',
): Promise<RollupState | null> {
  const rows =
    await tx.query(sql`/* rollups.lockState */ select watermark, time_zone from rollup_state
     where account_id = ${accountId} for update ${raw(wait)}`);
  if (rows[0] === undefined) return null;
  return { watermark: int(rows[0], 'watermark'), timeZone: text(rows[0], 'time_zone') };
}

const SUMMED: Summed = {
  keys: sql`kind, type, subject_id, hardware_id`,
  amounts: ['events', 'quantity', 'credits_micro', 'hosting_ms', 'replica_ms'],
};
const AMOUNT_LIST = raw(SUMMED.amounts.join(', '));

// Parts of a `with` that add the set `sums` to all tiers of both tables. Hosting and rebuilt days have no quarter. The order
// by keeps the heap in key order.
function sumsAdded(accountId: number): Sql {
  const upsert = raised(SUMMED.amounts);
  return sql`${allTiers(SUMMED)},
  by_account as (
    insert into usage_by_account as r (account_id, tier, bucket, kind, type, hardware_id, ${AMOUNT_LIST})
    select ${accountId}::int, tier, bucket, kind, type, hardware_id, ${added(SUMMED.amounts)}
    from tiers group by tier, bucket, kind, type, hardware_id order by tier, bucket, kind, type, hardware_id
    on conflict (account_id, tier, bucket, kind, type, hardware_id) do update set ${upsert}),
  by_resource as (
    insert into usage_by_resource as r (account_id, tier, bucket, subject_id, type, hardware_id, ${AMOUNT_LIST})
    select ${accountId}::int, tier, bucket, subject_id, type, hardware_id, ${AMOUNT_LIST}
    from tiers order by tier, bucket, subject_id, type, hardware_id
    on conflict (account_id, tier, bucket, subject_id, type, hardware_id) do update set ${upsert})`;
}

async function foldEvents(
  tx: Tx,
  accountId: number,
  chunk: { readonly fromSeq: number; readonly toSeq: number; readonly timeZone: string },
): Promise<void> {
  const { fromSeq, toSeq } = chunk;
  const span =
    await tx.query(sql`/* rollups.span */ select min(occurred_at) as first, max(occurred_at) as last from (
       -- Fenced: the planner would look for the least instant along the index by time, past all other events.
       select occurred_at from usage_event where account_id = ${accountId} and seq > ${fromSeq} and seq <= ${toSeq} offset 0) chunk`);
  const first = span[0];
  if (first !== undefined && first['first'] !== null) {
    const days = dayEdges(chunk.timeZone, ms(first, 'first'), ms(first, 'last'));
    await tx.query(sql`/* rollups.foldEvents */ with
       events as materialized (
         select floor(date_part('epoch', occurred_at) / 900)::int as quarter, kind, type, subject_id,
           quantity, credits_micro, occurred_at
         from usage_event
         where account_id = ${accountId} and seq > ${fromSeq} and seq <= ${toSeq} and voided_at is null and type <> 'HOSTING'),
       sums as materialized (
         select quarter, width_bucket(quarter, ${days.edgeQuarters}::int[]) - 1 + ${days.firstDay}::int as day, kind, type, subject_id, 0 as hardware_id,
           count(*) as events, sum(quantity)::int8 as quantity, sum(credits_micro)::int8 as credits_micro,
           0 as hosting_ms, 0 as replica_ms
         from events group by quarter, kind, type, subject_id),
       latest as materialized (
         select kind, subject_id, max(occurred_at) as occurred_at from events group by kind, subject_id),
       of_resources as (
         update resource r set last_event_at = greatest(r.last_event_at, latest.occurred_at) from latest
         where r.account_id = ${accountId} and r.resource_id = latest.subject_id and latest.kind <> 'MODEL'),
       of_models as (
         update model m set last_event_at = greatest(m.last_event_at, latest.occurred_at) from latest
         where m.account_id = ${accountId} and m.model_id = latest.subject_id and latest.kind = 'MODEL'),
       ${sumsAdded(accountId)}
       select 1`);
  }
  await tx.query(
    sql`/* rollups.advance */ update rollup_state set watermark = ${toSeq} where account_id = ${accountId}`,
  );
}

async function addSums(tx: Tx, accountId: number, sums: readonly Sum[]): Promise<void> {
  await tx.query(sql`/* rollups.addSums */ with
     sums as materialized (
       select * from ${unnested(sums, {
         quarter: ['int', (sum) => sum.quarter],
         day: ['int', (sum) => sum.day],
         kind: ['resource_kind', (sum) => sum.kind],
         type: ['usage_type', (sum) => sum.type],
         subject_id: ['int', (sum) => sum.subjectId],
         hardware_id: ['int', (sum) => sum.hardwareId],
         events: ['int8', (sum) => sum.events],
         quantity: ['int8', (sum) => sum.quantity],
         credits_micro: ['int8', (sum) => sum.creditsMicro],
         hosting_ms: ['int8', (sum) => sum.hostingMs],
         replica_ms: ['int8', (sum) => sum.replicaMs],
       })}),
     ${sumsAdded(accountId)}
     select 1`);
}

async function foldSegments(tx: Tx, accountId: number, timeZone: string): Promise<number> {
  const rows =
    await tx.query(sql`/* rollups.segmentsToFold */ update hosting_segment s set folded = true
     where s.account_id = ${accountId} and s.segment_id in (
       select segment_id from hosting_segment
       where account_id = ${accountId} and not folded and voided_at is null and to_at <= from_at + ${FOLDED_SEGMENT_MAX}
       order by from_at limit ${SEGMENTS_PER_FOLD} for update skip locked)
     returning ${SEGMENT_LIST}`);
  if (rows.length === 0) return 0;
  const segments = rows.map(segmentFromRow);
  const kinds = await kindsOf(tx, accountId, segments);
  await addSums(tx, accountId, daySums(segments, { timeZone, kinds, sign: 1 }));
  return rows.length;
}

async function kindsOf(
  tx: Tx,
  accountId: number,
  segments: readonly HostingSegment[],
): Promise<ReadonlyMap<number, ResourceKind>> {
  const resourceIds = [...new Set(segments.map((segment) => segment.resourceId))];
  const rows = await tx.query(sql`/* rollups.kindsOf */ select resource_id, kind from resource
     where account_id = ${accountId} and resource_id = any(${resourceIds}::int[])`);
  return new Map(rows.map((row) => [int(row, 'resource_id'), oneOf(row, 'kind', resourceKinds)]));
}

// The account's zone changed: its day tiers are rebuilt from the quarter hours and the folded segments. Until
// this commits, views read the old days, by the zone that is stored with them.
async function rebuildDays(tx: Tx, accountId: number, timeZone: string): Promise<void> {
  // For a large account this takes longer than any view may. Only voids of the same account wait for it.
  await tx.allowLong(REBUILD_WITHIN_MS);
  for (const table of ['usage_by_account', 'usage_by_resource']) {
    await tx.query(
      sql`/* rollups.dropDays */ delete from ${raw(table)} where account_id = ${accountId} and tier >= 2`,
    );
  }
  const span =
    await tx.query(sql`/* rollups.spanOfQuarters */ select min(bucket) as first, max(bucket) as last
     from usage_by_resource where account_id = ${accountId} and tier = 0`);
  if (span[0] !== undefined && span[0]['first'] !== null) {
    const firstMs = int(span[0], 'first') * QUARTER_HOUR_MS;
    const days = dayEdges(timeZone, firstMs, int(span[0], 'last') * QUARTER_HOUR_MS);
    await tx.query(sql`/* rollups.rebuildDays */ with
       sums as materialized (
         select null::int as quarter, width_bucket(u.bucket, ${days.edgeQuarters}::int[]) - 1 + ${days.firstDay}::int as day, coalesce(r.kind, 'MODEL') as kind,
           u.type, u.subject_id, 0 as hardware_id, sum(u.events) as events, sum(u.quantity) as quantity, sum(u.credits_micro) as credits_micro,
           0 as hosting_ms, 0 as replica_ms
         from usage_by_resource u
           left join resource r on r.account_id = u.account_id and r.resource_id = u.subject_id
         where u.account_id = ${accountId} and u.tier = 0 group by 2, 3, 4, 5),
       ${sumsAdded(accountId)}
       select 1`);
  }
  await tx.query(sql`/* rollups.unfold */ update hosting_segment set folded = false
     where account_id = ${accountId} and folded and voided_at is null`);
  await tx.query(
    sql`/* rollups.setZone */ update rollup_state set time_zone = ${timeZone} where account_id = ${accountId}`,
  );
}

// The voided event may have been the latest of its resource. The next latest lies in the resource's latest quarter hour
// that still has events, and is found there by time.
async function repairLastEvent(tx: Tx, event: CountedEvent): Promise<void> {
  const { accountId, subjectId } = event;
  const table = raw(event.kind === 'MODEL' ? 'model' : 'resource');
  const occurredAt = sql`${at(event.occurredAtMs)}::timestamptz`;
  const quarter = Math.floor(event.occurredAtMs / QUARTER_HOUR_MS);
  await tx.query(sql`/* rollups.repairLastEvent */ update ${table} set last_event_at = (
       select max(e.occurred_at) from usage_event e
       where e.account_id = ${accountId} and e.subject_id = ${subjectId} and e.voided_at is null and e.type <> 'HOSTING'
         and e.occurred_at <= ${occurredAt} and e.seq <= (select watermark from rollup_state where account_id = ${accountId})
         and e.occurred_at >= to_timestamp(900.0 * (
           select max(bucket) from usage_by_resource
           where account_id = ${accountId} and tier = 0 and subject_id = ${subjectId} and bucket <= ${quarter} and events > 0)))
     where account_id = ${accountId} and ${table}_id = ${subjectId} and last_event_at = ${occurredAt}`);
}
