import { groupBy } from '../core/group.ts';
import type { AlertKind } from '../engine/credit-event.ts';
import { byContent, loader, rowLoader } from '../graphql/loader.ts';
import type { Alert } from './alert.ts';
import { type AlertWindow, countAlerts, listAlerts, loadAlerts } from './alerts.store.ts';

interface AlertList {
  readonly accountId: number;
  readonly window: AlertWindow;
}

interface AlertCount {
  readonly accountId: number;
  readonly kinds: readonly AlertKind[] | null;
}

/** Alerts by account and sequence; null where there is none. */
export const alertLoader = rowLoader(
  loadAlerts,
  ({ accountId, sequence }) => `${accountId}.${sequence}`,
);

/** Alerts of accounts within windows. The accounts of one answer usually share a window: each window is one statement. */
export const alertsLoader = loader<AlertList, readonly Alert[]>(async (tx, lists) => {
  const found = new Map<AlertList, readonly Alert[]>();
  for (const group of groupBy(lists, ({ window }) => JSON.stringify(window)).values()) {
    const [{ window }] = group;
    const alerts = await listAlerts(tx, accountIdsOf(group), window);
    const ofAccount = groupBy(alerts, ({ accountId }) => accountId);
    for (const list of group) found.set(list, ofAccount.get(list.accountId) ?? []);
  }
  return lists.map((list) => found.get(list) ?? []);
}, byContent);

/** How many alerts of some kinds, or (null) of all, accounts have. */
export const alertCountLoader = loader<AlertCount, number>(async (tx, counts) => {
  const found = new Map<AlertCount, number>();
  for (const group of groupBy(counts, ({ kinds }) => JSON.stringify(kinds)).values()) {
    const [{ kinds }] = group;
    const ofAccount = await countAlerts(tx, accountIdsOf(group), kinds);
    for (const count of group) found.set(count, ofAccount.get(count.accountId) ?? 0);
  }
  return counts.map((count) => found.get(count) ?? 0);
}, byContent);

function accountIdsOf(lists: readonly { readonly accountId: number }[]): readonly number[] {
  return lists.map(({ accountId }) => accountId);
}
