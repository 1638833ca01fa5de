// The rollups: sums of events and of short hosting segments by time bucket, once for the account and once for each
// resource. Events are folded a moment after they were committed, behind a watermark on their sequence; views add what
// lies beyond it. Folding locks rollup_state only, never the account, so it holds up no write.

import { Column, Entity, PrimaryColumn } from 'typeorm';
import { DAY_MS } from '../core/range.ts';
import { dayOf, dayStartMs } from '../core/calendar.ts';
import { invariant } from '../core/errors.ts';
import type { Tx } from '../db/database.ts';
import { bigintColumn, sequenceColumn } from '../db/columns.ts';
import { int, ms, oneOf, text } from '../db/decode.ts';
import { chargeWithin, hostedMs, type HostingSegment } from '../hosting/charge.ts';
import { SEGMENT_LIST, segmentFromRow } from '../hosting/hosting.store.ts';
import { resourceKinds, type ResourceKind } from '../resources/resource.ts';
import { QUARTER_HOUR_MS } from './tier-plan.ts';

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
/** Closed segments up to this long are folded; longer ones and running ones are few and read themselves. */
export const FOLDED_SEGMENT_MAX_MS = DAY_MS;

interface RollupState {
  readonly watermark: number;
  readonly timeZone: string;
}

/** Accounts that have events beyond their watermark, closed short segments not folded, or day tiers of another zone. */
export async function accountsToFold(tx: Tx): Promise<readonly number[]> {
  const rows = await tx.query(
    `/* rollups.accountsToFold */
     select account_id from account a left join rollup_state s using (account_id)
       where a.last_seq > coalesce(s.watermark, 0) or s.time_zone <> a.time_zone
     union
     select account_id from hosting_segment
       where not folded and voided_at is null and to_at <= from_at + $1::interval`,
    [`${FOLDED_SEGMENT_MAX_MS} milliseconds`],
  );
  return rows.map((row) => int(row, 'account_id'));
}

