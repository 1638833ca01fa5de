// What the FOCUS export reads besides usage: cycles, and credits that were given, taken back or corrected.

import { encodeId } from '../core/identity.ts';
import type { Range } from '../core/range.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  bigValue,
  boolValue,
  intValue,
  int,
  intOrNull,
  orNull,
  sqlMs,
  textValue,
  valueOf,
} from '../db/decode.ts';
import { rowsInBatches } from '../db/server-cursor.ts';
import { fromRow, rowReader, selectList, type Shape } from '../db/shape.ts';
import { raw, sql, type Sql } from '../db/sql.ts';
import { allocationSources } from '../settlement/allocation.ts';
import type { FocusCycle } from './focus-calendar.ts';
import type { FocusEntry } from './focus-rows.ts';
import type { RowsOf } from './rows.store.ts';

/**
 * The stored cycles of an account that ended after a range began, earliest first: the calendar goes on from them on either side.
 * @param nowMs later ones are left out
 */
export async function loadFocusCycles(
  tx: Tx,
  accountId: number,
  { range, nowMs }: { readonly range: Range; readonly nowMs: number },
): Promise<readonly FocusCycle[]> {
  const rows = await tx.query(sql`/* exports.loadFocusCycles */ select
       ${raw(sqlMs('b.starts_at'))} as from_ms, ${raw(sqlMs('b.ends_at'))} as to_ms, s.number as statement
     from billing_cycle b
     left join statement s on s.account_id = b.account_id and s.number = b.cycle_id
     where b.account_id = ${accountId} and b.ends_at > ${at(range.fromMs)} and b.starts_at <= ${at(nowMs)}
     order by b.cycle_id`);
  return rows.map((row) => {
    const number = intOrNull(row, 'statement');
    const invoiceId = number === null ? null : encodeId('Statement', accountId, number);
    return { fromMs: int(row, 'from_ms'), toMs: int(row, 'to_ms'), invoiceId };
  });
}

const kinds = {
  ALLOCATION: 'ALLOCATION',
  VOID: 'VOID',
  ADJUSTMENT: 'ADJUSTMENT',
  REVERSAL: 'REVERSAL',
} as const;

const ENTRY: Shape<FocusEntry> = {
  accountId: ['l.account_id', intValue],
  sequence: ['l.sequence', intValue],
  kind: ['l.kind', valueOf(kinds)],
  amountMicro: ['l.amount_micro::text', bigValue],
  atMs: [sqlMs('l.booked_at'), intValue],
  allocationId: ['l.allocation_id', orNull(intValue)],
  source: ['a.source', orNull(valueOf(allocationSources))],
  isRecurring: ['a.series_id is not null', boolValue],
  isCorrection: ['l.is_correction', boolValue],
  description: ['l.description', textValue],
};

// A reversal gives back either an event, which was booked in an earlier cycle if its number is below those that its own cycle
// charged, or the end of a segment, which lies in an earlier cycle if the segment ends there now.
const IS_CORRECTION = `e.kind = 'REVERSAL' and case when e.first_seq is not null
    then e.first_seq < coalesce((select u.first_seq from ledger_entry u
      where u.account_id = e.account_id and u.cycle_id = e.cycle_id and u.kind = 'USAGE' and u.first_seq is not null
      order by u.sequence limit 1), e.first_seq + 1)
    else exists (select from ledger_charge c join hosting_segment s using (account_id, segment_id)
      where c.account_id = e.account_id and c.sequence = e.sequence and coalesce(s.to_at, s.voided_at) < b.starts_at) end`;

function entriesWithin({ accountId, range, asOf, after }: RowsOf): Sql {
  return sql`e.account_id = ${accountId} and e.sequence > ${after?.id ?? 0} and e.sequence <= ${asOf.lastEntry}
         and e.kind in ('ALLOCATION', 'VOID', 'ADJUSTMENT', 'REVERSAL')
         and e.booked_at >= ${at(range.fromMs)} and e.booked_at < ${at(range.toMs)}`;
}

/** How many entries `readFocusEntries` reads, counted no further than `max + 1`. */
export async function countFocusEntries(tx: Tx, of: RowsOf, max: number): Promise<number> {
  const rows =
    await tx.query(sql`/* exports.countFocusEntries */ select count(*) from (select 1 from ledger_entry e
       where ${entriesWithin(of)} limit ${max + 1}) x`);
  return int(rows[0] ?? {}, 'count');
}

/** Entries of the ledger that are no use of credits, by sequence. */
export async function* readFocusEntries(tx: Tx, of: RowsOf): AsyncGenerator<readonly FocusEntry[]> {
  const read = rowReader(ENTRY);
  const select = sql`select ${selectList(ENTRY)} from (
       select e.*, ${raw(IS_CORRECTION)} as is_correction
       from ledger_entry e join billing_cycle b using (account_id, cycle_id)
       where ${entriesWithin(of)}) l
     left join credit_allocation a on a.account_id = l.account_id and a.allocation_id = l.allocation_id
     order by l.sequence`;
  for await (const rows of rowsInBatches(tx, select)) yield rows.map(read);
}

const FORMER: Shape<Omit<FocusEntry, 'sequence' | 'kind' | 'isCorrection' | 'description'>> = {
  accountId: ['a.account_id', intValue],
  amountMicro: ['a.amount_micro::text', bigValue],
  atMs: [sqlMs('a.effective_at'), intValue],
  allocationId: ['a.allocation_id', intValue],
  source: ['a.source', valueOf(allocationSources)],
  isRecurring: ['a.series_id is not null', boolValue],
};

/** Allocations that are history: they expired before the account's credits began, so the ledger has none of them. By id. */
export async function loadFormerAllocations(
  tx: Tx,
  { accountId, range, asOf, after }: RowsOf,
): Promise<readonly FocusEntry[]> {
  const rows = await tx.query(sql`/* exports.loadFormerAllocations */ select ${selectList(FORMER)}
     from credit_allocation a join account o using (account_id)
     where a.account_id = ${accountId} and a.unit = 'CREDITS' and a.expires_at <= o.credits_from
       and a.allocation_id > ${after?.id ?? 0} and a.allocation_id <= ${asOf.lastLocalId}
       and a.effective_at >= ${at(range.fromMs)} and a.effective_at < ${at(range.toMs)}
     order by a.allocation_id`);
  return rows.map((row) => ({
    ...fromRow(FORMER, row),
    ...{ sequence: null, kind: 'ALLOCATION', isCorrection: false, description: '' },
  }));
}
