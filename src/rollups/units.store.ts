// The sums of events that have a unit, by unit, in the same tiers as all sums. They are folded apart, by marks of their own:
// up to a seq, and up to a change, since a void is folded as the events are. So recording and voiding do not know of them, nor
// need gateways of the previous release. Views correct for what lies beyond the marks.

import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Tx } from '../db/database.ts';
import { bigintColumn, sequenceColumn } from '../db/columns.ts';
import { int, ms, text } from '../db/decode.ts';
import { raw, sql, type Sql } from '../db/sql.ts';
import { dayEdges } from './sums.ts';
import { QUARTER_HOUR_MS } from './tier-plan.ts';
import { added, allTiers, raised, type Summed } from './tiers.store.ts';

@Entity('usage_by_unit')
export class UsageByUnitRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'tier', type: 'smallint' }) tier!: number;
  @PrimaryColumn({ name: 'bucket', type: 'int' }) bucket!: number;
  @PrimaryColumn({ name: 'subject_id', type: 'int' }) subjectId!: number;
  @PrimaryColumn({ name: 'type', type: 'text' }) type!: string;
  @PrimaryColumn({ name: 'unit', type: 'text' }) unit!: string;
  @Column({ name: 'events', ...bigintColumn }) events!: bigint;
  @Column({ name: 'quantity', ...bigintColumn }) quantity!: bigint;
  @Column({ name: 'credits_micro', ...bigintColumn }) creditsMicro!: bigint;
}

@Entity('unit_rollup_state')
export class UnitRollupStateRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @Column({ name: 'watermark', ...sequenceColumn }) watermark!: number;
  @Column({ name: 'change', ...sequenceColumn }) change!: number;
  @Column({ name: 'time_zone', type: 'text' }) timeZone!: string;
}

const REBUILD_WITHIN_MS = 600_000;
const SUMMED: Summed = {
  keys: sql`subject_id, type, unit`,
  amounts: ['events', 'quantity', 'credits_micro'],
};

/** Begins to fold the units of a locked account, unless that has begun. @param firstSeq of its first event with a unit */
export async function startUnits(tx: Tx, accountId: number, firstSeq: number): Promise<void> {
  await tx.query(sql`/* units.start */ insert into unit_rollup_state (account_id, watermark, change, time_zone)
     select account_id, ${firstSeq}::int8 - 1, last_change, time_zone from account where account_id = ${accountId}
     on conflict do nothing`);
}

/** The accounts whose units are behind their events, their voids or their zone. */
export const ACCOUNTS_BEHIND = sql`select account_id from account a join unit_rollup_state s using (account_id)
       where a.last_seq > s.watermark or a.last_change > s.change or a.time_zone <> s.time_zone`;

/** The events `(seq, toSeq]` that are to be folded, and the voids of earlier ones by the changes `(change, toChange]`. */
interface Chunk {
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly fromChange: number;
  readonly toChange: number;
  readonly timeZone: string;
}

/**
 * Folds the next chunk of an account's units.
 * @returns whether there is more to do; false also when another gateway folds them
 */
export async function foldUnitsOnce(
  tx: Tx,
  accountId: number,
  eventsMax: number,
): Promise<boolean> {
  const [state] =
    await tx.query(sql`/* units.lockState */ select watermark, change, time_zone from unit_rollup_state
     where account_id = ${accountId} for update skip locked`);
  if (state === undefined) return false;
  const [account = {}] = await tx.query(
    sql`/* units.account */ select last_seq, last_change, time_zone from account where account_id = ${accountId}`,
  );
  const timeZone = text(account, 'time_zone');
  if (timeZone !== text(state, 'time_zone')) await rebuildDays(tx, accountId, timeZone);
  const fromSeq = int(state, 'watermark');
  const lastSeq = int(account, 'last_seq');
  const toSeq = Math.max(fromSeq, Math.min(lastSeq, fromSeq + eventsMax));
  const [fromChange, toChange] = [int(state, 'change'), int(account, 'last_change')];
  if (toSeq > fromSeq || toChange > fromChange) {
    await foldChunk(tx, accountId, { fromSeq, toSeq, fromChange, toChange, timeZone });
  }
  return toSeq < lastSeq;
}

