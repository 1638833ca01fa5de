// Pages of charges are read entry by entry, because each entry has different events and segments.

import type { RequestContext } from '../graphql/context.ts';
import {
  type ChargedEntry,
  type ChargePosition,
  countCharges,
  type LedgerCharge,
  listCharges,
} from './charges.store.ts';

export type { LedgerCharge };

/** The items of an entry after a place. */
export async function readCharges(
  context: RequestContext,
  entry: ChargedEntry,
  page: { readonly after: ChargePosition | null; readonly limit: number },
): Promise<readonly LedgerCharge[]> {
  return listCharges(await context.reader(), entry, page);
}

/** How many items an entry has. */
export async function readChargeCount(
  context: RequestContext,
  entry: ChargedEntry,
): Promise<number> {
  return countCharges(await context.reader(), entry);
}
