import type { Account } from '../account/account.ts';
import { ArchivedError, invariant } from '../core/errors.ts';
import type { Tx } from '../db/database.ts';
import { loadAllocationsOf } from '../settlement/credits.store.ts';
import { loadCycles } from '../settlement/cycles.store.ts';
import {
  findArchivedOf,
  findLedgerRange,
  keepAlive,
  listLotMoves,
  sumCharges,
} from './books.store.ts';
import type { Books } from './compose.ts';
import { endOfCycle, type LotInCycle } from './lots.ts';

/** What is left of each allocation, by its number. */
export type LotsLeft = ReadonlyMap<number, bigint>;

/**
 * What the rows say of a cycle that has ended.
 * @param before what was left of the allocations when it began
 * @throws InvariantError when the rows contradict each other, ArchivedError when events of the cycle are archived
 */
export async function loadBooks(
  tx: Tx,
  account: Account,
  { number, before }: { readonly number: number; readonly before: LotsLeft },
): Promise<Books> {
  const { accountId, creditsFromMs } = account;
  const ref = { accountId, number };
  const archived = await findArchivedOf(tx, ref);
  if (archived.length > 0) throw new ArchivedError(archived);
  const [cycle] = await loadCycles(tx, [{ accountId, cycleId: number }]);
  const ledger = await findLedgerRange(tx, ref);
  invariant(cycle !== undefined && ledger !== null, 'a cycle that ended has a row and an entry', {
    ...ref,
  });
  const known = (await loadAllocationsOf(tx, [accountId])).filter(({ unit }) => unit === 'CREDITS');
  const lots = {
    fromMs: cycle.startMs,
    openingMicro: ledger.openingMicro,
    before,
    known,
    moves: await listLotMoves(tx, ref),
  };
  const ended = await endOfCycle(lots, () => keepAlive(tx));
  return {
    account,
    cycle,
    ledger,
    ended,
    charges: await sumCharges(tx, { ...ref, creditsFromMs }),
  };
}

/** What is left for the cycle after one. */
export function leftAfter(lots: readonly LotInCycle[]): LotsLeft {
  return new Map(
    lots
      .filter(({ remainingMicro }) => remainingMicro > 0n)
      .map(({ lot, remainingMicro }) => [lot.allocationId, remainingMicro]),
  );
}
