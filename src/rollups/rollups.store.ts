// The rollups: sums of events and of short hosting segments by time bucket, once for the account and once for each
// resource. Events are folded a moment after their commit, up to a watermark on their sequence. Views add the events
// beyond it. Folding never locks the account, so recording events does not wait for it. It locks the rollup state and the
// resources whose last event it updates: a void, or a lifecycle call on one of them, waits for the current chunk.

import { Column, Entity, PrimaryColumn } from 'typeorm';
import { DAY_MS } from '../core/range.ts';
import { dayOf } from '../core/calendar.ts';
import { invariant } from '../core/errors.ts';
import { type Changes, makeChanges } from '../db/changes.ts';
import type { Tx } from '../db/database.ts';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import { at, int, intOrNull, oneOf, text } from '../db/decode.ts';
import { raw, sql, type Sql, unnested } from '../db/sql.ts';
import type { HostingSegment } from '../hosting/charge.ts';
import { resourceKinds, type ResourceKind } from '../resources/resource.ts';
import { lastArchivedUse } from '../archives/archives.store.ts';
import { hasHours, hoursAdded, removeFromQuarters } from './hours.store.ts';
import { daySums, type FoldedSegment, hourOf, type Sum } from './sums.ts';
import { QUARTER_HOUR_MS, TIERS } from './tier-plan.ts';
import { added, allTiers, dayTiers, keysOf, type Summed, tiersAdded } from './tiers.store.ts';

@Entity('rollup_state')
export class RollupStateRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @Column({ name: 'watermark', ...sequenceColumn }) watermark!: number;
  @Column({ name: 'time_zone', type: 'text' }) timeZone!: string;
  @Column({ name: 'epoch', ...sequenceColumn }) epoch!: number;
  @Column({ name: 'fold_at', ...instantColumn, nullable: true }) foldAtMs!: number | null;
  @Column({ name: 'quarters_from', type: 'int', nullable: true }) quartersFrom!: number | null;
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

/** Closed segments up to this long are folded. Longer and running ones are few, and views read them one by one. */
export const FOLDED_SEGMENT_MAX_MS = DAY_MS;
/** The same in SQL. */
export const FOLDED_SEGMENT_MAX = raw(`interval '${FOLDED_SEGMENT_MAX_MS} milliseconds'`);

/** A gateway folds what it recorded itself within a minute; others come after it. */
const DUE_LATER = raw(`statement_timestamp() + interval '90 seconds'`);

/**
 * Marks an account's events as due for folding, as part of the statement that records them. It does not wait: what a fold has
 * locked is left to the gateway that records, but for an account's first events, which no fold has much of. @param isFirst whether they are the account's first
 */
export function markedAsDue(accountId: number, { isFirst }: { readonly isFirst: boolean }): Sql {
  if (isFirst) {
    return sql`insert into rollup_state (account_id, time_zone, fold_at)
       select account_id, time_zone, ${DUE_LATER} from account where account_id = ${accountId}
     on conflict (account_id) do update set fold_at = excluded.fold_at where rollup_state.fold_at is null`;
  }
  return sql`update rollup_state set fold_at = ${DUE_LATER} where account_id = ${accountId} and account_id = (
       select account_id from rollup_state where account_id = ${accountId} and fold_at is null for update skip locked)`;
}

interface RollupState {
  readonly watermark: number;
  readonly timeZone: string;
  readonly quartersFrom: number | null;
}

