// The charges of a ledger entry, item by item: usage events, the segments of hosting periods among them, and the
// segments of running hosting that were posted with it.

import type { LedgerEntry } from '../settlement/ledger.store.ts';
import type { Tx } from '../db/database.ts';
import { at, big, bigOrNull, bool, int, intOrNull, ms, type Row } from '../db/decode.ts';
import { empty, sql, type Sql } from '../db/sql.ts';
import { sinceCredits } from './charge-usage.ts';

/** One item, signed like its entry's amount: an event, or a segment (of a period, with its event). */
export interface LedgerCharge {
  readonly accountId: number;
  readonly amountMicro: bigint;
  readonly seq: number | null;
  readonly segmentId: number | null;
  /** Its place in the list. */
  readonly position: ChargePosition;
}

/** Events by seq come first, then segments by id. */
export interface ChargePosition {
  readonly isSegment: boolean;
  readonly id: number;
}

/** An entry with the start of its account's credits: earlier usage was not charged. */
export interface ChargedEntry extends Pick<
  LedgerEntry,
  'accountId' | 'sequence' | 'events' | 'kind'
> {
  readonly creditsFromMs: number;
}

function itemsOf({ accountId, sequence, events, creditsFromMs }: ChargedEntry): Sql {
  const firstSeq = events?.firstSeq ?? null;
  const lastSeq = events?.lastSeq ?? null;
  return sql`(
  select false as is_segment, e.seq as id, e.seq, null::bigint as segment_id, e.credits_micro as charged_micro,
    null::timestamptz as from_at, null::timestamptz as to_at, null::int as replicas, null::bigint as rate_micro_per_hour
  from usage_event e where e.account_id = ${accountId} and e.seq >= ${firstSeq}::bigint and e.seq <= ${lastSeq}::bigint
    and e.credits_micro > 0 and e.occurred_at >= ${at(creditsFromMs)}::timestamptz
  union all
  select true, s.segment_id, s.event_seq, s.segment_id, null, s.from_at, s.to_at, s.replicas, s.rate_micro_per_hour
  from hosting_segment s where s.account_id = ${accountId} and s.event_seq >= ${firstSeq}::bigint
    and s.event_seq <= ${lastSeq}::bigint and s.to_at > ${at(creditsFromMs)}::timestamptz and s.rate_micro_per_hour > 0
  union all
  select true, c.segment_id, null, c.segment_id, c.charged_micro, null, null, null, null
  from ledger_charge c where c.account_id = ${accountId} and c.sequence = ${sequence}) item`;
}

/** The items of an entry after a place. */
export async function listCharges(
  tx: Tx,
  entry: ChargedEntry,
  page: { readonly after: ChargePosition | null; readonly limit: number },
): Promise<readonly LedgerCharge[]> {
  const { after, limit } = page;
  const isAfter =
    after === null
      ? empty
      : sql`where (item.is_segment, item.id) > (${after.isSegment}::boolean, ${after.id}::bigint)`;
  const rows =
    await tx.query(sql`/* usage.listCharges */ select item.* from ${itemsOf(entry)} ${isAfter}
     order by item.is_segment, item.id limit ${limit}`);
  return rows.map((row) => chargeFromRow(row, entry));
}

export async function countCharges(tx: Tx, entry: ChargedEntry): Promise<number> {
  const rows = await tx.query(sql`/* usage.countCharges */ select count(*) from ${itemsOf(entry)}`);
  return int(rows[0] ?? {}, 'count');
}

function chargeFromRow(row: Row, { accountId, creditsFromMs, kind }: ChargedEntry): LedgerCharge {
  const chargedMicro = bigOrNull(row, 'charged_micro') ?? periodCharge(row, creditsFromMs);
  // Postings have a sign. For events, a reversal gives back what usage took.
  const isPosting = row['seq'] === null;
  const isGivenBack = !isPosting && kind === 'REVERSAL';
  return {
    accountId,
    amountMicro: isGivenBack ? chargedMicro : -chargedMicro,
    seq: intOrNull(row, 'seq'),
    segmentId: intOrNull(row, 'segment_id'),
    position: { isSegment: bool(row, 'is_segment'), id: int(row, 'id') },
  };
}

function periodCharge(row: Row, creditsFromMs: number): bigint {
  const segment = {
    fromMs: ms(row, 'from_at'),
    toMs: ms(row, 'to_at'),
    replicas: int(row, 'replicas'),
    rateMicroPerHour: big(row, 'rate_micro_per_hour'),
  };
  return sinceCredits(segment, creditsFromMs);
}
