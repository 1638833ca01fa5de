// The sums of resources by hour, and how they come to be for an account of an earlier release: from the quarter hours and two hours that
// it has in usage_by_resource. They are summed up in small chunks. Until the last one, views read the quarter hours and nothing is
// folded; then the quarter hours are deleted, in chunks too.

import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintColumn } from '../db/columns.ts';
import { type Insertion, makeChanges } from '../db/changes.ts';
import type { Tx } from '../db/database.ts';
import { int, intOrNull } from '../db/decode.ts';
import { raw, sql, type Sql } from '../db/sql.ts';
import { added, raised } from './tiers.store.ts';
import { quartersPastHour, TIERS } from './tier-plan.ts';

@Entity('usage_by_resource_hour')
export class UsageByResourceHourRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'hour', type: 'int' }) hour!: number;
  @PrimaryColumn({ name: 'subject_id', type: 'int' }) subjectId!: number;
  @PrimaryColumn({ name: 'type', type: 'text' }) type!: string;
  @Column({ name: 'events', type: 'int' }) events!: number;
  @Column({ name: 'quantity', ...bigintColumn }) quantity!: bigint;
  @Column({ name: 'credits_micro', ...bigintColumn }) creditsMicro!: bigint;
}

const ROWS_PER_STEP = 20_000;
/** Of `quarters_from`: all quarter hours are in the hours. */
const ALL_IN_HOURS = 2_147_483_647;
const AMOUNTS = ['events', 'quantity', 'credits_micro'];

/** Adds sums of the set `from` (account_id, hour, subject_id, type, events, quantity, credits_micro) to the hours of resources. */
export function hoursAdded(from: Sql): Insertion {
  return {
    into: sql`usage_by_resource_hour as r`,
    columns: sql`hour, subject_id, type, ${raw(AMOUNTS.join(', '))}`,
    from: sql`(
      select account_id, hour, subject_id, type, ${added(AMOUNTS)} from ${from} where hour is not null
      group by account_id, hour, subject_id, type) hours order by account_id, hour, subject_id, type`,
    onConflict: sql`on conflict (account_id, hour, subject_id, type) do update set ${raised(AMOUNTS)}`,
  };
}

/** The condition that a row of rollup_state is of an account whose resources have hours. */
export function hasHours(state: Sql): Sql {
  return sql`coalesce(${state}.quarters_from = ${ALL_IN_HOURS}::int, true)`;
}

/** Takes a voided event out of an account's quarter hours, if it has them still. @returns whether the event is in its hours */
export async function removeFromQuarters(
  tx: Tx,
  event: {
    readonly accountId: number;
    readonly subjectId: number;
    readonly type: string;
    readonly quantity: number | bigint;
    readonly creditsMicro: bigint;
    readonly quarter: number;
  },
  quartersFrom: number | null,
): Promise<boolean> {
  if (quartersFrom === null || quartersFrom === ALL_IN_HOURS) return true;
  const { accountId, quarter } = event;
  await tx.query(sql`/* rollups.removeFromQuarters */ update usage_by_resource set events = events - 1,
       quantity = quantity - ${event.quantity}, credits_micro = credits_micro - ${event.creditsMicro}
     where account_id = ${accountId} and subject_id = ${event.subjectId} and type = ${event.type} and hardware_id = 0
       and ((tier = ${TIERS.QUARTER_HOUR} and bucket = ${quarter}) or (tier = ${TIERS.TWO_HOURS} and bucket = ${quarter >> 3}))`);
  return quarter < quartersFrom;
}

/** An account whose state is locked, and which has quarter hours of its resources. */
export interface WithQuarters {
  readonly accountId: number;
  readonly timeZone: string;
  /** Those from this one on are not in the hours. */
  readonly quartersFrom: number;
}

/** Takes the next step from quarter hours to hours, of about `rowsMax` rows. */
export async function convertNext(
  tx: Tx,
  account: WithQuarters,
  rowsMax: number = ROWS_PER_STEP,
): Promise<void> {
  const { accountId } = account;
  const quartersFrom =
    account.quartersFrom === ALL_IN_HOURS
      ? await deleteQuarters(tx, accountId, rowsMax)
      : await sumQuarters(tx, account, rowsMax);
  await tx.query(sql`/* rollups.converted */ update rollup_state set quarters_from = ${quartersFrom}, epoch = epoch + 1
     where account_id = ${accountId}`);
}

async function sumQuarters(
  tx: Tx,
  { accountId, timeZone, quartersFrom }: WithQuarters,
  rowsMax: number,
): Promise<number> {
  const rows = await tx.query(sql`/* rollups.nextQuarters */ select min(bucket) as first, (
         select bucket from usage_by_resource
         where account_id = ${accountId} and tier = 0 and bucket >= ${quartersFrom}
         order by bucket offset ${rowsMax} limit 1) as next
     from usage_by_resource where account_id = ${accountId} and tier = 0 and bucket >= ${quartersFrom}`);
  const [row = {}] = rows;
  const first = intOrNull(row, 'first');
  if (first === null) return ALL_IN_HOURS;
  // One quarter hour may have more rows than a step should.
  const to = Math.max(intOrNull(row, 'next') ?? ALL_IN_HOURS, first + 1);
  await makeChanges(tx, {
    name: 'rollups.sumQuarters',
    accountIds: [accountId],
    sets: sql`quarters as (
       select account_id, (bucket - ${quartersPastHour(timeZone)}::int) >> 2 as hour, subject_id, type, ${raw(AMOUNTS.join(', '))}
       from usage_by_resource
       where account_id = ${accountId} and tier = 0 and bucket >= ${quartersFrom} and bucket < ${to})`,
    insertions: [hoursAdded(sql`quarters`)],
  });
  return to;
}

async function deleteQuarters(tx: Tx, accountId: number, rowsMax: number): Promise<number | null> {
  const [row = {}] = await tx.query(sql`/* rollups.deleteQuarters */ with deleted as (
       delete from usage_by_resource where account_id = ${accountId} and ctid = any(array(
         select ctid from usage_by_resource where account_id = ${accountId} and tier < 2 limit ${rowsMax}))
       returning 1)
     select count(*) from deleted`);
  return int(row, 'count') === 0 ? null : ALL_IN_HOURS;
}
