// A ledger is read page by page, one account at a time.

import type { Window } from '../core/window.ts';
import type { RequestContext } from '../graphql/context.ts';
import {
  countEntries,
  type LedgerEntry,
  type LedgerList,
  listEntries,
} from '../settlement/ledger.store.ts';

export type { LedgerEntry };

/** The entries of a list within a window, by sequence. */
export async function readEntries(
  context: RequestContext,
  list: LedgerList,
  window: Window,
): Promise<readonly LedgerEntry[]> {
  return listEntries(await context.reader(), list, window);
}

/** How many entries a list has. */
export async function readEntryCount(context: RequestContext, list: LedgerList): Promise<number> {
  return countEntries(await context.reader(), list);
}
