import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Range } from '../core/range.ts';
import type { Window } from '../core/window.ts';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import { at, atOrNull, big, int, intOrNull, ms, oneOf, type Row, text } from '../db/decode.ts';
import {
  type EventSpan,
  ledgerEntryKinds,
  type LedgerEntryKind,
  type LedgerLine,
} from '../engine/ledger.ts';

@Entity('ledger_entry')
export class LedgerEntryRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'sequence', ...sequenceColumn }) sequence!: number;
  @Column({ name: 'kind', type: 'enum', enum: ledgerEntryKinds, enumName: 'ledger_entry_kind' })
  kind!: LedgerEntryKind;
  @Column({ name: 'amount_micro', ...bigintColumn }) amountMicro!: bigint;
  @Column({ name: 'balance_micro', ...bigintColumn }) balanceMicro!: bigint;
  @Column({ name: 'booked_at', ...instantColumn }) bookedAtMs!: number;
  @Column({ name: 'cycle_id', type: 'int' }) cycleId!: number;
  @Column({ name: 'recorded_at', ...instantColumn }) recordedAtMs!: number;
  @Column({ name: 'allocation_id', ...sequenceColumn, nullable: true }) allocationId!:
    number | null;
  @Column({ name: 'first_seq', ...sequenceColumn, nullable: true }) firstSeq!: number | null;
  @Column({ name: 'last_seq', ...sequenceColumn, nullable: true }) lastSeq!: number | null;
  @Column({ name: 'description', type: 'text' }) description!: string;
}

@Entity('ledger_charge')
export class LedgerChargeRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'sequence', ...sequenceColumn }) sequence!: number;
  @PrimaryColumn({ name: 'segment_id', ...sequenceColumn }) segmentId!: number;
  @Column({ name: 'charged_micro', ...bigintColumn }) chargedMicro!: bigint;
}

/** An entry of the journal as it was written. */
export interface LedgerEntry extends Omit<LedgerLine, 'segments'> {
  readonly accountId: number;
  readonly recordedAtMs: number;
}

const ENTRY = `l.account_id, l.sequence, l.kind, l.amount_micro, l.balance_micro, l.booked_at, l.cycle_id, l.recorded_at,
  l.allocation_id, l.first_seq, l.last_seq, l.description`;

/** Appends lines to the journal of a locked account, with the segments that they charge. */
export async function insertLines(
  tx: Tx,
  accountId: number,
  lines: readonly LedgerLine[],
  recordedAtMs: number,
): Promise<void> {
  const charges = lines.flatMap((line) =>
    line.segments.map((charge) => ({ sequence: line.sequence, ...charge })),
  );
  await tx.query(
    `/* credits.insertLines */ with lines as (
       insert into ledger_entry (account_id, recorded_at, sequence, kind, amount_micro, balance_micro, booked_at,
         cycle_id, allocation_id, first_seq, last_seq, description)
       select $1, $2, * from unnest($3::bigint[], $4::ledger_entry_kind[], $5::bigint[], $6::bigint[], $7::timestamptz[],
         $8::int[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[])
     )
     insert into ledger_charge (account_id, sequence, segment_id, charged_micro)
     select $1, * from unnest($13::bigint[], $14::bigint[], $15::bigint[])`,
    [
      accountId,
      at(recordedAtMs),
      lines.map((line) => line.sequence),
      lines.map((line) => line.kind),
      lines.map((line) => line.amountMicro),
      lines.map((line) => line.balanceMicro),
      lines.map((line) => at(line.bookedAtMs)),
      lines.map((line) => line.cycleId),
      lines.map((line) => line.allocationId),
      lines.map((line) => line.events?.firstSeq ?? null),
      lines.map((line) => line.events?.lastSeq ?? null),
      lines.map((line) => line.description),
      charges.map((charge) => charge.sequence),
      charges.map((charge) => charge.segmentId),
      charges.map((charge) => charge.chargedMicro),
    ],
  );
}