/** What a chunk adds and takes away. A void that is later than the chunk's changes is left to the next one. */
function counted(accountId: number, { fromSeq, toSeq, fromChange, toChange }: Chunk): Sql {
  const amounts = (sign: Sql): Sql =>
    sql`select occurred_at, subject_id, type, unit, ${sign} as events, ${sign} * quantity as quantity,
         ${sign} * credits_micro as credits_micro`;
  return sql`${amounts(sql`1`)} from usage_event
       where account_id = ${accountId} and seq > ${fromSeq} and seq <= ${toSeq} and unit is not null
         and (void_change is null or void_change > ${toChange})
       union all
       ${amounts(sql`-1`)} from usage_event
       where account_id = ${accountId} and void_change > ${fromChange} and void_change <= ${toChange} and seq <= ${fromSeq}
         and unit is not null`;
}

async function foldChunk(tx: Tx, accountId: number, chunk: Chunk): Promise<void> {
  const events = counted(accountId, chunk);
  const [span = {}] =
    await tx.query(sql`/* units.span */ select min(occurred_at) as first, max(occurred_at) as last
     from (${events} offset 0) chunk`);
  if (span['first'] !== null) {
    const days = dayEdges(chunk.timeZone, ms(span, 'first'), ms(span, 'last'));
    await tx.query(sql`/* units.fold */ with
       events as materialized (
         select floor(date_part('epoch', occurred_at) / 900)::int as quarter, e.* from (${events}) e),
       sums as materialized (
         select quarter, width_bucket(quarter, ${days.edgeQuarters}::int[]) - 1 + ${days.firstDay}::int as day, ${SUMMED.keys},
           ${added(SUMMED.amounts)}
         from events group by quarter, ${SUMMED.keys}),
       ${sumsAdded(accountId)}
       select 1`);
  }
  await tx.query(sql`/* units.advance */ update unit_rollup_state set watermark = ${chunk.toSeq}, change = ${chunk.toChange}
     where account_id = ${accountId}`);
}

// The order by keeps the heap in key order.
function sumsAdded(accountId: number): Sql {
  const list = sql`tier, bucket, ${SUMMED.keys}, ${raw(SUMMED.amounts.join(', '))}`;
  return sql`${allTiers(SUMMED)},
  by_unit as (
    insert into usage_by_unit as r (account_id, ${list})
    select ${accountId}::int, ${list} from tiers order by tier, bucket, ${SUMMED.keys}
    on conflict (account_id, tier, bucket, subject_id, type, unit) do update set ${raised(SUMMED.amounts)})`;
}

// The account's zone changed: its day tiers are rebuilt from the quarter hours, as those of all sums are.
async function rebuildDays(tx: Tx, accountId: number, timeZone: string): Promise<void> {
  await tx.allowLong(REBUILD_WITHIN_MS);
  await tx.query(
    sql`/* units.dropDays */ delete from usage_by_unit where account_id = ${accountId} and tier >= 2`,
  );
  const [span = {}] =
    await tx.query(sql`/* units.spanOfQuarters */ select min(bucket) as first, max(bucket) as last
     from usage_by_unit where account_id = ${accountId} and tier = 0`);
  if (span['first'] !== null) {
    const firstMs = int(span, 'first') * QUARTER_HOUR_MS;
    const days = dayEdges(timeZone, firstMs, int(span, 'last') * QUARTER_HOUR_MS);
    await tx.query(sql`/* units.rebuildDays */ with
       sums as materialized (
         select null::int as quarter, width_bucket(bucket, ${days.edgeQuarters}::int[]) - 1 + ${days.firstDay}::int as day,
           ${SUMMED.keys}, ${added(SUMMED.amounts)}
         from usage_by_unit where account_id = ${accountId} and tier = 0 group by 2, ${SUMMED.keys}),
       ${sumsAdded(accountId)}
       select 1`);
  }
  await tx.query(
    sql`/* units.setZone */ update unit_rollup_state set time_zone = ${timeZone} where account_id = ${accountId}`,
  );
}