/**
 * Folds the next chunk of an account's events and segments.
 * @returns whether there is more to do; false also when another gateway is at it
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
    `/* rollups.account */ select last_seq, time_zone from account where account_id = $1`,
    [accountId],
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

/** Takes a voided event out again, if it is folded. Called under the account's lock. */
export async function removeFromRollups(tx: Tx, event: CountedEvent): Promise<void> {
  // Without a row to lock, the account's first folding could pass by and count the event that is being voided.
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

/** Takes voided segments out again that were folded. Called under the account's lock. */
export async function removeSegmentsFromRollups(
  tx: Tx,
  accountId: number,
  segments: readonly HostingSegment[],
): Promise<void> {
  const state = segments.length === 0 ? null : await lockState(tx, accountId);
  if (state === null) return;
  const kinds = await kindsOf(tx, accountId, segments);
  await addSums(tx, accountId, daySums(segments, { timeZone: state.timeZone, kinds, sign: -1 }));
}

async function startState(tx: Tx, accountId: number): Promise<void> {
  await tx.query(
    `/* rollups.start */ insert into rollup_state (account_id, time_zone)
     select account_id, time_zone from account where account_id = $1 on conflict do nothing`,
    [accountId],
  );
}

async function lockState(
  tx: Tx,
  accountId: number,
  wait: 'skip locked' | '' = '',
): Promise<RollupState | null> {
  const rows = await tx.query(
    `/* rollups.lockState */ select watermark, time_zone from rollup_state where account_id = $1 for update ${wait}`,
    [accountId],
  );
  if (rows[0] === undefined) return null;
  return { watermark: int(rows[0], 'watermark'), timeZone: text(rows[0], 'time_zone') };
}

const REST = 'kind, type, subject_id, hardware_id';
const AMOUNTS = ['events', 'quantity', 'credits_micro', 'hosting_ms', 'replica_ms'];
const ADDED = AMOUNTS.map((amount) => `sum(${amount})::int8 as ${amount}`).join(', ');
const RAISED = AMOUNTS.map((amount) => `${amount} = r.${amount} + excluded.${amount}`).join(', ');

function widened(bucket: string, narrower: string): string {
  return `select ${bucket} as bucket, ${REST}, ${ADDED} from ${narrower} group by ${bucket}, ${REST}`;
}

// `sums` is a set (quarter, day, kind, type, subject_id, hardware_id, and the amounts), with one row for what happened within
// a quarter hour; a row without a quarter (hosting) counts in the day tiers only. Each tier is summed from the one below,
// so that little is summed twice and fits into work_mem. The order by keeps the heap in key order.
const ADD_SUMS = `
  quarters as (select quarter as bucket, ${REST}, ${AMOUNTS.join(', ')} from sums where quarter is not null and $2 = 0),
  days as materialized (${widened('day', 'sums')}),
  eight_days as materialized (${widened('bucket >> 3', 'days')}),
  tiers as materialized (
    select 0 as tier, * from quarters union all
    select 1, * from (${widened('bucket >> 3', 'quarters')}) two_hours union all
    select 2, * from days union all
    select 3, * from eight_days union all
    select 4, * from (${widened('bucket >> 3', 'eight_days')}) sixty_four_days),
  by_account as (
    insert into usage_by_account as r (account_id, tier, bucket, kind, type, hardware_id, ${AMOUNTS.join(', ')})
    select $1, tier, bucket, kind, type, hardware_id, ${ADDED}
    from tiers group by tier, bucket, kind, type, hardware_id order by tier, bucket, kind, type, hardware_id
    on conflict (account_id, tier, bucket, kind, type, hardware_id) do update set ${RAISED}),
  by_resource as (
    insert into usage_by_resource as r (account_id, tier, bucket, subject_id, type, hardware_id, ${AMOUNTS.join(', ')})
    select $1, tier, bucket, subject_id, type, hardware_id, ${AMOUNTS.join(', ')}
    from tiers order by tier, bucket, subject_id, type, hardware_id
    on conflict (account_id, tier, bucket, subject_id, type, hardware_id) do update set ${RAISED})`;

async function foldEvents(
  tx: Tx,
  accountId: number,
  chunk: { readonly fromSeq: number; readonly toSeq: number; readonly timeZone: string },
): Promise<void> {
  const span = await tx.query(
    `/* rollups.span */ select min(occurred_at) as first, max(occurred_at) as last from (
       -- Fenced: the planner would look for the least instant along the index by time, past all other events.
       select occurred_at from usage_event where account_id = $1 and seq > $2 and seq <= $3 offset 0) chunk`,
    [accountId, chunk.fromSeq, chunk.toSeq],
  );
  const first = span[0];
  if (first !== undefined && first['first'] !== null) {
    const days = dayEdges(chunk.timeZone, ms(first, 'first'), ms(first, 'last'));
    await tx.query(
      `/* rollups.foldEvents */ with
       events as materialized (
         select floor(date_part('epoch', occurred_at) / 900)::int as quarter, kind, type, subject_id,
           quantity, credits_micro, occurred_at
         from usage_event
         where account_id = $1 and seq > $3 and seq <= $4 and voided_at is null and type <> 'HOSTING'),
       sums as materialized (
         select quarter, width_bucket(quarter, $5::int[]) - 1 + $6 as day, kind, type, subject_id, 0 as hardware_id,
           count(*) as events, sum(quantity)::int8 as quantity, sum(credits_micro)::int8 as credits_micro,
           0 as hosting_ms, 0 as replica_ms
         from events group by quarter, kind, type, subject_id),
       latest as materialized (
         select kind, subject_id, max(occurred_at) as occurred_at from events group by kind, subject_id),
       of_resources as (
         update resource r set last_event_at = greatest(r.last_event_at, latest.occurred_at) from latest
         where r.account_id = $1 and r.resource_id = latest.subject_id and latest.kind <> 'MODEL'),
       of_models as (
         update model m set last_event_at = greatest(m.last_event_at, latest.occurred_at) from latest
         where m.account_id = $1 and m.model_id = latest.subject_id and latest.kind = 'MODEL'),
       ${ADD_SUMS}
       select 1`,
      [accountId, 0, chunk.fromSeq, chunk.toSeq, days.edgeQuarters, days.firstDay],
    );
  }
  await tx.query(
    `/* rollups.advance */ update rollup_state set watermark = $2 where account_id = $1`,
    [accountId, chunk.toSeq],
  );
}

/** The quarter hours at which local days begin, from the day of one instant to the day after that of another. */
function dayEdges(
  timeZone: string,
  firstMs: number,
  lastMs: number,
): { readonly firstDay: number; readonly edgeQuarters: readonly number[] } {
  const firstDay = dayOf(timeZone, firstMs);
  const lastDay = dayOf(timeZone, lastMs);
  const edgeQuarters: number[] = [];
  for (let day = firstDay; day <= lastDay; day += 1) {
    const quarter = dayStartMs(timeZone, day) / QUARTER_HOUR_MS;
    invariant(Number.isInteger(quarter), 'local days begin at quarter hours', { timeZone, day });
    edgeQuarters.push(quarter);
  }
  return { firstDay, edgeQuarters };
}

interface Sum {
  readonly quarter: number | null;
  readonly day: number;
  readonly kind: string;
  readonly type: string;
  readonly subjectId: number;
  readonly hardwareId: number;
  readonly events: number;
  readonly quantity: bigint;
  readonly creditsMicro: bigint;
  readonly hostingMs: number;
  readonly replicaMs: number;
}

async function addSums(tx: Tx, accountId: number, sums: readonly Sum[]): Promise<void> {
  await tx.query(
    `/* rollups.addSums */ with
     sums as materialized (
       select * from unnest($3::int[], $4::int[], $5::resource_kind[], $6::usage_type[], $7::int[], $8::int[],
         $9::int8[], $10::int8[], $11::int8[], $12::int8[], $13::int8[])
       as s(quarter, day, kind, type, subject_id, hardware_id, events, quantity, credits_micro, hosting_ms, replica_ms)),
     ${ADD_SUMS}
     select 1`,
    [
      accountId,
      0,
      sums.map((sum) => sum.quarter),
      sums.map((sum) => sum.day),
      sums.map((sum) => sum.kind),
      sums.map((sum) => sum.type),
      sums.map((sum) => sum.subjectId),
      sums.map((sum) => sum.hardwareId),
      sums.map((sum) => sum.events),
      sums.map((sum) => sum.quantity.toString()),
      sums.map((sum) => sum.creditsMicro.toString()),
      sums.map((sum) => sum.hostingMs),
      sums.map((sum) => sum.replicaMs),
    ],
  );
}

async function foldSegments(tx: Tx, accountId: number, timeZone: string): Promise<number> {
  const rows = await tx.query(
    `/* rollups.segmentsToFold */ update hosting_segment s set folded = true
     where s.account_id = $1 and s.segment_id in (
       select segment_id from hosting_segment
       where account_id = $1 and not folded and voided_at is null and to_at <= from_at + $2::interval
       order by from_at limit $3 for update skip locked)
     returning ${SEGMENT_LIST}`,
    [accountId, `${FOLDED_SEGMENT_MAX_MS} milliseconds`, SEGMENTS_PER_FOLD],
  );
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
  const rows = await tx.query(
    `/* rollups.kindsOf */ select resource_id, kind from resource where account_id = $1 and resource_id = any($2)`,
    [accountId, [...new Set(segments.map((segment) => segment.resourceId))]],
  );
  return new Map(rows.map((row) => [int(row, 'resource_id'), oneOf(row, 'kind', resourceKinds)]));
}

/** What closed segments cost on each local day that they touch. */
function daySums(
  segments: readonly HostingSegment[],
  by: {
    readonly timeZone: string;
    readonly kinds: ReadonlyMap<number, ResourceKind>;
    readonly sign: 1 | -1;
  },
): readonly Sum[] {
  const sums: Sum[] = [];
  for (const segment of segments) {
    const toMs = segment.toMs ?? segment.fromMs;
    const kind = by.kinds.get(segment.resourceId);
    invariant(kind !== undefined, 'a segment has a resource', { segmentId: segment.segmentId });
    for (
      let day = dayOf(by.timeZone, segment.fromMs);
      dayStartMs(by.timeZone, day) < toMs;
      day += 1
    ) {
      const range = {
        fromMs: dayStartMs(by.timeZone, day),
        toMs: dayStartMs(by.timeZone, day + 1),
      };
      const hostingMs = by.sign * hostedMs(segment, range);
      sums.push({
        quarter: null,
        day,
        kind,
        type: 'HOSTING',
        subjectId: segment.resourceId,
        hardwareId: segment.hardwareId,
        events: 0,
        quantity: 0n,
        creditsMicro: BigInt(by.sign) * chargeWithin(segment, range),
        hostingMs,
        replicaMs: hostingMs * segment.replicas,
      });
    }
  }
  return sums;
}

// The account moved to another zone: its day tiers are made anew from the quarter hours and the folded segments. Until
// this commits, views go on reading the old days, by the zone kept with them.
async function rebuildDays(tx: Tx, accountId: number, timeZone: string): Promise<void> {
  // A large account takes longer than any view may; nobody waits for it but voids of the same account.
  await tx.query(`/* rollups.patience */ set local statement_timeout = '10min'`);
  for (const table of ['usage_by_account', 'usage_by_resource']) {
    await tx.query(
      `/* rollups.dropDays */ delete from ${table} where account_id = $1 and tier >= 2`,
      [accountId],
    );
  }
  const span = await tx.query(
    `/* rollups.spanOfQuarters */ select min(bucket) as first, max(bucket) as last from usage_by_resource
     where account_id = $1 and tier = 0`,
    [accountId],
  );
  if (span[0] !== undefined && span[0]['first'] !== null) {
    const firstMs = int(span[0], 'first') * QUARTER_HOUR_MS;
    const days = dayEdges(timeZone, firstMs, int(span[0], 'last') * QUARTER_HOUR_MS);
    await tx.query(
      `/* rollups.rebuildDays */ with
       sums as materialized (
         select null::int as quarter, width_bucket(u.bucket, $3::int[]) - 1 + $4 as day, coalesce(r.kind, 'MODEL') as kind,
           u.type, u.subject_id, 0 as hardware_id, sum(u.events) as events, sum(u.quantity) as quantity, sum(u.credits_micro) as credits_micro,
           0 as hosting_ms, 0 as replica_ms
         from usage_by_resource u
           left join resource r on r.account_id = u.account_id and r.resource_id = u.subject_id
         where u.account_id = $1 and u.tier = 0 group by 2, 3, 4, 5),
       ${ADD_SUMS}
       select 1`,
      [accountId, 2, days.edgeQuarters, days.firstDay],
    );
  }
  await tx.query(
    `/* rollups.unfold */ update hosting_segment set folded = false where account_id = $1 and folded and voided_at is null`,
    [accountId],
  );
  await tx.query(
    `/* rollups.setZone */ update rollup_state set time_zone = $2 where account_id = $1`,
    [accountId, timeZone],
  );
}

// The voided event may have been the latest of its resource: the next latest lies in its latest quarter hour that still
// holds anything, and is found there by time.
async function repairLastEvent(tx: Tx, event: CountedEvent): Promise<void> {
  const table = event.kind === 'MODEL' ? 'model' : 'resource';
  await tx.query(
    `/* rollups.repairLastEvent */ update ${table} set last_event_at = (
       select max(e.occurred_at) from usage_event e
       where e.account_id = $1 and e.subject_id = $2 and e.voided_at is null and e.type <> 'HOSTING'
         and e.occurred_at <= $3 and e.seq <= (select watermark from rollup_state where account_id = $1)
         and e.occurred_at >= to_timestamp(900.0 * (
           select max(bucket) from usage_by_resource
           where account_id = $1 and tier = 0 and subject_id = $2 and bucket <= $4 and events > 0)))
     where account_id = $1 and ${table}_id = $2 and last_event_at = $3`,
    [
      event.accountId,
      event.subjectId,
      new Date(event.occurredAtMs),
      Math.floor(event.occurredAtMs / QUARTER_HOUR_MS),
    ],
  );
}
