import { encodeId, unknownId } from '../core/identity.ts';
import { loader } from '../graphql/loader.ts';
import type { Account } from './account.ts';
import { loadAccounts } from './account.store.ts';

/** Accounts by id; an unknown id is NOT_FOUND. */
export const accountLoader = loader<number, Account>(async (tx, accountIds) => {
  const accounts = await loadAccounts(tx, accountIds);
  const byId = new Map(accounts.map((account) => [account.accountId, account]));
  return accountIds.map((id) => byId.get(id) ?? unknownId(encodeId('Account', id, id)));
});
