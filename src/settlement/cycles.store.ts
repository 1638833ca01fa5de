import type { Tx } from '../db/database.ts';
import { int } from '../db/decode.ts';
import { CYCLE, cycleFromRow, type CycleRecord } from './state.store.ts';

export type { CycleRecord };

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

export async function countCycles(tx: Tx, accountId: number): Promise<number> {
  const rows = await tx.query(
    `/* credits.countCycles */ select count(*) from billing_cycle where account_id = $1`,
    [accountId],
  );
  return int(rows[0] ?? {}, 'count');
}
