// The sums of events that have a unit, by unit, in the same tiers as all sums. They are folded apart, by marks of their own:
// up to a seq, and up to a change, since a void is folded as the events are. So recording and voiding do not know of them, nor
// need gateways of the previous release. Views correct for what lies beyond the marks.

import { Column, Entity, PrimaryColumn } from 'typeorm';
import { accountOf } from '../db/by-account.ts';
import { type Changes, makeChanges } from '../db/changes.ts';
import type { Tx } from '../db/database.ts';
import { bigintColumn, sequenceColumn } from '../db/columns.ts';
import { int, text } from '../db/decode.ts';
import { sql, type Sql, unnested } from '../db/sql.ts';
import { localDaysOf } from './sums.ts';
import { QUARTERS_PER_DAY } from './tier-plan.ts';
import {
  added,
  allTiers,
  keysOf,
  localDay,
  localDaysTable,
  type Summed,
  tiersAdded,
  utcDays,
  utcDaysFrom,
} from './tiers.store.ts';

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

const SUMMED: Summed = {
  by: sql`subject_id, type, unit`,
  amounts: ['events', 'quantity', 'credits_micro'],
};

const KEYS = keysOf(SUMMED);

/** Begins to fold the units of a locked account, unless that has begun. @param firstSeq of its first event with a unit */
export async function startUnits(tx: Tx, accountId: number, firstSeq: number): Promise<void> {
  await tx.query(sql`/* units.start */ insert into unit_rollup_state (account_id, watermark, change, time_zone)
     select account_id, ${firstSeq}::int8 - 1, last_change, time_zone from account where account_id = ${accountId}
     on conflict do nothing`);
}

/** Of an account: the events `(fromSeq, toSeq]` that are to be folded, and the voids of earlier ones by the changes `(fromChange, toChange]`. */
export interface UnitChunk {
  readonly accountId: number;
  readonly timeZone: string;
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly fromChange: number;
  readonly toChange: number;
  /** Whether the account's units are then folded as far as its events are. */
  readonly isLast: boolean;
}

/** Folds the units of accounts whose rollup states are locked, which is the lock of their units too. */
export async function foldUnits(tx: Tx, chunks: readonly UnitChunk[]): Promise<void> {
  const chunk = chunkTable(chunks);
  const ofChunks = await tx.query(sql`/* units.days */ with chunk as materialized (${chunk})
     select account_id, ${utcDays(sql`occurred_at`)} as utc_days
     from (${counted(tx, chunks)} offset 0) events group by account_id`);
  const utcDaysOf = new Map(
    ofChunks.map((row) => [int(row, 'account_id'), utcDaysFrom(row, 'utc_days')]),
  );
  const days = localDaysOf(
    chunks.map(({ accountId, timeZone }) => ({
      timeZone,
      utcDays: utcDaysOf.get(accountId) ?? [],
    })),
  );
  await addToTiers(tx, {
    name: 'units.fold',
    accountIds: chunks.map(({ accountId }) => accountId),
    sets: sql`chunk as materialized (${chunk}),
     zone as materialized (${localDaysTable(days)}),
     sums as materialized (
       select e.*, ${localDay()} as day
       from (
         select floor(date_part('epoch', occurred_at) / 900)::int as quarter, ${KEYS}, ${added(SUMMED.amounts)}
         from (${counted(tx, chunks)}) events group by 1, ${KEYS}) e
         join chunk using (account_id) join zone using (zone))`,
    updates: [
      sql`update unit_rollup_state s set watermark = chunk.to_seq, change = chunk.to_change
         from chunk where s.account_id = ${accountOf(tx, chunks, sql`chunk.account_id`)}`,
    ],
  });
}

function chunkTable(chunks: readonly UnitChunk[]): Sql {
  return sql`select * from ${unnested(chunks, {
    account_id: ['int', ({ accountId }) => accountId],
    zone: ['text', ({ timeZone }) => timeZone],
    from_seq: ['int8', ({ fromSeq }) => fromSeq],
    to_seq: ['int8', ({ toSeq }) => toSeq],
    from_change: ['int8', ({ fromChange }) => fromChange],
    to_change: ['int8', ({ toChange }) => toChange],
  })}`;
}

/** What chunks add and take away. A void that is later than a chunk's changes is left to the next one. */
function counted(tx: Tx, chunks: readonly UnitChunk[]): Sql {
  const account = accountOf(tx, chunks, sql`c.account_id`);
  const amounts = (sign: Sql): Sql =>
    sql`select e.account_id, e.occurred_at, e.subject_id, e.type, e.unit, ${sign} as events, ${sign} * e.quantity as quantity,
         ${sign} * e.credits_micro as credits_micro`;
  return sql`${amounts(sql`1`)} from chunk c cross join lateral (
         select * from usage_event e where e.account_id = ${account} and e.seq > c.from_seq and e.seq <= c.to_seq offset 0) e
       where e.unit is not null and (e.void_change is null or e.void_change > c.to_change)
       union all
       ${amounts(sql`-1`)} from chunk c cross join lateral (
         select * from usage_event e
         where e.account_id = ${account} and e.void_change > c.from_change and e.void_change <= c.to_change offset 0) e
       where e.seq <= c.from_seq and e.unit is not null`;
}

/** Adds the set `sums` to all tiers. @param changes with that set, and what else is changed */
async function addToTiers(tx: Tx, changes: Omit<Changes, 'insertions'>): Promise<void> {
  await makeChanges(tx, {
    ...changes,
    sets: sql`${changes.sets}, ${allTiers(SUMMED)}`,
    insertions: [tiersAdded(SUMMED, { into: sql`usage_by_unit`, from: sql`tiers` })],
  });
}

/** The day tiers of an account that moved to a zone are rebuilt from the quarter hours, as those of all sums are. */
export async function rebuildUnits(tx: Tx, accountId: number, timeZone: string): Promise<void> {
  const [state] = await tx.query(
    sql`/* units.zone */ select time_zone from unit_rollup_state where account_id = ${accountId}`,
  );
  if (state === undefined || text(state, 'time_zone') === timeZone) return;
  await tx.query(
    sql`/* units.dropDays */ delete from usage_by_unit where account_id = ${accountId} and tier >= 2`,
  );
  const [folded = {}] =
    await tx.query(sql`/* units.daysOfQuarters */ select array_agg(distinct bucket / ${QUARTERS_PER_DAY}::int) as utc_days
     from usage_by_unit where account_id = ${accountId} and tier = 0`);
  const days = utcDaysFrom(folded, 'utc_days');
  if (days.length > 0) {
    await addToTiers(tx, {
      name: 'units.rebuildDays',
      accountIds: [accountId],
      sets: sql`zone as materialized (${localDaysTable(localDaysOf([{ timeZone, utcDays: days }]))}),
       sums as materialized (
         select account_id, null::int as quarter, ${localDay()} as day, ${SUMMED.by}, ${added(SUMMED.amounts)}
         from (select *, bucket as quarter from usage_by_unit where account_id = ${accountId} and tier = 0) e cross join zone
         group by 3, ${KEYS})`,
    });
  }
  await tx.query(
    sql`/* units.setZone */ update unit_rollup_state set time_zone = ${timeZone} where account_id = ${accountId}`,
  );
}