/** The condition that a segment is closed, short, and not folded yet: that of the index `hosting_segment_to_fold`. */
export function isToFold(segment: string): Sql {
  const s = raw(segment);
  return sql`not ${s}.folded and ${s}.voided_at is null and ${s}.to_at - ${s}.from_at <= interval '24 hours'`;
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
  await startStates(tx, [event.accountId]);
  const state = await lockToRemove(tx, event.accountId);
  if (state === null || event.seq > state.watermark) return;
  const quarter = Math.floor(event.occurredAtMs / QUARTER_HOUR_MS);
  const isInHours = await removeFromQuarters(tx, { ...event, quarter }, state.quartersFrom);
  await addSums(tx, [
    {
      accountId: event.accountId,
      quarter,
      hour: isInHours ? hourOf(state.timeZone, event.occurredAtMs) : null,
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
  const state = folded.length === 0 ? null : await lockToRemove(tx, accountId);
  if (state === null) return;
  const withKinds = await segmentsWithKinds(tx, accountId, folded);
  await addSums(tx, daySums(withKinds, { timeZone: state.timeZone, sign: -1 }));
}

/** Makes the states of accounts that have none. @returns these accounts */
export async function startStates(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly number[]> {
  // Those that exist are left out before the insert: it would wait for whoever changes them.
  const rows =
    await tx.query(sql`/* rollups.start */ insert into rollup_state (account_id, time_zone)
     select account_id, time_zone from account a where account_id = any(${accountIds}::int[])
       and not exists (select from rollup_state s where s.account_id = a.account_id)
     on conflict do nothing returning account_id`);
  return rows.map((row) => int(row, 'account_id'));
}

/**
 * Locks an account's state to take something out of its sums. What was remembered of them is wrong from now on, so the epoch rises;
 * and units fold voids as they fold events.
 */
async function lockToRemove(tx: Tx, accountId: number): Promise<RollupState | null> {
  const [row] =
    await tx.query(sql`/* rollups.lockToRemove */ update rollup_state set epoch = epoch + 1, fold_at = least(fold_at, ${DUE_LATER})
     where account_id = ${accountId} returning watermark, time_zone, quarters_from`);
  if (row === undefined) return null;
  return {
    watermark: int(row, 'watermark'),
    timeZone: text(row, 'time_zone'),
    quartersFrom: intOrNull(row, 'quarters_from'),
  };
}

const AMOUNTS = ['events', 'quantity', 'credits_micro', 'hosting_ms', 'replica_ms'];
const OF_ACCOUNT: Summed = { by: sql`kind, type, hardware_id`, amounts: AMOUNTS };
const OF_RESOURCE: Summed = { by: sql`subject_id, type, hardware_id`, amounts: AMOUNTS };

/**
 * Adds the set `resource_sums` to all tiers of all tables. Hosting and rebuilt days have neither quarter nor hour.
 * @param changes with that set, and what else is changed
 */
export async function addToTiers(tx: Tx, changes: Omit<Changes, 'insertions'>): Promise<void> {
  await makeChanges(tx, {
    ...changes,
    sets: sql`${changes.sets},
      sums as materialized (
        select quarter, day, ${keysOf(OF_ACCOUNT)}, ${added(AMOUNTS)} from resource_sums group by quarter, day, ${keysOf(OF_ACCOUNT)}),
      ${allTiers(OF_ACCOUNT)},
      ${dayTiers(OF_RESOURCE, { from: sql`resource_sums`, into: 'resource_tiers' })}`,
    insertions: [
      tiersAdded(OF_ACCOUNT, { into: sql`usage_by_account`, from: sql`tiers` }),
      tiersAdded(OF_RESOURCE, { into: sql`usage_by_resource`, from: sql`resource_tiers` }),
      hoursAdded(sql`resource_sums`),
    ],
  });
}

/** Adds sums to all tiers of all tables. The accounts' states are locked. */
export async function addSums(tx: Tx, sums: readonly Sum[]): Promise<void> {
  await addToTiers(tx, {
    name: 'rollups.addSums',
    accountIds: [...new Set(sums.map(({ accountId }) => accountId))],
    sets: sql`resource_sums as materialized (
       select * from ${unnested(sums, {
         account_id: ['int', (sum) => sum.accountId],
         quarter: ['int', (sum) => sum.quarter],
         hour: ['int', (sum) => sum.hour],
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
       })})`,
  });
}

async function segmentsWithKinds(
  tx: Tx,
  accountId: number,
  segments: readonly HostingSegment[],
): Promise<readonly FoldedSegment[]> {
  const resourceIds = [...new Set(segments.map((segment) => segment.resourceId))];
  const rows = await tx.query(sql`/* rollups.kindsOf */ select resource_id, kind from resource
     where account_id = ${accountId} and resource_id = any(${resourceIds}::int[])`);
  const kinds = new Map(
    rows.map((row) => [int(row, 'resource_id'), oneOf(row, 'kind', resourceKinds)]),
  );
  return segments.map((segment) => {
    const kind = kinds.get(segment.resourceId);
    invariant(kind !== undefined, 'a segment has a resource', { segmentId: segment.segmentId });
    return { ...segment, kind };
  });
}

// The voided event may have been the latest of its resource.
async function repairLastEvent(tx: Tx, event: CountedEvent): Promise<void> {
  const { accountId, subjectId } = event;
  const table = raw(event.kind === 'MODEL' ? 'model' : 'resource');
  const last = lastFoldedEvent({
    account: sql`${accountId}::int`,
    state: sql`s`,
    subjectId: sql`t.${table}_id`,
    seq: sql`s.watermark`,
  });
  await tx.query(sql`/* rollups.repairLastEvent */ update ${table} t set last_event_at = greatest((
       select last.at from rollup_state s cross join lateral (${last}) last where s.account_id = ${accountId}),
       ${lastArchivedUse(sql`${accountId}::int`, `t.${event.kind === 'MODEL' ? 'model' : 'resource'}_id`)})
     where t.account_id = ${accountId} and t.${table}_id = ${subjectId}
       and t.last_event_at = ${at(event.occurredAtMs)}::timestamptz`);
}

/**
 * A subquery of one row: when the latest event (`at`) of a resource or model happened that was not voided, up to a seq that is folded.
 * It goes back day by day, and by the hours in which the resource has events. Hours of any zone's day begin at most 15 hours before and end
 * at most 15 hours after the same day of UTC. The row of an hour counts for the instants from its beginning in UTC to 45 minutes after its end.
 */
export function lastFoldedEvent(of: {
  readonly account: Sql;
  /** Its row of rollup_state. */
  readonly state: Sql;
  readonly subjectId: Sql;
  readonly seq: Sql;
}): Sql {
  const { account, state, subjectId, seq } = of;
  return sql`select event.at from usage_by_resource d cross join lateral (
         select event.at from (
           select h.hour from generate_series(d.bucket * 24 + 39, d.bucket * 24 - 16, -1) h(hour)
           where ${hasHours(state)} is false or exists (
             select from usage_by_resource_hour r
             where r.account_id = ${account} and r.hour = h.hour and r.subject_id = d.subject_id and r.events > 0)
           order by h.hour desc offset 0) h
         cross join lateral (
           select max(u.occurred_at) as at from usage_event u
           where u.account_id = ${account} and u.subject_id = d.subject_id and u.seq <= ${seq}
             and u.occurred_at >= to_timestamp(3600.0 * h.hour) and u.occurred_at < to_timestamp(3600.0 * h.hour + 6300)
             and u.voided_at is null and u.type <> 'HOSTING') event
         where event.at is not null order by h.hour desc limit 1) event
       where d.account_id = ${account} and d.tier = ${TIERS.DAY}::smallint and d.subject_id = ${subjectId} and d.events > 0
       order by d.bucket desc limit 1`;
}
