import { ACCOUNT_COLUMNS, type LockedAccount, lockedFromRow } from '../account/account.store.ts';
import type { Tx } from '../db/database.ts';
import { at } from '../db/decode.ts';
import { sql } from '../db/sql.ts';

/**
 * Locks a due account like lockAccount, but without waiting.
 * @returns null when another transaction holds it, or has settled it meanwhile
 */
export async function lockDueAccount(
  tx: Tx,
  accountId: number,
  byMs: number,
): Promise<LockedAccount | null> {
  const rows = await tx.query(sql`/* credits.lockDueAccount */ with locked as materialized (
       select ${ACCOUNT_COLUMNS} from account a where account_id = ${accountId} and exists (
         select from credit_state c where c.account_id = a.account_id and c.next_due_at <= ${at(byMs)})
       for no key update of a skip locked)
     select *, clock_timestamp() as database_now from locked`);
  return rows[0] === undefined ? null : lockedFromRow(rows[0]);
}
