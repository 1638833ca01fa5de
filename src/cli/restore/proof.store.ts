// What a restore looks at besides what other checks do.

import type { Tx } from '../../db/database.ts';
import { int } from '../../db/decode.ts';
import { sql } from '../../db/sql.ts';

/** All accounts, by number. */
export async function listAccounts(tx: Tx): Promise<readonly number[]> {
  const rows = await tx.query(
    sql`/* restore.listAccounts */ select account_id from account order by account_id`,
  );
  return rows.map((row) => int(row, 'account_id'));
}

/** Accounts whose alerts are not numbered from 1 to the last one. */
export async function findAlertGaps(tx: Tx): Promise<readonly number[]> {
  const rows =
    await tx.query(sql`/* restore.findAlertGaps */ select s.account_id from credit_state s left join lateral (
       select count(*) as alerts, max(sequence) as last from alert a where a.account_id = s.account_id) a on true
     where a.alerts <> s.last_alert_sequence or coalesce(a.last, 0) <> s.last_alert_sequence order by 1`);
  return rows.map((row) => int(row, 'account_id'));
}

/** Accounts that would give the number of an event a second time. */
export async function findEventsAhead(tx: Tx): Promise<readonly number[]> {
  const rows = await tx.query(sql`/* restore.findEventsAhead */ select a.account_id from account a
     where exists (select from usage_event e where e.account_id = a.account_id and e.seq > a.last_seq)
       or exists (select from usage_identity i where i.account_id = a.account_id and i.seq > a.last_seq) order by 1`);
  return rows.map((row) => int(row, 'account_id'));
}
