// Whose rows a transaction opens. The policies of the tables (row-level security) hold it to that: a statement that forgets
// its account finds no more than one that names it.

import { invariant } from '../core/errors.ts';
import { NO_ACCOUNT } from '../core/identity.ts';
import { INT_MAX } from '../core/micro.ts';
import { raw, type Sql } from './sql.ts';

export type Whose =
  /** One account's: a caller's own, or the one that an operator or the gateway works on. */
  | { readonly accountId: number }
  /** All: an operator asks. */
  | 'operator'
  /** All: the gateway looks for what there is to do, or for who calls. It then works as the account. */
  | 'system'
  /** No account's: it is not known yet who calls. */
  | 'nobody';

/** Whose rows a caller may see; of a caller without an account, who is an operator, all. */
export function whoseOf({ accountId }: { readonly accountId: number | null }): Whose {
  return accountId === null ? 'operator' : { accountId };
}

/** Whether it spans accounts, and so needs the operators' login. */
export function spansAccounts(whose: Whose): boolean {
  return whose === 'operator' || whose === 'system';
}

/**
 * What follows BEGIN, in the same round trip: the setting that the policies of billing_gateway read. It ends with the
 * transaction, so a connection brings none into the next one.
 */
export function accountSetting(whose: Whose): readonly Sql[] {
  if (spansAccounts(whose)) return [];
  const accountId = typeof whose === 'object' ? whose.accountId : NO_ACCOUNT;
  // It becomes text of the statement, which a statement's values never do otherwise: the coordinator of a distributed database
  // sends a SET LOCAL on to the servers, and nothing that a function sets.
  invariant(
    Number.isInteger(accountId) && accountId >= 0 && accountId <= INT_MAX,
    'an account is a whole number',
    { accountId },
  );
  // Rows of no account are the operators', so an id that names none opens nothing.
  const opened = accountId === NO_ACCOUNT ? '' : accountId;
  return [raw(`set local billing.account_id = '${opened}'`)];
}
