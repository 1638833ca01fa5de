// The charges of a ledger entry, item by item: usage events, the segments of hosting periods among them, and the
// segments of running hosting that were posted with it.

import type { LedgerEntry } from '../settlement/ledger.store.ts';
import { accountOf, answersByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  big,
  bigOrNull,
  bool,
  int,
  intOrNull,
  ms,
  type Row,
  rowsOfEach,
} from '../db/decode.ts';
import { type Column, sql, type Sql, unnested } from '../db/sql.ts';
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

/** A question for items of an entry after a place. */
export interface ChargesPage {
  readonly entry: ChargedEntry;
  readonly after: ChargePosition | null;
  readonly limit: number;
}

// Of k, which has the account, the sequence, the events and the start of credits of each entry.
function itemsOf(account: Sql): Sql {
  return sql`(
  select false as is_segment, e.seq as id, e.seq, null::bigint as segment_id, e.credits_micro as charged_micro,
    null::timestamptz as from_at, null::timestamptz as to_at, null::int as replicas, null::bigint as rate_micro_per_hour
  from usage_event e where e.account_id = ${account} and e.seq >= k.first_seq and e.seq <= k.last_seq
    and e.credits_micro > 0 and e.occurred_at >= k.credits_from
  union all
  select true, s.segment_id, s.event_seq, s.segment_id, null, s.from_at, s.to_at, s.replicas, s.rate_micro_per_hour
  from hosting_segment s where s.account_id = ${account} and s.event_seq >= k.first_seq
    and s.event_seq <= k.last_seq and s.to_at > k.credits_from and s.rate_micro_per_hour > 0
  union all
  select true, c.segment_id, null, c.segment_id, c.charged_micro, null, null, null, null
  from ledger_charge c where c.account_id = ${account} and c.sequence = k.sequence)`;
}

/** The items of each page, in the order of the pages. */
export async function listCharges(
  tx: Tx,
  pages: readonly ChargesPage[],
): Promise<readonly (readonly LedgerCharge[])[]> {
  const questions = pages.map((page) => ({ ...page, accountId: page.entry.accountId }));
  return answersByAccount(tx, questions, (asked) => chargesOf(tx, asked));
}

async function chargesOf(
  tx: Tx,
  pages: readonly (ChargesPage & { readonly accountId: number })[],
): Promise<readonly (readonly LedgerCharge[])[]> {
  const account = accountOf(tx, pages, sql`k.account_id`);
  const rows =
    await tx.query(sql`/* usage.listCharges */ select k.page::int as page, k.account_id, k.is_reversal, k.credits_from, item.*
     from ${unnested(
       pages,
       {
         ...columnsOf(({ entry }: ChargesPage) => entry),
         is_reversal: ['boolean', ({ entry }) => entry.kind === 'REVERSAL'],
         after_segment: ['boolean', ({ after }) => after?.isSegment ?? null],
         after_id: ['bigint', ({ after }) => after?.id ?? null],
         row_limit: ['int', ({ limit }) => limit],
       },
       { ordinal: 'page' },
     )}
     cross join lateral (
       select * from ${itemsOf(account)} every
       where k.after_id is null or (every.is_segment, every.id) > (k.after_segment, k.after_id)
       order by every.is_segment, every.id limit k.row_limit
     ) item
     order by k.page, item.is_segment, item.id`);
  return rowsOfEach(rows, pages.length, { ordinal: 'page', fromRow: chargeFromRow });
}

/** How many items each entry has, in the order of the entries. */
export async function countCharges(
  tx: Tx,
  entries: readonly ChargedEntry[],
): Promise<readonly number[]> {
  return answersByAccount(tx, entries, (asked) => countsOf(tx, asked));
}

async function countsOf(tx: Tx, entries: readonly ChargedEntry[]): Promise<readonly number[]> {
  const account = accountOf(tx, entries, sql`k.account_id`);
  const rows = await tx.query(sql`/* usage.countCharges */ select item.count
     from ${unnested(
       entries,
       columnsOf((entry: ChargedEntry) => entry),
       { ordinal: 'n' },
     )}
     cross join lateral (select count(*) from ${itemsOf(account)} every) item
     order by k.n`);
  return rows.map((row) => int(row, 'count'));
}

function columnsOf<R>(entryOf: (row: R) => ChargedEntry): Record<string, Column<R>> {
  return {
    account_id: ['int', (row) => entryOf(row).accountId],
    sequence: ['bigint', (row) => entryOf(row).sequence],
    first_seq: ['bigint', (row) => entryOf(row).events?.firstSeq ?? null],
    last_seq: ['bigint', (row) => entryOf(row).events?.lastSeq ?? null],
    credits_from: ['timestamptz', (row) => at(entryOf(row).creditsFromMs)],
  };
}

function chargeFromRow(row: Row): LedgerCharge {
  const chargedMicro =
    bigOrNull(row, 'charged_micro') ?? periodCharge(row, ms(row, 'credits_from'));
  // Postings have a sign. For events, a reversal gives back what usage took.
  const isPosting = row['seq'] === null;
  const isGivenBack = !isPosting && bool(row, 'is_reversal');
  return {
    accountId: int(row, 'account_id'),
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
