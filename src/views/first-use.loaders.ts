import type { RequestContext } from '../graphql/context.ts';
import { loader } from '../graphql/loader.ts';
import { loadFirstEvents, loadFirstHosting } from './views.store.ts';

/** When the first event of an account happened; null while there is none. Hosting is none. */
export const firstEventLoader = loader<number, number | null>(async (tx, accountIds) => {
  const firstMs = await loadFirstEvents(tx, accountIds);
  return accountIds.map((accountId) => firstMs.get(accountId) ?? null);
});

const firstHostingLoader = loader<number, number | null>(async (tx, accountIds) => {
  const firstMs = await loadFirstHosting(tx, accountIds);
  return accountIds.map((accountId) => firstMs.get(accountId) ?? null);
});

/** When an account first used something; null while it has used nothing. */
export async function readFirstUse(
  context: RequestContext,
  accountId: number,
): Promise<number | null> {
  const found = await Promise.all([
    firstEventLoader(context).load(accountId),
    firstHostingLoader(context).load(accountId),
  ]);
  const instants = found.filter((instantMs) => instantMs !== null);
  return instants.length === 0 ? null : Math.min(...instants);
}
