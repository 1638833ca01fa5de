import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  atOrNull,
  big,
  bool,
  int,
  ms,
  msOrNull,
  oneOf,
  type Row,
  textOrNull,
} from '../db/decode.ts';
import {
  allocationSources,
  allocationUnits,
  type CreditAllocation,
  type AllocationBody,
  type AllocationUnit,
  type NewAllocation,
} from './allocation.ts';

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
  @Column({ name: 'idempotency_key', type: 'text' }) idempotencyKey!: string;
  @Column({ name: 'request', type: 'jsonb' }) request!: unknown;
}

/** Which allocations of an account: of one unit or (null) of both. */
export interface AllocationList {
  readonly accountId: number;
  readonly unit: AllocationUnit | null;
}

/** A page of a list: its rows before one (null: from the newest on), at most `limit`. */
export interface AllocationPage extends AllocationList {
  readonly beforeId: number | null;
  readonly limit: number;
}

const COLUMNS = `a.account_id, a.allocation_id, a.unit, a.source, a.amount_micro, a.spent_micro, a.priority, a.effective_at,
  a.expires_at, a.voided_at, a.note, a.created_at`;

/** The allocation that was made under an idempotency key, and whether `body` is what it was made with. */
export async function findAllocationByKey(
  tx: Tx,
  accountId: number,
  named: { readonly idempotencyKey: string; readonly body: AllocationBody },
): Promise<{ readonly allocation: CreditAllocation; readonly isSameBody: boolean } | null> {
  const rows = await tx.query(
    `/* credits.findAllocationByKey */ select ${COLUMNS}, a.request = $3::jsonb as same from credit_allocation a
     where a.account_id = $1 and a.idempotency_key = $2`,
    [accountId, named.idempotencyKey, JSON.stringify(named.body)],
  );
  const row = rows[0];
  return row === undefined
    ? null
    : { allocation: allocationFromRow(row), isSameBody: bool(row, 'same') };
}

export async function findAllocation(
  tx: Tx,
  accountId: number,
  allocationId: number,
): Promise<CreditAllocation | null> {
  const rows = await tx.query(
    `/* credits.findAllocation */ select ${COLUMNS} from credit_allocation a
     where a.account_id = $1 and a.allocation_id = $2`,
    [accountId, allocationId],
  );
  return rows[0] === undefined ? null : allocationFromRow(rows[0]);
}

/** Sum of everything that was ever allocated to an account in a unit, in millionths; voided ones too. */
export async function sumAllocated(
  tx: Tx,
  accountId: number,
  unit: AllocationUnit,
): Promise<bigint> {
  const rows = await tx.query(
    `/* credits.sumAllocated */ select coalesce(sum(amount_micro), 0) as sum_micro from credit_allocation
     where account_id = $1 and unit = $2`,
    [accountId, unit],
  );
  return big(rows[0] ?? {}, 'sum_micro');
}

/** @param identity.allocationId a local id of the locked account */
export async function insertAllocation(
  tx: Tx,
  allocation: NewAllocation,
  identity: {
    readonly accountId: number;
    readonly allocationId: number;
    readonly idempotencyKey: string;
    readonly body: AllocationBody;
  },
): Promise<void> {
  await tx.query(
    `/* credits.insertAllocation */ insert into credit_allocation
       (account_id, allocation_id, unit, source, amount_micro, priority, effective_at, expires_at, note, created_at,
        idempotency_key, request)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      identity.accountId,
      identity.allocationId,
      allocation.unit,
      allocation.source,
      allocation.amountMicro,
      allocation.priority,
      at(allocation.effectiveAtMs),
      atOrNull(allocation.expiresAtMs),
      allocation.note,
      at(allocation.createdAtMs),
      identity.idempotencyKey,
      JSON.stringify(identity.body),
    ],
  );
}

/** Marks an allocation as voided; one that is keeps its first instant and reason. */
export async function voidAllocation(
  tx: Tx,
  named: { readonly accountId: number; readonly allocationId: number },
  voiding: { readonly atMs: number; readonly reason: string },
): Promise<void> {
  await tx.query(
    `/* credits.voidAllocation */ update credit_allocation set voided_at = $3, void_reason = $4
     where account_id = $1 and allocation_id = $2 and voided_at is null`,
    [named.accountId, named.allocationId, at(voiding.atMs), voiding.reason],
  );
}

/** The rows of each page, newest first; the result stands at its page's index. */
export async function loadAllocationPages(
  tx: Tx,
  pages: readonly AllocationPage[],
): Promise<readonly (readonly CreditAllocation[])[]> {
  const rows = await tx.query(
    `/* credits.loadAllocationPages */ select p.page::int as page, ${COLUMNS}
     from unnest($1::int[], $2::allocation_unit[], $3::bigint[], $4::int[]) with ordinality
       as p(account_id, unit, before_id, row_limit, page)
     cross join lateral (
       select * from credit_allocation c
       where c.account_id = p.account_id and (p.unit is null or c.unit = p.unit)
         and (p.before_id is null or c.allocation_id < p.before_id)
       order by c.allocation_id desc limit p.row_limit
     ) a
     order by p.page, a.allocation_id desc`,
    [
      pages.map((page) => page.accountId),
      pages.map((page) => page.unit),
      pages.map((page) => page.beforeId),
      pages.map((page) => page.limit),
    ],
  );
  const results: CreditAllocation[][] = pages.map(() => []);
  for (const row of rows) results[int(row, 'page') - 1]?.push(allocationFromRow(row));
  return results;
}

/** How many allocations each list has; the count stands at its list's index. */
export async function countAllocations(
  tx: Tx,
  lists: readonly AllocationList[],
): Promise<readonly number[]> {
  const rows = await tx.query(
    `/* credits.countAllocations */ select count(a.allocation_id)
     from unnest($1::int[], $2::allocation_unit[]) with ordinality as l(account_id, unit, list)
     left join credit_allocation a on a.account_id = l.account_id and (l.unit is null or a.unit = l.unit)
     group by l.list order by l.list`,
    [lists.map((list) => list.accountId), lists.map((list) => list.unit)],
  );
  return rows.map((row) => int(row, 'count'));
}

/** Every allocation of these accounts, whatever its unit and time, in no order. */
export async function loadAllocationsOf(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly CreditAllocation[]> {
  const rows = await tx.query(
    `/* credits.loadAllocationsOf */ select ${COLUMNS} from credit_allocation a where a.account_id = any($1)`,
    [accountIds],
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
  };
}
