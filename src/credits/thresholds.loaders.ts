import { groupBy } from '../core/group.ts';
import { loader } from '../graphql/loader.ts';
import { listThresholds, type Threshold } from '../settlement/thresholds.store.ts';

export type { Threshold };

/** The thresholds of accounts, by account id. */
export const thresholdRowsLoader = loader<number, readonly Threshold[]>(async (tx, accountIds) => {
  const byAccount = groupBy(await listThresholds(tx, accountIds), ({ accountId }) => accountId);
  return accountIds.map((accountId) => byAccount.get(accountId) ?? []);
});
