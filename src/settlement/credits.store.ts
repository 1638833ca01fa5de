import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import { accountOf, answersByAccount, rowsByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  atOrNull,
  big,
  bool,
  int,
  intOrNull,
  ms,
  msOrNull,
  oneOf,
  type Row,
  rowsOfEach,
  textOrNull,
} from '../db/decode.ts';
import { allocationSources, type CreditAllocation, type NewAllocation } from './allocation.ts';
import { type AllocationUnit, allocationUnits } from '../engine/lots.ts';
import { type Lot, type LotState, lotStates } from '../engine/lots.ts';
import { raw, sql, unnested, unnestedOf } from '../db/sql.ts';

@Entity('credit_allocation')
export class CreditAllocationRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'allocation_id', ...sequenceColumn }) allocationId!: number;
  @Column({ name: 'unit', type: 'enum', enum: allocationUnits, enumName: 'allocation_unit' })
  unit!: AllocationUnit;
  @Column({ name: 'source', type: 'enum', enum: allocationSources, enumName: 'allocation_source' })
  source!: string;
  @Column({ name: 'amount_micro', ...bigintColumn }) amountMicro!: bigint;
  @Column({ name: 'spent_micro', ...bigintColumn }) spentMicro!: bigint;
  @Column({ name: 'priority', type: 'int' }) priority!: number;
  @Column({ name: 'effective_at', ...instantColumn }) effectiveAtMs!: number;
  @Column({ name: 'expires_at', nullable: true, ...instantColumn }) expiresAtMs!: number | null;
  @Column({ name: 'voided_at', nullable: true, ...instantColumn }) voidedAtMs!: number | null;
  @Column({ name: 'void_reason', type: 'text', nullable: true }) voidReason!: string | null;
  @Column({ name: 'note', type: 'text', nullable: true }) note!: string | null;
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
  @Column({ name: 'state', type: 'enum', enum: lotStates, enumName: 'lot_state' }) state!: LotState;
  @Column({ name: 'grant_at', ...instantColumn }) grantAtMs!: number;
  @Column({ name: 'series_id', ...sequenceColumn, nullable: true }) seriesId!: number | null;
  @Column({ name: 'is_adjustment', type: 'boolean' }) isAdjustment!: boolean;
  @Column({ name: 'is_return', type: 'boolean' }) isReturn!: boolean;
}

@Entity('credit_request')
export class CreditRequestRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'idempotency_key', type: 'text' }) idempotencyKey!: string;
  @Column({ name: 'body', type: 'jsonb' }) body!: unknown;
  @Column({ name: 'allocation_id', ...sequenceColumn, nullable: true }) allocationId!:
    number | null;
  @Column({ name: 'ledger_sequence', ...sequenceColumn, nullable: true }) ledgerSequence!:
    number | null;
}

/** Allocations of an account: of one unit or (null) of both. */
export interface AllocationList {
  readonly accountId: number;
  readonly unit: AllocationUnit | null;
}

/** A page of a list: at most `limit` rows before a given one (null: from the newest on). */
export interface AllocationPage extends AllocationList {
  readonly beforeId: number | null;
  readonly limit: number;
}

const COLUMNS = `a.account_id, a.allocation_id, a.unit, a.source, a.amount_micro, a.spent_micro, a.priority, a.effective_at,
  a.grant_at,
  a.expires_at, a.voided_at, a.note, a.created_at, a.state, a.series_id, a.is_adjustment, a.is_return`;

/** The earlier call with the same idempotency key: what it made, and whether its body was the same. */
export async function findRequest(
  tx: Tx,
  accountId: number,
  call: { readonly idempotencyKey: string; readonly body: object },
): Promise<{
  readonly isSameBody: boolean;
  readonly allocationId: number | null;
  readonly ledgerSequence: number | null;
} | null> {
  const rows =
    await tx.query(sql`/* credits.findRequest */ select body = ${JSON.stringify(call.body)}::jsonb as same, allocation_id, ledger_sequence from credit_request
     where account_id = ${accountId} and idempotency_key = ${call.idempotencyKey}`);
  const [row] = rows;
  if (row === undefined) return null;
  return {
    isSameBody: bool(row, 'same'),
    allocationId: intOrNull(row, 'allocation_id'),
    ledgerSequence: intOrNull(row, 'ledger_sequence'),
  };
}

export async function insertRequest(
  tx: Tx,
  accountId: number,
  call: { readonly idempotencyKey: string; readonly body: object },
  made: { readonly allocationId: number | null; readonly ledgerSequence: number | null },
): Promise<void> {
  await tx.query(sql`/* credits.insertRequest */ insert into credit_request (account_id, idempotency_key, body, allocation_id, ledger_sequence)
     values (${accountId}, ${call.idempotencyKey}, ${JSON.stringify(call.body)}, ${made.allocationId}, ${made.ledgerSequence})`);
}

