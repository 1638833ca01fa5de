import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Range } from '../core/range.ts';
import type { Window } from '../core/window.ts';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import { accountOf, rowsByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { at, big, int, intOrNull, ms, oneOf, type Row, text } from '../db/decode.ts';
import {
  type EventSpan,
  ledgerEntryKinds,
  type LedgerEntryKind,
  type LedgerLine,
} from '../engine/ledger.ts';
import { join, raw, sql, type Sql, unnested, unnestedOf } from '../db/sql.ts';

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
  @Column({ name: 'hash', type: 'bytea' }) hash!: Buffer;
}

@Entity('ledger_charge')
export class LedgerChargeRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'sequence', ...sequenceColumn }) sequence!: number;
  @PrimaryColumn({ name: 'segment_id', ...sequenceColumn }) segmentId!: number;
  @Column({ name: 'charged_micro', ...bigintColumn }) chargedMicro!: bigint;
}

/** An entry of the ledger in its stored form. */
export interface LedgerEntry extends Omit<LedgerLine, 'items' | 'segments'> {
  readonly accountId: number;
  readonly recordedAtMs: number;
  /** In hex. */
  readonly hash: string;
}

/** The select list of an entry `l` that entryFromRow reads. */
export const ENTRY =
  raw(`l.account_id, l.sequence, l.kind, l.amount_micro, l.balance_micro, l.booked_at, l.cycle_id, l.recorded_at,
  l.allocation_id, l.first_seq, l.last_seq, l.description, encode(l.hash, 'hex') as hash`);

/** A line with the hash of its entry, in hex. */
export interface ChainedLine extends LedgerLine {
  readonly hash: string;
}

/** Appends lines to the ledger of a locked account, with the segments that they charge. */
export function insertLines(
  tx: Tx,
  accountId: number,
  lines: readonly ChainedLine[],
  recordedAtMs: number,
): void {
  const charges = lines.flatMap((line) =>
    line.segments.map((charge) => ({ sequence: line.sequence, ...charge })),
  );
  tx.later(sql`/* credits.insertLines */ insert into ledger_entry (account_id, recorded_at, sequence, kind, amount_micro,
       balance_micro, booked_at, cycle_id, allocation_id, first_seq, last_seq, description, hash)
     select own.account_id, ${at(recordedAtMs)}::timestamptz, k.* from ${unnestedOf(
       accountId,
       lines,
       {
         sequence: ['bigint', (line) => line.sequence],
         kind: ['ledger_entry_kind', (line) => line.kind],
         amount_micro: ['bigint', (line) => line.amountMicro],
         balance_micro: ['bigint', (line) => line.balanceMicro],
         booked_at: ['timestamptz', (line) => at(line.bookedAtMs)],
         cycle_id: ['int', (line) => line.cycleId],
         allocation_id: ['bigint', (line) => line.allocationId],
         first_seq: ['bigint', (line) => line.events?.firstSeq ?? null],
         last_seq: ['bigint', (line) => line.events?.lastSeq ?? null],
         description: ['text', (line) => line.description],
         hash: ['bytea', (line) => `\\x${line.hash}`],
       },
     )}`);
  if (charges.length === 0) return;
  tx.later(sql`/* credits.insertCharges */ insert into ledger_charge (account_id, sequence, segment_id, charged_micro)
     select own.account_id, k.* from ${unnestedOf(accountId, charges, {
       sequence: ['bigint', (charge) => charge.sequence],
       segment_id: ['bigint', (charge) => charge.segmentId],
       charged_micro: ['bigint', (charge) => charge.chargedMicro],
     })}`);
}

/** Which of an account's entries to list; null is no condition. */
export interface LedgerList {
  readonly accountId: number;
  /** Of `bookedAt`. */
  readonly range: Range | null;
  readonly cycleId: number | null;
  readonly kinds: readonly LedgerEntryKind[] | null;
}

function isListed({ accountId, range, cycleId, kinds }: LedgerList): Sql {
  const conditions = [sql`l.account_id = ${accountId}`];
  if (range !== null) {
    conditions.push(sql`l.booked_at >= ${at(range.fromMs)} and l.booked_at < ${at(range.toMs)}`);
  }
  if (cycleId !== null) conditions.push(sql`l.cycle_id = ${cycleId}`);
  if (kinds !== null) conditions.push(sql`l.kind = any(${kinds}::ledger_entry_kind[])`);
  return join(conditions, ' and ');
}

/** At most `limit` of a list's entries from one end of the window; by sequence, ascending. */
export async function listEntries(
  tx: Tx,
  list: LedgerList,
  window: Window,
): Promise<readonly LedgerEntry[]> {
  const order = raw(window.from === 'FIRST' ? 'asc' : 'desc');
  const rows = await tx.query(sql`/* credits.listEntries ${order} */ select * from (
       select ${ENTRY} from ledger_entry l where ${isListed(list)}
         and l.sequence > ${window.after ?? 0} and l.sequence < ${window.before ?? Number.MAX_SAFE_INTEGER}
       order by l.sequence ${order} limit ${window.limit}) x
     order by sequence`);
  return rows.map(entryFromRow);
}

/** How many entries a list has. */
export async function countEntries(tx: Tx, list: LedgerList): Promise<number> {
  const rows = await tx.query(
    sql`/* credits.countEntries */ select count(*) from ledger_entry l where ${isListed(list)}`,
  );
  return int(rows[0] ?? {}, 'count');
}

/** The entries with these sequences, in no order; unknown ones are left out. */
export async function loadEntries(
  tx: Tx,
  refs: readonly { readonly accountId: number; readonly sequence: number }[],
): Promise<readonly LedgerEntry[]> {
  const rows = await rowsByAccount(tx, refs, (asked) =>
    tx.query(sql`/* credits.loadEntries */ select ${ENTRY} from ${unnested(asked, {
      account_id: ['int', (ref) => ref.accountId],
      sequence: ['bigint', (ref) => ref.sequence],
    })}
     join ledger_entry l on l.account_id = ${accountOf(tx, asked, sql`k.account_id`)} and l.sequence = k.sequence`),
  );
  return rows.map(entryFromRow);
}

/** The entry that gave back a voided event's charge; null when there was no charge. */
export async function findReversal(
  tx: Tx,
  accountId: number,
  seq: number,
): Promise<LedgerEntry | null> {
  const rows = await tx.query(sql`/* credits.findReversal */ select ${ENTRY} from ledger_entry l
     where l.account_id = ${accountId} and l.kind = 'REVERSAL' and l.first_seq = ${seq}`);
  return rows[0] === undefined ? null : entryFromRow(rows[0]);
}

/** The entry in a row of ENTRY. */
export function entryFromRow(row: Row): LedgerEntry {
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
    hash: text(row, 'hash'),
  };
}

function eventsFromRow(row: Row): EventSpan | null {
  const firstSeq = intOrNull(row, 'first_seq');
  const lastSeq = intOrNull(row, 'last_seq');
  return firstSeq === null || lastSeq === null ? null : { firstSeq, lastSeq };
}
