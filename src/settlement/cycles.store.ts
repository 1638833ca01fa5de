import type { Tx } from '../db/database.ts';
import { int } from '../db/decode.ts';
import { CYCLE, cycleFromRow, type CycleRecord } from './state.store.ts';

export type { CycleRecord };

/** Points to a cycle. */
export interface CycleRef {
  readonly accountId: number;
  readonly cycleId: number;
}

/** Cycles of an account before one, newest first. */
export async function listCycles(
  tx: Tx,
  page: { readonly accountId: number; readonly beforeId: number; readonly limit: number },
): Promise<readonly CycleRecord[]> {
  const rows = await tx.query(
    `/* credits.listCycles */ select ${CYCLE} from billing_cycle b where b.account_id = $1 and b.cycle_id < $2
     order by b.cycle_id desc limit $3`,
    [page.accountId, page.beforeId, page.limit],
  );
  return rows.map(cycleFromRow);
}

/** The cycles under these ids, in no order; unknown ones are left out. */
export async function loadCycles(
  tx: Tx,
  refs: readonly CycleRef[],
): Promise<readonly CycleRecord[]> {
  const rows = await tx.query(
    `/* credits.loadCycles */ select ${CYCLE} from unnest($1::int[], $2::int[]) as k (account_id, cycle_id)
     join billing_cycle b using (account_id, cycle_id)`,
    [refs.map((ref) => ref.accountId), refs.map((ref) => ref.cycleId)],
  );
  return rows.map(cycleFromRow);
}

export async function countCycles(tx: Tx, accountId: number): Promise<number> {
  const rows = await tx.query(
    `/* credits.countCycles */ select count(*) from billing_cycle where account_id = $1`,
    [accountId],
  );
  return int(rows[0] ?? {}, 'count');
}
