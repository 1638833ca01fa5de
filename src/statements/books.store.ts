// What the rows of the ledger say of a cycle that has ended. The ledger's axis is `bookedAt`: what happened earlier and was reported
// in the cycle counts in it, and what was reported later does not.

import { archivesBetween } from '../archives/archives.store.ts';
import type { Tx } from '../db/database.ts';
import { at, big, int, intOrNull, ms, oneOf, text, textOrNull } from '../db/decode.ts';
import { sql } from '../db/sql.ts';
import { ledgerEntryKinds } from '../engine/ledger.ts';
import { costBy } from '../recording/ledger-check.store.ts';
import { subjectKinds } from '../rollups/kinds.ts';
import { creditComponents } from '../views/sums.ts';
import type { LotMove } from './lots.ts';
import type { ChargeSum, LedgerRange, StatementRef } from './statement.ts';

/** The entries of a cycle, and the balance before them. @returns null when the cycle has no CARRY_OVER: it has not ended */
export async function findLedgerRange(
  tx: Tx,
  { accountId, number }: StatementRef,
): Promise<LedgerRange | null> {
  const [row] =
    await tx.query(sql`/* statements.findLedgerRange */ select f.first_sequence, l.sequence, encode(l.hash, 'hex') as hash,
       coalesce(b.balance_micro, 0)::text as opening_micro, l.balance_micro::text as closing_micro
     from ledger_entry l
     cross join lateral (select min(sequence) as first_sequence from ledger_entry
       where account_id = ${accountId} and cycle_id = ${number}) f
     left join ledger_entry b on b.account_id = ${accountId} and b.sequence = f.first_sequence - 1
     where l.account_id = ${accountId} and l.cycle_id = ${number} and l.kind = 'CARRY_OVER'
     order by l.sequence desc limit 1`);
  if (row === undefined) return null;
  return {
    firstSequence: int(row, 'first_sequence'),
    lastSequence: int(row, 'sequence'),
    lastHash: text(row, 'hash'),
    openingMicro: big(row, 'opening_micro'),
    closingMicro: big(row, 'closing_micro'),
  };
}

/** The entries of a cycle that are not USAGE, in their order, each with what USAGE took since the one before. */
export async function listLotMoves(
  tx: Tx,
  { accountId, number }: StatementRef,
): Promise<readonly LotMove[]> {
  const rows =
    await tx.query(sql`/* statements.listLotMoves */ select kind, amount_micro::text, booked_at, allocation_id,
       (used_so_far - lag(used_so_far, 1, 0) over (order by sequence))::text as used_micro
     from (
       select *, coalesce(sum(-amount_micro) filter (where kind = 'USAGE') over (order by sequence), 0) as used_so_far
       from ledger_entry where account_id = ${accountId} and cycle_id = ${number}) l
     where kind <> 'USAGE' order by sequence`);
  return rows.map((row) => ({
    kind: oneOf(row, 'kind', ledgerEntryKinds),
    amountMicro: big(row, 'amount_micro'),
    bookedAtMs: ms(row, 'booked_at'),
    allocationId: intOrNull(row, 'allocation_id'),
    usedMicro: big(row, 'used_micro'),
  }));
}

/** The archived months of events that the entries of a cycle charged or gave back; none of a cycle whose events are all there. */
export async function findArchivedOf(
  tx: Tx,
  { accountId, number }: StatementRef,
): Promise<readonly string[]> {
  const rows = await tx.query(sql`/* statements.findArchived */ select distinct archived.month
     from ledger_entry l cross join lateral ${archivesBetween(sql`${accountId}`, 'l.first_seq', 'l.last_seq')} archived
     where l.account_id = ${accountId} and l.cycle_id = ${number} order by 1`);
  return rows.map((row) => text(row, 'month'));
}

/** What the entries of a cycle charged, less what they gave back, summed by subject, component and hardware; without sums of 0. */
export async function sumCharges(
  tx: Tx,
  { accountId, number, creditsFromMs }: StatementRef & { readonly creditsFromMs: number },
): Promise<readonly ChargeSum[]> {
  const creditsFrom = sql`${at(creditsFromMs)}::timestamptz`;
  const rows = await tx.query(sql`/* statements.sumCharges */ with entry as materialized (
       select sequence, first_seq, last_seq, case kind when 'REVERSAL' then -1 else 1 end as sign from ledger_entry
       where account_id = ${accountId} and cycle_id = ${number} and kind in ('USAGE', 'REVERSAL')
     ), item as (
       select e.kind, e.subject_id, e.type::text as component, null::int as hardware_id,
         entry.sign * e.credits_micro::numeric as used_micro
       from entry cross join lateral (select * from usage_event u where u.account_id = ${accountId}
         and u.seq >= entry.first_seq and u.seq <= entry.last_seq) e
       where e.credits_micro > 0 and e.occurred_at >= ${creditsFrom}
       union all
       select s.kind, s.resource_id, 'HOSTING', s.hardware_id, entry.sign * (
         ${costBy(sql`s.to_at`)} - ${costBy(sql`least(s.to_at, ${creditsFrom})`)})
       from entry cross join lateral (select * from hosting_segment h where h.account_id = ${accountId}
         and h.event_seq >= entry.first_seq and h.event_seq <= entry.last_seq) s
       union all
       select s.kind, s.resource_id, 'HOSTING', s.hardware_id, c.charged_micro::numeric
       from entry join ledger_charge c on c.account_id = ${accountId} and c.sequence = entry.sequence
       join hosting_segment s on s.account_id = ${accountId} and s.segment_id = c.segment_id
     ), summed as (
       select kind, subject_id, component, hardware_id, sum(used_micro) as used_micro
       from item group by kind, subject_id, component, hardware_id
     )
     select i.kind, i.subject_id, i.component, i.used_micro::text, h.name as hardware,
       coalesce(r.name, m.name) as name, coalesce(r.external_id, m.external_id) as external_id
     from summed i left join hardware_profile h using (hardware_id)
     left join resource r on i.kind <> 'MODEL' and r.account_id = ${accountId} and r.resource_id = i.subject_id
     left join model m on i.kind = 'MODEL' and m.account_id = ${accountId} and m.model_id = i.subject_id
     where i.used_micro <> 0`);
  return rows.map((row) => ({
    kind: oneOf(row, 'kind', subjectKinds),
    subjectId: int(row, 'subject_id'),
    component: oneOf(row, 'component', creditComponents),
    hardware: textOrNull(row, 'hardware'),
    usedMicro: big(row, 'used_micro'),
    name: text(row, 'name'),
    externalId: text(row, 'external_id'),
  }));
}

/** Keeps a transaction that works on what it has read: PostgreSQL ends one that says nothing for ten seconds. */
export async function keepAlive(tx: Tx): Promise<void> {
  await tx.query(sql`/* statements.keepAlive */ select 1`);
}
