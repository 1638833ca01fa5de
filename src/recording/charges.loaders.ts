import { archivedErrors } from '../archives/archives.store.ts';
import type { Tx } from '../db/database.ts';
import { byContent, loader } from '../graphql/loader.ts';
import {
  type ChargedEntry,
  type ChargesPage,
  countCharges,
  type LedgerCharge,
  listCharges,
} from './charges.store.ts';

export type { LedgerCharge };

function placeOf({ accountId, sequence }: ChargedEntry): string {
  return `${accountId}.${sequence}`;
}

/** The items of entries, each after a place of its own. ARCHIVED where an entry's events are archived. */
export const chargesLoader = loader<ChargesPage, readonly LedgerCharge[]>(
  async (tx, pages) => {
    const entries = pages.map(({ entry }) => entry);
    const [charges, errors] = await Promise.all([listCharges(tx, pages), errorsOf(tx, entries)]);
    return charges.map((own, index) => errors[index] ?? own);
  },
  ({ entry, after, limit }) => byContent([placeOf(entry), after, limit]),
);

/** How many items entries have. ARCHIVED where an entry's events are archived. */
export const chargeCountLoader = loader<ChargedEntry, number>(async (tx, entries) => {
  const [counts, errors] = await Promise.all([countCharges(tx, entries), errorsOf(tx, entries)]);
  return counts.map((count, index) => errors[index] ?? count);
}, placeOf);

async function errorsOf(
  tx: Tx,
  entries: readonly ChargedEntry[],
): ReturnType<typeof archivedErrors> {
  return archivedErrors(
    tx,
    entries.map(({ accountId, events }) =>
      events === null
        ? { accountId }
        : { accountId, seqs: { first: events.firstSeq, last: events.lastSeq } },
    ),
  );
}
