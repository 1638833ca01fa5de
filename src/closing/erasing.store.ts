import type { Tx } from '../db/database.ts';
import { at } from '../db/decode.ts';
import { sql } from '../db/sql.ts';

/** What stands where a name was. */
const ERASED = 'Erased';
/** A name that no resolver knows (RFC 2606). */
const ERASED_URL = 'https://erased.invalid/';

/**
 * Erases the personal texts of a closed account that are not guarded, in a transaction that spans accounts: only operators may erase. Ids,
 * amounts and instants stay, and all that the ledger and the statements hash.
 */
export function erasePersonalTexts(tx: Tx, accountId: number, atMs: number): void {
  // `last_change` tells gateways that what they remember of lists is no longer so.
  tx.later(sql`/* closing.eraseAccount */ update account set name = ${ERASED}, folded_name = lower(${ERASED}),
       notification_emails = '{}', creation = '{}', erased_at = ${at(atMs)}, last_change = last_change + 1
     where account_id = ${accountId}`);
  tx.later(sql`/* closing.eraseResources */ update resource set owner = null, endpoint_url = null, failure_message = null
     where account_id = ${accountId}`);
  tx.later(
    sql`/* closing.eraseFormerRows */ delete from former_row where account_id = ${accountId}`,
  );
  tx.later(sql`/* closing.eraseEndpoints */ update webhook_endpoint set url = ${ERASED_URL}, secret = null, previous_secret = null,
       previous_secret_ends_at = null, deleted_at = coalesce(deleted_at, ${at(atMs)})
     where account_id = ${accountId}`);
  tx.later(sql`/* closing.eraseDeliveries */ update webhook_delivery set payload = '{}', last_error = null
     where account_id = ${accountId}`);
  tx.later(sql`/* closing.eraseJobs */ delete from graphile_worker._private_jobs
     where locked_at is null and payload->>'accountId' = ${String(accountId)}`);
}

/** Erases what audit entries, emails and keys of a closed account say of people. Nobody may change them: it is done as the owner. */
export async function eraseGuardedTexts(tx: Tx, accountId: number): Promise<void> {
  await tx.query(sql`/* closing.eraseGuarded */ select erase_guarded_texts(${accountId})`);
}
