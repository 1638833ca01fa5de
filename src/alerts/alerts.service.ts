import { requireAccount, requireRef } from '../access/authorize.ts';
import { parseWithin } from '../core/check.ts';
import { ROWS_PER_PAGE_MAX } from '../core/cursor.ts';
import { UserInputError, type ErrorPath } from '../core/errors.ts';
import { type Actor, unknownId } from '../core/identity.ts';
import type { AlertKind } from '../engine/occurrence.ts';
import type { Settled, SettlementSink } from '../settlement/settlement.service.ts';
import type { Tx } from '../db/database.ts';
import { type Alert, alertOf } from './alert.ts';
import { type AlertWindow, insertAlerts, loadAlerts } from './alerts.store.ts';

export { countAlerts, listAlerts, loadAlerts } from './alerts.store.ts';
export type { AlertWindow } from './alerts.store.ts';

const ALERTS_PER_PAGE = 25;

/** What a list of alerts is asked with; the cursors as sequences. */
export interface AlertListRequest {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: number | null;
  readonly before?: number | null;
  readonly kinds?: readonly AlertKind[] | null;
}

/** Which alerts a list asks for: the first ones, or (asked for neither end) the last ones. @throws BAD_USER_INPUT */
export function parseAlertWindow(request: AlertListRequest): AlertWindow {
  const { first = null, last = null, after = null, before = null, kinds = null } = request;
  if (first !== null && last !== null) {
    throw new UserInputError('Ask for the first alerts or for the last ones, not for both.', {
      path: ['last'],
    });
  }
  const window = { after, before, kinds };
  if (first !== null) return { ...window, from: 'FIRST', limit: parseCount(first, ['first']) };
  return { ...window, from: 'LAST', limit: parseCount(last ?? ALERTS_PER_PAGE, ['last']) };
}

function parseCount(count: number, path: ErrorPath): number {
  return parseWithin(count, { min: 0, max: ROWS_PER_PAGE_MAX }, path);
}

/** Writes alerts down with what they tell of, and finds them again. */
export class AlertService implements SettlementSink {
  async settled({ tx, account, occurrences, recordedAtMs }: Settled): Promise<void> {
    const alerts = occurrences.flatMap((one) =>
      one.what === 'ALERT' ? [alertOf(account.accountId, one, recordedAtMs)] : [],
    );
    if (alerts.length > 0) await insertAlerts(tx, account.accountId, alerts);
  }

  /** The alert of an id, for `node`. @throws FORBIDDEN, NOT_FOUND */
  async get(actor: Actor, tx: Tx, id: string): Promise<Alert> {
    const ref = requireRef(actor, 'READ_USAGE', { id, types: ['Alert'], path: ['id'] });
    const [alert] = await loadAlerts(tx, [{ accountId: ref.accountId, sequence: ref.localId }]);
    if (alert === undefined) throw unknownId(id, ['id']);
    return alert;
  }
}

/** Whose live figures a caller may see. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT */
export function requireLiveAccount(actor: Actor, accountId: string | null | undefined): number {
  return requireAccount(actor, 'READ_USAGE', { accountId, path: ['accountId'] });
}