export async function findAllocation(
  tx: Tx,
  accountId: number,
  allocationId: number,
): Promise<CreditAllocation | null> {
  const rows =
    await tx.query(sql`/* credits.findAllocation */ select ${raw(COLUMNS)} from credit_allocation a
     where a.account_id = ${accountId} and a.allocation_id = ${allocationId}`);
  return rows[0] === undefined ? null : allocationFromRow(rows[0]);
}

/** The allocations with these ids, in no order; unknown ids are left out. */
export async function loadAllocations(
  tx: Tx,
  refs: readonly { readonly accountId: number; readonly allocationId: number }[],
): Promise<readonly CreditAllocation[]> {
  const rows = await rowsByAccount(tx, refs, (asked) =>
    tx.query(sql`/* credits.loadAllocations */ select ${raw(COLUMNS)} from ${unnested(asked, {
      account_id: ['int', (ref) => ref.accountId],
      allocation_id: ['bigint', (ref) => ref.allocationId],
    })}
     join credit_allocation a on a.account_id = ${accountOf(tx, asked, sql`k.account_id`)} and a.allocation_id = k.allocation_id`),
  );
  return rows.map(allocationFromRow);
}

/** The sums of an account's allocations in a unit, in millionths, voided ones included; lots of reversals are left out. */
interface Given {
  /** All one-time allocations ever. */
  readonly onceMicro: bigint;
  /** All recurring grants that are pending, in effect, or were in effect in this cycle. */
  readonly everyCycleMicro: bigint;
}

/** @param cycleStartMs of the running cycle */
export async function sumGiven(
  tx: Tx,
  accountId: number,
  given: { readonly unit: AllocationUnit; readonly cycleStartMs: number },
): Promise<Given> {
  const rows = await tx.query(sql`/* credits.sumGiven */ select
       coalesce(sum(amount_micro) filter (where series_id is null and not is_return), 0) as once_micro,
       coalesce(sum(amount_micro) filter (where series_id is not null
         and (state in ('PENDING', 'SPENDABLE') or grant_at >= ${at(given.cycleStartMs)})), 0) as every_cycle_micro
     from credit_allocation where account_id = ${accountId} and unit = ${given.unit}`);
  const row = rows[0] ?? {};
  return { onceMicro: big(row, 'once_micro'), everyCycleMicro: big(row, 'every_cycle_micro') };
}

/** Inserts a new lot. What happens to it in the same transaction is saved with the state (state.store). */
export async function insertAllocation(
  tx: Tx,
  accountId: number,
  allocation: NewAllocation & { readonly allocationId: number },
): Promise<void> {
  await tx.query(sql`/* credits.insertAllocation */ insert into credit_allocation
       (account_id, allocation_id, unit, source, amount_micro, priority, effective_at, grant_at, expires_at, note, created_at,
        state, series_id, is_adjustment)
     values (${accountId}, ${allocation.allocationId}, ${allocation.unit}, ${allocation.source}, ${allocation.amountMicro}, ${allocation.priority}, ${at(allocation.effectiveAtMs)}, ${at(allocation.grantAtMs)}, ${atOrNull(allocation.expiresAtMs)}, ${allocation.note}, ${at(allocation.createdAtMs)}, ${allocation.state}, ${allocation.isEveryCycle ? allocation.allocationId : null}, ${allocation.isAdjustment})`);
}

/** Inserts the lots that the draft made: the successors of recurring grants, and those for the rest of reversals. */
export function insertMadeLots(
  tx: Tx,
  accountId: number,
  lots: readonly {
    readonly lot: Lot;
    readonly unit: AllocationUnit;
  }[],
): void {
  tx.later(sql`/* credits.insertMadeLots */ insert into credit_allocation
       (account_id, allocation_id, unit, source, amount_micro, spent_micro, priority, effective_at, grant_at, expires_at,
        created_at, note, state, series_id, is_adjustment, is_return)
     select own.account_id, k.allocation_id, k.unit, coalesce(p.source, 'ADJUSTMENT'), k.amount_micro, k.spent_micro, k.priority,
       k.grant_at, k.grant_at, k.expires_at, k.grant_at, p.note, k.state, k.series_id, p is null, p is null
     from ${unnestedOf(
       accountId,
       lots,
       {
         allocation_id: ['bigint', ({ lot }) => lot.allocationId],
         unit: ['allocation_unit', ({ unit }) => unit],
         amount_micro: ['bigint', ({ lot }) => lot.amountMicro],
         spent_micro: ['bigint', ({ lot }) => lot.spentMicro],
         priority: ['int', ({ lot }) => lot.priority],
         grant_at: ['timestamptz', ({ lot }) => at(lot.grantAtMs)],
         expires_at: ['timestamptz', ({ lot }) => atOrNull(lot.expiresAtMs)],
         state: ['lot_state', ({ lot }) => lot.state],
         series_id: ['bigint', ({ lot }) => lot.seriesId],
         first_id: ['bigint', ({ lot }) => lot.seriesId],
       },
       { ordinal: 'n' },
     )}
     left join credit_allocation p on p.account_id = own.account_id and p.allocation_id = k.first_id
     order by k.n`);
}

