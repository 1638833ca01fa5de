import { accountOf, rowsByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { int } from '../db/decode.ts';
import { CYCLE, cycleFromRow, type CycleRecord } from './state.store.ts';
import { sql, unnested } from '../db/sql.ts';

/** The key of a cycle. */
export interface CycleRef {
  readonly accountId: number;
  readonly cycleId: number;
}

/** Cycles of an account before one, newest first. */
export async function listCycles(
  tx: Tx,
  page: { readonly accountId: number; readonly beforeId: number; readonly limit: number },
): Promise<readonly CycleRecord[]> {
  const rows =
    await tx.query(sql`/* credits.listCycles */ select ${CYCLE} from billing_cycle b where b.account_id = ${page.accountId} and b.cycle_id < ${page.beforeId}
     order by b.cycle_id desc limit ${page.limit}`);
  return rows.map(cycleFromRow);
}

/** The cycles with these ids, in no order; unknown ids are left out. */
export async function loadCycles(
  tx: Tx,
  refs: readonly CycleRef[],
): Promise<readonly CycleRecord[]> {
  const rows = await rowsByAccount(tx, refs, (asked) =>
    tx.query(sql`/* credits.loadCycles */ select ${CYCLE} from ${unnested(asked, {
      account_id: ['int', (ref) => ref.accountId],
      cycle_id: ['int', (ref) => ref.cycleId],
    })}
     join billing_cycle b on b.account_id = ${accountOf(tx, asked, sql`k.account_id`)} and b.cycle_id = k.cycle_id`),
  );
  return rows.map(cycleFromRow);
}

export async function countCycles(tx: Tx, accountId: number): Promise<number> {
  const rows = await tx.query(
    sql`/* credits.countCycles */ select count(*) from billing_cycle where account_id = ${accountId}`,
  );
  return int(rows[0] ?? {}, 'count');
}
