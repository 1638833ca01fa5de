import { requireRef } from '../access/authorize.ts';
import { unknownId, type Actor } from '../core/identity.ts';
import type { Tx } from '../db/database.ts';
import { type LedgerEntry, loadEntries } from '../settlement/ledger.store.ts';

/** The key of a ledger entry. */
export interface LedgerRef {
  readonly accountId: number;
  readonly sequence: number;
}

/** The entry with an id. @throws FORBIDDEN, NOT_FOUND */
export async function getEntry(actor: Actor, tx: Tx, id: string): Promise<LedgerEntry> {
  const ref = requireRef(actor, 'READ_USAGE', { id, types: ['LedgerEntry'], path: ['id'] });
  return readEntry(tx, { accountId: ref.accountId, sequence: ref.localId }, id);
}

/** @throws NOT_FOUND */
export async function readEntry(tx: Tx, ref: LedgerRef, asNamed = ''): Promise<LedgerEntry> {
  const [entry] = await loadEntries(tx, [ref]);
  if (entry === undefined) throw unknownId(asNamed, ['id']);
  return entry;
}
