import type { Tx } from '../db/database.ts';
import { type CreditEvent, resourcesOf } from '../engine/credit-event.ts';
import { loadResources } from '../resources/resources.store.ts';
import { listThresholds } from '../settlement/thresholds.store.ts';
import type { EventFacts } from './facts.ts';

/**
 * Reads what emails and webhooks need to describe an account's credit events.
 * @param alsoResourceIds resources that are named in addition
 */
export async function loadEventFacts(
  tx: Tx,
  accountId: number,
  creditEvents: readonly CreditEvent[],
  alsoResourceIds: readonly number[] = [],
): Promise<EventFacts> {
  const addresses = [...new Set([...creditEvents.flatMap(resourcesOf), ...alsoResourceIds])].map(
    (resourceId) => ({ accountId, resourceId }),
  );
  const resources = addresses.length === 0 ? [] : await loadResources(tx, addresses);
  const hasAlert = creditEvents.some(({ what }) => what === 'ALERT');
  const thresholds = hasAlert ? await listThresholds(tx, [accountId]) : [];
  return {
    resources: new Map(resources.map((resource) => [resource.resourceId, resource])),
    labels: new Map(
      thresholds.flatMap(({ ruleId, label }) => (label === null ? [] : [[ruleId, label]])),
    ),
  };
}
