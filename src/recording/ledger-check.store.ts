// An account's entries as their rows are now, each with what it charged, put together in SQL and so independently of what the
// gateway hashed when it wrote them.

import { archivesBetween } from '../archives/archives.store.ts';
import type { Tx } from '../db/database.ts';
import { at, big, bool, int, ms, type Row, text } from '../db/decode.ts';
import { sql, type Sql } from '../db/sql.ts';
import { entryFromRow, ENTRY } from '../settlement/ledger.store.ts';
import type { ChainedEntry, LedgerHead } from './chain-walk.ts';

/** What an account's own rows say of its ledger. */
export interface LedgerOwner extends LedgerHead {
  readonly balanceMicro: bigint;
  readonly creditsFromMs: number;
}

/** @returns null when there is no such account */
export async function loadLedgerOwner(tx: Tx, accountId: number): Promise<LedgerOwner | null> {
  const rows = await tx.query(sql`/* check.loadLedgerOwner */ select c.last_ledger_sequence,
       encode(c.last_ledger_hash, 'hex') as last_ledger_hash, c.balance_micro::text, a.credits_from
     from credit_state c join account a using (account_id) where c.account_id = ${accountId}`);
  const [row] = rows;
  if (row === undefined) return null;
  return {
    lastSequence: int(row, 'last_ledger_sequence'),
    lastHash: text(row, 'last_ledger_hash'),
    balanceMicro: big(row, 'balance_micro'),
    creditsFromMs: ms(row, 'credits_from'),
  };
}

/** The entries of an account after a sequence. */
export async function listChained(
  tx: Tx,
  { accountId, creditsFromMs }: { readonly accountId: number; readonly creditsFromMs: number },
  page: { readonly after: number; readonly limit: number },
): Promise<readonly ChainedEntry[]> {
  const creditsFrom = sql`${at(creditsFromMs)}::timestamptz`;
  const rows = await tx.query(sql`/* check.listChained */ select ${ENTRY},
       '[' || coalesce(charged.items, '') || ']' as charges, coalesce(charged.sum, 0)::text as charged_micro,
       exists ${archivesBetween(sql`${accountId}`, 'l.first_seq', 'l.last_seq')} as is_archived
     from ledger_entry l cross join lateral (
       select sum(amount) as sum, string_agg(format('["%s",%s,"%s"]', kind, id, amount), ',' order by kind, id) as items
       from (
         select 'EVENT' as kind, e.seq as id, case l.kind when 'REVERSAL' then 1 else -1 end * e.credits_micro::numeric as amount
         from usage_event e where e.account_id = ${accountId} and e.seq between l.first_seq and l.last_seq
           and e.occurred_at >= ${creditsFrom}
         union all
         select 'SEGMENT', s.segment_id, case l.kind when 'REVERSAL' then 1 else -1 end * (
           ${costBy(sql`s.to_at`)} - ${costBy(sql`least(s.to_at, ${creditsFrom})`)})
         from hosting_segment s where s.account_id = ${accountId} and s.event_seq between l.first_seq and l.last_seq
         union all
         select 'SEGMENT', c.segment_id, -c.charged_micro::numeric
         from ledger_charge c where c.account_id = ${accountId} and c.sequence = l.sequence) item
       where amount <> 0) charged
     where l.account_id = ${accountId} and l.sequence > ${page.after}
     order by l.sequence limit ${page.limit}`);
  return rows.map(chainedFromRow);
}

/** What a segment `s` has cost up to an instant, rounded down. */
export function costBy(until: Sql): Sql {
  const hostedMs = sql`1000 * greatest(0, extract(epoch from ${until} - s.from_at))`;
  return sql`div(s.replicas * s.rate_micro_per_hour::numeric * ${hostedMs}, 3600000)`;
}

function chainedFromRow(row: Row): ChainedEntry {
  return {
    entry: entryFromRow(row),
    charges: text(row, 'charges'),
    chargedMicro: big(row, 'charged_micro'),
    hash: text(row, 'hash'),
    isArchived: bool(row, 'is_archived'),
  };
}
