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

/** The items of entries, each after a place of its own. */
export const chargesLoader = loader<ChargesPage, readonly LedgerCharge[]>(
  listCharges,
  ({ entry, after, limit }) => byContent([placeOf(entry), after, limit]),
);

/** How many items entries have. */
export const chargeCountLoader = loader<ChargedEntry, number>(countCharges, placeOf);