/** Marks an allocation as voided; a voided one keeps its first instant and reason. */
export async function voidAllocation(
  tx: Tx,
  named: { readonly accountId: number; readonly allocationId: number },
  voiding: { readonly atMs: number; readonly reason: string },
): Promise<void> {
  await tx.query(sql`/* credits.voidAllocation */ update credit_allocation set voided_at = ${at(voiding.atMs)}, void_reason = ${voiding.reason}, state = 'VOIDED'
     where account_id = ${named.accountId} and allocation_id = ${named.allocationId} and voided_at is null`);
}

/** The rows of each page, newest first, in the order of the pages. */
export async function loadAllocationPages(
  tx: Tx,
  pages: readonly AllocationPage[],
): Promise<readonly (readonly CreditAllocation[])[]> {
  return answersByAccount(tx, pages, (asked) => allocationPages(tx, asked));
}

async function allocationPages(
  tx: Tx,
  pages: readonly AllocationPage[],
): Promise<readonly (readonly CreditAllocation[])[]> {
  const rows =
    await tx.query(sql`/* credits.loadAllocationPages */ select p.page::int as page, ${raw(COLUMNS)}
     from ${unnested(
       pages,
       {
         account_id: ['int', (page) => page.accountId],
         unit: ['allocation_unit', (page) => page.unit],
         before_id: ['bigint', (page) => page.beforeId],
         row_limit: ['int', (page) => page.limit],
       },
       { as: 'p', ordinal: 'page' },
     )}
     cross join lateral (
       select * from credit_allocation c
       where c.account_id = ${accountOf(tx, pages, sql`p.account_id`)} and (p.unit is null or c.unit = p.unit)
         and (p.before_id is null or c.allocation_id < p.before_id)
       order by c.allocation_id desc limit p.row_limit
     ) a
     order by p.page, a.allocation_id desc`);
  return rowsOfEach(rows, pages.length, { ordinal: 'page', fromRow: allocationFromRow });
}

/** The number of allocations in each list, in the order of the lists. */
export async function countAllocations(
  tx: Tx,
  lists: readonly AllocationList[],
): Promise<readonly number[]> {
  return answersByAccount(tx, lists, (asked) => allocationCounts(tx, asked));
}

async function allocationCounts(
  tx: Tx,
  lists: readonly AllocationList[],
): Promise<readonly number[]> {
  const rows = await tx.query(sql`/* credits.countAllocations */ select count(a.allocation_id)
     from ${unnested(
       lists,
       {
         account_id: ['int', (list) => list.accountId],
         unit: ['allocation_unit', (list) => list.unit],
       },
       { as: 'l', ordinal: 'list' },
     )}
     left join credit_allocation a on a.account_id = ${accountOf(tx, lists, sql`l.account_id`)} and (l.unit is null or a.unit = l.unit)
     group by l.list order by l.list`);
  return rows.map((row) => int(row, 'count'));
}

/** Every allocation of these accounts, whatever its unit and time, in no order. */
export async function loadAllocationsOf(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly CreditAllocation[]> {
  const rows = await tx.query(
    sql`/* credits.loadAllocationsOf */ select ${raw(COLUMNS)} from credit_allocation a where a.account_id = any(${accountIds})`,
  );
  return rows.map(allocationFromRow);
}

function allocationFromRow(row: Row): CreditAllocation {
  return {
    accountId: int(row, 'account_id'),
    allocationId: int(row, 'allocation_id'),
    unit: oneOf(row, 'unit', allocationUnits),
    source: oneOf(row, 'source', allocationSources),
    amountMicro: big(row, 'amount_micro'),
    spentMicro: big(row, 'spent_micro'),
    priority: int(row, 'priority'),
    effectiveAtMs: ms(row, 'effective_at'),
    expiresAtMs: msOrNull(row, 'expires_at'),
    voidedAtMs: msOrNull(row, 'voided_at'),
    note: textOrNull(row, 'note'),
    createdAtMs: ms(row, 'created_at'),
    grantAtMs: ms(row, 'grant_at'),
    state: oneOf(row, 'state', lotStates),
    seriesId: intOrNull(row, 'series_id'),
    isAdjustment: bool(row, 'is_adjustment'),
    isReturn: bool(row, 'is_return'),
  };
}