/** Which of an account's entries; null where it does not matter. */
export interface LedgerList {
  readonly accountId: number;
  /** Of `bookedAt`. */
  readonly range: Range | null;
  readonly cycleId: number | null;
  readonly kinds: readonly LedgerEntryKind[] | null;
}

// `$1` to `$5`: the account, begin and end of the range, the cycle, the kinds.
const LISTED = `l.account_id = $1 and ($2::timestamptz is null or l.booked_at >= $2)
  and ($3::timestamptz is null or l.booked_at < $3) and ($4::int is null or l.cycle_id = $4)
  and ($5::ledger_entry_kind[] is null or l.kind = any($5))`;

/** Some of a list's entries: as many as asked for from one end of what lies between two sequences; by sequence, ascending. */
export async function listEntries(
  tx: Tx,
  list: LedgerList,
  window: Window,
): Promise<readonly LedgerEntry[]> {
  const order = window.from === 'FIRST' ? 'asc' : 'desc';
  const rows = await tx.query(
    `/* credits.listEntries ${order} */ select * from (
       select ${ENTRY} from ledger_entry l where ${LISTED} and l.sequence > $6 and l.sequence < $7
       order by l.sequence ${order} limit $8) x
     order by sequence`,
    [
      ...listValues(list),
      window.after ?? 0,
      window.before ?? Number.MAX_SAFE_INTEGER,
      window.limit,
    ],
  );
  return rows.map(entryFromRow);
}

export async function countEntries(tx: Tx, list: LedgerList): Promise<number> {
  const rows = await tx.query(
    `/* credits.countEntries */ select count(*) from ledger_entry l where ${LISTED}`,
    listValues(list),
  );
  return int(rows[0] ?? {}, 'count');
}

/** The entries under these sequences, in no order; unknown ones are left out. */
export async function loadEntries(
  tx: Tx,
  refs: readonly { readonly accountId: number; readonly sequence: number }[],
): Promise<readonly LedgerEntry[]> {
  const rows = await tx.query(
    `/* credits.loadEntries */ select ${ENTRY} from unnest($1::int[], $2::bigint[]) as k (account_id, sequence)
     join ledger_entry l using (account_id, sequence)`,
    [refs.map((ref) => ref.accountId), refs.map((ref) => ref.sequence)],
  );
  return rows.map(entryFromRow);
}

/** The entry that gave a voided event back, or null when it had charged nothing. */
export async function findReversal(
  tx: Tx,
  accountId: number,
  seq: number,
): Promise<LedgerEntry | null> {
  const rows = await tx.query(
    `/* credits.findReversal */ select ${ENTRY} from ledger_entry l
     where l.account_id = $1 and l.kind = 'REVERSAL' and l.first_seq = $2`,
    [accountId, seq],
  );
  return rows[0] === undefined ? null : entryFromRow(rows[0]);
}

function listValues({ accountId, range, cycleId, kinds }: LedgerList): readonly unknown[] {
  const { fromMs = null, toMs = null } = range ?? {};
  return [accountId, atOrNull(fromMs), atOrNull(toMs), cycleId, kinds];
}

function entryFromRow(row: Row): LedgerEntry {
  return {
    accountId: int(row, 'account_id'),
    sequence: int(row, 'sequence'),
    kind: oneOf(row, 'kind', ledgerEntryKinds),
    amountMicro: big(row, 'amount_micro'),
    balanceMicro: big(row, 'balance_micro'),
    bookedAtMs: ms(row, 'booked_at'),
    cycleId: int(row, 'cycle_id'),
    recordedAtMs: ms(row, 'recorded_at'),
    allocationId: intOrNull(row, 'allocation_id'),
    events: eventsFromRow(row),
    description: text(row, 'description'),
  };
}

function eventsFromRow(row: Row): EventSpan | null {
  const firstSeq = intOrNull(row, 'first_seq');
  const lastSeq = intOrNull(row, 'last_seq');
  return firstSeq === null || lastSeq === null ? null : { firstSeq, lastSeq };
}
