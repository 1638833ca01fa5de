import { requireAccount, requireRef } from '../access/authorize.ts';
import { type Actor, unknownId } from '../core/identity.ts';
import type { Settled, CreditEventSubscriber } from '../settlement/settlement.service.ts';
import type { Tx } from '../db/database.ts';
import { type Alert, alertOf } from './alert.ts';
import { insertAlerts, loadAlerts } from './alerts.store.ts';

/** Stores the alerts among credit events, and reads them. */
export class AlertService implements CreditEventSubscriber {
  async settled({ tx, account, creditEvents, recordedAtMs }: Settled): Promise<void> {
    const alerts = creditEvents.flatMap((one) =>
      one.what === 'ALERT' ? [alertOf(account.accountId, one, recordedAtMs)] : [],
    );
    if (alerts.length > 0) await insertAlerts(tx, account.accountId, alerts);
  }

  /** The alert with an id, for `node`. @throws FORBIDDEN, NOT_FOUND */
  async get(actor: Actor, tx: Tx, id: string): Promise<Alert> {
    const ref = requireRef(actor, 'READ_USAGE', { id, types: ['Alert'], path: ['id'] });
    const [alert] = await loadAlerts(tx, [{ accountId: ref.accountId, sequence: ref.localId }]);
    if (alert === undefined) throw unknownId(id, ['id']);
    return alert;
  }
}

/** The account whose live figures a caller may see. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT */
export function requireLiveAccount(actor: Actor, accountId: string | null | undefined): number {
  return requireAccount(actor, 'READ_USAGE', { accountId, path: ['accountId'] });
}
