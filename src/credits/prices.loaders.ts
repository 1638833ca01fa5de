import { groupBy } from '../core/group.ts';
import { loader } from '../graphql/loader.ts';
import { type CreditPrice, pricesInForce } from './prices.ts';
import { loadPrices } from './prices.store.ts';

/** The prices of accounts, earliest first, scheduled ones too, by account id. */
export const pricesLoader = loader<number, readonly CreditPrice[]>(async (tx, accountIds) => {
  const byAccount = groupBy(await loadPrices(tx, accountIds), ({ accountId }) => accountId);
  return accountIds.map((accountId) => pricesInForce(byAccount.get(accountId) ?? []));
});
